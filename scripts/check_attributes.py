r"""Look whether stimuli have the attributes that probes and splices read, before anything long begins.

--params holds
  stimuli  stimulus set -> probe or splice -> attribute, kind (labels, quantity or classes), held_out; the sets come in
           the order of their names, as --stimuli has them

Example, after `make quickstart`:
  python scripts/check_attributes.py --stimuli results/quickstart/stimuli/digits.json \
    --params '{"stimuli": {"digits": {"evaluation.probes.digit": {"attribute": "label", "kind": "labels"}}}}' \
    --manifest by_hand/attributes.json
"""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    run_stage("check_attributes", stage_parser(__doc__, inputs=["stimuli"], keys=["stimuli"]).parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.preflight import check_attributes
    from thresh.stimuli import open_stimuli

    wanted = job.params["stimuli"]
    paths = job.inputs["stimuli"]
    stimuli = {name: open_stimuli(source_of(path, ".zarr")) for name, path in zip(sorted(wanted), paths, strict=True)}
    return {job.product().name: check_attributes(stimuli, wanted)}


if __name__ == "__main__":
    main()
