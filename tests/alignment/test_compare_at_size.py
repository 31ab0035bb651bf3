"""Tables of scores from stores that do not fit in memory, against the same tables from memory."""

import json
from pathlib import Path

import numpy as np
import pytest

from store.stores import write_store
from thresh.alignment import METRICS, at_size, large_sides
from thresh.alignment.at_size import reading
from thresh.alignment.at_size.sources import ArrayRows, Source, SparseRows
from thresh.alignment.compare import Side, View, align_pair
from thresh.alignment.sides_from_stores import read_side
from thresh.alignment.uncertainty import Uncertainty
from thresh.store import open_codes

from .simulate import related, sparse_features
from .sources import code_store

STIMULI, ROWS = 180, 120  # of the set, and of those that are compared
OF_DENSE = ("linear_cka", "linear_cka_debiased", "linear_predictivity", "linear_predictivity_r2")
OF_CODES = ("linear_cka", "linear_cka_debiased", "semi_matching", "one_to_one_matching", "matched_fraction")
WORTH = ["low", "high", "standard_error", "chance", "critical", "p", "calibrated"]


@pytest.fixture
def everything_is_large(monkeypatch):
    monkeypatch.setattr(large_sides, "LARGE_BYTES", 0)
    monkeypatch.setattr(reading, "BLOCK_ROWS", 32)


def system(folder: Path, name: str, seed: int, order: np.ndarray | None = None, positions: int = 1) -> tuple:
    """Stores of activations and of codes, of stimuli in some order, each of so many rows."""
    order = np.arange(STIMULI) if order is None else order
    raw = related(STIMULI * positions, 14, 14, 1.0)[seed]
    codes = np.abs(sparse_features(STIMULI * positions, 24, 0.15))
    if seed:
        codes = codes[:, np.random.default_rng(0).permutation(24)] + np.abs(
            sparse_features(len(codes), 24, 0.03, seed=9)
        )
    codes[:, 5], codes[:: 2 * positions, 7], codes[1::2, 7] = 0, 1, 0  # one atom is dead, one active on half of all
    codes[:, 11] = 0
    codes[3 * positions, 11] = 2  # and one on one stimulus
    rows = (order[:, None] * positions + np.arange(positions)).ravel()
    names = np.array([f"s{number:03d}" for number in range(STIMULI)])
    path = write_store(
        folder / f"{name}.zarr",
        raw[rows].astype(np.float32),
        rows={"stimulus": np.repeat(np.arange(STIMULI), positions), "position": np.tile(np.arange(positions), STIMULI)},
        stimuli={"id": names[order], "hash": names[order]},
    )
    code_store(codes[rows], folder / f"{name}_codes.zarr")
    return name, path, folder / f"{name}_codes.zarr", np.isin(order, selected())


def selected() -> np.ndarray:
    return np.sort(np.random.default_rng(5).permutation(STIMULI)[:ROWS])


def side(system: tuple, pooling: str = "mean") -> Side:
    name, path, codes, chosen = system
    return read_side(name, "layer", path, {"topk": ("codes", codes)}, chosen, pooling)


def both(folder: Path, **more) -> list[tuple]:
    return [system(folder, "a", 0, **more), system(folder, "b", 1, **more)]


def table(a: Side, b: Side, **more):
    few = {"folds": 3}
    metrics = {name: few if "folds" in METRICS[name].parameters else {} for name in METRICS}
    metrics["linear_predictivity"] = few | {"components": 6}
    return align_pair(a, b, metrics, seed=2, active=4, **more)


