"""Look at a system before anything long begins: its layers, weights or recording, and the stimuli it shares."""

import json

from thresh.stages import Job, run_stage, source_of, stage_parser


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
        answered = {}
        for system in systems:
            system.check()
            ids = system.stimuli.ids[system.stimuli_index].tolist()
            answered |= dict.fromkeys(system.layers, ids)
        product = job.product()
        (job.folder(product) / "answered.json").write_text(json.dumps(answered, sort_keys=True))
        return {product.name: {layer: len(ids) for layer, ids in answered.items()}}

    run_stage("check_system", arguments, work)


if __name__ == "__main__":
    main()
