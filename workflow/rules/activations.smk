# Activations: harvested by parts, every layer in one forward pass, then gathered layer by layer.


rule harvest:
    input:
        stimuli=lambda w: stimuli_of(w.system),
        files=lambda w: sources.files_of(sources_of_system(w.system)),
        checked=f"{RESULTS}/systems/{{system}}.json",
    output:
        manifest=f"{RESULTS}/activations/{{system}}/parts/{{part}}.json",
    log:
        f"{LOGS}/activations/{{system}}/parts/{{part}}.log",
    conda:
        ENVIRONMENT
    threads: lambda w: harvest_threads(w.system)
    resources:
        gpu=GPU,
        mem_mb=memory(2000),
        runtime=720,
    params:
        config=lambda w: canonical(stage_params.harvest_params(study, w.system)),
        sources=lambda w: sources_of_system(w.system),
        factory=lambda w: sources.factory_code(study, w.system),
        stores=lambda w: [
            f"{layer}={RESULTS}/activations/{w.system}/{layer}.zarr"
            for layer in study.config.systems[w.system].layers
        ],
        device=study.config.device,
        parts=PARTS,
        script=script("harvest"),
        code=code("harvest"),
    shell:
        "python {params.script:q} --system {wildcards.system} --stimuli {input.stimuli:q}#content --source {params.sources:q}"
        " --part {wildcards.part} --parts {params.parts} --device {params.device} --params {params.config:q}"
        " --code {params.code}{params.factory} --store {params.stores:q} --manifest {output.manifest:q} > {log:q} 2>&1"


rule gather:
    input:
        parts=lambda w: [
            f"{RESULTS}/activations/{w.system}/parts/{part}.json"
            for part in range(PARTS)
        ],
    output:
        manifest=f"{RESULTS}/activations/{{system}}/{{layer}}.json",
    log:
        f"{LOGS}/activations/{{system}}/{{layer}}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=240,
    params:
        config=lambda w: canonical(
            {"constant_units": study.config.systems[w.system].constant_units}
        ),
        scheduler=study.config.dask.scheduler,
        parts=lambda w, input: [f"{path}#{w.layer}" for path in input.parts],
        script=script("gather"),
        code=code("gather"),
    shell:
        "python {params.script:q} --parts {params.parts:q} --scheduler {params.scheduler:q}"
        " --params {params.config:q} --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"