def of_metrics(scores, names, representation):
    found = scores[scores["metric"].isin(names) & (scores["representation"] == representation)]
    return found.reset_index(drop=True)


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("positions", [1, 3])
def test_scores_from_stores_are_those_of_memory(positions, pooling, tmp_path, monkeypatch):
    stores = both(tmp_path, positions=positions)
    expected = table(*(side(one, pooling) for one in stores))
    monkeypatch.setattr(large_sides, "LARGE_BYTES", 0)
    monkeypatch.setattr(reading, "BLOCK_ROWS", 32)
    large = [side(one, pooling) for one in stores]
    found = table(*large, scheduler="synchronous")
    kinds = {"raw": (OF_DENSE, large[0].views["raw"]), "topk": (OF_CODES, large[0].views["topk"])}
    for representation, (metrics, view) in kinds.items():
        assert view.is_at_size == (representation == "topk" or positions == 1)
        one, other = (of_metrics(scores, metrics, representation) for scores in (found, expected))
        assert len(one) == len(metrics) + sum(not METRICS[name].symmetric for name in metrics)
        assert (other["error"] == "").all()
        assert (one["error"] == "").all()
        np.testing.assert_allclose(one["score"], other["score"], atol=1e-6)
        for column in ("metric", "direction", "role", "stimuli", "units_a", "units_b"):
            assert one[column].tolist() == other[column].tolist()
    of_codes = json.loads(of_metrics(found, OF_CODES, "topk")["detail"][0])
    assert of_codes["atoms_left_out"] == [2, 2]


def test_small_sides_are_read_as_ever(tmp_path):
    read = side(system(tmp_path, "a", 0))
    assert all(isinstance(view.values, np.ndarray) and view.values.dtype == np.float32 for view in read.views.values())
    raw = related(STIMULI, 14, 14, 1.0)[0][selected()].astype(np.float32)
    np.testing.assert_array_equal(read.views["raw"].values, raw)


def test_the_threshold_is_that_of_the_float64_matrix(tmp_path, monkeypatch):
    one = system(tmp_path, "a", 0)
    monkeypatch.setattr(large_sides, "LARGE_BYTES", 8 * ROWS * 14)
    assert [view.is_at_size for view in side(one).views.values()] == [False, True]
    monkeypatch.setattr(large_sides, "LARGE_BYTES", 8 * ROWS * 14 - 1)
    assert [view.is_at_size for view in side(one).views.values()] == [True, True]


@pytest.mark.usefixtures("everything_is_large")
def test_metrics_without_a_form_at_size_say_which_have_one(tmp_path):
    found = table(*map(side, both(tmp_path)))
    for representation, metrics, units in (("raw", OF_DENSE, 14), ("topk", OF_CODES, 22)):
        others = of_metrics(found, [name for name in METRICS if name not in metrics], representation)
        assert set(others["metric"]) == set(METRICS) - set(metrics)
        assert others["score"].isna().all()
        message = f"found {ROWS} stimuli x {units} units, too many for memory; expected one of {', '.join(metrics)},"
        assert (others["error"] == f"{message} or a smaller split.").all()


@pytest.mark.usefixtures("everything_is_large")
def test_parameters_without_a_form_at_size_are_refused(tmp_path):
    a, b = map(side, both(tmp_path))
    found = align_pair(a, b, {"linear_predictivity": {"bands": [0, 1] * 7, "folds": 3}})
    raw = of_metrics(found, ["linear_predictivity"], "raw")
    expected = "linear_predictivity: found bands for responses that are too many for memory, expected none"
    assert raw["error"].str.startswith(expected).all()


@pytest.mark.usefixtures("everything_is_large")
def test_without_parameters_the_defaults_are_those_of_memory(tmp_path):
    """Matchings at size have 2 folds by themselves, and 5 in a table."""
    a, b = map(side, both(tmp_path))
    found = of_metrics(align_pair(a, b, {name: {} for name in OF_CODES[2:]}), OF_CODES, "topk")
    x, y = (one.views["topk"].values.read(0, ROWS).toarray() for one in (a, b))
    for _, row in found.iterrows():
        expected, detail = METRICS[row["metric"]].score(*((y, x) if row["direction"] == "b_to_a" else (x, y)))
        assert row["score"] == pytest.approx(expected, abs=1e-6)
        assert len(json.loads(row["detail"])["folds"]) == len(detail["folds"]) == 5


