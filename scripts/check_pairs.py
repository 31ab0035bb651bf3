"""Look whether systems that are to be compared answer to stimuli in common, before anything long begins."""

import json

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    run_stage("check_pairs", stage_parser("Check the pairs of a study.", inputs=["systems"]).parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.preflight import check_pairs

    found = {path.stem: json.loads((source_of(path) / "layers.json").read_text()) for path in job.inputs["systems"]}
    answered = {system: {layer: facts["ids"] for layer, facts in layers.items()} for system, layers in found.items()}
    return {job.product().name: check_pairs(answered, job.params["comparisons"])}


if __name__ == "__main__":
    main()
