"""The artifact: what is saved is what is loaded, and others can read it."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from thresh.dictionaries import learn, load
from thresh.errors import DictionaryError

from .planted import plant

PARAMS = {"online": {"epochs": 1, "normalise": "centre"}, "topk": {"epochs": 1, "k": 3}, "random": {}}


@pytest.fixture(scope="module")
def x():
    return plant(rows=800, features=30, units=20, active=3).rows


@pytest.mark.parametrize("method", PARAMS)
def test_a_loaded_dictionary_gives_the_same_codes(x, method, tmp_path):
    saved = learn(x, method, atoms=24, device="cpu", **PARAMS[method])
    saved.save(tmp_path / "d")
    loaded = load(tmp_path / "d")
    codes = saved.encode(x)
    assert np.array_equal(loaded.encode(x), codes)
    assert np.array_equal(loaded.decode(codes), saved.decode(codes))
    assert (loaded.scale, loaded.facts) == (saved.scale, json.loads(json.dumps(saved.facts)))
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == ["cfg.json", "sae_weights.safetensors"]


def test_topk_is_a_sae_lens_artifact(x, tmp_path):
    """Keys, shapes and the forward pass as SAELens 6 defines them, computed here from the file alone."""
    dictionary = learn(x, "topk", atoms=24, device="cpu", **PARAMS["topk"])
    dictionary.save(tmp_path)
    config = json.loads((tmp_path / "cfg.json").read_text())
    w = load_file(tmp_path / "sae_weights.safetensors")
    assert (config["architecture"], config["d_in"], config["d_sae"], config["k"]) == ("topk", 20, 24, 3)
    assert config["metadata"]["sae_lens_version"] >= "6"
    assert (config["normalize_activations"], config["apply_b_dec_to_input"]) == ("none", True)
    assert {name: tensor.shape for name, tensor in w.items()} == {
        "W_enc": (20, 24), "W_dec": (24, 20), "b_enc": (24,), "b_dec": (20,)
    }  # fmt: skip
    pre = np.maximum((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"], 0)
    pre[pre < np.sort(pre, axis=1)[:, -3][:, None]] = 0
    assert np.abs(dictionary.encode(x) - pre).max() < 1e-5
    assert np.abs(dictionary.decode(pre) - (pre @ w["W_dec"] + w["b_dec"])).max() < 1e-5


def test_an_encoder_that_does_not_subtract_the_bias_is_read_right(x, tmp_path):
    dictionary = learn(x + 1, "topk", atoms=24, device="cpu", **PARAMS["topk"])
    dictionary.save(tmp_path)
    config = json.loads((tmp_path / "cfg.json").read_text()) | {"apply_b_dec_to_input": False}
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    w = load_file(tmp_path / "sae_weights.safetensors")
    pre = np.maximum((x + 1) @ w["W_enc"] + w["b_enc"], 0)
    pre[pre < np.sort(pre, axis=1)[:, -3][:, None]] = 0
    assert np.abs(load(tmp_path).encode(x + 1) - pre).max() < 1e-5


def test_what_cannot_be_read_is_named(x, tmp_path):
    with pytest.raises(DictionaryError, match=r"found no files, expected a dictionary: cfg\.json with sae_weights"):
        load(tmp_path)
    learn(x, "topk", atoms=24, device="cpu", **PARAMS["topk"]).save(tmp_path)
    good = json.loads((tmp_path / "cfg.json").read_text())
    for change, message in (
        ({"architecture": "mystery"}, "found architecture 'mystery'"),
        ({"normalize_activations": "layer_norm"}, "normalize_activations 'layer_norm'"),
    ):
        (tmp_path / "cfg.json").write_text(json.dumps(good | change))
        with pytest.raises(DictionaryError, match=message):
            load(tmp_path)
    (tmp_path / "cfg.json").write_text(json.dumps(good))
    save_file({"W_dec": np.ones((3, 2), np.float32)}, tmp_path / "sae_weights.safetensors")
    with pytest.raises(DictionaryError, match="found no W_enc"):
        load(tmp_path)
    (tmp_path / "sae_weights.safetensors").write_bytes(b"broken")
    with pytest.raises(DictionaryError, match="damaged"):
        load(tmp_path)


def test_codes_of_another_width_and_bad_rows_are_refused(x):
    dictionary = learn(x, "random", atoms=24, device="cpu")
    with pytest.raises(DictionaryError, match="codes have 23 columns, expected 24"):
        dictionary.decode(np.ones((2, 23)))
    bad = x.copy()
    bad[5, 1] = np.nan
    with pytest.raises(DictionaryError, match="row 5, unit 1"):
        dictionary.encode(bad)
