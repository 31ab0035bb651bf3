r"""Put the codes of one layer back into its model, and measure what the model loses.

--params holds
  splice     one entry of `evaluation.splices` (config/README.md): labels, at_most, seed
  system     one entry of `systems` without its layers; a transformers model
  layers     the layer with its parameters
  inference  solver and params, as one entry of `inference`
  versions   anything: packages whose change makes the result stale; may be left out
--attributes tells what else is read of the stimuli, so that a change of the rest makes nothing stale.
--source is the manifest of a model that the study makes itself, or the files that the config names.

Example, after `make quickstart`:
  python scripts/splice.py --system resnet_a --source results/quickstart/models/resnet_a.json \
    --dictionary results/quickstart/dictionaries/resnet_a/layer3/topk.json \
    --stimuli results/quickstart/stimuli/digits.json#content --manifest by_hand/resnet_a/layer3/splice.json \
    --attributes results/quickstart/stimuli/digits.json#split results/quickstart/stimuli/digits.json#attribute:label \
    --params '{"splice": {"labels": "label"}, "inference": {"solver": "encoder", "params": {}},
      "system": {"kind": "transformers", "model": "resnet_a"},
      "layers": {"layer3": {"module": "encoder.stages.0.layers.2", "pooling": "positions"}}}'
"""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    keys = ["splice", "system", "layers", "inference"]
    parser = stage_parser(__doc__, inputs=["dictionary", "stimuli"], optional=["source", "attributes"], keys=keys)
    parser.add_argument("--system", required=True, help="name of the system in the config")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    arguments = parser.parse_args()

    def work(job: Job) -> dict[str, dict]:
        from thresh.dictionaries import load
        from thresh.evaluation.splice_system import splice_system
        from thresh.stimuli import open_stimuli
        from thresh.systems.configured import configured_systems

        (system,) = configured_systems(
            arguments.system,
            open_stimuli(source_of(job.input("stimuli"), ".zarr")),
            job.params["system"],
            layers=job.params["layers"],
            made=[source_of(path) for path in job.inputs["source"]],
            device=arguments.device,
        )
        (layer,) = job.params["layers"]
        dictionary = load(source_of(job.input("dictionary")))
        facts = splice_system(system, layer, dictionary, **job.params["inference"], **job.params["splice"])
        return {job.product().name: facts}

    run_stage("splice", arguments, work)


if __name__ == "__main__":
    main()
