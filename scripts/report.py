"""Make the report of a study: pages, figures and tables from all of its results."""

from pathlib import Path

from thresh.stages import Job, run_stage, stage_parser


def main() -> None:
    inputs = ["stimuli", "activations", "dictionaries", "codes", "evaluations", "alignments"]
    parser = stage_parser("Make the report of a study.", optional=inputs)
    parser.add_argument("--results", type=Path, required=True, help="folder of the study's results")
    arguments = parser.parse_args()

    def work(job: Job) -> dict[str, dict]:
        from thresh.report import build_report

        product = job.product()
        return {product.name: build_report(job.params, arguments.results, job.folder(product))}

    run_stage("report", arguments, work)


if __name__ == "__main__":
    main()
