"""What holds for every solver of the registry: rows for themselves, stores, starts, and the edges."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array

from store.stores import write_store
from thresh.dictionaries.kinds.relu import ReLUDictionary
from thresh.errors import ConfigError, DictionaryError
from thresh.inference import SOLVERS, fista, infer, prepare
from thresh.inference import codes_of_store as module
from thresh.inference.codes_of_store import infer_store
from thresh.store import open_activations, open_codes

from .problems import directions, planted

LASSO = {"penalty": 0.2}
PARAMS = {
    "encoder": {},
    "fista": LASSO,
    "ista": LASSO,
    "coordinate_descent": LASSO,
    "ito": LASSO,
    "lista": LASSO | {"epochs": 2, "layers": 4},
    "omp": {"k": 3},
    "matching_pursuit": {"k": 3},
    "gradient_pursuit": {"k": 3},
    "sparse_bayesian": {},
}
# Further ways to use them, of which the same is asked.
FURTHER = [
    ("fista", LASSO | {"k": 2, "start": "encoder"}),
    ("coordinate_descent", LASSO | {"k": 2, "nonnegative": False}),
    ("lista", LASSO | {"epochs": 1, "training_rows": 20, "nonnegative": False}),
    ("matching_pursuit", {"k": 5, "residual": 0.5, "nonnegative": True}),
    ("gradient_pursuit", {"k": 5, "residual": 0.5, "nonnegative": True}),
]
EVERY = [(name, PARAMS.get(name)) for name in SOLVERS] + FURTHER
GREEDY = ("omp", "matching_pursuit", "gradient_pursuit")


@pytest.fixture
def dictionary():
    atoms = directions(40, 16)
    return ReLUDictionary(atoms, 0.7 * atoms.T, -0.3 * np.ones(40), bias=np.random.default_rng(1).normal(size=16))


@pytest.fixture
def x(dictionary):
    rows, _, _ = planted(rows=50, atoms=40, units=16, active=3)
    return rows + dictionary.bias + np.random.default_rng(2).normal(scale=0.02, size=rows.shape)


def codes_of(x, dictionary, solver, params, **further):
    return infer(x, dictionary, solver, device="cpu", **params, **further).toarray()


@pytest.mark.parametrize(("solver", "params"), EVERY)
def test_codes_do_not_depend_on_batches(dictionary, x, solver, params):
    whole = codes_of(x, dictionary, solver, params)
    assert whole.shape == (50, 40)
    assert whole.any()
    for batch_rows in (1, 7):
        assert np.abs(whole - codes_of(x, dictionary, solver, params, batch_rows=batch_rows)).max() < 1e-6


@pytest.mark.parametrize("solver", ["fista", "coordinate_descent", "lista"])
@pytest.mark.parametrize("atoms", [60, 300])
def test_noisy_rows_in_float32_have_the_same_codes_in_any_batch(solver, atoms):
    # A stop at a gap near rounding would else come a round earlier or later.
    x, _, d = planted(rows=70, atoms=atoms, units=32, active=5)
    x = (x + np.random.default_rng(0).normal(scale=0.15, size=x.shape)).astype(np.float32)
    dictionary = SimpleNamespace(atoms=d.astype(np.float32))
    prepared = prepare(x, dictionary, solver, "cpu", penalty=0.15, **({"epochs": 1} if solver == "lista" else {}))
    whole = infer(x, dictionary, prepared, device="cpu").toarray()
    for batch_rows in (1, 3, 33):
        parts = infer(x, dictionary, prepared, batch_rows=batch_rows, device="cpu").toarray()
        # Another machine's BLAS may have other kernels: what is asked of all is less than what is said of this one.
        assert np.abs(parts - whole).max() < 1e-6


@pytest.mark.parametrize(("solver", "params"), EVERY)
def test_codes_of_a_store_do_not_depend_on_blocks(dictionary, x, solver, params, tmp_path, monkeypatch):
    activations = open_activations(write_store(tmp_path / "store", x.astype(np.float32)))
    whole = codes_of(x.astype(np.float32), dictionary, solver, params)
    for block in (50, 11):
        monkeypatch.setattr(module, "BLOCK_ROWS", block)
        infer_store(activations, dictionary, tmp_path / str(block), solver=solver, params=params, device="cpu")
        assert np.abs(open_codes(tmp_path / str(block)).read().toarray() - whole).max() < 1e-5


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_rows_give_no_codes_and_a_row_that_is_not_finite_is_named(dictionary, x, solver):
    assert codes_of(x[:0], dictionary, solver, PARAMS[solver]).shape == (0, 40)
    x[33, 4] = np.nan
    with pytest.raises(DictionaryError, match="row 33, unit 4 is nan"):
        codes_of(x, dictionary, solver, PARAMS[solver], batch_rows=10)
    with pytest.raises(DictionaryError, match=r"shape \(50, 9\), expected \(rows, 16\)"):
        codes_of(x[:, :9], dictionary, solver, PARAMS[solver])


@pytest.mark.parametrize("solver", [name for name in SOLVERS if name != "encoder"])
def test_a_row_that_is_the_bias_has_no_codes_nor_has_an_atom_of_zeros(x, solver):
    atoms = directions(40, 16)
    atoms[[0, 7]] = 0
    bias = np.full(16, 0.25)
    x[3] = bias
    dictionary = SimpleNamespace(atoms=atoms, bias=bias, encode=lambda rows: (rows - 0.25) @ rows.new_tensor(atoms.T))
    codes = codes_of(x, dictionary, solver, PARAMS[solver])
    assert np.isfinite(codes).all()
    assert codes.any()
    assert not codes[3].any()
    assert not codes[:, [0, 7]].any()
    nothing = SimpleNamespace(atoms=np.zeros((4, 16)), encode=lambda rows: rows[:, :4])
    assert not codes_of(x, nothing, solver, PARAMS[solver]).any()


@pytest.mark.parametrize("solver", [name for name in SOLVERS if name != "encoder"])
def test_copies_of_atoms_explain_what_one_would(solver):
    x, _, atoms = planted(rows=60, atoms=20, units=16, active=2)

    def made(atoms):
        found = SimpleNamespace(atoms=atoms, encode=lambda rows: rows @ rows.new_tensor(atoms.T))
        return codes_of(x, found, solver, PARAMS[solver]) @ atoms

    once, twice = made(atoms), made(np.concatenate([atoms, atoms]))
    assert np.isfinite(twice).all()
    # Layers are few, and with copies their steps half as long; to share energy among more atoms is another prior.
    if solver not in ("lista", "sparse_bayesian"):
        assert np.abs(twice - once).max() < 2e-2


@pytest.mark.parametrize("solver", [name for name in SOLVERS if name not in ("encoder", *GREEDY)])
def test_no_atoms_give_codes_of_no_width(x, solver):
    empty = SimpleNamespace(atoms=np.zeros((0, 16)), encode=lambda rows: rows[:, :0])
    assert codes_of(x, empty, solver, PARAMS[solver]).shape == (50, 0)


ABLE = [name for name, solver in SOLVERS.items() if solver.takes_warm]


@pytest.mark.parametrize("solver", ABLE)
def test_codes_to_begin_from_are_sparse_or_dense_and_go_with_their_rows(dictionary, x, solver):
    best = fista(x - dictionary.bias, dictionary.atoms.astype(float), 0.2, tolerance=1e-13, max_steps=50_000)
    few = {"steps": 1} if solver == "ito" else {"max_steps": 1, "tolerance": 1e-7}
    for warm in (best, csr_array(best)):
        codes = codes_of(x, dictionary, solver, LASSO | few, warm=warm, batch_rows=7)
        assert np.abs(codes - best).max() < 1e-5


@pytest.mark.parametrize("solver", ["fista", "ista", "coordinate_descent"])
@pytest.mark.parametrize("nonnegative", [True, False])
def test_from_the_encoder_s_codes_the_optimum_is_the_same(dictionary, x, solver, nonnegative):
    params = LASSO | {"tolerance": 1e-9, "nonnegative": nonnegative}
    cold = codes_of(x, dictionary, solver, params)
    assert np.abs(codes_of(x, dictionary, solver, params | {"start": "encoder"}) - cold).max() < 1e-3
    # Negative codes are none to begin from where there may be none.
    assert np.abs(codes_of(x, dictionary, solver, params, warm=-np.ones((50, 40))) - cold).max() < 1e-3


def test_starts_that_cannot_be_used_are_named(dictionary, x):
    able = "fista, ista, coordinate_descent, ito"
    with pytest.raises(ConfigError, match=f"warm: found 'codes for omp', expected none, or .*: {able}"):
        infer(x, dictionary, "omp", k=3, warm=np.zeros((50, 40)))
    with pytest.raises(DictionaryError, match=r"warm codes have shape \(40, 50\), expected \(50, 40\)"):
        infer(x, dictionary, warm=np.zeros((40, 50)), penalty=0.2)
    with pytest.raises(DictionaryError, match="warm codes hold values that are not finite"):
        infer(x, dictionary, warm=np.full((50, 40), np.inf), penalty=0.2)
    with pytest.raises(ConfigError, match="start: found 'encoded', expected one of zeros, encoder"):
        infer(x, dictionary, penalty=0.2, start="encoded")
    with pytest.raises(DictionaryError, match="this dictionary has no encoder"):
        infer(x, SimpleNamespace(atoms=dictionary.atoms), penalty=0.2, start="encoder")