@pytest.mark.usefixtures("everything_is_large")
def test_nothing_is_drawn_at_size_and_the_control_is_left_out(tmp_path):
    found = table(*map(side, both(tmp_path)), uncertainty=Uncertainty(permutations=19, resamples=10, subsets=2))
    assert set(found["representation"]) == {"raw", "topk"}
    assert found[WORTH].isna().all(axis=None)
    assert (found["null"].map(len) == 0).all()
    assert (found["convergence"] == "[]").all()
    assert {json.loads(detail)["statistics"] for detail in found["detail"]} == {"none at size"}


def test_what_is_small_keeps_its_statistics_beside_what_is_large(tmp_path, monkeypatch):
    monkeypatch.setattr(large_sides, "LARGE_BYTES", 8 * ROWS * 14)
    stores = both(tmp_path)
    draws = {"uncertainty": Uncertainty(permutations=19)}
    found = align_pair(*map(side, stores), {"linear_cka": {}}, **draws).set_index("representation")
    assert found["p"].notna().to_dict() == {"raw": True, "topk": False, "raw shuffled": False}
    monkeypatch.undo()
    expected = align_pair(*map(side, stores), {"linear_cka": {}}, **draws).set_index("representation")
    assert found.loc["raw"].equals(expected.loc["raw"])
    assert found.loc["topk"].score == pytest.approx(expected.loc["topk"].score, abs=1e-6)


