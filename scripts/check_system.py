"""Look at a system before anything long begins: its layers, weights or recording, and the stimuli it shares."""

import json

from thresh.stages import Job, run_stage, source_of, stage_parser


def layer_found(system, layer: str) -> dict:
    """Ids of the stimuli that a layer answers to, its units, and the rows that dictionaries are learned from."""
    index, shape = system.stimuli_index, system.planned_shape(layer)
    train = int((system.stimuli.split[index] == "train").sum())
    return {
        "ids": system.stimuli.ids[index].tolist(),
        "units": shape and shape.units,
        "train_rows": shape and shape.positions * train,
    }


def main() -> None:
    parser = stage_parser("Check that a system can be harvested.", inputs=["stimuli"], optional=["source"])
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
        found = {}
        for system in systems:
            system.check()
            found |= {layer: layer_found(system, layer) for layer in system.layers}
        product = job.product()
        (job.folder(product) / "layers.json").write_text(json.dumps(found, sort_keys=True))
        return {product.name: {layer: {**facts, "ids": len(facts["ids"])} for layer, facts in found.items()}}

    run_stage("check_system", arguments, work)


if __name__ == "__main__":
    main()
