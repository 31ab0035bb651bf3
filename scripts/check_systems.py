"""Look at every system, method and metric of a study before anything long begins, and tell all that is wrong."""

from pathlib import Path

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    parser = stage_parser(
        "Check that every system of a study can be harvested.", inputs=["stimuli"], optional=["source"]
    )
    run_stage("check_systems", parser.parse_args(), work=check)


def check(job: Job) -> dict[str, dict]:
    from thresh.preflight import check_study

    stimuli = {path.stem: source_of(path, ".zarr") for path in job.inputs["stimuli"]}
    params = dict(job.params)
    made = {name: [source_of(Path(path)) for path in paths] for name, paths in params.pop("made").items()}
    return {job.product().name: check_study(stimuli, made=made, **params)}


if __name__ == "__main__":
    main()
