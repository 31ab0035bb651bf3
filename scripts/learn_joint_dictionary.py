r"""Learn one dictionary from several layers at once, on the rows of train stimuli that all of them have.

--params holds
  dictionary  its name
  places      system/layer of each of --activations, in their order; they go into the seed
  content     method, atoms, seed, params (config/README.md, `dictionaries`)
  products    place -> {}
--manifest names the manifest of each place.

Example, after `make quickstart`:
  python scripts/learn_joint_dictionary.py --stimuli results/quickstart/stimuli/latents.json#split \
    --activations results/quickstart/activations/full_a/units.json results/quickstart/activations/full_b/units.json \
    --params '{"dictionary": "shared", "places": ["full_a/units", "full_b/units"],
      "content": {"method": "universal", "atoms": 128, "seed": 0, "params": {"k": 6, "epochs": 16}},
      "products": {"full_a/units": {}, "full_b/units": {}}}' \
    --manifest full_a/units=by_hand/full_a/units/shared.json full_b/units=by_hand/full_b/units/shared.json
"""

from pathlib import Path

from thresh.stages import Job, source_of, stage_parser
from thresh.together import run_together


def main() -> None:
    keys = ["dictionary", "places", "content", "products"]
    parser = stage_parser(__doc__, inputs=["activations", "stimuli"], keys=keys)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--checkpoint-minutes", type=float, help="minutes between two checkpoints")
    parser.add_argument("--checkpoint-steps", type=int, help="steps between two checkpoints")
    parser.add_argument("--tensorboard", type=Path, help="folder for curves that TensorBoard shows")
    arguments = parser.parse_args()

    def work(job: Job, device: str) -> dict[str, dict]:
        from thresh.dictionaries import Rhythm, learn_joint
        from thresh.dictionaries.specs import seed_of, spec_of
        from thresh.stimuli import open_stimuli
        from thresh.store import JoinedActivations, open_activations

        places = job.params["places"]
        stores = [open_activations(source_of(path, ".zarr")) for path in job.inputs["activations"]]
        joined = JoinedActivations(stores)
        stimuli = open_stimuli(source_of(job.input("stimuli"), ".zarr"))
        return learn_joint(
            job.params["dictionary"],
            joined,
            places,
            spec_of(job.params["content"], max(joined.blocks), " ".join(places)),
            {product.name: job.folder(product) for product in job.products},
            select=stimuli.split[joined.rows["stimulus"].to_numpy()] == "train",
            order=seed_of(0, " ".join(places)),
            device=device,
            rhythm=Rhythm(arguments.checkpoint_steps, arguments.checkpoint_minutes),
            tensorboard=arguments.tensorboard,
        )

    run_together("learn_joint_dictionary", arguments, work)


if __name__ == "__main__":
    main()
