"""Online dictionary learning with other codes, optimal directions, and matrices without negative entries."""

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from sklearn.decomposition import NMF

from thresh.dictionaries import learn
from thresh.dictionaries.kinds.pursuit import PursuitDictionary
from thresh.dictionaries.registry import learner_of
from thresh.dictionaries.specs import check_method
from thresh.errors import ConfigError, DictionaryError
from thresh.evaluation import matched_correlation, matched_cosine
from thresh.inference import fista, omp

from .by_hand import begin, comes_back_from_its_file
from .in_epochs import goes_on_as_if_uninterrupted
from .planted import Planted

OMP = {"codes": "omp", "k": 3}
SIGNED = {"nonnegative": False}
# Each method as short as can be, with other codes than the default where it has any.
SHORT = {
    "online-omp": {**OMP, "epochs": 2},
    "online-signed": {**SIGNED, "epochs": 2},
    "online-signed-omp": {**OMP, **SIGNED, "epochs": 2},
    "mod": {"k": 3, "epochs": 3},
    "nmf": {"epochs": 2},
    "semi_nmf": {"epochs": 2},
    "pca": {},
    "ica": {"epochs": 3},
    "kmeans": {"epochs": 3},
    "shuffled": {},
    "wlsc": {"epochs": 2},
    "wlsc-cone": {"simplex": False, "epochs": 2},
}
ROWS = [pytest.param(name.split("-")[0], params, id=name) for name, params in SHORT.items()]


def plant_k(rows: int, features: int, units: int, k: int, signed: bool = False, seed: int = 0) -> Planted:
    """Each row has k features, of strengths in [.5, 1.5] and, if signed, of either sign."""
    random = np.random.default_rng([seed, 11])
    z, strengths = np.zeros((rows, features)), random.uniform(0.5, 1.5, (rows, k))
    strengths *= random.choice([-1, 1], (rows, k)) if signed else 1
    np.put_along_axis(z, random.random((rows, features)).argsort(axis=1)[:, :k], strengths, axis=1)
    directions = random.normal(size=(features, units))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return Planted((z @ directions).astype(np.float32), z, directions)


def plant_parts(rows: int, parts: int, units: int, active: float, seed: int = 0) -> Planted:
    """Parts that add up: each has its own third of the units."""
    random = np.random.default_rng([seed, 3])
    z = (random.random((rows, parts)) < active / parts) * random.uniform(0.5, 1.5, (rows, parts))
    directions = (random.random((parts, units)) < 0.3) * random.uniform(0.2, 1, (parts, units))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return Planted((z @ directions).astype(np.float32), z, directions)


def up_to_sign(atoms: np.ndarray, truth: np.ndarray) -> float:
    """Mean |cosine| of planted directions with the nearest atom."""
    return np.abs(atoms @ truth.T).max(axis=0).mean()


def test_greedy_codes_find_features_and_their_strengths():
    planted = plant_k(rows=4000, features=40, units=24, k=3)
    dictionary, shrunk, control = (
        learn(planted.rows, method, atoms=40, device="cpu", **params)
        for method, params in (("online", {**OMP, "epochs": 40}), ("online", {"epochs": 40}), ("random", {}))
    )
    assert isinstance(dictionary, PursuitDictionary)
    assert matched_cosine(dictionary.atoms, planted.directions) > 0.995
    assert matched_cosine(control.atoms, planted.directions) < 0.5
    # Least squares on the chosen atoms, where the lasso takes its penalty off.
    partner = (dictionary.atoms @ planted.directions.T).argmax(axis=0)
    strengths = dictionary.encode(planted.rows)[:, partner]
    active = (planted.features > 0) & (strengths > 0)
    assert np.abs(strengths - planted.features)[active].mean() < 0.02
    of_lasso = shrunk.encode(planted.rows)[:, (shrunk.atoms @ planted.directions.T).argmax(axis=0)]
    assert (planted.features - of_lasso)[active].mean() > 0.04


