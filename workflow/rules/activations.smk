# Activations: harvested by parts, every layer in one forward pass, then gathered layer by layer.


PARTS = study.config.harvest.parts


def harvest_config(wildcards):
    system = study.params("systems", wildcards.system, leave_out=("layers", "constant_units"))
    store = study.config.harvest.model_dump(exclude={"parts"})
    layers = study.params("systems", wildcards.system)["layers"]
    return canonical({"system": system, "store": store, "products": layers})


rule harvest:
    input:
        stimuli=lambda w: stimuli_of(w.system),
        files=lambda w: sources.files_of(sources_of_system(w.system)),
        checked=f"{RESULTS}/systems/{{system}}.json",
    output:
        manifest=f"{RESULTS}/activations/{{system}}/parts/{{part}}.json",
    params:
        config=harvest_config,
        sources=lambda w: sources_of_system(w.system),
        stores=lambda w: [
            f"{layer}={RESULTS}/activations/{w.system}/{layer}.zarr" for layer in study.config.systems[w.system].layers
        ],
        device=study.config.device,
        parts=PARTS,
        code=code("harvest"),
    log:
        f"{LOGS}/activations/{{system}}/parts/{{part}}.log",
    threads: 1
    resources:
        gpu=GPU,
        mem_mb=memory(2000),
        runtime=720,
    shell:
        "python {SCRIPTS}/harvest.py --system {wildcards.system} --stimuli {input.stimuli:q}#content --source {params.sources:q}"
        " --part {wildcards.part} --parts {params.parts} --device {params.device} --params {params.config:q}"
        " --code {params.code} --store {params.stores:q} --manifest {output.manifest:q} > {log:q} 2>&1"


rule gather:
    input:
        parts=lambda w: [f"{RESULTS}/activations/{w.system}/parts/{part}.json" for part in range(PARTS)],
    output:
        manifest=f"{RESULTS}/activations/{{system}}/{{layer}}.json",
    params:
        config=lambda w: canonical({"constant_units": study.config.systems[w.system].constant_units}),
        scheduler=study.config.dask.scheduler,
        parts=lambda w, input: [f"{path}#{w.layer}" for path in input.parts],
        code=code("gather"),
    log:
        f"{LOGS}/activations/{{system}}/{{layer}}.log",
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=240,
    shell:
        "python {SCRIPTS}/gather.py --parts {params.parts:q} --scheduler {params.scheduler:q}"
        " --params {params.config:q} --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"
