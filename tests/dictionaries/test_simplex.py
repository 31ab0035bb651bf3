"""The projection onto the simplex: no point of it is nearer, and its gradient is that of finite differences."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import brentq

from thresh.dictionaries.simplex import on_simplex


def numbers(*shape):
    """Of several sizes, and such that many are equal."""
    kinds = (st.floats(-3, 3), st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0]), st.floats(-1e6, 1e6))
    return st.one_of(*(arrays(np.float64, st.tuples(*shape), elements=kind) for kind in kinds))


def nearest_on_simplex(point: np.ndarray) -> np.ndarray:
    """By trying all supports: on each, the nearest point with sum 1 is the point less a constant.

    In fractions: rounding of one large coordinate would hide what the others are away.
    """
    exact = [Fraction(value) for value in point.tolist()]
    best, least = None, None
    for size in range(1, len(exact) + 1):
        for support in combinations(range(len(exact)), size):
            shift = (sum(exact[place] for place in support) - 1) / size
            found = [value - shift if place in support else Fraction(0) for place, value in enumerate(exact)]
            away = sum((one - other) ** 2 for one, other in zip(found, exact, strict=True))
            if min(found) >= 0 and (least is None or away < least):
                best, least = found, away
    return np.array(best, dtype=float)


@settings(max_examples=150, deadline=None)
@given(values=numbers(st.integers(1, 6)))
@example(values=np.array([-7.41456e05, 9.84375e-01, 0.0, 0.0]))
def test_it_is_the_nearest_point_of_all_supports(values):
    point = on_simplex(torch.from_numpy(values)).numpy()
    rounding = 1e-10 * max(1, np.abs(values).max())
    assert point == pytest.approx(nearest_on_simplex(values), abs=rounding)
    assert point.sum() == pytest.approx(1, abs=1e-12)
    assert point.min() >= 0


@settings(max_examples=100, deadline=None)
@given(values=numbers(st.integers(1, 4), st.integers(1, 30)), seed=st.integers(0, 99))
def test_no_point_of_the_simplex_is_nearer(values, seed):
    """For the nearest point p of a convex set, (v - p) . (q - p) <= 0 with any of its points q."""
    points = on_simplex(torch.from_numpy(values)).numpy()
    others = np.random.default_rng(seed).dirichlet(np.full(values.shape[1], 0.3), (50, len(values)))
    others = np.concatenate(
        [others, np.broadcast_to(np.eye(values.shape[1])[:, None], (values.shape[1], *points.shape))]
    )
    assert ((values - points) * (others - points)).sum(axis=2).max() <= 1e-12 * max(1, np.abs(values).max())


@settings(max_examples=50, deadline=None)
@given(values=numbers(st.integers(1, 3), st.integers(1, 300)))
def test_of_many_entries_the_threshold_is_the_root_of_the_sum(values):
    for row, point in zip(values, on_simplex(torch.from_numpy(values)).numpy(), strict=True):
        row = row - row.max()
        threshold = brentq(lambda t, row=row: np.maximum(row - t, 0).sum() - 1, -1 - 1e-9, 0, xtol=1e-15)
        assert point == pytest.approx(np.maximum(row - threshold, 0), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(values=arrays(np.float64, (2, 3, 5), elements=st.floats(-1, 1), unique=True))
def test_the_gradient_is_that_of_finite_differences(values):
    point = on_simplex(torch.from_numpy(values)).numpy()
    threshold = (np.where(point > 0, values, 0).sum(axis=2, keepdims=True) - 1) / (point > 0).sum(axis=2, keepdims=True)
    if np.abs(values - threshold).min() > 1e-4:  # Elsewhere there is a kink.
        assert torch.autograd.gradcheck(on_simplex, torch.from_numpy(values).requires_grad_())


def test_rows_are_projected_each_by_itself():
    values = torch.randn(4, 7, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(on_simplex(values)[2, 3], on_simplex(values[2, 3]))


def test_of_values_too_large_for_their_digits_it_is_a_point_of_the_simplex():
    assert torch.allclose(on_simplex(torch.full((2, 4), 1e30)), torch.full((2, 4), 0.25))
    assert on_simplex(torch.tensor([[1e30, -1e30, 0.0]])).tolist() == [[1, 0, 0]]
