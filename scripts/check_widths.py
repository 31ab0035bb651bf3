"""Look whether every dictionary has rows enough to be learned from, before anything long begins."""

import json

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    run_stage("check_widths", stage_parser("Check the dictionaries of a study.", inputs=["systems"]).parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.preflight import check_widths

    found = {path.stem: json.loads((source_of(path) / "layers.json").read_text()) for path in job.inputs["systems"]}
    return {job.product().name: check_widths(found, job.params["dictionaries"])}


if __name__ == "__main__":
    main()
