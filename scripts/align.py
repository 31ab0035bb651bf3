"""Score how two layers align: on raw activations, on codes and on controls."""

from thresh.stages import Job, run_stage, source_of, stage_parser


def main() -> None:
    parser = stage_parser("Alignment of two layers.", inputs=["a", "b", "stimuli"], optional=["a-codes", "b-codes"])
    run_stage("align", parser.parse_args(), work)


def work(job: Job) -> dict[str, dict]:
    from thresh.alignment import align_pair
    from thresh.alignment.sides_from_stores import read_side
    from thresh.stimuli import open_stimuli

    params = job.params
    split = open_stimuli(source_of(job.input("stimuli"), ".zarr")).split
    selected = split == params["split"] if params["split"] != "all" else split != ""

    def side(name: str):
        content = params[name]
        stores = [source_of(path, ".zarr") for path in job.inputs[f"{name}-codes"]]
        # Names come sorted, as canonical JSON has them, and manifests in the order of the names.
        names = sorted(content["codes"])
        codes = {key: (content["codes"][key], store) for key, store in zip(names, stores, strict=True)}
        activations = source_of(job.input(name), ".zarr")
        return read_side(content["system"], content["layer"], activations, codes, selected, params["pooling"])

    scores = align_pair(side("a"), side("b"), params["metrics"], seed=params["seed"])
    product = job.product()
    scores.to_parquet(job.folder(product) / "scores.parquet", index=False)
    return {product.name: {"scores": len(scores), "stimuli": int(scores["stimuli"].max())}}


if __name__ == "__main__":
    main()