@pytest.mark.parametrize("params", [{}, OMP], ids=["fista", "omp"])
def test_signed_codes_find_features_of_either_sign(params):
    planted, long = plant_k(rows=4000, features=40, units=24, k=3, signed=True), {**params, "epochs": 40}
    signed, rectified, control = (
        learn(planted.rows, method, atoms=40, device="cpu", **more)
        for method, more in (("online", {**long, **SIGNED}), ("online", long), ("random", {}))
    )
    assert up_to_sign(signed.atoms, planted.directions) > 0.995
    assert up_to_sign(rectified.atoms, planted.directions) < 0.95
    assert up_to_sign(control.atoms, planted.directions) < 0.6
    rows = planted.rows[:50].astype(np.float64)
    codes = signed.encode(rows)
    assert codes.min() < 0 < codes.max()
    expected = (
        omp(rows - signed.bias, signed.atoms, 3)
        if params
        else fista(rows - signed.bias, signed.atoms, signed.penalty, nonnegative=False)
    )
    assert np.abs(codes - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("online", {}),
        ("online", {"codes": "omp", "k": 3}),
        ("mod", {"k": 3}),
        ("semi_nmf", {"penalty": 0.05, "bias": True}),
    ],
)
def test_a_mean_that_all_rows_share_costs_nothing(method, params):
    """Layers of real networks have one, often much longer than what rows differ in."""
    planted = plant_k(rows=4000, features=40, units=24, k=3)
    size = np.sqrt(np.square(planted.rows).sum(axis=1).mean())
    direction = np.random.default_rng(2).normal(size=24)
    moved = (planted.rows + 10 * size * direction / np.linalg.norm(direction)).astype(np.float32)
    usual, shifted = (
        matched_cosine(learn(x, method, atoms=40, device="cpu", **params).atoms, planted.directions)
        for x in (planted.rows, moved)
    )
    assert shifted > usual - 0.01
    if "k" not in params:  # Greedy codes spend an atom on it.
        without = learn(moved, method, atoms=40, device="cpu", **params | {"bias": False})
        assert matched_cosine(without.atoms, planted.directions) < usual - 0.2


def test_codes_of_a_fixed_number_need_the_number():
    for params in ({"codes": "omp"}, {"codes": "omp", "k": 9}, {"k": 3}):
        with pytest.raises(ConfigError, match="k: found"):
            learner_of(5, "online", 8, **params)
    with pytest.raises(ConfigError, match="k: found 9, expected between 1 and the number of atoms"):
        learner_of(5, "mod", 8, k=9)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("nonnegative", [True, False])
def test_an_epoch_of_mod_is_least_squares_for_all_atoms_and_the_bias(nonnegative, bias):
    """With the codes of all rows at once, by NumPy."""
    x = plant_k(rows=600, features=20, units=12, k=3, signed=not nonnegative).rows
    run = begin("mod", x, 15, k=4, nonnegative=nonnegative, bias=bias)
    codes = omp(x.astype(np.float64) - run.b.numpy(), run.atoms.numpy().astype(np.float64), 4, nonnegative)
    for batch in np.split(x, 4):
        run.step(torch.from_numpy(batch), 0.9)
    run.end_epoch()
    constant = np.ones((len(x), 1)) if bias else np.zeros((len(x), 1))
    solved = np.linalg.lstsq(np.hstack([codes, constant]), x, rcond=None)[0]
    atoms = solved[:-1]
    assert np.abs(run.b.numpy() - solved[-1]).max() < 1e-4
    assert np.abs(run.atoms.numpy() - atoms / np.linalg.norm(atoms, axis=1, keepdims=True)).max() < 1e-4


@pytest.mark.parametrize("signed", [False, True])
def test_mod_finds_nearly_all_features(signed):
    planted = plant_k(rows=3000, features=48, units=32, k=3, signed=signed)
    dictionary, control = (
        learn(planted.rows, method, atoms=48, device="cpu", **params)
        for method, params in (("mod", {"k": 3, "nonnegative": not signed, "epochs": 40}), ("random", {}))
    )
    cosines = dictionary.atoms @ planted.directions.T
    found = (np.abs(cosines) if signed else cosines).max(axis=0)
    assert (found > 0.99).mean() >= 0.9
    assert up_to_sign(control.atoms, planted.directions) < 0.5


