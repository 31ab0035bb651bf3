"""Mixtures of near prototypes: weights and prototypes at their optimum, and planted prototypes found."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from thresh.dictionaries import learn
from thresh.dictionaries.kinds.weighted import WeightedDictionary
from thresh.evaluation import matched_correlation

from .by_hand import begin


def mixtures(rows: int, prototypes: int, units: int, noise: float = 0.01, seed: int = 0):
    """Each row mixes a prototype and two of the three nearest to it; rows, weights, prototypes."""
    random = np.random.default_rng([seed, 2])
    points = random.normal(size=(prototypes, units)) + 3
    near = np.square(points[:, None] - points).sum(axis=2).argsort(axis=1)[:, 1:4]
    first = random.integers(prototypes, size=rows)
    others = np.take_along_axis(near[first], random.random((rows, 3)).argsort(axis=1)[:, :2], axis=1)
    weights = np.zeros((rows, prototypes))
    np.put_along_axis(weights, np.column_stack([first, others]), random.dirichlet([0.7] * 3, rows), axis=1)
    x = weights @ points + noise * random.normal(size=(rows, units))
    return x.astype(np.float32), weights, points


def prototypes_of(dictionary) -> np.ndarray:
    return dictionary.bias + dictionary.atoms * dictionary.lengths.numpy()[:, None]


def distances(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Of each planted prototype from its partner, as shares of its distance from the nearest other one."""
    away = np.square(found[:, None] - truth).sum(axis=2)
    own, partner = linear_sum_assignment(away)
    between = np.square(truth[:, None] - truth).sum(axis=2) + np.diag(np.full(len(truth), np.inf))
    return np.sqrt(away[own, partner] / between.min(axis=1)[partner])


@pytest.mark.parametrize("simplex", [True, False])
@pytest.mark.parametrize("penalty", [0.01, 0.3])
def test_weights_are_optimal(simplex, penalty):
    """Karush-Kuhn-Tucker: the slope is least, and the same, on the prototypes in use (0 without the simplex)."""
    x, _, points = mixtures(rows=200, prototypes=30, units=10)
    x = x.astype(np.float64)
    dictionary = WeightedDictionary.of_prototypes(torch.from_numpy(points), penalty, simplex=simplex)
    points = prototypes_of(dictionary).astype(np.float64)
    weights = dictionary.encode(x) / dictionary.lengths.numpy()
    assert weights.min() >= 0
    slope = penalty * np.square(x[:, None] - points).sum(axis=2) - (x - weights @ points) @ points.T
    used = weights > 0
    assert 1 <= used.sum(axis=1).mean() < 12
    if simplex:
        assert weights.sum(axis=1) == pytest.approx(1, abs=1e-6)
    level = np.where(used, slope, 0).sum(axis=1) / used.sum(axis=1).clip(min=1) if simplex else np.zeros(len(x))
    tolerance = 5e-5 * np.square(x).sum(axis=1).mean()
    assert np.abs(slope - level[:, None])[used].max() < tolerance
    assert (slope - level[:, None]).min() > -tolerance


def test_each_prototype_moves_to_where_the_cost_has_no_slope():
    """One prototype after the other: the last one moved is at the optimum given all others."""
    x, _, _ = mixtures(rows=300, prototypes=6, units=5)
    run = begin("wlsc", x, 6, penalty=0.2)
    weights = torch.rand(300, 6, generator=torch.Generator().manual_seed(0)).square()
    rows = torch.from_numpy(x)
    run.remember(weights, rows, 1.0)
    order = torch.randperm(6, generator=torch.Generator().set_state(run.generator.get_state()))
    before = cost(weights, rows, run.prototypes, 0.2)
    run.update_prototypes()
    moved = run.prototypes.double().requires_grad_()
    after = cost(weights.double(), rows.double(), moved, 0.2)
    after.backward()
    assert after < before
    assert moved.grad[order[-1]].abs().max() < 1e-4


def cost(weights: torch.Tensor, x: torch.Tensor, prototypes: torch.Tensor, penalty: float) -> torch.Tensor:
    spread = (weights * (x.unsqueeze(1) - prototypes).square().sum(dim=2)).sum(dim=1)
    return (0.5 * (x - weights @ prototypes).square().sum(dim=1) + penalty * spread).mean()


@pytest.mark.parametrize("seed", [0, 1])
def test_it_finds_the_prototypes_of_mixtures(seed):
    x, weights, points = mixtures(rows=2500, prototypes=20, units=16, seed=seed)
    dictionary, clusters = (
        learn(x, method, atoms=20, seed=seed, device="cpu", **params)
        for method, params in (("wlsc", {"penalty": 0.01, "epochs": 60}), ("kmeans", {}))
    )
    assert distances(prototypes_of(dictionary), points).max() < 0.2
    assert distances(prototypes_of(clusters), points).mean() > 0.25
    assert matched_correlation(dictionary.encode(x), weights) > 0.98
    assert matched_correlation(clusters.encode(x), weights) < 0.9


def test_a_larger_penalty_makes_mixtures_more_local():
    x, _, _ = mixtures(rows=1000, prototypes=20, units=16)
    loose, default, tight = (
        learn(x, "wlsc", atoms=20, epochs=20, penalty=penalty, device="cpu") for penalty in (0.003, 0.03, 1.0)
    )
    assert loose.facts["l0"] > default.facts["l0"] > tight.facts["l0"] > 1
    assert loose.facts["explained_variance"] > tight.facts["explained_variance"]


def test_where_the_origin_lies_does_not_matter():
    x, _, _ = mixtures(rows=500, prototypes=8, units=6)
    one, other = (
        learn(x, "wlsc", atoms=8, epochs=10, normalise=normalise, device="cpu") for normalise in (None, "none")
    )
    assert np.abs(prototypes_of(one) - prototypes_of(other)).max() < 1e-2
    assert np.allclose(one.bias, x.mean(axis=0), atol=1e-5)
    assert not other.bias.any()
    assert np.abs(one.decode(one.encode(x)) - other.decode(other.encode(x))).max() < 1e-2


def test_prototypes_without_weight_become_rows_that_differ():
    """Two far groups of rows and two prototypes to spare: one goes to each."""
    random = np.random.default_rng(0)
    x = np.concatenate(
        [random.normal(size=(100, 4)), random.normal(size=(30, 4)) + 20, random.normal(size=(30, 4)) - 20]
    )
    run = begin("wlsc", x.astype(np.float32), 5)
    run.c = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0])
    rows = torch.from_numpy(x.astype(np.float32))
    run.replace_prototypes(rows, rows.square().sum(dim=1), 0.1)
    assert sorted(run.prototypes[[1, 3]].mean(dim=1).sign().tolist()) == [-1, 1]
    assert (run.prototypes[[1, 3]].abs() > 10).all()
