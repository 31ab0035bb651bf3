r"""Prepare a stimulus set: ids, content hashes, split, attributes and the stimuli themselves.

--params is one entry of `stimuli` (config/README.md):
  kind        digits, images, text, tokens, video or features; further keys are those of the kind
  split       which stimuli are tested on
  attributes  a table of attributes, if any

Example:
  python scripts/prepare_stimuli.py --manifest by_hand/digits.json \
    --params '{"kind": "digits", "split": {"by": "hash", "test": 0.25}, "attributes": null}'
"""

from thresh.stages import Job, digest_of, run_stage, stage_parser


def main() -> None:
    parser = stage_parser(__doc__, optional=["source"], keys=["kind", "split"])
    run_stage("prepare_stimuli", parser.parse_args(), work=prepare_store, suffix=".zarr")


def prepare_store(job: Job) -> dict[str, dict]:
    from thresh.stimuli import prepare
    from thresh.stimuli.columns import spelled

    product = job.product()
    params = dict(job.params)
    stimuli = prepare(params.pop("kind"), product.manifest.stem, **params)
    stimuli.save(job.folder(product))
    hashes = dict(zip(stimuli.ids.tolist(), stimuli.hashes.tolist(), strict=True))
    split = dict(zip(stimuli.ids.tolist(), stimuli.split.tolist(), strict=True))
    facts = {
        "stimuli": len(stimuli),
        "test": int((stimuli.split == "test").sum()),
        "kind": stimuli.kind,
        "modalities": list(stimuli.modalities),
        **({"left_out": stimuli.left_out} if stimuli.left_out else {}),
        # A new split makes dictionaries and scores stale, and no harvest.
        # An attribute concerns those alone that read it.
        "parts": {
            "content": digest_of([list(hashes), hashes]),
            "split": digest_of([hashes, split]),
            **{f"attribute:{name}": digest_of(spelled(column)) for name, column in stimuli.attributes.items()},
        },
    }
    return {product.name: facts}


if __name__ == "__main__":
    main()
