"""Codes of many rows: the same in any batches, bias first, penalties that carry over between scales."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from thresh.dictionaries.kinds.topk import TopKDictionary
from thresh.errors import ConfigError, DictionaryError
from thresh.inference import fista, infer


@pytest.fixture
def dictionary():
    random = np.random.default_rng(0)
    atoms = random.normal(size=(40, 16)).astype(np.float32)
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    found = TopKDictionary(atoms, atoms.T, -0.1 * np.ones(40), k=4, bias=random.normal(size=16))
    found.scale = 2.0
    return found


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(50, 16)).astype(np.float32)


def test_the_bias_is_subtracted_first(dictionary, x):
    codes = infer(x, dictionary, "fista", penalty=0.2, device="cpu")
    expected = fista(x - dictionary.bias, dictionary.atoms, 0.2)
    assert np.abs(codes.toarray() - expected).max() < 1e-4
    without = SimpleNamespace(atoms=dictionary.atoms)
    assert np.abs(infer(x - dictionary.bias, without, penalty=0.2, device="cpu").toarray() - expected).max() < 1e-4


def test_the_encoder_is_relu_and_top_k_of_a_linear_map(dictionary, x):
    pre = np.maximum((x - dictionary.bias) @ dictionary.W_enc.numpy() + dictionary.b_enc.numpy(), 0)
    pre[pre < np.sort(pre, axis=1)[:, -4][:, None]] = 0
    assert np.abs(infer(x, dictionary, "encoder", device="cpu").toarray() - pre).max() < 1e-5


def test_a_relative_penalty_is_a_multiple_of_the_scale(dictionary, x):
    relative = infer(x, dictionary, relative_penalty=0.1, device="cpu")
    assert np.abs((relative - infer(x, dictionary, penalty=0.2, device="cpu")).toarray()).max() == 0


def test_tensors_and_float64_are_taken_as_they_are(dictionary, x):
    from_tensor = infer(torch.from_numpy(x), dictionary, "omp", k=3, device="cpu")
    assert np.abs((from_tensor - infer(x, dictionary, "omp", k=3, device="cpu")).toarray()).max() == 0
    assert infer(x.astype(np.float64), dictionary, "omp", k=3, device="cpu").dtype == np.float64


def test_no_rows_give_no_codes(dictionary, x):
    assert infer(x[:0], dictionary, "omp", k=3).shape == (0, 40)


def test_bad_input_is_named(dictionary, x):
    x[33, 4] = np.nan
    with pytest.raises(DictionaryError, match="row 33, unit 4 is nan"):
        infer(x, dictionary, "omp", batch_rows=10, k=3, device="cpu")
    with pytest.raises(ConfigError, match="one of encoder, fista"):
        infer(x, dictionary, "lars")
    with pytest.raises(ConfigError, match="sparsity"):
        infer(x, dictionary, "omp", sparsity=3)
    with pytest.raises(ConfigError, match="not both"):
        infer(x[:10], dictionary, penalty=1.0, relative_penalty=0.1)
    with pytest.raises(ConfigError, match=r"^penalty: found None, expected a value.* has no penalty of its own"):
        infer(x[:10], dictionary)
    with pytest.raises(ConfigError, match=r"^relative_penalty: found 0\.1, expected penalty .* no scale of its own"):
        infer(x[:10], SimpleNamespace(atoms=dictionary.atoms), relative_penalty=0.1)
