r"""Train a small vision model on a labelled stimulus set and save it as a transformers folder.

--params is one entry of `small_models` (config/README.md): architecture, seed, epochs (null: the architecture's own),
minimum_accuracy.

Example, after `make quickstart`:
  python scripts/train_small_model.py --stimuli results/quickstart/stimuli/digits.json \
    --params '{"architecture": "vit", "seed": 1, "epochs": null, "minimum_accuracy": 0.9}' \
    --manifest by_hand/vit.json
"""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    keys = ["architecture", "seed", "epochs", "minimum_accuracy"]
    run_stage("train_small_model", stage_parser(__doc__, inputs=["stimuli"], keys=keys).parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.stimuli import open_stimuli
    from thresh.systems.small_models import train_small_model

    product = job.product()
    params = {key: value for key, value in job.params.items() if key != "stimuli" and value is not None}
    stimuli = open_stimuli(source_of(job.input("stimuli"), ".zarr"))
    return {product.name: train_small_model(stimuli, job.folder(product), **params)}


if __name__ == "__main__":
    main()
