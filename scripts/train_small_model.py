"""Train a small vision model on a labelled stimulus set and save it as a transformers folder."""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    run_stage("train_small_model", stage_parser("Train a small model.", inputs=["stimuli"]).parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.stimuli import open_stimuli
    from thresh.systems.small_models import train_small_model

    product = job.product()
    params = {key: value for key, value in job.params.items() if key != "stimuli" and value is not None}
    stimuli = open_stimuli(source_of(job.input("stimuli"), ".zarr"))
    return {product.name: train_small_model(stimuli, job.folder(product), **params)}


if __name__ == "__main__":
    main()
