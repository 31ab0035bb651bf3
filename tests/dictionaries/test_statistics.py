"""What codes say about atoms, and sums over all rows: closed forms."""

from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from thresh.dictionaries.first_atoms import spread_rows
from thresh.dictionaries.scatter import Scatter
from thresh.dictionaries.statistics import Mending, Statistics, usual_coherence
from thresh.dictionaries.worst import WorstRows


def surrogate(state: Statistics, atoms: torch.Tensor) -> torch.Tensor:
    """Mairal et al. 2009, eq. 10: tr(D'AD)/2 - tr(D'B)."""
    return 0.5 * torch.einsum("ij,ik,jk->", state.A, atoms, atoms) - (state.B * atoms).sum()


def filled(
    generator: torch.Generator, atoms: int = 10, nonnegative: bool = False, bias: torch.Tensor | None = None
) -> Statistics:
    first = torch.randn(atoms, 6, generator=generator)
    state = Statistics(normalize(first.abs() if nonnegative else first), generator, bias=bias, nonnegative=nonnegative)
    codes = torch.rand(50, atoms, generator=generator)
    codes = codes * (torch.rand(50, atoms, generator=generator) < 0.3)
    state.remember(codes, torch.randn(50, 6, generator=generator), 1.0)
    return state


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), nonnegative=st.booleans())
def test_one_round_of_block_coordinate_descent_lowers_the_surrogate(seed, nonnegative):
    state = filled(torch.Generator().manual_seed(seed), nonnegative=nonnegative)
    before = state.atoms.clone()
    state.update()
    assert surrogate(state, state.atoms) <= surrogate(state, before) + 1e-6
    assert torch.allclose(state.atoms.norm(dim=1), torch.ones(10), atol=1e-5)
    assert not nonnegative or state.atoms.min() >= 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), bias=st.booleans(), size=st.sampled_from([1, 3, 64]))
def test_atoms_of_a_block_come_out_as_one_after_the_other(seed, bias, size):
    state = filled(torch.Generator().manual_seed(seed), bias=torch.arange(6.0) if bias else None)
    atoms, before = state.atoms.clone(), state.bias.clone()
    order = torch.randperm(10, generator=torch.Generator().manual_seed(1)).tolist()
    for j in [j for j in order if state.A[j, j] > 0]:
        step = (state.B[j] - state.z[j] * before - state.A[j] @ atoms) / state.A[j, j]
        atoms[j] = normalize(atoms[j] + step, dim=0)
    state.generator.manual_seed(1)
    with mock.patch("thresh.dictionaries.statistics.BLOCK", size):
        state.update()
    assert torch.allclose(state.atoms, atoms, atol=1e-4)
    # What codes leave of the mean, for no bias explains more.
    assert torch.allclose(state.bias, state.x - state.z @ state.atoms if bias else torch.zeros(6), atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), nonnegative=st.booleans())
def test_a_single_atom_becomes_the_best_of_all_unit_vectors(seed, nonnegative):
    generator = torch.Generator().manual_seed(seed)
    state = filled(generator, atoms=1, nonnegative=nonnegative)
    if not state.A.any():
        return
    state.update()
    others = normalize(torch.randn(5000, 6, generator=generator))
    others = others.abs() if nonnegative else others
    assert (state.B @ state.atoms.T).item() >= (state.B @ others.T).max() - 1e-6


def test_statistics_are_means_over_rows_and_forget():
    generator = torch.Generator().manual_seed(0)
    state = filled(generator)
    x, codes = torch.randn(30, 6, generator=generator), torch.rand(30, 10, generator=generator)
    A, B = state.A.clone(), state.B.clone()
    state.remember(codes, x, 4.0)
    assert torch.allclose(state.A, 0.75 * A + 0.25 * codes.T @ codes / 30, atol=1e-6)
    assert torch.allclose(state.B, 0.75 * B + 0.25 * codes.T @ x / 30, atol=1e-6)


