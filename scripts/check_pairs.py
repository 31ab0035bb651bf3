r"""Look whether systems that are to be compared share the stimuli that it takes, before anything long begins.

--params holds
  comparisons  comparison -> pairs of systems; layers of each system; split; metrics with their parameters

Example, after `make quickstart`:
  python scripts/check_pairs.py --manifest by_hand/pairs.json \
    --systems results/quickstart/systems/full_a.json results/quickstart/systems/full_b.json \
    --params '{"comparisons": {"all_shared": {"pairs": [["full_a", "full_b"]], "split": "test",
      "layers": {"full_a": ["units"], "full_b": ["units"]}, "metrics": {"linear_cka": {}}}}}'
"""

import json

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    run_stage("check_pairs", stage_parser(__doc__, inputs=["systems"], keys=["comparisons"]).parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.preflight import check_pairs

    answered = {}
    for path in job.inputs["systems"]:
        groups = json.loads((source_of(path) / "answers.json").read_text())
        answered[path.stem] = {layer: group["ids"] for group in groups for layer in group["layers"]}
    return {job.product().name: check_pairs(answered, job.params["comparisons"])}


if __name__ == "__main__":
    main()
