# How two layers align: raw activations, codes and controls of one pair in one job.


rule align:
    input:
        a=f"{RESULTS}/activations/{{a_system}}/{{a_layer}}.json",
        b=f"{RESULTS}/activations/{{b_system}}/{{b_layer}}.json",
        a_codes=lambda w: codes_of_side(w, "a").values(),
        b_codes=lambda w: codes_of_side(w, "b").values(),
        stimuli=lambda w: stimuli_of(w.a_system),
    output:
        manifest=f"{RESULTS}/alignment/{{comparison}}/{{a_system}}/{{a_layer}}/{{b_system}}/{{b_layer}}.json",
    log:
        f"{LOGS}/alignment/{{comparison}}/{{a_system}}/{{a_layer}}/{{b_system}}/{{b_layer}}.log",
    wildcard_constraints:
        a_system=SYSTEM,
        b_system=SYSTEM,
        a_layer=LAYER,
        b_layer=LAYER,
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=240,
    params:
        config=lambda w: canonical(
            stage_params.alignment_params(
                study, w.comparison, side_of(w, "a"), side_of(w, "b")
            )
        ),
        parts=lambda w: [
            f"{stimuli_of(w.a_system)}#{part}"
            for part in stage_params.parts_of_comparison(study, w.comparison)
        ],
        scheduler=study.config.dask.scheduler,
        script=script("align"),
        code=code("align"),
    shell:
        "python {params.script:q} --a {input.a:q} --b {input.b:q} --a-codes {input.a_codes:q}"
        " --b-codes {input.b_codes:q} --stimuli {input.stimuli:q}#split"
        " --attributes {params.parts:q} --scheduler {params.scheduler:q} --params {params.config:q}"
        " --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"
