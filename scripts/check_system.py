r"""Look at a system before anything long begins: its layers, weights or recording, and the stimuli it shares.

--params is one entry of `systems` (config/README.md):
  kind    transformers, torch, nwb, arrays, pixels or planted; further keys are those of the kind
  layers  layer -> its parameters
  spliced where codes are put back into it, which takes a head: attributes that hold numbers of its classes
--source is the manifest of a model or recording that the study makes itself, or the files that the config names.

Example, after `make quickstart`:
  python scripts/check_system.py --system full_a --stimuli results/quickstart/stimuli/latents.json \
    --params '{"kind": "planted", "units": 48, "features": null, "noise": 0.0, "seed": 1,
      "layers": {"units": {"where": {}}}}' --manifest by_hand/full_a.json
"""

import json

from thresh.stages import Job, run_stage, source_of, stage_parser


def shape_found(system, layer: str) -> dict:
    """Units of a layer and the rows that dictionaries are learned from; None where only the harvest can tell."""
    shape, rows = system.planned_shape(layer), system.rows_of_stimuli(layer)
    train = system.stimuli.split[system.stimuli_index] == "train"
    return {"units": shape and shape.units, "train_rows": None if rows is None else int(rows[train].sum())}


def ids_by_split(system) -> dict[str, list[str]]:
    """Ids of the stimuli that a system answers to."""
    ids, split = system.stimuli.ids[system.stimuli_index], system.stimuli.split[system.stimuli_index]
    return {name: ids[split == name].tolist() for name in ("train", "test")}


def check_spliced(system, labels: list[str]) -> None:
    from thresh.systems.transformers_heads import check_head, check_labels

    check_head(system)
    for name in labels:
        check_labels(system, name)


def main() -> None:
    parser = stage_parser(__doc__, inputs=["stimuli"], optional=["source"], keys=["kind", "layers"])
    parser.add_argument("--system", required=True, help="name of the system in the config")
    arguments = parser.parse_args()

    def work(job: Job) -> dict[str, dict]:
        from thresh.stimuli import open_stimuli
        from thresh.systems.configured import configured_systems

        systems = configured_systems(
            arguments.system,
            open_stimuli(source_of(job.input("stimuli"), ".zarr")),
            job.params,
            layers=job.params["layers"],
            made=[source_of(path) for path in job.inputs["source"]],
            device="cpu",
        )
        answers, shapes = [], {}
        for system in systems:
            system.check()
            if "spliced" in job.params:
                check_spliced(system, job.params["spliced"])
            answers.append({"layers": list(system.layers), "ids": ids_by_split(system)})
            shapes |= {layer: shape_found(system, layer) for layer in system.layers}
        product = job.product()
        for name, content in (("answers", answers), ("shapes", shapes)):
            (job.folder(product) / f"{name}.json").write_text(json.dumps(content, sort_keys=True))
        return {product.name: shapes}

    run_stage("check_system", arguments, work)


if __name__ == "__main__":
    main()
