r"""Simulate a population that answers to a stimulus set, and write it as an NWB file.

--params is one entry of `simulated_recordings` (config/README.md): neurons, repeats, seed.

Example, after `make quickstart`:
  python scripts/simulate_recording.py --stimuli results/quickstart/stimuli/digits.json#content \
    --params '{"neurons": 60, "repeats": 4, "seed": 0}' --manifest by_hand/population.json
"""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    parser = stage_parser(__doc__, inputs=["stimuli"], keys=["neurons", "repeats", "seed"])
    run_stage("simulate_recording", parser.parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.stimuli import open_stimuli
    from thresh.systems.simulated_recording import simulate_recording

    product = job.product()
    params = {key: value for key, value in job.params.items() if key != "stimuli"}
    stimuli = open_stimuli(source_of(job.input("stimuli"), ".zarr"))
    return {product.name: simulate_recording(stimuli, job.folder(product) / "recording.nwb", **params)}


if __name__ == "__main__":
    main()
