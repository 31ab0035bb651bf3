r"""Probe one layer: what linear heads read of its stimuli, from raw activations or from the codes of a dictionary.

--params is one entry of `evaluation.probes` (config/README.md):
  attribute, kind, sizes, classes, held_out, pooling, at_most, seed; and left_out: what the split of the stimuli holds
  out, where the probe holds out something else
--codes and --dictionary belong together; without them raw activations are probed.
--attributes tells which attributes of the stimuli are read: a change of others makes nothing stale.

Example, after `make quickstart`:
  python scripts/probe.py --activations results/quickstart/activations/resnet_a/layer3.json \
    --dictionary results/quickstart/dictionaries/resnet_a/layer3/online.json \
    --codes results/quickstart/codes/resnet_a/layer3/online/fista.json \
    --stimuli results/quickstart/stimuli/digits.json#split \
    --attributes results/quickstart/stimuli/digits.json#attribute:label \
    --params '{"attribute": "label", "kind": "labels", "sizes": [1, 2, 4, 8, 16], "classes": 50, "held_out": null,
      "left_out": null, "pooling": "mean", "at_most": 10000, "seed": 0}' \
    --manifest by_hand/resnet_a/layer3/digit.json
"""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    inputs, optional = ["activations", "stimuli"], ["attributes", "codes", "dictionary"]
    run_stage("probe", stage_parser(__doc__, inputs, optional, keys=["attribute"]).parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.dictionaries import load
    from thresh.evaluation.probe_store import probe_store
    from thresh.stimuli import open_stimuli
    from thresh.store import open_activations, open_codes

    of_codes = {}
    if job.inputs["codes"]:
        of_codes["codes"] = open_codes(source_of(job.input("codes"), ".zarr"))
        of_codes["dictionary"] = load(source_of(job.input("dictionary")))
    facts = probe_store(
        open_activations(source_of(job.input("activations"), ".zarr")),
        open_stimuli(source_of(job.input("stimuli"), ".zarr")),
        **of_codes,
        **job.params,
    )
    return {job.product().name: facts}


if __name__ == "__main__":
    main()
