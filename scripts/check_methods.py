"""Look at every method, solver and metric of a study before anything long begins, and tell all that is wrong."""

from thresh.stages import Job, run_stage, stage_parser


def main() -> None:
    run_stage("check_methods", stage_parser("Check the methods that a study names.").parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.preflight import check_methods

    return {job.product().name: check_methods(**job.params)}


if __name__ == "__main__":
    main()