def test_weak_and_repeated_atoms_become_the_worst_residuals():
    state = Statistics(torch.eye(6)[[0, 1, 1, 3]].clone(), torch.Generator().manual_seed(0))
    state.A = torch.diag(torch.tensor([1.0, 2.0, 1.0, 1e-9]))
    residual = torch.zeros(5, 6)
    residual[2, 4], residual[3, 5], residual[0, 0] = 9.0, -7.0, 0.1
    state.replace_atoms(residual, Mending(1.0, 1e-3, 0.9))
    assert torch.equal(state.atoms, torch.stack([torch.eye(6)[0], torch.eye(6)[1], torch.eye(6)[4], -torch.eye(6)[5]]))
    assert state.A.diagonal().tolist() == [1.0, 2.0, 0.0, 0.0]


def test_nothing_left_over_replaces_nothing():
    state = Statistics(torch.eye(6)[[0, 1, 1]].clone(), torch.Generator().manual_seed(0))
    state.A = torch.diag(torch.tensor([1.0, 2.0, 1.0]))
    state.replace_atoms(torch.zeros(5, 6), Mending(1.0, 1e-3, 0.9))
    assert torch.equal(state.atoms, torch.eye(6)[[0, 1, 1]])


def test_opposite_atoms_are_the_same_where_codes_have_a_sign():
    atoms, energy = torch.eye(3)[[0, 0, 1]] * torch.tensor([[1.0], [-1.0], [1.0]]), torch.tensor([2.0, 1.0, 3.0])
    assert Mending(1.0, 1e-3, 0.9, signed=True).chosen(atoms, energy).tolist() == [1]
    assert Mending(1.0, 1e-3, 0.9).chosen(atoms, energy).tolist() == []


def test_the_usual_coherence_is_a_quantile_of_nearest_cosines():
    angles = torch.tensor([0.0, 0.1, 1.0, 1.3])
    atoms = torch.stack([angles.cos(), angles.sin()], dim=1)
    nearest = torch.tensor([0.1, 0.1, 0.3, 0.3]).cos()
    assert usual_coherence(atoms) == pytest.approx(float(nearest.quantile(0.9)), abs=1e-6)


def test_scatter_is_the_covariance_and_its_eigenvectors():
    x = (np.random.default_rng(0).normal(size=(500, 5)) * [5, 4, 3, 2, 1] + 1000).astype(np.float32)
    scatter = Scatter(torch.from_numpy(x.astype(np.float64).mean(axis=0)))
    for batch in np.split(x, 5):
        scatter.add(torch.from_numpy(batch))
    covariance = np.cov(x.T.astype(np.float64), bias=True)
    assert np.abs(scatter.total.numpy() / 500 - covariance).max() < 1e-8
    variance, vectors = scatter.principal(3)
    assert variance.numpy() == pytest.approx(np.linalg.eigvalsh(covariance)[::-1][:3], rel=1e-10)
    assert np.abs(vectors.numpy() @ covariance - variance.numpy()[:, None] * vectors.numpy()).max() < 1e-8
    assert (vectors.numpy()[range(3), np.abs(vectors.numpy()).argmax(axis=1)] > 0).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 30))
def test_the_worst_rows_are_those_of_a_sort(seed, count):
    generator = torch.Generator().manual_seed(seed)
    rows, errors = torch.randn(60, 3, generator=generator), torch.rand(60, generator=generator)
    worst = WorstRows(count, 3)
    for part in range(0, 60, 20):
        worst.add(rows[part : part + 20], errors[part : part + 20])
    assert torch.equal(worst.rows, rows[errors.argsort(descending=True)[:count]])
    apart = worst.apart(0.5, count)
    assert (apart @ apart.T - torch.eye(len(apart))).max() <= 0.5 + 1e-6
    kept = apart @ normalize(worst.rows).T
    assert len(apart) == count or (kept.amax(dim=0) > 0.5 - 1e-6).all()


def test_first_rows_are_spread_over_clusters():
    """Each of 12 tight clusters far apart gives one row, whatever their sizes."""
    random = np.random.default_rng(0)
    label = random.choice(12, size=2000, p=np.arange(1, 13) / 78)
    x = 100 * random.normal(size=(12, 8))[label] + random.normal(size=(2000, 8))
    for seed in range(5):
        chosen = spread_rows(torch.from_numpy(x).float(), 12, torch.Generator().manual_seed(seed))
        found = label[np.square(x[:, None] - chosen.numpy()).sum(axis=2).argmin(axis=0)]
        assert sorted(found) == list(range(12))
