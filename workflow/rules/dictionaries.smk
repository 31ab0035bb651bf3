# Dictionaries: one job a layer learns all that are asked of it. Which they are may differ from layer to layer, and
# outputs cannot depend on wildcards, so there is a rule for each set of dictionaries.


for number, (names, places) in enumerate(dictionary_groups().items()):

    rule:
        name:
            f"learn_dictionaries_{number}"
        input:
            activations=f"{RESULTS}/activations/{{place}}.json",
            stimuli=lambda w: stimuli_of(w.place.split("/")[0]),
        output:
            manifests=[
                f"{RESULTS}/dictionaries/{{place}}/{name}.json" for name in names
            ],
        log:
            f"{LOGS}/dictionaries/{{place}}.log",
        wildcard_constraints:
            place=one_of(places),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            gpu=GPU,
            mem_mb=memory(2000),
            runtime=1440,
        params:
            config=lambda w, names=names: canonical(
                stage_params.dictionary_params(study, w.place, names)
            ),
            manifests=lambda w, output, names=names: [
                f"{name}={path}" for name, path in zip(names, output.manifests)
            ],
            device=study.config.device,
            script=script("learn_dictionaries"),
            code=code("learn_dictionaries"),
        shell:
            "python {params.script:q} --activations {input.activations:q}"
            " --stimuli {input.stimuli:q}#split --device {params.device} --params {params.config:q}"
            " --code {params.code} --manifest {params.manifests:q} > {log:q} 2>&1"
