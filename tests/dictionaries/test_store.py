"""Learning from a store: each row once an epoch, each dictionary as if learned alone."""

import json
import sys
import types

import numpy as np
import pytest

from thresh.dictionaries import ArrayRows, StoreRows, learn, learn_store, load
from thresh.errors import ConfigError, DictionaryError
from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations, open_activations, seal

from .planted import plant


@pytest.fixture(scope="module")
def x():
    return plant(rows=1000, features=30, units=20, active=3).rows


@pytest.fixture(scope="module")
def store(x, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "layer.zarr"
    rows = len(x)
    spec = ActivationsSpec(
        rows={"stimulus": np.arange(rows), "position": np.full(rows, -1)},
        units={"unit": np.arange(x.shape[1])},
        stimuli={"id": np.array([f"s{i}" for i in range(rows)]), "hash": np.array(["h"] * rows)},
        dtype="float32",
        shard_rows=256,
        attributes={"recipe": {}, "facts": {}},
    )
    names = lay_out_activations(folder, spec)
    ShardWriter(folder, list(range(len(names))), lambda index, digest: None).put(0, x)
    seal(folder)
    return open_activations(folder)


def ordered(rows):
    rows = np.concatenate(list(rows))
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("chosen", [None, "half"])
def test_every_row_comes_once_an_epoch_in_an_order_of_its_own(x, store, chosen):
    select = None if chosen is None else np.arange(1000) % 2 == 0
    expected = x if select is None else x[select]
    for source in (StoreRows(store, select), ArrayRows(expected)):
        assert source.shape == expected.shape
        first, again, second = (list(source.batches(64, 3, epoch)) for epoch in (0, 0, 1))
        assert np.array_equal(ordered(first), expected[np.lexsort(expected.T)])
        assert np.array_equal(np.concatenate(first), np.concatenate(again))
        assert not np.array_equal(first[0], second[0])


@pytest.mark.parametrize("chosen", [None, "half"])
@pytest.mark.parametrize(("part", "parts", "start"), [(0, 1, 0), (0, 1, 3), (1, 3, 0), (2, 3, 2)])
def test_numbers_name_the_rows_of_batches(x, store, monkeypatch, chosen, part, parts, start):
    monkeypatch.setattr("thresh.dictionaries.rows.BUFFER_ROWS", (150, 150))
    select = None if chosen is None else np.arange(1000) % 2 == 0
    expected = x if select is None else x[select]
    for source in (StoreRows(store, select), ArrayRows(expected)):
        for epoch in (0, 1):
            numbers = source.numbers(3, epoch, part, parts)
            batches = list(source.batches(64, 3, epoch, start, part, parts))
            assert np.array_equal(np.concatenate(batches), expected[numbers[64 * start :]])


def test_dictionaries_of_a_store_are_those_learned_alone(store, tmp_path):
    specs = {
        "sae": {"method": "topk", "atoms": 24, "k": 3, "epochs": 2, "seed": 5},
        "control": {"method": "random", "atoms": 30},
    }
    folders = {name: tmp_path / name for name in specs}
    lines = []
    facts = learn_store(store, specs, folders, device="cpu", log=lines.append)
    alone = learn(StoreRows(store), "topk", atoms=24, k=3, epochs=2, seed=5, device="cpu")
    assert np.array_equal(load(folders["sae"]).atoms, alone.atoms)
    assert facts["sae"]["explained_variance"] == alone.facts["explained_variance"]
    assert (facts["control"]["atoms"], facts["control"]["method"]) == (30, "random")
    curve = [json.loads(line) for line in (folders["sae"] / "curves.jsonl").read_text().splitlines()]
    assert [point["step"] for point in curve] == list(range(1, 9))  # 4 batches an epoch
    assert [point["epoch"] for point in curve][3::4] == [1, 2]
    assert set(curve[0]) == {"step", "epoch", "loss", "explained_variance", "l0", "dead"}
    assert any(line.startswith("sae: epoch 2/2") for line in lines)


def test_a_bad_spec_is_named_before_anything_is_learned(store, tmp_path):
    good = {"method": "random", "atoms": 24}
    for bad, error, message in (
        ({"method": "online", "atoms": 2000}, DictionaryError, "wide: found 1000 rows for 2000 atoms"),
        ({"method": "topk", "kk": 3}, ConfigError, r"dictionaries\.wide\.params\.kk: found 3"),
        ({"method": "topk", "atoms": 24, "k": 30}, ConfigError, r"dictionaries\.wide\.params\.k: found 30"),
        ({"method": "online", "penalty": -1}, ConfigError, r"dictionaries\.wide\.params\.penalty: found -1"),
        ({"method": "online", "normalise": "no"}, ConfigError, r"dictionaries\.wide\.params\.normalise: found 'no'"),
        ({"method": "nope"}, ConfigError, r"dictionaries\.wide\.method: found 'nope'"),
        ({"atoms": 0}, ConfigError, r"dictionaries\.wide\.atoms: found 0"),
    ):
        with pytest.raises(error, match=message):
            learn_store(store, {"good": good, "wide": bad}, {n: tmp_path / n for n in ("good", "wide")}, device="cpu")
    assert not list(tmp_path.iterdir())


def test_a_selection_of_another_length_is_refused(store):
    with pytest.raises(DictionaryError, match=r"select has shape \(3,\)"):
        StoreRows(store, np.ones(3, bool))


def test_tensorboard_is_given_the_curves(store, tmp_path, monkeypatch):
    """With a writer in its place that notes what it is given; TensorBoard itself is an extra."""
    given = {}

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            self.curves = given.setdefault((folder, purge_step), {})

        def add_scalar(self, name, value, step):
            self.curves.setdefault(name, []).append((step, value))

        def flush(self):
            pass

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=SummaryWriter))
    spec = {"sae": {"method": "topk", "atoms": 24, "k": 3, "epochs": 2}}
    learn_store(store, spec, {"sae": tmp_path / "sae"}, device="cpu", tensorboard=tmp_path / "board")
    curve = [json.loads(line) for line in (tmp_path / "sae" / "curves.jsonl").read_text().splitlines()]
    ((place, curves),) = given.items()
    assert place == (tmp_path / "board" / "sae", 0)
    for name in ("epoch", "loss", "explained_variance", "l0", "dead"):
        assert curves[name] == [(point["step"], point[name]) for point in curve]


def test_a_missing_tensorboard_is_told_before_anything_is_learned(store, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=r"pip install 'thresh\[tensorboard\]'"):
        learn_store(store, {}, {}, device="cpu", tensorboard=tmp_path / "board")
