r"""Score how two layers align: on raw activations, on codes and on controls.

--params holds what one entry of `alignment` (config/README.md) says of a pair of layers:
  a, b     system, layer, and codes: name -> role (codes or control), as many as --a-codes or --b-codes has paths;
           paths come in the order of the names
  metrics  metric -> its parameters
  split    stimuli that scores are computed on: test, train or all
  pooling  from rows to stimuli, or positions or words
  active   stimuli on which an atom has to be active
  statistics  permutations, resamples, over, level, subsets, blocks (an attribute that
           --attributes names, or null), keep_blocks
  seed     of folds, controls and draws
--attributes tells what else is read of the stimuli: an attribute, or for words the content.

Example, after `make quickstart`:
  python scripts/align.py --stimuli results/quickstart/stimuli/latents.json#split \
    --a results/quickstart/activations/full_a/units.json --b results/quickstart/activations/full_b/units.json \
    --a-codes results/quickstart/codes/full_a/units/planted_128/{fista_planted,omp}.json \
      results/quickstart/codes/full_a/units/random_128/fista_planted.json \
    --b-codes results/quickstart/codes/full_b/units/planted_128/{fista_planted,omp}.json \
      results/quickstart/codes/full_b/units/random_128/fista_planted.json \
    --params '{"metrics": {"linear_cka": {}, "semi_matching": {}}, "split": "test", "pooling": "mean", "seed": 0,
      "active": 5, "statistics": {"permutations": 19, "resamples": 10, "over": "stimuli", "level": 0.95, "subsets": 0,
        "blocks": null, "keep_blocks": true},
      "a": {"system": "full_a", "layer": "units",
        "codes": {"learned": "codes", "omp": "codes", "random": "control"}},
      "b": {"system": "full_b", "layer": "units",
        "codes": {"learned": "codes", "omp": "codes", "random": "control"}}}' \
    --manifest by_hand/full_a_and_full_b.json
"""

from functools import partial

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    keys = ["a", "b", "metrics", "split", "pooling", "active", "statistics", "seed"]
    optional = ["a-codes", "b-codes", "attributes"]
    parser = stage_parser(__doc__, inputs=["a", "b", "stimuli"], optional=optional, keys=keys)
    parser.add_argument("--scheduler", default="threads", help="scheduler of dask, or the address of a cluster")
    arguments = parser.parse_args()
    run_stage("align", arguments, partial(work, scheduler=arguments.scheduler))


def work(job: Job, scheduler: str) -> dict[str, dict]:
    from thresh.alignment import METRICS, align_pair
    from thresh.alignment.sides_from_stores import read_side
    from thresh.alignment.uncertainty import Uncertainty
    from thresh.stimuli import open_stimuli

    params = job.params
    stimuli = open_stimuli(source_of(job.input("stimuli"), ".zarr"))
    selected = stimuli.split == params["split"] if params["split"] != "all" else stimuli.split != ""
    statistics = dict(params["statistics"])
    attribute = statistics.pop("blocks")
    blocks = None if attribute is None else stimuli.attributes[attribute]

    def side(name: str):
        content = params[name]
        stores = [source_of(path, ".zarr") for path in job.inputs[f"{name}-codes"]]
        # Names come sorted, as canonical JSON has them, and manifests in the order of the names.
        names = sorted(content["codes"])
        codes = {key: (content["codes"][key], store) for key, store in zip(names, stores, strict=True)}
        activations = source_of(job.input(name), ".zarr")
        return read_side(
            content["system"],
            content["layer"],
            activations,
            codes,
            selected,
            params["pooling"],
            blocks,
            stimuli.texts if "text" in stimuli.modalities else None,
            with_repeats=any("repeats_x" in METRICS[name].facts for name in params["metrics"]),
        )

    scores = align_pair(
        side("a"),
        side("b"),
        params["metrics"],
        seed=params["seed"],
        uncertainty=Uncertainty(**statistics, seed=params["seed"]),
        active=params["active"],
        scheduler=scheduler,
    )
    product = job.product()
    scores.to_parquet(job.folder(product) / "scores.parquet", index=False)
    return {product.name: {"scores": len(scores), "stimuli": int(scores["stimuli"].max())}}


if __name__ == "__main__":
    main()
