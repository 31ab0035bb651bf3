# Sparse codes of a layer for a dictionary.


rule infer_codes:
    input:
        activations=f"{RESULTS}/activations/{{system}}/{{layer}}.json",
        dictionary=f"{RESULTS}/dictionaries/{{system}}/{{layer}}/{{dictionary}}.json",
    output:
        manifest=f"{RESULTS}/codes/{{system}}/{{layer}}/{{dictionary}}/{{inference}}.json",
    log:
        f"{LOGS}/codes/{{system}}/{{layer}}/{{dictionary}}/{{inference}}.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        gpu=GPU,
        mem_mb=memory(2000),
        runtime=720,
    params:
        config=lambda w: canonical(
            study.params("inference", w.inference, leave_out=("dictionaries",))
        ),
        device=study.config.device,
        script=script("infer_codes"),
        code=code("infer_codes"),
    shell:
        "python {params.script:q} --activations {input.activations:q} --dictionary {input.dictionary:q}"
        " --device {params.device} --params {params.config:q} --code {params.code}"
        " --manifest {output.manifest:q} > {log:q} 2>&1"
