"""Baselines against scikit-learn, and against what was planted for each."""

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA, FastICA

from thresh.dictionaries import learn
from thresh.dictionaries.methods.shuffled import shuffled_rows
from thresh.errors import ConfigError
from thresh.evaluation import matched_correlation, matched_cosine

from .by_hand import begin
from .planted import plant


@pytest.fixture(scope="module")
def correlated():
    """Gaussian rows of rank 12 in 20 units, far from the origin, and a little noise."""
    random = np.random.default_rng(0)
    x = random.normal(size=(2000, 12)) @ random.normal(size=(12, 20)) + 0.1 * random.normal(size=(2000, 20))
    return (x + 3 * random.normal(size=20)).astype(np.float32)


@pytest.mark.parametrize("normalise", ["none", "scale"])
def test_pca_is_that_of_scikit_learn(correlated, normalise):
    dictionary, reference = (
        learn(correlated, "pca", atoms=7, normalise=normalise, device="cpu"),
        PCA(7).fit(correlated.astype(np.float64)),
    )
    sign = np.sign((dictionary.atoms * reference.components_).sum(axis=1))
    assert np.abs(dictionary.atoms - sign[:, None] * reference.components_).max() < 1e-5
    assert np.abs(dictionary.encode(correlated) - sign * reference.transform(correlated)).max() < 1e-4
    assert dictionary.facts["explained_variance"] == pytest.approx(reference.explained_variance_ratio_.sum(), abs=1e-5)


@pytest.mark.parametrize("method", ["pca", "ica"])
def test_there_are_no_more_components_than_units(correlated, method):
    with pytest.raises(ConfigError, match="atoms: found 21, expected at most the number of units"):
        learn(correlated, method, atoms=21)
    everything = learn(correlated, method, atoms=20, device="cpu")
    assert np.abs(everything.decode(everything.encode(correlated)) - correlated).max() < 1e-3


@pytest.fixture(scope="module")
def sources():
    """Independent sources, sparse, skewed and flat, mixed into 16 units."""
    random = np.random.default_rng(0)
    kinds = (random.laplace(size=(6000, 4)), random.exponential(size=(6000, 3)), random.uniform(-1, 1, (6000, 3)))
    truth = np.concatenate(kinds, axis=1)
    mixing = random.normal(size=(10, 16))
    return (truth @ mixing + random.normal(size=16)).astype(np.float32), truth, mixing


def test_ica_finds_independent_sources(sources):
    x, truth, mixing = sources
    dictionary = learn(x, "ica", atoms=10, epochs=15, device="cpu")
    codes = dictionary.encode(x)
    assert np.abs(np.corrcoef(codes.T, truth.T)[:10, 10:]).max(axis=0).min() > 0.995
    directions = mixing / np.linalg.norm(mixing, axis=1, keepdims=True)
    assert np.abs(dictionary.atoms @ directions.T).max(axis=0).min() > 0.995
    # Skewed sources come with their own sign.
    assert matched_correlation(codes, truth[:, 4:7]) > 0.995
    assert (np.power(codes, 3).mean(axis=0) > 0).all()
    # Components of the same variance as principal ones, which mix sources.
    principal = learn(x, "pca", atoms=10, device="cpu").encode(x)
    assert np.abs(np.corrcoef(principal.T, truth.T)[:10, 10:]).max(axis=0).mean() < 0.9


def test_ica_is_that_of_scikit_learn(sources):
    x = sources[0]
    codes = learn(x, "ica", atoms=8, epochs=40, device="cpu").encode(x)
    reference = FastICA(8, whiten="unit-variance", random_state=1, tol=1e-6, max_iter=300).fit(x.astype(np.float64))
    agreement = np.abs(np.corrcoef(codes.T, reference.transform(x).T)[:8, 8:])
    assert agreement.max(axis=0).min() > 0.9999


def test_directions_without_variance_do_ica_no_harm(sources):
    x, truth, _ = sources
    x = np.concatenate([x, np.full((len(x), 3), 2.0, np.float32)], axis=1)
    dictionary = learn(x, "ica", atoms=13, epochs=15, device="cpu")
    codes = dictionary.encode(x)
    assert np.isfinite(dictionary.atoms).all()
    assert np.abs(np.corrcoef(codes.T[codes.std(axis=0) > 0.1], truth.T)[:-10, -10:]).max(axis=0).min() > 0.995
    with pytest.raises(ConfigError, match="epochs: found 1, expected 2 or more"):
        learn(x, "ica", atoms=3, epochs=1)


