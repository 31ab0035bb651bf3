# Stimulus sets, and a quick look at every system before anything long begins.


rule prepare_stimuli:
    output:
        manifest=f"{RESULTS}/stimuli/{{stimuli}}.json",
    params:
        config=lambda w: canonical(study.params("stimuli", w.stimuli)),
        sources=lambda w: sources.stimuli_sources(study, w.stimuli),
        # Files inside a folder are no inputs of Snakemake's: this tells it that one came, went or changed.
        seen=lambda w: sources.fingerprint(sources.stimuli_sources(study, w.stimuli)),
        code=code("prepare_stimuli"),
    log:
        f"{LOGS}/stimuli/{{stimuli}}.log",
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    shell:
        "python {SCRIPTS}/prepare_stimuli.py --source {params.sources:q} --params {params.config:q}"
        " --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"


rule check_systems:
    input:
        stimuli=[f"{RESULTS}/stimuli/{name}.json" for name in study.config.stimuli],
        files=[file for name in study.config.systems for file in sources.files_of(sources_of_system(name))],
    output:
        manifest=f"{RESULTS}/systems.json",
    params:
        config=canonical(
            {
                "systems": {name: study.params("systems", name) for name in study.config.systems},
                "made": {name: sources_of_system(name) for name in study.config.systems},
                "dictionaries": {name: study.params("dictionaries", name) for name in study.config.dictionaries},
                "inference": {name: study.params("inference", name) for name in study.config.inference},
                "metrics": {name: content.metrics for name, content in study.config.alignment.items()},
            }
        ),
        sources=sorted({source for name in study.config.systems for source in sources_of_system(name)}),
        code=code("check_systems"),
    log:
        f"{LOGS}/check_systems.log",
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=30,
    shell:
        "python {SCRIPTS}/check_systems.py --stimuli {input.stimuli:q} --source {params.sources:q}"
        " --params {params.config:q} --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"
