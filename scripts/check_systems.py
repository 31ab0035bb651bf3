"""Look at every system, method and metric of a study before anything long begins, and tell all that is wrong."""

from thresh.stages import Job, run_stage, stage_parser


def main() -> None:
    parser = stage_parser(
        "Check that every system of a study can be harvested.", inputs=["stimuli"], optional=["source"]
    )
    run_stage("check_systems", parser.parse_args(), work=check)


def check(job: Job) -> dict[str, dict]:
    from thresh.preflight import check_study

    stimuli = {path.stem: path.with_suffix(".zarr") for path in job.inputs["stimuli"]}
    return {job.product().name: check_study(stimuli, **job.params)}


if __name__ == "__main__":
    main()
