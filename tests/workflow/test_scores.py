"""Scores stand under the name of the codes they were computed on, whatever the order of names in the config."""

import pandas as pd
import pytest

from thresh.alignment import linear_cka
from thresh.stimuli import open_stimuli
from thresh.store import open_activations, open_codes, pool


def test_each_representation_is_scored_on_its_own_store(finished):
    results = finished[0].folder / "results"
    table = pd.read_parquet(results / "alignment" / "both" / "net" / "first" / "pixels" / "pixels" / "scores.parquet")
    scores = table.set_index("representation")["score"]
    net, pixels = (
        open_activations(results / "activations" / place) for place in ("net/first.zarr", "pixels/pixels.zarr")
    )
    test = open_stimuli(results / "stimuli" / "digits.zarr").split == "test"
    target = pixels.read(0, pixels.shape[0])[test]
    stimulus = net.rows["stimulus"].to_numpy()
    stores = {"learned": "online/omp.zarr", "control": "random/omp.zarr"}
    sides = {name: open_codes(results / "codes" / "net" / "first" / path).read() for name, path in stores.items()}
    sides["raw"] = net.read(0, net.shape[0])
    expected = {name: linear_cka(pool(values, stimulus)[1][test], target) for name, values in sides.items()}
    assert len(set(expected.values())) == 3
    for name, value in expected.items():
        assert scores[name] == pytest.approx(value, abs=1e-6)
