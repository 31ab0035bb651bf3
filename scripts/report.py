r"""Make the report of a study: pages, figures and tables from all of its results.

--params is the whole config (config/README.md), with all defaults. Results are found under --results by the names in
the config; the inputs only tell whether a report is stale.

Example, after `make quickstart`:
  python scripts/report.py --results results/quickstart --store by_hand/report --manifest by_hand/report/index.html \
    --params "$(python -c 'import yaml; from thresh.config import Config; print(Config(
      **yaml.safe_load(open("config/quickstart.yaml"))).model_dump_json())')"
"""

from pathlib import Path

from thresh.stages import Job, run_stage, stage_parser


def main() -> None:
    inputs = ["stimuli", "activations", "dictionaries", "codes", "evaluations", "alignments"]
    keys = ["report", "stimuli", "systems", "dictionaries", "inference", "alignment"]
    parser = stage_parser(__doc__, optional=inputs, keys=keys)
    parser.add_argument("--results", type=Path, required=True, help="folder of the study's results")
    arguments = parser.parse_args()

    def work(job: Job) -> dict[str, dict]:
        from thresh.report import build_report

        product = job.product()
        return {product.name: build_report(job.params, arguments.results, job.folder(product))}

    run_stage("report", arguments, work)


if __name__ == "__main__":
    main()
