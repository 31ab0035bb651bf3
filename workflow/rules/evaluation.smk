# How good dictionaries and codes are: against activations, other seeds, attributes of stimuli, and the model itself.


rule evaluate:
    input:
        activations=f"{RESULTS}/activations/{{system}}/{{layer}}.json",
        dictionary=f"{RESULTS}/dictionaries/{{system}}/{{layer}}/{{dictionary}}.json",
        codes=f"{RESULTS}/codes/{{system}}/{{layer}}/{{dictionary}}/{{inference}}.json",
        stimuli=lambda w: stimuli_of(w.system),
    output:
        manifest=f"{RESULTS}/evaluation/{{system}}/{{layer}}/{{dictionary}}/{{inference}}.json",
    log:
        f"{LOGS}/evaluation/{{system}}/{{layer}}/{{dictionary}}/{{inference}}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=240,
    params:
        script=script("evaluate"),
        code=code("evaluate"),
    shell:
        "python {params.script:q} --activations {input.activations:q} --dictionary {input.dictionary:q}"
        " --codes {input.codes:q} --stimuli {input.stimuli:q}#split --code {params.code}"
        " --manifest {output.manifest:q} > {log:q} 2>&1"


rule stability:
    input:
        activations=f"{RESULTS}/activations/{{system}}/{{layer}}.json",
        dictionaries=lambda w: [
            dictionary_of(w.system, w.layer, name)
            for name in study.repeats(w.dictionary)
        ],
        stimuli=lambda w: stimuli_of(w.system),
    output:
        manifest=f"{RESULTS}/stability/{{system}}/{{layer}}/{{dictionary}}.json",
    log:
        f"{LOGS}/stability/{{system}}/{{layer}}/{{dictionary}}.log",
    wildcard_constraints:
        dictionary=one_of(study.config.dictionaries),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=240,
    params:
        script=script("stability"),
        code=code("stability"),
    shell:
        "python {params.script:q} --activations {input.activations:q} --dictionaries {input.dictionaries:q}"
        " --stimuli {input.stimuli:q}#split --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"


# Of raw activations, or of codes: then the dictionary is asked about its directions too.
rule probe:
    input:
        activations=f"{RESULTS}/activations/{{system}}/{{layer}}.json",
        stimuli=lambda w: stimuli_of(w.system),
        codes=lambda w: probed_codes(w)[:1],
        dictionary=lambda w: probed_codes(w)[1:],
    output:
        manifest=f"{RESULTS}/probes/{{probe}}/{{system}}/{{layer}}/{{representation}}.json",
    log:
        f"{LOGS}/probes/{{probe}}/{{system}}/{{layer}}/{{representation}}.log",
    wildcard_constraints:
        representation=one_of({probed_as(one[3]) for one in study.probes()}),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=240,
    params:
        config=lambda w: canonical(stage_params.probe_params(study, w.probe)),
        attributes=lambda w: [
            f"{stimuli_of(w.system)}#attribute:{name}"
            for name in stage_params.attributes_of_probe(study, w.probe)
        ],
        script=script("probe"),
        code=code("probe"),
    shell:
        "python {params.script:q} --activations {input.activations:q} --stimuli {input.stimuli:q}#split"
        " --attributes {params.attributes:q} --codes {input.codes:q} --dictionary {input.dictionary:q} --params {params.config:q}"
        " --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"


rule splice:
    input:
        dictionary=f"{RESULTS}/dictionaries/{{system}}/{{layer}}/{{dictionary}}.json",
        stimuli=lambda w: stimuli_of(w.system),
        files=lambda w: sources.files_of(sources_of_system(w.system)),
    output:
        manifest=f"{RESULTS}/splices/{{splice}}/{{system}}/{{layer}}/{{dictionary}}/{{inference}}.json",
    log:
        f"{LOGS}/splices/{{splice}}/{{system}}/{{layer}}/{{dictionary}}/{{inference}}.log",
    conda:
        ENVIRONMENT
    threads: lambda w: harvest_threads(w.system)
    resources:
        gpu=GPU,
        mem_mb=memory(4000),
        runtime=240,
    params:
        config=lambda w: canonical(
            stage_params.splice_params(study, w.splice, w.system, w.layer, w.inference)
        ),
        attributes=lambda w: [
            f"{stimuli_of(w.system)}#{part}"
            for part in stage_params.parts_of_splice(study, w.splice)
        ],
        sources=lambda w: sources_of_system(w.system),
        device=study.config.device,
        script=script("splice"),
        code=code("splice"),
    shell:
        "python {params.script:q} --system {wildcards.system} --dictionary {input.dictionary:q}"
        " --stimuli {input.stimuli:q}#content --attributes {params.attributes:q} --source {params.sources:q} --device {params.device}"
        " --params {params.config:q} --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"
