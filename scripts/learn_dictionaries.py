r"""Learn every dictionary asked of one layer, on the rows of its train stimuli.

--params holds
  place     system/layer; it goes into the seeds
  products  dictionary -> method, atoms, seed, params (config/README.md, `dictionaries`)
--manifest names the manifest of each dictionary.

Example, after `make quickstart`:
  python scripts/learn_dictionaries.py --activations results/quickstart/activations/full_a/units.json \
    --stimuli results/quickstart/stimuli/latents.json#split \
    --params '{"place": "full_a/units",
      "products": {"planted_128": {"method": "online", "atoms": 128, "seed": 0, "params": {}}}}' \
    --manifest planted_128=by_hand/full_a/units/planted_128.json
"""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    parser = stage_parser(__doc__, inputs=["activations", "stimuli"], keys=["place", "products"])
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    arguments = parser.parse_args()

    def work(job: Job) -> dict[str, dict]:
        from thresh.dictionaries import learn_store
        from thresh.dictionaries.specs import spec_of
        from thresh.stimuli import open_stimuli
        from thresh.store import open_activations

        activations = open_activations(source_of(job.input("activations"), ".zarr"))
        stimuli = open_stimuli(source_of(job.input("stimuli"), ".zarr"))
        train = stimuli.split[activations.rows["stimulus"].to_numpy()] == "train"
        return learn_store(
            activations,
            {
                product.name: spec_of(product.params, activations.shape[1], job.params["place"])
                for product in job.products
            },
            {product.name: job.folder(product) for product in job.products},
            select=train,
            device=arguments.device,
            finished=job.finished,
        )

    run_stage("learn_dictionaries", arguments, work)


if __name__ == "__main__":
    main()
