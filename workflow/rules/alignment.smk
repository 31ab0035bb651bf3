# How two layers align: raw activations, codes and controls of one pair in one job.


def codes_of_side(wildcards, side):
    layer = (wildcards[f"{side}_system"], wildcards[f"{side}_layer"])
    used = study.representations(wildcards.comparison, layer)
    return {name: codes_of(*layer, *code) for name, code in used.items()}


def comparison_config(wildcards):
    leave_out = ("systems", "pairs", "layers", "representations")
    roles = {
        name: content.role for name, content in study.config.alignment[wildcards.comparison].representations.items()
    }
    sides = {
        side: {
            "system": wildcards[f"{side}_system"],
            "layer": wildcards[f"{side}_layer"],
            "codes": {name: roles[name] for name in codes_of_side(wildcards, side)},
        }
        for side in "ab"
    }
    return canonical(study.params("alignment", wildcards.comparison, leave_out) | sides)


rule align:
    input:
        a=f"{RESULTS}/activations/{{a_system}}/{{a_layer}}.json",
        b=f"{RESULTS}/activations/{{b_system}}/{{b_layer}}.json",
        a_codes=lambda w: list(codes_of_side(w, "a").values()),
        b_codes=lambda w: list(codes_of_side(w, "b").values()),
        stimuli=lambda w: stimuli_of(w.a_system),
    output:
        manifest=f"{RESULTS}/alignment/{{comparison}}/{{a_system}}/{{a_layer}}/{{b_system}}/{{b_layer}}.json",
    params:
        config=comparison_config,
        code=code("align"),
    log:
        f"{LOGS}/alignment/{{comparison}}/{{a_system}}/{{a_layer}}/{{b_system}}/{{b_layer}}.log",
    wildcard_constraints:
        a_system=one_of(study.config.systems),
        b_system=one_of(study.config.systems),
        a_layer=one_of({layer for _, layer in study.layers()}),
        b_layer=one_of({layer for _, layer in study.layers()}),
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=240,
    shell:
        "python {SCRIPTS}/align.py --a {input.a:q} --b {input.b:q} --a-codes {input.a_codes:q}"
        " --b-codes {input.b_codes:q} --stimuli {input.stimuli:q}#split --params {params.config:q}"
        " --code {params.code} --manifest {output.manifest:q} > {log:q} 2>&1"
