r"""Compare dictionaries of one layer that differ in their seed alone: the same atoms, the same codes?

There are no --params.

Example, after `make quickstart`:
  python scripts/stability.py --activations results/quickstart/activations/resnet_a/layer3.json \
    --dictionaries results/quickstart/dictionaries/resnet_a/layer3/online{,@1}.json \
    --stimuli results/quickstart/stimuli/digits.json#split --manifest by_hand/resnet_a/layer3/online.json
"""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    inputs = ["activations", "dictionaries", "stimuli"]
    run_stage("stability", stage_parser(__doc__, inputs).parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.dictionaries import load
    from thresh.evaluation.stability_store import stability_store
    from thresh.stimuli import open_stimuli
    from thresh.store import open_activations

    facts = stability_store(
        open_activations(source_of(job.input("activations"), ".zarr")),
        open_stimuli(source_of(job.input("stimuli"), ".zarr")),
        [load(source_of(path)) for path in job.inputs["dictionaries"]],
    )
    return {job.product().name: facts}


if __name__ == "__main__":
    main()
