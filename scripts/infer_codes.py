"""Infer the sparse codes of one layer for one dictionary."""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    parser = stage_parser("Sparse codes of one layer, for one dictionary.", inputs=["activations", "dictionary"])
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
