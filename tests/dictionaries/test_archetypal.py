"""Archetypal autoencoders: atoms inside the hull of the data, and whether seeds agree."""

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from sklearn.cluster import KMeans

from thresh.dictionaries import learn
from thresh.dictionaries.methods.archetypal import centroids
from thresh.evaluation import matched_cosine

from .by_hand import (
    RESTLESS,
    begin,
    comes_back_from_its_file,
    drive,
    goes_on_as_if_uninterrupted,
    learned_in_a_stack_is_learned_alone,
)

ARCHETYPES, UNITS, ATOMS, K = 12, 16, 24, 4
METHODS = ("archetypal", "relaxed_archetypal")


def mixtures_of_archetypes(rows: int, noise: float, seed: int = 0):
    """Rows in the convex hull of some points, most of them mixtures of few; the points."""
    random = np.random.default_rng([seed, 6])
    points = random.normal(size=(ARCHETYPES, UNITS))
    shares = random.dirichlet(np.full(ARCHETYPES, 0.15), size=rows)
    return (shares @ points + noise * random.normal(size=(rows, UNITS))).astype(np.float32), points


@pytest.fixture(scope="module")
def x():
    return mixtures_of_archetypes(3000, 0.01)[0]


def distance_from_hull(point: np.ndarray, corners: np.ndarray) -> float:
    """By non-negative least squares with the sum of the weights held at 1."""
    heavy = 1e3
    weights, _ = nnls(np.r_[corners.T, np.full((1, len(corners)), heavy)], np.r_[point, heavy])
    assert weights.sum() == pytest.approx(1, abs=1e-3)
    return float(np.linalg.norm(weights @ corners - point))


def lloyd(x: np.ndarray, count: int, seed: int) -> np.ndarray:
    """scikit-learn's centroids from the rows that this seed draws first."""
    drawn = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:count].numpy()
    return KMeans(count, init=x[drawn], n_init=1, max_iter=20, tol=0, algorithm="lloyd").fit(x).cluster_centers_


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_candidates_are_those_of_k_means(x):
    found = centroids(torch.from_numpy(x), 30, torch.Generator().manual_seed(1))
    assert np.abs(found.numpy() - lloyd(x, 30, 1)).max() < 1e-4
    few = torch.tensor([[0.0, 0], [2, 0], [2, 0], [2, 0]])
    means = centroids(few, 9, torch.Generator().manual_seed(1))
    assert sorted(means.tolist()) == sorted(few.tolist())


@pytest.mark.parametrize("method", METHODS)
def test_atoms_are_points_of_the_hull_or_as_near_to_it_as_is_allowed(method):
    """Against the planted hull: rows lie in it, so do their means, and so do mixtures of these."""
    x, corners = mixtures_of_archetypes(600, 0.0)
    params = {"delta": 0.2} if method == "relaxed_archetypal" else {}
    run = begin(method, x, ATOMS, k=K, learning_rate=0.02, **params)
    middle = run.state(0)["parameters"]["b_dec"].numpy()
    size = np.sqrt(np.square(lloyd(x - middle, 2 * ATOMS, 0)).sum(axis=1).mean())
    dictionary = drive(run, x).dictionaries()[0]
    scale = float(run.state(0)["parameters"]["log_scale"].exp())
    points = middle + dictionary.atoms * dictionary.lengths.numpy()[:, None] / scale * size
    away = np.array([distance_from_hull(point, corners) for point in points])
    if method == "archetypal":
        assert away.max() < 1e-4
    else:
        assert away.max() <= 0.2 * size + 1e-4
        assert away.max() > 0.05 * size
    # They moved, and no row of W was lost on the way.
    weights = run.state(0)["parameters"]["mixtures"]
    assert torch.allclose(weights.sum(dim=1), torch.ones(ATOMS), atol=1e-5)
    assert ((weights > 0).sum(dim=1) > 1).all()
    assert bool((weights >= 0).all())


def test_archetypes_are_found_and_seeds_agree_more_than_those_of_topk(x):
    """With candidates, first atoms and all else drawn anew for each seed."""
    corners = mixtures_of_archetypes(1, 0.0)[1]
    random = learn(x, "random", atoms=ATOMS, device="cpu")
    assert matched_cosine(random.atoms, corners - random.bias) < 0.6
    agreement = {}
    for method in ("topk", *METHODS):
        first, second = (learn(x, method, atoms=ATOMS, k=K, seed=seed, epochs=40, device="cpu") for seed in (0, 1))
        agreement[method] = matched_cosine(first.atoms, second.atoms)
        assert matched_cosine(first.atoms, corners - first.bias) > 0.9
    assert min(agreement[method] for method in METHODS) > agreement["topk"] + 0.05


@pytest.mark.parametrize("method", METHODS)
def test_it_is_learned_and_kept_as_others_are(method, x, tmp_path):
    x = x[:700]
    params = {"k": 2, "candidates": 50}
    assert learned_in_a_stack_is_learned_alone(method, x, 80, **params, **RESTLESS)
    assert goes_on_as_if_uninterrupted(method, x, 80, **params, **RESTLESS)
    for normalise in ("none", "scale", "whiten"):
        dictionary = learn(x, method, atoms=40, epochs=1, normalise=normalise, device="cpu", **params)
        assert comes_back_from_its_file(dictionary, x, tmp_path / normalise)
