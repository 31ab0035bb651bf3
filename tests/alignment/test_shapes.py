"""Procrustes, CCA and nearest neighbours against rsatoolbox, scikit-learn and closed forms."""

import numpy as np
import pytest
import rsatoolbox
from hypothesis import given, settings
from scipy.linalg import orthogonal_procrustes
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from thresh.alignment import METRICS, cca, mutual_knn, procrustes, shape_distance
from thresh.alignment.folds import split
from thresh.errors import AlignmentError, ConfigError

from .simulate import normal, orthogonal, related, scales, seeds


@pytest.mark.parametrize("units", [(12, 9), (90, 9), (90, 70)])
def test_procrustes_on_all_rows_is_rsatoolbox_bures(units):
    x, y = related(40, *units)
    first, second = (rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(side), method="euclidean") for side in (x, y))
    expected = rsatoolbox.rdm.compare(first, second, method="bures").item()
    assert procrustes(x, y, folds=None) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("units", [8, 90])
def test_held_out_procrustes_applies_scipys_rotation_to_new_rows(units):
    x, y = related(60, units, units)
    scores = []
    for train, test in split(60, 5, 0):
        x0, y0 = (side[train] - side[train].mean(0) for side in (x, y))
        x1, y1 = (side[test] - side[train].mean(0) for side in (x, y))
        if units > len(train):  # beyond the training rows' span scipy's rotation is arbitrary: compare within it
            within = [np.linalg.svd(side, full_matrices=False)[2][:-1] for side in (x0, y0)]
            rotation = within[0].T @ orthogonal_procrustes(x0 @ within[0].T, y0 @ within[1].T)[0] @ within[1]
        else:
            rotation = orthogonal_procrustes(x0, y0)[0]
        scores.append(np.vdot(x1 @ rotation, y1) / np.linalg.norm(x1) / np.linalg.norm(y1))
    assert procrustes(x, y) == pytest.approx(np.mean(scores), abs=1e-8)


@given(seed=seeds, scale=scales)
@settings(max_examples=20, deadline=None)
def test_procrustes_does_not_see_rotation_scale_or_offset(seed, scale):
    x, y = related(40, 7, 5, seed=seed)
    moved = scale * x @ orthogonal(7, seed) + normal(1, 7, seed)
    for folds in (None, 5):
        assert procrustes(moved, x, folds=folds) == pytest.approx(1, abs=1e-8)
        assert procrustes(moved, y, folds=folds) == pytest.approx(procrustes(x, y, folds=folds), abs=1e-8)
        assert procrustes(y, x, folds=folds) == pytest.approx(procrustes(x, y, folds=folds), abs=1e-8)


def test_held_out_procrustes_of_independent_responses_is_about_zero():
    scores = [procrustes(normal(100, 80, 2 * s), normal(100, 80, 2 * s + 1)) for s in range(5)]
    assert abs(np.mean(scores)) < 0.03
    assert procrustes(normal(100, 80, 0), normal(100, 80, 1), folds=None) > 0.6


@pytest.mark.parametrize("units", [(12, 9), (90, 70)])
def test_shape_distance_is_the_arccos_of_rsatoolbox_bures(units):
    x, y = related(40, *units, noise=4)
    first, second = (rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(side), method="euclidean") for side in (x, y))
    expected = np.arccos(rsatoolbox.rdm.compare(first, second, method="bures").item())
    assert shape_distance(x, y, folds=None) == pytest.approx(expected, abs=1e-6)


def test_shape_distance_of_planes_is_the_angle_that_is_planted():
    """One unit a side: rows are vectors, and the best rotation of a line is its sign."""
    basis = np.linalg.qr(np.c_[np.ones(30), normal(30, 2)])[0][:, 1:]
    for angle in (0.3, 1.2):
        turned = basis @ np.array([[np.cos(angle)], [np.sin(angle)]])
        assert shape_distance(basis[:, :1], turned, folds=None) == pytest.approx(angle, abs=1e-9)
        assert shape_distance(basis[:, :1], -5 * turned + 2, folds=None) == pytest.approx(angle, abs=1e-9)


