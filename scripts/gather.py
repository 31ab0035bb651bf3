r"""Gather the parts of one layer: check its shards, compute its moments and seal its store.

--params holds
  constant_units  refuse or keep units that never change

Example, after that of harvest.py; the store of the layer stands beside the manifest:
  python scripts/gather.py --parts by_hand/full_a/parts/0.json#units --params '{"constant_units": "refuse"}' \
    --manifest by_hand/full_a/units.json
"""

from thresh.stages import Job, run_seal_stage, stage_parser


def main() -> None:
    parser = stage_parser(__doc__, inputs=["parts"], keys=["constant_units"])
    parser.add_argument("--scheduler", default="threads", help="scheduler of dask, or the address of a cluster")
    arguments = parser.parse_args()

    def work(job: Job) -> dict:
        from thresh.store.gather import gather_activations

        store = job.product().store
        name = f"systems.{store.parent.name}.layers.{store.stem}"
        return gather_activations(store, name, scheduler=arguments.scheduler, **job.params)

    run_seal_stage("gather", arguments, work)


if __name__ == "__main__":
    main()