@pytest.mark.usefixtures("everything_is_large")
def test_folds_are_those_of_rows_in_the_order_of_the_stores(tmp_path):
    order = np.random.default_rng(1).permutation(STIMULI)
    stores = both(tmp_path, order=order)
    found = of_metrics(table(*map(side, stores)), OF_DENSE, "raw")
    rows = order[np.isin(order, selected())]
    x, y = (values[rows].astype(np.float32) for values in related(STIMULI, 14, 14, 1.0))
    for _, row in found[found["metric"] == "linear_predictivity_r2"].iterrows():
        sides = (x, y) if row["direction"] == "a_to_b" else (y, x)
        expected, _ = METRICS["linear_predictivity_r2"].score(*sides, folds=3, seed=2)
        assert row["score"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.usefixtures("everything_is_large")
def test_stores_in_different_orders_are_refused_in_one_line(tmp_path):
    order = np.random.default_rng(1).permutation(STIMULI)
    found = table(side(system(tmp_path, "a", 0)), side(system(tmp_path, "b", 1, order=order)))
    assert found["score"].isna().all()
    message = f"a/layer and b/layer: found their {ROWS} common stimuli in different orders in the two stores, expected"
    assert found["error"].str.startswith(message).all()
    assert (found["stimuli"] == ROWS).all()


def test_what_is_in_memory_is_put_into_the_order_of_what_is_not(tmp_path, monkeypatch):
    """One side on disk, the other small; and codes that were pooled, which have no order to keep."""
    order = np.random.default_rng(1).permutation(STIMULI)
    stores = [system(tmp_path, "a", 0), system(tmp_path, "b", 1, order=order)]
    small = [side(one) for one in stores]
    expected = table(*small)
    monkeypatch.setattr(large_sides, "LARGE_BYTES", 0)
    large = [side(one) for one in stores]
    for pair in ((large[0], small[1]), (small[0], large[1])):
        found = table(*pair)
        for representation, metrics in (("raw", OF_DENSE[:2]), ("topk", OF_CODES[:2])):
            one, other = (of_metrics(scores, metrics, representation) for scores in (found, expected))
            assert (one["error"] == "").all()
            np.testing.assert_allclose(one["score"], other["score"], atol=1e-6)
        of_single_atoms = of_metrics(found, OF_CODES[2:], "topk")  # small codes are made sparse
        assert (of_single_atoms["error"] == "").all()
        assert of_single_atoms["score"].notna().all()
    for one in large:
        one.views["topk"].values = SparseRows(one.views["topk"].values.read(0, ROWS))
    one, other = (of_metrics(scores, OF_CODES, "topk") for scores in (table(*large), expected))
    np.testing.assert_allclose(one["score"], other["score"], atol=1e-6)


@pytest.mark.usefixtures("everything_is_large")
def test_codes_meet_the_raw_responses_of_a_side_without_codes(tmp_path):
    a, b = map(side, both(tmp_path))
    del b.views["topk"]
    found = of_metrics(table(a, b), ["linear_cka", "linear_predictivity", "semi_matching"], "topk")
    known = at_size.linear_cka(
        at_size.picked_units(a.views["topk"].values, np.flatnonzero(at_size.active_on(a.views["topk"].values) >= 4)),
        b.views["raw"].values,
    )
    assert found["score"][0] == pytest.approx(known, abs=1e-12)
    assert found["error"][1:].str.endswith("expected one of linear_cka, linear_cka_debiased, or a smaller split.").all()


class Watched(Source):
    """Dense rows, and the largest range of them that was ever read."""

    def __init__(self, values: np.ndarray):
        self.values, self.shape, self.largest = ArrayRows(values), values.shape, 0

    def read(self, start, stop):
        self.largest = max(self.largest, stop - start)
        return self.values.read(start, stop)


@pytest.mark.usefixtures("everything_is_large")
def test_no_more_than_a_block_of_dense_rows_is_read_at_once():
    x, y = map(Watched, related(2000, 8, 6))
    ids = np.array([f"{number:04d}" for number in range(2000)])
    a, b = (Side(name, "layer", ids, ids, {"raw": View("raw", values)}) for name, values in (("a", x), ("b", y)))
    found = align_pair(a, b, {name: {} for name in METRICS}, scheduler="synchronous")
    assert found["score"].notna().sum() == 6
    assert 0 < max(x.largest, y.largest) <= 32


def test_codes_that_no_memory_holds_dense_are_compared(tmp_path, monkeypatch):
    """2000 stimuli x 5,000,000 atoms, 80 GB as a matrix, of which 40 are ever active."""
    rows, atoms = 2000, 5_000_000
    few = np.abs(sparse_features(rows, 40, 0.1))
    places = np.sort(np.random.default_rng(0).choice(atoms, 40, replace=False))
    codes = SparseRows(few).codes
    codes = type(codes)((codes.data, places[codes.indices], codes.indptr), shape=(rows, atoms))
    code_store(codes, tmp_path / "codes.zarr")
    ids = np.array([f"{number:04d}" for number in range(rows)])
    views = {
        "raw": View("raw", few[:, :3]),
        "topk": View("codes", at_size.picked(open_codes(tmp_path / "codes.zarr"), range(rows))),
    }
    a, b = (Side(name, "layer", ids, ids, views) for name in "ab")
    found = of_metrics(align_pair(a, b, {name: {} for name in OF_CODES}, active=2), OF_CODES, "topk")
    np.testing.assert_allclose(found["score"], 1, atol=1e-6)
    assert (found["units_a"] == 40).all()


def test_positions_from_stores_are_compared_as_in_memory(tmp_path, monkeypatch):
    """Rows of one stimulus are held out together, and an atom's stimuli are counted, not its rows."""
    stores = both(tmp_path, positions=3)
    expected = table(*(side(one, "positions") for one in stores))
    assert of_metrics(expected, OF_CODES, "topk")["rows"].tolist() == [3 * ROWS] * 6
    monkeypatch.setattr(large_sides, "LARGE_BYTES", 0)
    large = [side(one, "positions") for one in stores]
    assert all(view.is_at_size for one in large for view in one.views.values())
    found = table(*large)
    for representation, metrics in (("raw", OF_DENSE), ("topk", OF_CODES)):
        one, other = (of_metrics(scores, metrics, representation) for scores in (found, expected))
        assert (one["error"] == "").all()
        np.testing.assert_allclose(one["score"], other["score"], atol=1e-6)
        for column in ("metric", "direction", "stimuli", "rows", "units_a", "units_b"):
            assert one[column].tolist() == other[column].tolist()
    pooled = table(*(side(one) for one in stores))
    assert not np.allclose(of_metrics(found, OF_DENSE, "raw")["score"], of_metrics(pooled, OF_DENSE, "raw")["score"])
