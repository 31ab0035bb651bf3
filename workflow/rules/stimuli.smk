# Stimulus sets, and a quick look at methods and systems before anything long begins.


rule prepare_stimuli:
    output:
        manifest=f"{RESULTS}/stimuli/{{stimuli}}.json",
    log:
        f"{LOGS}/stimuli/{{stimuli}}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    params:
        config=lambda w: canonical(study.params("stimuli", w.stimuli)),
        sources=lambda w: sources.stimuli_sources(study, w.stimuli),
        # Files inside a folder are no inputs of Snakemake's: this tells it that one came, went or changed.
        seen=lambda w: sources.fingerprint(sources.stimuli_sources(study, w.stimuli)),
        script=script("prepare_stimuli"),
        code=code("prepare_stimuli"),
    shell:
        "python {params.script:q} --source {params.sources:q} --params {params.config:q}"
        " --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"


# Checks are not tried again: what they refuse, they refuse the second time too.
# No input, so it comes first, and no output that anything stands on: a metric that is added launches no harvest.
rule check_methods:
    output:
        manifest=f"{RESULTS}/methods.json",
    log:
        f"{LOGS}/methods.log",
    priority: 100
    retries: 0
    localrule: True
    conda:
        ENVIRONMENT
    params:
        config=lambda w: canonical(stage_params.check_params(study)),
        script=script("check_methods"),
        code=code("check_methods"),
    shell:
        "python {params.script:q} --params {params.config:q} --code {params.code}"
        " --manifest {output.manifest:q} > {log:q} 2>&1"


# Not ancient() for harvest: Snakemake 9.27 then overlooks that the jobs below have changed for reasons of their own.
rule check_system:
    input:
        stimuli=lambda w: stimuli_of(w.system),
        files=lambda w: sources.files_of(sources_of_system(w.system)),
    output:
        manifest=f"{RESULTS}/systems/{{system}}.json",
    log:
        f"{LOGS}/systems/{{system}}.log",
    priority: 50
    retries: 0
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    params:
        config=lambda w: canonical(stage_params.system_params(study, w.system)),
        sources=lambda w: sources_of_system(w.system),
        factory=lambda w: sources.factory_code(study, w.system),
        script=script("check_system"),
        code=code("check_system"),
    shell:
        "python {params.script:q} --system {wildcards.system} --stimuli {input.stimuli:q}"
        " --source {params.sources:q} --params {params.config:q} --code {params.code}{params.factory}"
        " --manifest {output.manifest:q} > {log:q} 2>&1"


rule check_pairs:
    input:
        [f"{RESULTS}/systems/{name}.json" for name in study.compared_systems()],
    output:
        manifest=f"{RESULTS}/pairs.json",
    log:
        f"{LOGS}/pairs.log",
    priority: 90
    retries: 0
    localrule: True
    conda:
        ENVIRONMENT
    params:
        config=lambda w: canonical(stage_params.pairs_params(study)),
        script=script("check_pairs"),
        code=code("check_pairs"),
    shell:
        "python {params.script:q} --systems {input:q} --params {params.config:q} --code {params.code}"
        " --manifest {output.manifest:q} > {log:q} 2>&1"


rule check_widths:
    input:
        [f"{RESULTS}/systems/{name}.json" for name in study.widths()],
    output:
        manifest=f"{RESULTS}/widths.json",
    log:
        f"{LOGS}/widths.log",
    priority: 90
    retries: 0
    localrule: True
    conda:
        ENVIRONMENT
    params:
        config=lambda w: canonical({"dictionaries": study.widths()}),
        script=script("check_widths"),
        code=code("check_widths"),
    shell:
        "python {params.script:q} --systems {input:q} --params {params.config:q} --code {params.code}"
        " --manifest {output.manifest:q} > {log:q} 2>&1"


READ_ATTRIBUTES = stage_params.attributes_params(study)


rule check_attributes:
    input:
        [
            f"{RESULTS}/stimuli/{name}.json"
            for name in sorted(READ_ATTRIBUTES["stimuli"])
        ],
    output:
        manifest=f"{RESULTS}/attributes.json",
    log:
        f"{LOGS}/attributes.log",
    priority: 90
    retries: 0
    localrule: True
    conda:
        ENVIRONMENT
    params:
        config=lambda w: canonical(READ_ATTRIBUTES),
        script=script("check_attributes"),
        code=code("check_attributes"),
    shell:
        "python {params.script:q} --stimuli {input:q} --params {params.config:q} --code {params.code}"
        " --manifest {output.manifest:q} > {log:q} 2>&1"
