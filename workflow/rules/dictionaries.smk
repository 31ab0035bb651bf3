# Dictionaries: one job a layer learns all that are asked of it. Which they are may differ from layer to layer, and
# outputs cannot depend on wildcards, so there is a rule for each set of dictionaries.

import shlex

PROCESSES = study.config.training.processes
# Jobs on one machine do not meet on the same port.
LAUNCH = (
    "python"
    if PROCESSES == 1
    else f"python -m torch.distributed.run --standalone --nproc-per-node {PROCESSES}"
)


def training_options(place) -> str:
    """How often checkpoints are written, and where TensorBoard finds curves: no part of what is learned."""
    training = study.config.training
    options = {
        "checkpoint-minutes": training.checkpoint_minutes,
        "checkpoint-steps": training.checkpoint_steps,
        "tensorboard": (
            f"{LOGS}/tensorboard/{place}" if training.tensorboard else None
        ),
    }
    return " ".join(
        f"--{name} {shlex.quote(str(value))}"
        for name, value in options.items()
        if value is not None
    )


for number, (names, places) in enumerate(dictionary_groups().items()):

    rule:
        name:
            f"learn_dictionaries_{number}"
        input:
            activations=f"{RESULTS}/activations/{{place}}.json",
            stimuli=lambda w: stimuli_of(w.place.split("/")[0]),
            sources=lambda w, names=names: [
                file for _, file in sources.dictionary_files(study, w.place, names)
            ],
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
        threads: PROCESSES
        resources:
            gpu=GPU * PROCESSES,
            mem_mb=memory(2000),
            runtime=1440,
        params:
            config=lambda w, names=names: canonical(
                stage_params.dictionary_params(study, w.place, names)
            ),
            manifests=lambda w, output, names=names: [
                f"{name}={path}" for name, path in zip(names, output.manifests)
            ],
            sources=lambda w, names=names: [
                f"{name}={file}"
                for name, file in sources.dictionary_files(study, w.place, names)
            ],
            device=study.config.device,
            launch=LAUNCH,
            training=lambda w: training_options(w.place),
            script=script("learn_dictionaries"),
            code=code("learn_dictionaries"),
        shell:
            "{params.launch} {params.script:q} --activations {input.activations:q}"
            " --stimuli {input.stimuli:q}#split --source {params.sources:q} --device {params.device} {params.training} --params {params.config:q}"
            " --code {params.code} --manifest {params.manifests:q} > {log:q} 2>&1"


# A dictionary of several layers is learned from all of them at once; each layer gets its part.
for joint, layers in study.joint_dictionaries().items():

    rule:
        name:
            f"learn_joint_{joint}"
        input:
            activations=[activations_of(*layer) for layer in layers],
            stimuli=stimuli_of(layers[0][0]),
        output:
            manifests=[dictionary_of(*layer, joint) for layer in layers],
        log:
            f"{LOGS}/dictionaries/{joint}.log",
        conda:
            ENVIRONMENT
        threads: PROCESSES
        resources:
            gpu=GPU * PROCESSES,
            mem_mb=memory(2000),
            runtime=1440,
        params:
            config=lambda w, joint=joint: canonical(
                stage_params.joint_params(study, joint)
            ),
            manifests=lambda w, output, layers=layers: [
                f"{'/'.join(layer)}={path}"
                for layer, path in zip(layers, output.manifests)
            ],
            device=study.config.device,
            launch=LAUNCH,
            training=lambda w, joint=joint: training_options(joint),
            script=script("learn_joint_dictionary"),
            code=code("learn_joint_dictionary"),
        shell:
            "{params.launch} {params.script:q} --activations {input.activations:q} --stimuli {input.stimuli:q}#split"
            " --device {params.device} {params.training} --params {params.config:q} --code {params.code}"
            " --manifest {params.manifests:q} > {log:q} 2>&1"
