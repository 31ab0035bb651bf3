"""Codes that are kept from epoch to epoch: against a mapping of dense rows, and what FISTA gains from them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.dictionaries import ArrayRows, learn, remembered
from thresh.dictionaries.learner import Start
from thresh.dictionaries.moments import moments
from thresh.dictionaries.registry import learner_of
from thresh.dictionaries.remembered import RememberedCodes
from thresh.errors import ConfigError
from thresh.inference import lasso
from thresh.inference.lasso import Lasso

from .planted import plant

CPU = torch.device("cpu")


def largest(codes: np.ndarray, entries: int) -> np.ndarray:
    kept = np.argsort(-np.abs(codes), kind="stable")[:entries]
    return np.where(np.isin(np.arange(len(codes)), kept), codes, 0)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), entries=st.integers(1, 12))
def test_memory_gives_back_the_largest_codes_of_each_row(seed, entries):
    rows, atoms = 20, 9
    random, memory, known = np.random.default_rng(seed), RememberedCodes(20, 9, CPU, entries), {}
    for _ in range(8):
        batch = random.permutation(rows)[: random.integers(1, rows)]
        codes = random.normal(size=(len(batch), atoms)).astype(np.float32) * (random.random((len(batch), atoms)) < 0.5)
        memory.keep(torch.from_numpy(batch), torch.from_numpy(codes))
        known |= {row: largest(code, entries) for row, code in zip(batch, codes, strict=True)}
        gone = random.integers(0, atoms, 2)
        memory.forget(torch.from_numpy(gone))
        known = {row: np.where(np.isin(np.arange(atoms), gone), 0, code) for row, code in known.items()}
    again = RememberedCodes(rows, atoms, CPU, entries)
    again.restore(memory.state())
    expected = np.stack([known.get(row, np.zeros(atoms)) for row in range(rows)])
    for each in (memory, again):
        np.testing.assert_array_equal(each.recall(torch.arange(rows)).numpy(), expected)
    assert sum(tensor.nbytes for tensor in memory.state().values()) == 8 * rows * min(entries, atoms)


@pytest.mark.parametrize("nonnegative", [True, False])
def test_fista_comes_lower_in_as_many_steps_from_codes_under_atoms_of_before(nonnegative):
    planted = plant(rows=300, features=100, units=30, active=4)
    x, atoms = torch.from_numpy(planted.rows), torch.from_numpy(planted.directions).float()
    before = torch.nn.functional.normalize(atoms + 0.02 * torch.randn(atoms.shape, generator=torch.manual_seed(0)))
    memory, rows = RememberedCodes(300, 100, CPU), torch.arange(300)
    zero = torch.zeros(300, 100)
    memory.keep(rows, Lasso(x, before, 0.06, nonnegative).advance(lasso.start(zero), 500).codes)

    def objective(start: torch.Tensor) -> torch.Tensor:
        codes = Lasso(x, atoms, 0.05, nonnegative).advance(lasso.start(start), 10).codes
        return 0.5 * (x - codes @ atoms).square().sum(dim=1) + 0.05 * codes.abs().sum(dim=1)

    warm, cold = objective(memory.recall(rows)), objective(zero)
    assert (warm < cold).float().mean() > 0.95
    assert warm.mean() < cold.mean()


def test_a_small_penalty_needs_fewer_steps_from_remembered_codes():
    planted = plant(rows=4_000, features=60, units=24, active=3)
    options = {"atoms": 60, "penalty": 0.02, "steps": 20, "epochs": 10, "device": "cpu"}
    errors = [
        1 - learn(planted.rows, "online", **options, warm_start=warm).facts["explained_variance"]
        for warm in (True, False)
    ]
    assert errors[0] < errors[1]


def memory_of(x: np.ndarray, numbered: bool = True, **params):
    learner = learner_of(x.shape[1], "online", 8, device="cpu", **params)
    start = Start(torch.from_numpy(x), moments(ArrayRows(x)), len(x), numbered)
    return learner.begin([learner], start).memory


def test_codes_are_remembered_where_they_can_be_and_are_of_use(monkeypatch):
    x = plant(rows=100, features=8, units=6, active=2).rows
    assert memory_of(x) is not None
    assert memory_of(x, numbered=False) is None
    assert memory_of(x, epochs=1) is None
    assert memory_of(x, codes="omp", k=2) is None
    assert memory_of(x, warm_start=False) is None
    monkeypatch.setattr(remembered, "LARGEST", 100 * 8 * 8 - 1)
    assert memory_of(x) is None
    assert memory_of(x, warm_start=True) is not None
    with pytest.raises(ConfigError, match=r"^warm_start: found True"):
        memory_of(x, codes="omp", k=2, warm_start=True)


def test_rows_without_numbers_are_learned_from_as_without_memory():
    x = plant(rows=400, features=12, units=8, active=2).rows

    class Nameless:
        shape, batches = x.shape, ArrayRows(x).batches

    options = {"atoms": 12, "epochs": 2, "batch_size": 100, "device": "cpu"}
    expected = learn(x, "online", warm_start=False, **options)
    assert np.array_equal(learn(Nameless(), "online", **options).atoms, expected.atoms)
    assert not np.array_equal(learn(x, "online", warm_start=True, **options).atoms, expected.atoms)
