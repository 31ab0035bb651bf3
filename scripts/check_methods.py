"""Look at every method, solver and metric of a study before anything long begins, and tell all that is wrong.

--params holds what a config names (config/README.md):
  dictionaries  dictionary -> method, atoms, params
  inference     inference -> solver, params
  metrics       comparison -> metric -> its parameters

Example:
  python scripts/check_methods.py --manifest by_hand/methods.json --params '{
    "dictionaries": {"random_48": {"method": "random", "atoms": 48, "params": {}}},
    "inference": {"omp": {"solver": "omp", "params": {"k": 6, "nonnegative": true}}},
    "metrics": {"all_shared": {"linear_cka": {}, "semi_matching": {}}}}'
"""

from thresh.stages import Job, run_stage, stage_parser


def main() -> None:
    parser = stage_parser(__doc__, keys=["dictionaries", "inference", "metrics"])
    run_stage("check_methods", parser.parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.preflight import check_methods

    return {job.product().name: check_methods(**job.params)}


if __name__ == "__main__":
    main()