def test_mod_sets_unused_and_repeated_atoms_to_what_is_left_over():
    """Six features one at a time; three atoms are the same, one is opposite to all rows."""
    x = np.tile(np.eye(6, dtype=np.float32), (20, 1)) * np.linspace(1, 2, 120, dtype=np.float32)[:, None]
    run = begin("mod", x, 6, k=1, bias=False)
    run.atoms = torch.eye(6)[[0, 0, 0, 1, 2, 3]] * torch.tensor([1, 1, 1, 1, 1, -1])[:, None]
    run.step(torch.from_numpy(x), 0.1)
    run.end_epoch()
    assert (run.atoms.amax(dim=1) > 0.99).all()
    assert sorted(run.atoms.argmax(dim=1).tolist()) == list(range(6))
    run.step(torch.from_numpy(x), 0.8)
    run.end_epoch()
    assert sorted(run.atoms.argmax(dim=1).tolist()) == list(range(6))
    assert torch.allclose(run.atoms.amax(dim=1), torch.ones(6), atol=1e-5)


def relative_error(x: np.ndarray, codes: np.ndarray, atoms: np.ndarray) -> float:
    return np.square(x - codes @ atoms).sum() / np.square(x).sum()


def test_nmf_finds_parts_that_add_up():
    planted = plant_parts(rows=3000, parts=16, units=30, active=4)
    dictionary, reference = (
        learn(planted.rows, "nmf", atoms=16, epochs=60, device="cpu"),
        NMF(16, init="nndsvda", max_iter=400).fit(planted.rows),
    )
    codes = dictionary.encode(planted.rows)
    assert dictionary.atoms.min() >= 0
    assert codes.min() >= 0
    assert matched_cosine(dictionary.atoms, planted.directions) > 0.995
    assert matched_correlation(codes, planted.features) > 0.99
    assert matched_cosine(reference.components_, planted.directions) > 0.98
    # Positive vectors are always close: the null is higher than for atoms of either sign.
    drawn = np.abs(np.random.default_rng(0).normal(size=(16, 30)))
    assert matched_cosine(drawn, planted.directions) < 0.7


def test_nmf_comes_as_close_as_scikit_learn():
    """Rows with noise and more parts than can be told apart: there only the objective counts."""
    planted = plant_parts(rows=2000, parts=24, units=24, active=8)
    x = np.abs(planted.rows + 0.1 * np.random.default_rng(1).normal(size=planted.rows.shape)).astype(np.float32)
    dictionary = learn(x, "nmf", atoms=10, device="cpu")
    reference = NMF(10, init="nndsvda", max_iter=1000, tol=1e-5).fit(x)
    error = relative_error(x, reference.transform(x), reference.components_)
    assert relative_error(x, dictionary.encode(x), dictionary.atoms) < 1.01 * error


def test_nmf_refuses_rows_that_are_negative_or_would_become_so():
    x = plant_parts(rows=300, parts=8, units=10, active=3).rows
    for normalise in ("centre", "whiten"):
        with pytest.raises(ConfigError, match=f"normalise: found '{normalise}', expected one of none, scale for nmf"):
            learn(x, "nmf", atoms=8, normalise=normalise)
    with pytest.raises(ConfigError, match="bias: found True, expected false: parts of nmf"):
        learn(x, "nmf", atoms=8, bias=True)
    x[17, 3] = -0.25
    with pytest.raises(DictionaryError, match=r"unit 3 has the value -0\.25, expected none below 0 for nmf"):
        learn(x, "nmf", atoms=8, device="cpu")
    assert np.isfinite(learn(x, "semi_nmf", atoms=8, epochs=2, device="cpu").atoms).all()


def semi_nmf_by_turns(x: np.ndarray, atoms: int, rounds: int, seed: int) -> float:
    """Exact non-negative least squares for codes, exact least squares for atoms, in turn; the least relative error."""
    found = np.random.default_rng(seed).permutation(x)[:atoms].astype(np.float64)
    for _ in range(rounds):
        codes = np.stack([nnls(found.T, row)[0] for row in x])
        found = np.linalg.lstsq(codes, x, rcond=None)[0]
    return relative_error(x, codes, found)


