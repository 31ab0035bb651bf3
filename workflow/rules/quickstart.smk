# What the quickstart makes for itself, so that it needs no download: small trained models, a simulated recording.


rule train_small_model:
    input:
        stimuli=lambda w: f"{RESULTS}/stimuli/{study.config.small_models[w.model].stimuli}.json",
    output:
        manifest=f"{RESULTS}/models/{{model}}.json",
    params:
        config=lambda w: canonical(study.params("small_models", w.model)),
        code=code("train_small_model"),
    log:
        f"{LOGS}/models/{{model}}.log",
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    shell:
        "python {SCRIPTS}/train_small_model.py --stimuli {input.stimuli:q} --params {params.config:q}"
        " --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"


rule simulate_recording:
    input:
        stimuli=lambda w: f"{RESULTS}/stimuli/{study.config.simulated_recordings[w.recording].stimuli}.json",
    output:
        manifest=f"{RESULTS}/recordings/{{recording}}.json",
    params:
        config=lambda w: canonical(study.params("simulated_recordings", w.recording)),
        code=code("simulate_recording"),
    log:
        f"{LOGS}/recordings/{{recording}}.log",
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    shell:
        "python {SCRIPTS}/simulate_recording.py --stimuli {input.stimuli:q}#content --params {params.config:q}"
        " --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"
