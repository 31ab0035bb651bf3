r"""Infer the sparse codes of one layer for one dictionary.

--params is one entry of `inference` (config/README.md):
  solver  name of a solver
  params  its parameters

Example, after `make quickstart`:
  python scripts/infer_codes.py --activations results/quickstart/activations/full_a/units.json \
    --dictionary results/quickstart/dictionaries/full_a/units/planted_128.json \
    --params '{"solver": "omp", "params": {"k": 6, "nonnegative": true}}' --manifest by_hand/full_a/units/omp.json
"""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    parser = stage_parser(__doc__, inputs=["activations", "dictionary"], keys=["solver", "params"])
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    arguments = parser.parse_args()

    def work(job: Job) -> dict[str, dict]:
        from thresh.dictionaries import load
        from thresh.inference.codes_of_store import infer_store
        from thresh.store import open_activations

        product = job.product()
        activations = open_activations(source_of(job.input("activations"), ".zarr"))
        dictionary = load(source_of(job.input("dictionary")))
        return {
            product.name: infer_store(
                activations, dictionary, job.folder(product), device=arguments.device, **job.params
            )
        }

    run_stage("infer_codes", arguments, work, suffix=".zarr")


if __name__ == "__main__":
    main()
