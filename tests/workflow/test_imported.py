"""A dictionary that others learned, in a real run: it takes part like any other, and is stale with its files alone."""

import numpy as np
from safetensors.numpy import save_file

from thresh.dictionaries import load
from thresh.dictionaries.formats.reading import write_json

OF_PUBLISHED = {
    "learn_dictionaries dictionaries/net/first/published",
    "infer_codes codes/net/first/published/omp.zarr",
    "evaluate evaluation/net/first/published/omp",
}
ALIGN, REPORT = "align alignment/both/net/first/pixels/pixels", "report report"


def publish(folder, seed):
    """A dictionary of sparsify for layer `first`."""
    folder.mkdir(parents=True, exist_ok=True)
    units, numbers = 6, np.random.default_rng(seed)
    shapes = {"encoder.weight": (9, units), "encoder.bias": (9,), "W_dec": (9, units), "b_dec": (units,)}
    save_file(
        {name: numbers.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()},
        folder / "sae.safetensors",
    )
    write_json({"activation": "topk", "k": 2, "d_in": units}, folder / "cfg.json")


def test_an_imported_dictionary_takes_part_and_gets_stale_with_its_files(project):
    config = project.config()
    release = project.folder / "inputs" / "release"
    config["dictionaries"]["published"] = {"source": {"path": "inputs/release", "subfolder": "sae.{layer}"}}
    config["dictionaries"]["published"]["systems"] = ["net"]
    config["alignment"]["both"]["representations"]["published"] = {"dictionary": "published", "inference": "omp"}
    project.write_config(config)

    publish(release / "sae.first", 0)
    assert project.computed() == {"check_widths widths", ALIGN, REPORT, *OF_PUBLISHED}
    store = project.folder / "results" / "dictionaries" / "net" / "first" / "published"
    atoms = load(release / "sae.first").atoms
    assert np.array_equal(load(store).atoms, atoms)

    publish(release / "sae.first", 1)
    verdicts = project.run()
    assert {job for job, verdict in verdicts.items() if verdict == "COMPUTE"} == {ALIGN, REPORT, *OF_PUBLISHED}
    assert verdicts["learn_dictionaries dictionaries/net/first/online"] == "HIT"
    assert not np.array_equal(load(store).atoms, atoms)