@given(seed=seeds, noise=scales)
@settings(max_examples=40, deadline=None)
def test_the_closed_form_of_shape_distance_is_a_metric(seed, noise):
    """Also between systems of other sizes, and where the third lies on the way."""
    x, y = related(15, 6, 3, noise=2, seed=seed)
    between = np.c_[x[:, :4], noise * y]
    there, back, first, second = (
        shape_distance(*pair, folds=None) for pair in ((x, y), (y, x), (x, between), (between, y))
    )
    assert 0 <= there <= np.pi / 2
    assert there == pytest.approx(back, abs=1e-7)
    assert there <= first + second + 1e-7
    assert abs(first - second) <= there + 1e-7
    assert shape_distance(x, 3 * x @ orthogonal(6, seed) - 1, folds=None) == pytest.approx(0, abs=1e-6)


def test_a_distance_is_declared_as_one():
    assert [name for name, metric in METRICS.items() if not metric.higher_is_closer] == ["shape_distance"]
    x, y = related(60, noise=1)
    assert shape_distance(x, y) < shape_distance(x, normal(60, 9, 7))


@pytest.mark.parametrize("units", [(6, 5), (90, 70)])
def test_cca_is_sklearns_on_principal_components_scored_on_new_rows(units):
    x, y = related(100, *units, noise=3)
    scores = []
    for train, test in split(100, 5, 0):
        reduced = []
        for side in (x, y):
            pca = PCA(min(4, side.shape[1]), svd_solver="full").fit(side[train])
            reduced.append((pca.transform(side[train]), pca.transform(side[test])))
        model = CCA(3, max_iter=20_000, tol=1e-12).fit(reduced[0][0], reduced[1][0])
        u, v = model.transform(reduced[0][1], reduced[1][1])
        scores.append(np.mean([np.corrcoef(u[:, i], v[:, i])[0, 1] for i in range(3)]))
    assert cca(x, y, components=3, dimensions=4) == pytest.approx(np.mean(scores), abs=1e-5)


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_cca_does_not_see_any_invertible_map_within_its_dimensions(seed):
    x, y = related(60, 5, 4, seed=seed)
    invertible = orthogonal(5, seed) * np.linspace(0.5, 2, 5)
    assert cca(x @ invertible, x, components=5) == pytest.approx(1, abs=1e-8)
    assert cca(x @ invertible, y) == pytest.approx(cca(x, y), abs=1e-7)


def test_cca_of_independent_responses_is_about_zero_even_with_more_units_than_stimuli():
    scores = [cca(normal(80, 200, 2 * s), normal(80, 200, 2 * s + 1)) for s in range(8)]
    assert abs(np.mean(scores)) < 0.06


@pytest.mark.parametrize("key", ["components", "dimensions"])
def test_cca_needs_a_dimension(key):
    with pytest.raises(ConfigError, match=key):
        cca(*related(), **{key: 0})


def test_mutual_knn_is_the_overlap_of_sklearns_neighbours():
    x, y = related(70, 6, 5, noise=3)
    near = []
    for side in (x, y):
        _, index = NearestNeighbors(n_neighbors=8, metric="cosine").fit(side).kneighbors()
        near.append([set(row) for row in index])
    expected = np.mean([len(a & b) / 8 for a, b in zip(*near, strict=True)])
    assert mutual_knn(x, y, k=8) == pytest.approx(expected, abs=1e-12)


def test_mutual_knn_of_blocks_is_that_of_all_rows(monkeypatch):
    x, y = related(70, 6, 5)
    whole = mutual_knn(x, y)
    monkeypatch.setattr("thresh.alignment.neighbours.BLOCK", 16)
    assert mutual_knn(x, y) == whole


def test_mutual_knn_does_not_see_rotation_and_scale_and_is_one_with_itself():
    x, _ = related(50, 6, 5)
    assert mutual_knn(x, 3 * x @ orthogonal(6, 1)) == 1


def test_mutual_knn_of_independent_responses_is_chance():
    scores = [mutual_knn(normal(101, 20, 2 * s), normal(101, 20, 2 * s + 1), k=10) for s in range(20)]
    assert np.mean(scores) == pytest.approx(10 / 100, abs=0.01)


def test_ties_do_not_count_as_agreement():
    """Almost silent codes: nearly all similarities are 0, and the order of rows must not decide for both sides."""
    x, y = np.zeros((200, 2)), np.zeros((200, 2))
    x[0, 0] = y[100, 0] = 1
    assert mutual_knn(x, y) == pytest.approx(10 / 198, abs=0.001)


def test_mutual_knn_needs_more_stimuli_than_neighbours():
    with pytest.raises(AlignmentError, match="found 11 stimuli, expected at least 12 for 10"):
        mutual_knn(*related(11))
    with pytest.raises(ConfigError, match="k: found 0"):
        mutual_knn(*related(), k=0)
