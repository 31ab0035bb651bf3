r"""Evaluate a dictionary and its codes on the rows of test stimuli; against the truth where it was planted.

There are no --params.

Example, after `make quickstart`:
  python scripts/evaluate.py --activations results/quickstart/activations/full_a/units.json \
    --dictionary results/quickstart/dictionaries/full_a/units/planted_128.json \
    --codes results/quickstart/codes/full_a/units/planted_128/omp.json \
    --stimuli results/quickstart/stimuli/latents.json#split --manifest by_hand/full_a/units/evaluation.json
"""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    inputs = ["activations", "dictionary", "codes", "stimuli"]
    run_stage("evaluate", stage_parser(__doc__, inputs).parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.dictionaries import load
    from thresh.evaluation.evaluate_store import evaluate_store
    from thresh.stimuli import open_stimuli
    from thresh.store import open_activations, open_codes

    facts = evaluate_store(
        open_activations(source_of(job.input("activations"), ".zarr")),
        open_codes(source_of(job.input("codes"), ".zarr")),
        load(source_of(job.input("dictionary"))),
        open_stimuli(source_of(job.input("stimuli"), ".zarr")),
    )
    return {job.product().name: facts}


if __name__ == "__main__":
    main()
