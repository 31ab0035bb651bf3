"""Responses whose alignment is known: rotations, planted features, mixings into superposition."""

import numpy as np
from hypothesis import strategies as st


def normal(rows, units, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, units))


def orthogonal(units, seed):
    return np.linalg.qr(normal(units, units, seed))[0]


def sparse_features(rows, features, active, seed=0):
    """Normal with probability `active`, otherwise 0."""
    generator = np.random.default_rng(seed)
    return generator.standard_normal((rows, features)) * (generator.random((rows, features)) < active)


def mixing_of(features, units, seed, kind="gaussian"):
    """A' (features, units), random with E (A'A)_ii = 1."""
    mixing = normal(features, units, seed) / np.sqrt(units)
    if kind == "unit_norm":
        mixing /= np.linalg.norm(mixing, axis=1, keepdims=True)
    if kind == "orthonormal":
        mixing = np.linalg.qr(mixing)[0]
    return mixing


def mixed(features, units, seed, kind="gaussian"):
    """features (rows, p) in `units` units."""
    return features @ mixing_of(features.shape[1], units, seed, kind)


def covariances(a, b, variances, shared):
    """Of the two sides and across, from mixings (features, units); the first `shared` features are those in common."""
    variances_a, variances_b = np.broadcast_to(variances, len(a)), np.broadcast_to(variances, len(b))
    across = (a[:shared].T * variances_a[:shared]) @ b[:shared]
    return (a.T * variances_a) @ a, (b.T * variances_b) @ b, across


def population_cka(a, b, variances=1.0, shared=None):
    """CKA of infinitely many stimuli, exact."""
    own_a, own_b, across = covariances(a, b, variances, len(a) if shared is None else shared)
    return np.square(across).sum() / np.linalg.norm(own_a) / np.linalg.norm(own_b)


def population_r2(a, b, variances=1.0, shared=None):
    """Share of b's variance that the best linear read-out of a explains, exact."""
    own_a, own_b, across = covariances(a, b, variances, len(a) if shared is None else shared)
    return np.trace(across.T @ np.linalg.pinv(own_a) @ across) / np.trace(own_b)


def two_thirds_shared(rows, active=0.1, seed=0):
    """Two sets of 48 features, the first 32 of each the same."""
    everything = sparse_features(rows, 64, active, seed)
    return everything[:, :48], np.c_[everything[:, :32], everything[:, 48:]]


def related(rows=80, units_x=12, units_y=9, noise=0.5, seed=0):
    """y is a noisy linear function of x, both with an offset."""
    x = normal(rows, units_x, seed) * np.linspace(0.5, 2, units_x)
    y = x @ normal(units_x, units_y, seed + 1) + noise * normal(rows, units_y, seed + 2)
    return x + 3, y - 1


seeds = st.integers(0, 10_000)
scales = st.floats(1e-3, 1e3)
