"""Harvest the activations of one system: every layer in one pass, one part of the shards."""

import argparse
from pathlib import Path

from thresh.stages import Job, Shards, require_space, run_part_stage, source_of, stage_parser


def main() -> None:
    parser = stage_parser("Harvest one part of a system's activations.", inputs=["stimuli"], optional=["source"])
    parser.add_argument("--system", required=True, help="name of the system in the config")
    parser.add_argument("--part", type=int, default=0, help="number of this part, from 0")
    parser.add_argument("--parts", type=int, default=1, help="number of parts")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    arguments = parser.parse_args()

    def lay_out(job: Job) -> dict[str, tuple[Path, list[str]]]:
        from thresh.systems.harvest import lay_out_layer, stored_bytes

        system = opened(job, arguments)
        store = job.params["store"]
        require_space(job.products[0].store, stored_bytes(system, [p.name for p in job.products], store["dtype"]))
        return {
            product.name: (job.fresh(product), lay_out_layer(system, product.name, job.folder(product), **store))
            for product in job.products
        }

    def write(job: Job, stale: dict[str, Shards]) -> None:
        from thresh.systems.harvest import harvest_layers

        stores = {name: (shards.product.store, shards.missing) for name, shards in stale.items()}
        harvest_layers(opened(job, arguments), stores, lambda layer, index: stale[layer].written(index))

    run_part_stage("harvest", arguments, lay_out, write)


def opened(job: Job, arguments: argparse.Namespace):
    """The system, with the layers that the job still has to write."""
    from thresh.stimuli import open_stimuli
    from thresh.systems.configured import configured_system

    return configured_system(
        arguments.system,
        open_stimuli(source_of(job.input("stimuli"), ".zarr")),
        job.params["system"],
        layers={product.name: product.params for product in job.products},
        made=[source_of(path) for path in job.inputs["source"]],
        device=arguments.device,
    )


if __name__ == "__main__":
    main()