def test_semi_nmf_comes_as_close_as_exact_least_squares_in_turn():
    planted = plant_k(rows=300, features=14, units=10, k=4)
    x = (planted.rows + 0.05 * np.random.default_rng(1).normal(size=planted.rows.shape)).astype(np.float32)
    expected = min(semi_nmf_by_turns(x, 6, 60, seed) for seed in (0, 1))
    found = []
    for seed in (0, 1):
        dictionary = learn(x, "semi_nmf", atoms=6, penalty=1e-3, seed=seed, batch_size=100, device="cpu")
        found.append(relative_error(x, dictionary.encode(x), dictionary.atoms))
    assert min(found) < 1.03 * expected


def test_semi_nmf_finds_the_narrowest_cone_of_directions_of_either_sign():
    planted = plant_k(rows=3000, features=12, units=24, k=4)
    narrow, wide, control = (
        learn(planted.rows, method, atoms=12, device="cpu", **params)
        for method, params in (("semi_nmf", {}), ("semi_nmf", {"penalty": 1e-4}), ("random", {}))
    )
    assert matched_cosine(narrow.atoms, planted.directions) > 0.99
    # Without a penalty wider cones explain as much.
    assert matched_cosine(wide.atoms, planted.directions) < 0.95
    assert wide.facts["explained_variance"] > 0.999
    assert matched_cosine(control.atoms, planted.directions) < 0.5


@pytest.fixture(scope="module")
def awkward():
    """No negative values; a unit without values and a constant one, rows of zeros, and few distinct rows."""
    x = np.repeat(plant_parts(rows=12, parts=8, units=16, active=3).rows, 30, axis=0)
    x[::3] = 0
    x[:, 4], x[:, 9] = 0, 2
    x[:10] = 0
    return x


@pytest.mark.parametrize(("method", "params"), ROWS)
def test_silence_and_repetition_do_no_harm(awkward, method, params):
    atoms = 16 if method in ("pca", "ica") else 40
    dictionary = learn(awkward, method, atoms=atoms, device="cpu", **params)
    assert np.isfinite(dictionary.atoms).all()
    assert np.isfinite(dictionary.encode(awkward)).all()
    norms = np.linalg.norm(dictionary.atoms, axis=1)
    assert (np.isclose(norms, 1, atol=1e-4) | (norms == 0)).all()


@pytest.fixture(scope="module")
def rows():
    return plant_parts(rows=400, parts=24, units=16, active=3).rows


@pytest.mark.parametrize(("method", "params"), [each for each in ROWS if each.id not in ("pca", "shuffled")])
def test_a_run_goes_on_as_if_uninterrupted(rows, method, params):
    params = {name: value for name, value in params.items() if name != "epochs"}
    assert goes_on_as_if_uninterrupted(method, rows, 12, **params)


@pytest.mark.parametrize(("method", "params"), ROWS)
@pytest.mark.parametrize("normalise", ["none", "scale", "whiten"])
def test_the_file_gives_the_same_codes_of_raw_rows(rows, tmp_path, method, params, normalise):
    if method == "nmf" and normalise == "whiten":
        return
    dictionary = learn(rows, method, atoms=12, normalise=normalise, device="cpu", **params)
    assert comes_back_from_its_file(dictionary, rows, tmp_path)
    assert np.linalg.norm(dictionary.atoms, axis=1) == pytest.approx(1, abs=1e-5)
    error = np.square(rows - dictionary.decode(dictionary.encode(rows))).sum() / np.square(rows - rows.mean(0)).sum()
    assert dictionary.facts["explained_variance"] == pytest.approx(1 - error, abs=1e-4)


@pytest.mark.parametrize(("method", "params"), ROWS)
def test_a_method_can_be_checked_before_a_layer_is_known(method, params):
    for atoms in (12, "0.5x"):
        check_method(method, atoms, params)
