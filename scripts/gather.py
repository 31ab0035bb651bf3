"""Gather the parts of one layer: check its shards, compute its moments and seal its store."""

from thresh.stages import Job, run_seal_stage, stage_parser


def main() -> None:
    parser = stage_parser("Gather the activations of one layer.", inputs=["parts"])
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
