r"""Harvest the activations of one system: every layer in one pass, one part of the shards.

--params holds
  system    one entry of `systems` (config/README.md) without its layers
  store     dtype and shard_rows of `harvest`
  products  layer -> its parameters
  versions  anything: packages whose change makes the activations stale; may be left out
--source is the manifest of a model or recording that the study makes itself, or the files that the config names.
--store names the store of each layer.

Example, after `make quickstart`:
  python scripts/harvest.py --system full_a --stimuli results/quickstart/stimuli/latents.json#content \
    --params '{"system": {"kind": "planted", "units": 48, "seed": 1},
      "store": {"dtype": "float16", "shard_rows": null}, "products": {"units": {"where": {}}}}' \
    --store units=by_hand/full_a/units.zarr --manifest by_hand/full_a/parts/0.json
"""

import argparse
from pathlib import Path

from thresh.stages import Job, Shards, require_space, run_part_stage, source_of, stage_parser


def main() -> None:
    keys = ["system", "store", "products"]
    parser = stage_parser(__doc__, inputs=["stimuli"], optional=["source"], keys=keys)
    parser.add_argument("--system", required=True, help="name of the system in the config")
    parser.add_argument("--part", type=int, default=0, help="number of this part, from 0")
    parser.add_argument("--parts", type=int, default=1, help="number of parts")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    arguments = parser.parse_args()

    def lay_out(job: Job) -> dict[str, tuple[Path, list[str]]]:
        from thresh.systems.harvest import lay_out_layer, stored_bytes

        systems = opened(job)
        products = {product.name: product for product in job.products}
        store = job.params["store"]
        needed = sum(stored_bytes(system, list(system.layers), store["dtype"]) for system in systems)
        require_space(job.products[0].store, needed)
        return {
            layer: (job.fresh(products[layer]), lay_out_layer(system, layer, job.folder(products[layer]), **store))
            for system in systems
            for layer in system.layers
        }

    def write(job: Job, stale: dict[str, Shards]) -> None:
        from thresh.systems.harvest import harvest_layers

        for system in opened(job):
            stores = {layer: (stale[layer].product.store, stale[layer].missing) for layer in system.layers}
            harvest_layers(system, stores, lambda layer, index, digest: stale[layer].written(index, digest))

    held: dict[tuple[str, ...], list] = {}

    def opened(job: Job) -> list:
        """The system, with the layers that the job still has to lay out or write; a model is loaded once for both."""
        layers = tuple(product.name for product in job.products)
        if layers not in held:
            # Not two models at once.
            held.clear()
            held[layers] = open_layers(job, arguments)
        return held[layers]

    run_part_stage("harvest", arguments, lay_out, write)


def open_layers(job: Job, arguments: argparse.Namespace) -> list:
    from thresh.devices import device_of_part
    from thresh.stimuli import open_stimuli
    from thresh.systems.configured import configured_systems

    return configured_systems(
        arguments.system,
        open_stimuli(source_of(job.input("stimuli"), ".zarr")),
        job.params["system"],
        layers={product.name: product.params for product in job.products},
        made=[source_of(path) for path in job.inputs["source"]],
        device=device_of_part(arguments.device, arguments.part),
    )


if __name__ == "__main__":
    main()
