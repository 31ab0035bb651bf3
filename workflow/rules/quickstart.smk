# What the quickstart makes for itself, so that it needs no download: small trained models, a simulated recording.


rule train_small_model:
    input:
        stimuli=lambda w: f"{RESULTS}/stimuli/{study.config.small_models[w.model].stimuli}.json",
    output:
        manifest=f"{RESULTS}/models/{{model}}.json",
    log:
        f"{LOGS}/models/{{model}}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    params:
        config=lambda w: canonical(study.params("small_models", w.model)),
        script=script("train_small_model"),
        code=code("train_small_model"),
    shell:
        "python {params.script:q} --stimuli {input.stimuli:q} --params {params.config:q}"
        " --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"


rule simulate_recording:
    input:
        stimuli=lambda w: f"{RESULTS}/stimuli/{study.config.simulated_recordings[w.recording].stimuli}.json",
    output:
        manifest=f"{RESULTS}/recordings/{{recording}}.json",
    log:
        f"{LOGS}/recordings/{{recording}}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    params:
        config=lambda w: canonical(study.params("simulated_recordings", w.recording)),
        script=script("simulate_recording"),
        code=code("simulate_recording"),
    shell:
        "python {params.script:q} --stimuli {input.stimuli:q}#content --params {params.config:q}"
        " --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"
