r"""Learn every dictionary asked of one layer, on the rows of its train stimuli.

--params holds
  place     system/layer; it goes into the seeds
  products  dictionary -> method, atoms, seed, params (config/README.md, `dictionaries`); or source: path, subfolder,
            revision, where it is imported
--manifest names the manifest of each dictionary, --source the local files that one is imported from.

Example, after `make quickstart`:
  python scripts/learn_dictionaries.py --activations results/quickstart/activations/full_a/units.json \
    --stimuli results/quickstart/stimuli/latents.json#split \
    --params '{"place": "full_a/units",
      "products": {"planted_128": {"method": "online", "atoms": 128, "seed": 0, "params": {}}}}' \
    --manifest planted_128=by_hand/full_a/units/planted_128.json
"""

from pathlib import Path

from thresh.stages import Job, source_of, stage_parser
from thresh.together import run_together


def main() -> None:
    inputs, keys = ["activations", "stimuli"], ["place", "products"]
    parser = stage_parser(__doc__, inputs=inputs, of_products=["source"], keys=keys)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--checkpoint-minutes", type=float, help="minutes between two checkpoints")
    parser.add_argument("--checkpoint-steps", type=int, help="steps between two checkpoints")
    parser.add_argument("--tensorboard", type=Path, help="folder for curves that TensorBoard shows")
    arguments = parser.parse_args()

    def work(job: Job, device: str) -> dict[str, dict]:
        from thresh.dictionaries import Rhythm, learn_store
        from thresh.dictionaries.specs import seed_of, spec_of
        from thresh.stimuli import open_stimuli
        from thresh.store import open_activations

        activations = open_activations(source_of(job.input("activations"), ".zarr"))
        stimuli = open_stimuli(source_of(job.input("stimuli"), ".zarr"))
        place = job.params["place"]
        return learn_store(
            activations,
            {product.name: spec_of(product.params, activations.shape[1], place) for product in job.products},
            {product.name: job.folder(product) for product in job.products},
            select=stimuli.split[activations.rows["stimulus"].to_numpy()] == "train",
            order=seed_of(0, place),
            device=device,
            rhythm=Rhythm(arguments.checkpoint_steps, arguments.checkpoint_minutes),
            tensorboard=arguments.tensorboard,
            finished=job.finished,
        )

    run_together("learn_dictionaries", arguments, work)


if __name__ == "__main__":
    main()
