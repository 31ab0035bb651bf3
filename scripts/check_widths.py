r"""Look whether every dictionary has rows enough to be learned from, before anything long begins; if imported, whether
it fits its layer.

--params holds
  dictionaries  system -> layer -> dictionary -> atoms, a number or a multiple of the units such as "4x"; or path,
                subfolder and revision of the source that it is imported from

Example, after `make quickstart`:
  python scripts/check_widths.py --manifest by_hand/widths.json --systems results/quickstart/systems/full_a.json \
    --params '{"dictionaries": {"full_a": {"units": {"planted_128": 128}}}}'
"""

import json

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    run_stage("check_widths", stage_parser(__doc__, inputs=["systems"], keys=["dictionaries"]).parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.preflight import check_widths

    shapes = {path.stem: json.loads((source_of(path) / "shapes.json").read_text()) for path in job.inputs["systems"]}
    return {job.product().name: check_widths(shapes, job.params["dictionaries"])}


if __name__ == "__main__":
    main()