def blobs(rows: int, count: int, units: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng([seed, 5])
    centres = 8 * random.normal(size=(count, units)) + 5
    return centres, (centres[random.integers(count, size=rows)] + random.normal(size=(rows, units))).astype(np.float32)


def inertia(dictionary, x: np.ndarray) -> float:
    return float(np.square(x - dictionary.decode(dictionary.encode(x)), dtype=np.float64).sum())


@pytest.mark.parametrize("normalise", [None, "none", "scale"])
def test_kmeans_decodes_to_the_nearest_centroid(normalise):
    centres, x = blobs(rows=2000, count=10, units=12)
    dictionary = learn(x, "kmeans", atoms=10, normalise=normalise, epochs=8, device="cpu")
    centroids = dictionary.bias + dictionary.atoms * dictionary.lengths.numpy()[:, None]
    assert np.square(centroids[:, None] - centres).sum(axis=2).min(axis=0).max() < 0.5
    codes = dictionary.encode(x)
    nearest = np.square(x[:, None] - centroids).sum(axis=2).argmin(axis=1)
    assert np.array_equal(codes.argmax(axis=1), nearest)
    assert ((codes != 0).sum(axis=1) == 1).all()
    assert np.abs(dictionary.decode(codes) - centroids[nearest]).max() < 1e-4
    # Atoms point from the mean, unless rows are left where they are.
    assert np.allclose(dictionary.bias, x.mean(axis=0) if normalise is None else 0, atol=1e-4)


def test_kmeans_is_as_good_as_that_of_scikit_learn():
    """Where there are no clusters to find, all starts come to about the same."""
    x = plant(rows=3000, features=30, units=12, active=3).rows
    reference = KMeans(25, n_init=5, random_state=0).fit(x).inertia_
    for seed in (0, 1):
        assert inertia(learn(x, "kmeans", atoms=25, seed=seed, device="cpu"), x) < 1.02 * reference


def test_an_epoch_is_a_step_of_lloyd_and_a_cluster_without_rows_begins_anew():
    x = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    run = begin("kmeans", x, 5)
    run.centroids[2] = 1e4
    before = run.centroids.numpy().copy()
    for batch in np.split(x, 4):
        run.step(torch.from_numpy(batch), 0.0)
    run.end_epoch()
    distance = np.square(x[:, None] - before).sum(axis=2)
    label = distance.argmin(axis=1)
    expected = [x[label == cluster].mean(axis=0) for cluster in (0, 1, 3, 4)]
    assert np.abs(run.centroids.numpy()[[0, 1, 3, 4]] - expected).max() < 1e-5
    assert np.array_equal(run.centroids.numpy()[2], x[distance.min(axis=1).argmax()])


def test_shuffled_rows_keep_each_unit_and_lose_what_units_do_together():
    """Rows as features make them: units share features, so they are correlated."""
    planted = plant(rows=4000, features=6, units=16, active=2)
    x = np.abs(planted.rows)
    rows = shuffled_rows(torch.from_numpy(x), 3000, torch.Generator().manual_seed(0)).numpy()
    for unit in range(16):
        assert np.isin(rows[:, unit], x[:, unit]).all()
        assert ks_2samp(rows[:, unit], x[:, unit]).statistic < 0.05
    between = ~np.eye(16, dtype=bool)
    assert np.abs(np.corrcoef(x.T)[between]).mean() > 0.25
    assert np.abs(np.corrcoef(rows.T)[between]).mean() < 0.03


def test_a_shuffled_dictionary_is_a_control():
    planted = plant(rows=6000, features=48, units=24, active=3)
    learned, shuffled, drawn = (
        learn(planted.rows, method, atoms=48, device="cpu", **params)
        for method, params in (("online", {"epochs": 20}), ("shuffled", {}), ("random", {}))
    )
    assert np.linalg.norm(shuffled.atoms, axis=1) == pytest.approx(1, abs=1e-5)
    assert matched_cosine(learned.atoms, planted.directions) > 0.98
    assert matched_cosine(shuffled.atoms, planted.directions) < 0.6
    assert shuffled.penalty == pytest.approx(drawn.penalty)
    # Loud units stay loud: it explains units of uneven variance better than atoms without regard for them.
    uneven = planted.rows * np.linspace(0, 3, 24, dtype=np.float32)
    shuffled, drawn = (learn(uneven, method, atoms=48, device="cpu") for method in ("shuffled", "random"))
    assert shuffled.facts["explained_variance"] > drawn.facts["explained_variance"]


def test_zeros_alone_give_a_direction_all_the_same():
    x = np.zeros((50, 4), np.float32)
    x[0, 0] = 1
    dictionary = learn(x, "shuffled", atoms=20, device="cpu")
    assert np.linalg.norm(dictionary.atoms, axis=1) == pytest.approx(1, abs=1e-5)
