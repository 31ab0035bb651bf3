"""Reconstruction against scikit-learn, sparsity against counting."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import mean_squared_error, r2_score

from thresh.dictionaries.kinds.lasso import LassoDictionary
from thresh.errors import DictionaryError
from thresh.evaluation import reconstruction, sparsity
from thresh.evaluation.quality import sparsity_of_blocks


@pytest.fixture
def dictionary():
    random = np.random.default_rng(0)
    return LassoDictionary(random.normal(size=(20, 8)), penalty=0.1, bias=random.normal(size=8))


@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_reconstruction_is_what_scikit_learn_says(dictionary, kind):
    random = np.random.default_rng(1)
    codes = random.random((100, 20)) * (random.random((100, 20)) < 0.2)
    guess = codes @ dictionary.atoms + dictionary.bias
    x = guess + 0.3 * random.normal(size=guess.shape)
    found = reconstruction(x, kind(codes), dictionary, batch_rows=33)
    assert found["explained_variance"] == pytest.approx(r2_score(x, guess, multioutput="variance_weighted"), abs=1e-6)
    assert found["mse"] == pytest.approx(mean_squared_error(x, guess), rel=1e-5)
    cosines = np.sum(x * guess, axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(guess, axis=1)
    assert found["cosine"] == pytest.approx(cosines.mean(), abs=1e-6)


def test_silent_rows_and_constant_activations_are_defined():
    dictionary = LassoDictionary(np.eye(3), penalty=0.1)
    x = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0]])
    codes = np.array([[0, 0, 0], [1, 0, 0], [0, 0, 0]])
    assert reconstruction(x, codes, dictionary)["cosine"] == pytest.approx(2 / 3)
    constant = reconstruction(np.ones((4, 3)), np.ones((4, 3)), dictionary)
    assert np.isnan(constant["explained_variance"])
    assert constant["mse"] == 0


@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_sparsity_counts(kind):
    codes = np.zeros((100, 5))
    codes[:, 0] = 1
    codes[:10, 1] = 2
    codes[0, 2] = -1
    found = sparsity(kind(codes))
    assert found["l0"] == pytest.approx(111 / 100)
    assert found["dead"] == pytest.approx(2 / 5)
    edges, counts = np.array(found["density_log10_edges"]), found["density_counts"]
    assert counts[np.searchsorted(edges, -2, side="right") - 1] == 1
    assert counts[-1] == 1
    assert sum(counts) == 3


def test_stored_zeros_are_not_active():
    codes = csr_array(np.eye(4))
    codes.data[0] = 0
    assert sparsity(codes)["l0"] == pytest.approx(3 / 4)
    assert codes.nnz == 4


def test_other_numbers_of_rows_are_refused(dictionary):
    with pytest.raises(DictionaryError, match="x has 3 rows and codes 2"):
        reconstruction(np.ones((3, 8)), np.ones((2, 20)), dictionary)


def test_blocks_of_codes_count_as_one():
    random = np.random.default_rng(2)
    codes = csr_array(random.random((90, 7)) * (random.random((90, 7)) < [0, 0.01, 0.1, 0.2, 0.5, 0.9, 1]))
    assert sparsity_of_blocks([codes[:50], codes[50:51], codes[51:]]) == sparsity(codes)


def test_dense_atoms_are_those_active_in_more_than_the_stated_share():
    codes = np.zeros((100, 4))
    for atom, active in enumerate((5, 10, 11, 60)):
        codes[:active, atom] = 1
    assert sparsity(codes)["dense"] == pytest.approx(2 / 4)
    assert sparsity(codes, dense_above=0.09)["dense"] == pytest.approx(3 / 4)
    assert sparsity_of_blocks([csr_array(codes[:7]), csr_array(codes[7:])])["dense"] == pytest.approx(2 / 4)
    assert sparsity(np.zeros((10, 3)))["dense"] == 0
