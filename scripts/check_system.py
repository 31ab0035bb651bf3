"""Look at a system before anything long begins: its layers, weights or recording, and the stimuli it shares."""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    parser = stage_parser("Check that a system can be harvested.", inputs=["stimuli"], optional=["source"])
    parser.add_argument("--system", required=True, help="name of the system in the config")
    arguments = parser.parse_args()

    def work(job: Job) -> dict[str, dict]:
        from thresh.stimuli import open_stimuli
        from thresh.systems.configured import configured_system

        system = configured_system(
            arguments.system,
            open_stimuli(source_of(job.input("stimuli"), ".zarr")),
            job.params,
            layers=job.params["layers"],
            made=[source_of(path) for path in job.inputs["source"]],
            device="cpu",
        )
        system.check()
        return {job.product().name: {"layers": sorted(system.layers)}}

    run_stage("check_system", arguments, work)


if __name__ == "__main__":
    main()
