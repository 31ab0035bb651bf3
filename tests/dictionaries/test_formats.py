"""Files of other libraries: each is written here by hand, and computed from its tensors alone as that library does."""

import json
import os

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file

from thresh.dictionaries import export, learn, load
from thresh.dictionaries.kinds.topk import TopKDictionary
from thresh.errors import ConfigError, DictionaryError

from .planted import plant

UNITS, ATOMS, K = 8, 12, 3


def numbers(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


X = numbers(0, 40, UNITS) + 0.5
W_ENC, W_DEC, B_ENC, B_DEC = numbers(1, UNITS, ATOMS), numbers(2, ATOMS, UNITS), numbers(3, ATOMS), numbers(4, UNITS)
LENGTHS = np.linalg.norm(W_DEC, axis=1)
THRESHOLD = np.abs(numbers(5, ATOMS))
GATE, MAGNITUDE, R_MAG = numbers(6, ATOMS), numbers(7, ATOMS), 0.3 * numbers(8, ATOMS)


def relu(p):
    return np.maximum(p, 0)


def largest(p, k):
    kept = np.zeros_like(p)
    index = np.argsort(-p, axis=1)[:, :k]
    np.put_along_axis(kept, index, np.take_along_axis(relu(p), index, 1), 1)
    return kept


def gated(p):
    return (p + GATE > 0) * relu(np.exp(R_MAG) * p + MAGNITUDE)


def pursuit(r, atoms, steps, *, signed=False, threshold=0.0):
    """One row after the other, in the words of the libraries' loops."""
    codes = np.zeros((len(r), len(atoms)), np.float32)
    for row, residual in enumerate(r.copy()):
        for _ in range(steps):
            products = atoms @ residual
            j = products.argmax()
            amount = products[j] if signed else max(products[j], 0)
            new = amount != 0 and codes[row, j] == 0
            codes[row, j] += amount
            residual = residual - amount * atoms[j]
            if threshold and (not new or np.linalg.norm(residual) < threshold):
                break
    return codes


def tensors(**arrays):
    return {name: torch.tensor(np.ascontiguousarray(array)) for name, array in arrays.items()}


def written(folder, config, found, config_name, weights_name):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / config_name).write_text(json.dumps(config))
    (save_file if weights_name.endswith("safetensors") else torch.save)(found, folder / weights_name)
    return folder


LINEAR = {"W_enc": W_ENC, "W_dec": W_DEC, "b_dec": B_DEC}
VERSION_6 = {"metadata": {"sae_lens_version": "6.54.12"}}


def sae_lens(folder, config, **arrays):
    config = {"d_in": UNITS, "d_sae": ATOMS, "apply_b_dec_to_input": True, "normalize_activations": "none"} | config
    return written(folder, config, tensors(**arrays), "cfg.json", "sae_weights.safetensors")


def check(folder, codes, decoded, atoms=W_DEC, x=X):
    """Atoms are those of the library at unit norm, codes times their lengths; the reconstruction is the same."""
    dictionary = load(folder)
    lengths = np.linalg.norm(atoms, axis=1)
    assert np.abs(dictionary.atoms - atoms / lengths[:, None]).max() < 1e-5
    assert np.abs(dictionary.encode(x) / lengths - codes).max() < 1e-5
    assert np.abs(dictionary.decode(dictionary.encode(x)) - decoded).max() < 2e-5
    return dictionary


CENTRED, RAW = (X - B_DEC) @ W_ENC + B_ENC, X @ W_ENC + B_ENC
SAE_LENS = {
    "standard": ({}, {"b_enc": B_ENC}, relu(CENTRED)),
    "standard of a decoder bias that is not subtracted": (
        {"apply_b_dec_to_input": False},
        {"b_enc": B_ENC},
        relu(RAW),
    ),
    "topk": ({"k": K}, {"b_enc": B_ENC}, largest(CENTRED, K)),
    "topk rescaled by the norms of atoms": (
        {"k": K, "rescale_acts_by_decoder_norm": True},
        {"b_enc": B_ENC},
        largest(CENTRED * LENGTHS, K) / LENGTHS,
    ),
    "jumprelu": ({}, {"b_enc": B_ENC, "threshold": THRESHOLD}, relu(CENTRED) * (CENTRED > THRESHOLD)),
    "jumprelu of a checkpoint": (
        {},
        {"b_enc": B_ENC, "log_threshold": np.log(THRESHOLD)},
        relu(CENTRED) * (CENTRED > THRESHOLD),
    ),
    "batchtopk of a checkpoint": (
        {"k": 2.5, "rescale_acts_by_decoder_norm": True},
        {"b_enc": B_ENC, "topk_threshold": np.array(1.5)},
        relu(CENTRED) * (CENTRED * LENGTHS > 1.5),
    ),
    "gated": (
        {},
        {"b_gate": GATE, "b_mag": MAGNITUDE, "r_mag": R_MAG},
        gated((X - B_DEC) @ W_ENC),
    ),
    "gated of a decoder bias that is not subtracted": (
        {"apply_b_dec_to_input": False},
        {"b_gate": GATE, "b_mag": MAGNITUDE, "r_mag": R_MAG},
        gated(X @ W_ENC),
    ),
}


@pytest.mark.parametrize("case", SAE_LENS)
def test_sae_lens(case, tmp_path):
    config, arrays, codes = SAE_LENS[case]
    config = {"architecture": case.split()[0]} | config | VERSION_6
    check(sae_lens(tmp_path, config, **LINEAR, **arrays), codes, codes @ W_DEC + B_DEC)


@pytest.mark.parametrize("subtracted", [True, False])
def test_sae_lens_matching_pursuit_does_not_divide_by_norms(subtracted, tmp_path):
    atoms = 0.9 * W_DEC / LENGTHS.max()
    settings = {"max_iterations": 4, "residual_threshold": 1.2, "stop_on_duplicate_support": True}
    config = {"architecture": "matching_pursuit", "apply_b_dec_to_input": subtracted} | settings | VERSION_6
    bias = B_DEC * subtracted
    codes = pursuit(X - bias, atoms, 4, threshold=1.2)
    assert len({tuple(row) for row in (codes > 0).tolist()}) > 5
    check(sae_lens(tmp_path, config, W_dec=atoms, b_dec=B_DEC), codes, codes @ atoms + bias, atoms)


def test_sae_lens_before_version_6(tmp_path):
    old = {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": K}, "normalize_activations": False}
    arrays = LINEAR | {"b_enc": B_ENC, "scaling_factor": np.ones(ATOMS, np.float32)}
    codes = largest(CENTRED, K)
    check(sae_lens(tmp_path, old | {"hook_point": "blocks.3.hook_resid_pre"}, **arrays), codes, codes @ W_DEC + B_DEC)
    plain = sae_lens(tmp_path, {"normalize_activations": None}, **arrays)
    check(plain, relu(CENTRED), relu(CENTRED) @ W_DEC + B_DEC)


def test_sae_lens_in_half_precision_on_outputs_of_heads(tmp_path):
    half = {name: tensor.bfloat16() for name, tensor in tensors(**LINEAR, b_enc=B_ENC).items()}
    config = {"architecture": "standard", "reshape_activations": "hook_z", "dtype": "bfloat16"} | VERSION_6
    folder = written(tmp_path, config, half, "cfg.json", "sae_weights.safetensors")
    W_enc, W_dec, b_dec, b_enc = (half[name].float().numpy() for name in ("W_enc", "W_dec", "b_dec", "b_enc"))
    codes = relu((X - b_dec) @ W_enc + b_enc)
    check(folder, codes, codes @ W_dec + b_dec, W_dec)


RESIDUAL = 2.5


def scaled(folder, way, architecture, **arrays):
    config = {"architecture": architecture, "normalize_activations": way, "k": K, "max_iterations": 4}
    config |= {"residual_threshold": RESIDUAL}
    return sae_lens(folder, config | VERSION_6, **arrays)


@pytest.mark.parametrize("architecture", ["standard", "topk", "matching_pursuit"])
def test_a_checkpoint_of_sae_lens_on_scaled_inputs(architecture, tmp_path):
    """Codes change with the scale: the map from x to x is what must stay."""
    s, own = 0.7, architecture == "matching_pursuit"
    atoms = 0.9 * W_DEC / LENGTHS.max() if own else W_DEC
    arrays = {"W_dec": atoms, "b_dec": B_DEC} | ({} if own else {"W_enc": W_ENC, "b_enc": B_ENC})
    scaled(tmp_path, "expected_average_only_in", architecture, **arrays)
    (tmp_path / "activation_scaler.json").write_text(json.dumps({"scaling_factor": s, "has_whitening": False}))
    pre = (s * X - B_DEC) @ W_ENC + B_ENC
    codes = {
        "standard": lambda: relu(pre),
        "topk": lambda: largest(pre, K),
        "matching_pursuit": lambda: pursuit(s * X - B_DEC, atoms, 4, threshold=RESIDUAL),
    }[architecture]()
    assert not own or not np.array_equal(codes, pursuit(s * X - B_DEC, atoms, 4, threshold=RESIDUAL * s))
    check(tmp_path, codes, (codes @ atoms + B_DEC) / s, atoms / s)


@pytest.mark.parametrize("subtracted", [True, False])
def test_a_checkpoint_of_sae_lens_on_whitened_inputs(subtracted, tmp_path):
    mean, matrix = numbers(9, UNITS).astype(float), numbers(10, UNITS, UNITS).astype(float)
    back = np.linalg.inv(matrix)
    config = {"architecture": "jumprelu", "apply_b_dec_to_input": subtracted} | VERSION_6
    config |= {"normalize_activations": "covariance_whitening"}
    sae_lens(tmp_path, config, **LINEAR, b_enc=B_ENC, threshold=THRESHOLD)
    (tmp_path / "activation_scaler.json").write_text(json.dumps({"scaling_factor": None, "has_whitening": True}))
    whitening = tensors(mean=mean, matrix=matrix, inverse_matrix=back)
    save_file(whitening, tmp_path / "activation_whitening.safetensors")
    pre = ((X - mean) @ matrix - B_DEC * subtracted) @ W_ENC + B_ENC
    codes = relu(pre) * (pre > THRESHOLD)
    dictionary = load(tmp_path)
    decoded = (codes @ W_DEC + B_DEC) @ back + mean
    assert np.abs(dictionary.decode(dictionary.encode(X)) - decoded).max() < 1e-4 * np.abs(decoded).max()
    assert np.array_equal(dictionary.encode(X) > 0, codes > 0)


SPARSIFY = {"activation": "topk", "k": K, "d_in": UNITS, "num_latents": ATOMS, "transcode": False}


def sparsify(folder, config):
    arrays = {"encoder.weight": W_ENC.T, "encoder.bias": B_ENC, "W_dec": W_DEC, "b_dec": B_DEC}
    return written(folder, config, tensors(**arrays), "cfg.json", "sae.safetensors")


def test_sparsify(tmp_path):
    codes = largest(CENTRED, K)
    folder = sparsify(tmp_path / "release" / "layers.3", SPARSIFY)
    check(folder, codes, codes @ W_DEC + B_DEC)
    assert np.array_equal(load(tmp_path / "release", "layers.3").atoms, load(folder).atoms)


TRANSPOSED = {"encoder.weight": W_ENC.T, "decoder.weight": W_DEC.T}
STRAIGHT = {"W_enc": W_ENC, "b_enc": B_ENC, "W_dec": W_DEC, "b_dec": B_DEC}
CASES = {
    "AutoEncoder": (TRANSPOSED | {"encoder.bias": B_ENC, "bias": B_DEC}, relu(CENTRED)),
    "AutoEncoderNew": (TRANSPOSED | {"encoder.bias": B_ENC, "decoder.bias": B_DEC}, relu(RAW)),
    "GatedAutoEncoder": (
        TRANSPOSED | {"decoder_bias": B_DEC, "r_mag": R_MAG, "gate_bias": GATE, "mag_bias": MAGNITUDE},
        gated((X - B_DEC) @ W_ENC),
    ),
    "AutoEncoderTopK": (
        TRANSPOSED | {"encoder.bias": B_ENC, "b_dec": B_DEC, "k": np.int32(K), "threshold": np.float32(9)},
        largest(CENTRED, K),
    ),
    "BatchTopKSAE": (
        TRANSPOSED | {"encoder.bias": B_ENC, "b_dec": B_DEC, "k": np.int32(K), "threshold": np.float32(1.5)},
        relu(CENTRED) * (CENTRED > 1.5),
    ),
    "BatchTopKSAE before its threshold was set": (
        TRANSPOSED | {"encoder.bias": B_ENC, "b_dec": B_DEC, "k": np.int32(K), "threshold": np.float32(-1)},
        relu(CENTRED),
    ),
    "MatryoshkaBatchTopKSAE": (
        STRAIGHT | {"k": np.int32(K), "threshold": np.float32(1.5), "group_sizes": np.array([4, 8])},
        relu(CENTRED) * (CENTRED > 1.5),
    ),
    "JumpReluAutoEncoder": (STRAIGHT | {"threshold": THRESHOLD}, relu(RAW) * (RAW > THRESHOLD)),
}


def dictionary_learning(folder, kind, arrays):
    state = {name: torch.tensor(array) for name, array in arrays.items()}
    trainer = {"dict_class": kind, "activation_dim": UNITS, "dict_size": ATOMS, "k": K}
    return written(folder, {"trainer": trainer}, state, "config.json", "ae.pt")


@pytest.mark.parametrize("case", CASES)
def test_dictionary_learning(case, tmp_path):
    arrays, codes = CASES[case]
    check(dictionary_learning(tmp_path, case.split()[0], arrays), codes, codes @ W_DEC + B_DEC)


OF_OVERCOMPLETE = RAW  # neither centred nor with a bias of the decoder
POINTS, WEIGHTS, REST = numbers(11, 20, UNITS), numbers(12, ATOMS, 20), numbers(13, ATOMS, UNITS)
REST[::2] *= 0.05  # shorter than delta
LINEAR_ENCODER = {"encoder.final_block.0.weight": W_ENC.T, "encoder.final_block.0.bias": B_ENC}


def unit(atoms):
    return atoms / np.linalg.norm(atoms, axis=1, keepdims=True)


def overcomplete(folder, config, arrays):
    state = {name: torch.tensor(array) for name, array in arrays.items()}
    return written(folder, config, state, "config.json", "state_dict.pt")


def archetypes(delta):
    weights = relu(WEIGHTS) / relu(WEIGHTS).sum(axis=1, keepdims=True)
    return weights @ POINTS + REST * np.minimum(delta / np.linalg.norm(REST, axis=1, keepdims=True), 1)


ATOMS_THERE = {
    "l2": unit(W_DEC),
    "max_l2": W_DEC / LENGTHS.max(),
    "l1": W_DEC / np.abs(W_DEC).sum(axis=1, keepdims=True),
    "max_l1": W_DEC / np.abs(W_DEC).sum(axis=1).max(),
    "identity": W_DEC,
}
CODES_THERE = {
    "SAE": ({}, {}, relu(OF_OVERCOMPLETE)),
    "TopKSAE": ({"top_k": K}, {}, largest(OF_OVERCOMPLETE, K)),
    "JumpSAE": ({}, {"thresholds": np.log(THRESHOLD)}, relu(RAW) * (relu(RAW) >= THRESHOLD)),
    "BatchTopKSAE": ({"running_threshold": 1.5}, {}, relu(RAW) * (relu(RAW) >= 1.5)),
}


@pytest.mark.parametrize("kind", CODES_THERE)
def test_overcomplete(kind, tmp_path):
    config, arrays, codes = CODES_THERE[kind]
    arrays = LINEAR_ENCODER | arrays | {"dictionary._weights": W_DEC, "dictionary.multiplier": np.float32(0)}
    folder = overcomplete(tmp_path, {"class": kind} | config, arrays)
    check(folder, codes, codes @ unit(W_DEC), unit(W_DEC))


@pytest.mark.parametrize("way", ATOMS_THERE)
def test_lengths_of_atoms_in_overcomplete(way, tmp_path):
    atoms = np.exp(0.4) * ATOMS_THERE[way]
    arrays = LINEAR_ENCODER | {"dictionary._weights": W_DEC, "dictionary.multiplier": np.float32(0.4)}
    folder = overcomplete(tmp_path, {"class": "TopKSAE", "top_k": K, "normalization": way}, arrays)
    codes = largest(RAW, K)
    check(folder, codes, codes @ atoms, atoms)


def test_a_code_at_the_threshold_counts_in_overcomplete(tmp_path):
    arrays = LINEAR_ENCODER | {"dictionary._weights": W_DEC, "dictionary.multiplier": np.float32(0)}
    arrays |= {"encoder.final_block.0.weight": np.zeros((ATOMS, UNITS), np.float32)}
    arrays |= {"encoder.final_block.0.bias": np.full(ATOMS, 1.5, np.float32)}
    folder = overcomplete(tmp_path, {"class": "BatchTopKSAE", "running_threshold": 1.5}, arrays)
    assert np.all(load(folder).encode(X) > 1.4)


def test_archetypal_dictionaries_of_overcomplete(tmp_path):
    arrays = {"dictionary.C": POINTS, "dictionary.W": WEIGHTS, "dictionary.Relax": REST}
    arrays |= LINEAR_ENCODER | {"dictionary.multiplier": np.float32(0.3)}
    codes, atoms = largest(RAW, K), np.exp(0.3) * archetypes(0.5)
    folder = overcomplete(tmp_path, {"class": "RATopKSAE", "top_k": K, "delta": 0.5}, arrays)
    check(folder, codes, codes @ atoms, atoms)
    codes = relu(RAW) * (RAW >= THRESHOLD)
    folder = overcomplete(tmp_path, {"class": "RAJumpSAE", "delta": 0.5}, arrays | {"thresholds": np.log(THRESHOLD)})
    check(folder, codes, codes @ atoms, atoms)


def test_batch_norm_of_an_encoder_of_overcomplete(tmp_path):
    gain, shift, mean, variance = numbers(14, ATOMS), numbers(15, ATOMS), numbers(16, ATOMS), THRESHOLD + 0.5
    norm = {"weight": gain, "bias": shift, "running_mean": mean, "running_var": variance}
    arrays = LINEAR_ENCODER | {f"encoder.final_block.1.{name}": array for name, array in norm.items()}
    arrays |= {"dictionary._weights": W_DEC, "dictionary.multiplier": np.float32(0)}
    codes = largest((RAW - mean) / np.sqrt(variance + 1e-5) * gain + shift, K)
    folder = overcomplete(tmp_path, {"class": "TopKSAE", "top_k": K}, arrays)
    check(folder, codes, codes @ unit(W_DEC), unit(W_DEC))


def test_matching_pursuit_of_overcomplete_goes_against_an_atom_where_it_must(tmp_path):
    atoms = np.exp(-0.2) * unit(np.abs(W_DEC))
    arrays = {"dictionary._weights": np.abs(W_DEC), "dictionary.multiplier": np.float32(-0.2)}
    codes = pursuit(X - 1, atoms, K, signed=True)
    assert (codes < 0).any()
    assert (codes > 0).any()
    folder = overcomplete(tmp_path, {"class": "MpSAE", "k": K}, arrays)
    dictionary = check(folder, codes, codes @ atoms, atoms, X - 1)
    dictionary.save(tmp_path / "kept")
    assert np.array_equal(load(tmp_path / "kept").encode(X), dictionary.encode(X))


NORMED = LINEAR_ENCODER | {f"encoder.final_block.1.{name}": B_ENC for name in ("weight", "bias")}
OF_ATOMS = {"dictionary._weights": W_DEC, "dictionary.multiplier": np.float32(0)}
REFUSED = {
    "sae_lens architecture": (sae_lens, [VERSION_6 | {"architecture": "abstopk"}], LINEAR, "architecture 'abstopk'"),
    "sae_lens activation": (sae_lens, [{"activation_fn": "tanh-relu"}], LINEAR, "activation_fn 'tanh-relu'"),
    "sae_lens norm of rows": (
        sae_lens,
        [VERSION_6 | {"architecture": "standard", "normalize_activations": "constant_norm_rescale"}],
        LINEAR,
        "normalize_activations 'constant_norm_rescale', expected 'none'; what is done to each row apart",
    ),
    "sae_lens without its factor": (
        sae_lens,
        [{"normalize_activations": True}],
        LINEAR,
        "'expected_average_only_in', expected 'none'; activation_scaler.json, where",
    ),
    "sae_lens finetuned": (
        sae_lens,
        [{}],
        LINEAR | {"scaling_factor": LENGTHS},
        "found a scaling_factor of finetuning",
    ),
    "sae_lens shapes": (
        sae_lens,
        [VERSION_6 | {"architecture": "standard"}],
        LINEAR | {"b_enc": B_DEC},
        r"found b_enc of shape \(8,\), expected \(12,\)",
    ),
    "sparsify groups": (sparsify, [SPARSIFY | {"activation": "groupmax"}], {}, "activation 'groupmax'"),
    "sparsify transcoder": (sparsify, [SPARSIFY | {"transcode": True}], {}, "transcode True, expected False"),
    "dictionary_learning class": (dictionary_learning, ["IdentityDict", {}], {}, "dict_class 'IdentityDict'"),
    "dictionary_learning tensor": (dictionary_learning, ["AutoEncoder", {}], {}, "found no W_dec, expected it in"),
    "overcomplete class": (overcomplete, [{"class": "OMPSAE"}, {}], {}, "class 'OMPSAE', expected one of SAE, TopKSAE"),
    "overcomplete setting": (
        overcomplete,
        [{"class": "TopKSAE"}, LINEAR_ENCODER | OF_ATOMS],
        {},
        "found no top_k, expected it in a dictionary of overcomplete",
    ),
    "overcomplete layer norm": (overcomplete, [{"class": "SAE"}, NORMED | OF_ATOMS], {}, r"final_block\.1\.bias, exp"),
    "overcomplete encoder": (
        overcomplete,
        [{"class": "SAE"}, LINEAR_ENCODER | OF_ATOMS | {"encoder.mlp_blocks.0.0.weight": W_ENC}],
        {},
        r"mlp_blocks\.0\.0\.weight, expected a linear one",
    ),
    "overcomplete normalisation": (
        overcomplete,
        [{"class": "SAE", "normalization": "sphere"}, LINEAR_ENCODER | OF_ATOMS],
        {},
        "normalization 'sphere'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_named(case, tmp_path):
    write, arguments, arrays, message = REFUSED[case]
    write(tmp_path, *arguments, **arrays)
    with pytest.raises(DictionaryError, match=message):
        load(tmp_path)


def test_a_folder_without_a_dictionary_says_what_is_there_and_what_is_known(tmp_path):
    sparsify(tmp_path / "layers.3", SPARSIFY)
    (tmp_path / "README.md").write_text("")
    with pytest.raises(DictionaryError) as caught:
        load(tmp_path)
    told = str(caught.value)
    assert "found README.md, expected a dictionary: cfg.json with sae_weights.safetensors (sae_lens); cfg.json" in told
    assert told.endswith("It has the subfolders layers.3.")
    (tmp_path / "layers.3" / "sae.safetensors").write_bytes(b"broken")
    with pytest.raises(DictionaryError, match=r"sae\.safetensors: this file is missing or damaged"):
        load(tmp_path, "layers.3")
    for missing in ("no/such/folder", str(tmp_path / "nothing")):
        with pytest.raises(DictionaryError, match="found no folder, expected a dictionary"):
            load(missing)


class Malice:
    def __reduce__(self):
        return (os.mkdir, ("made_by_a_pickle",))


def test_a_pickle_is_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dictionary_learning(tmp_path, "AutoEncoder", {})
    torch.save({"bias": Malice()}, tmp_path / "ae.pt")
    with pytest.raises(DictionaryError, match=r"ae\.pt: this file is missing or damaged"):
        load(tmp_path)
    assert not (tmp_path / "made_by_a_pickle").exists()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A cache of the hub that holds one release, and no network."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    repository = tmp_path / "models--someone--release"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123abc" * 5 + "01234")
    sparsify(repository / "snapshots" / ("0123abc" * 5 + "01234") / "layers.3", SPARSIFY)


@pytest.mark.usefixtures("hub")
def test_a_dictionary_by_its_name_on_the_hub():
    codes = largest(CENTRED, K)
    dictionary = load("someone/release", "layers.3")
    assert np.abs(dictionary.encode(X) / LENGTHS - codes).max() < 1e-5
    with pytest.raises(DictionaryError, match=r"found no such folder, and nothing at revision 'v2' of the Hugging"):
        load("someone/release", "layers.3", revision="v2")
    with pytest.raises(DictionaryError, match=r"layers\.4: found no folder"):
        load("someone/release", "layers.4")


def learned_topk():
    x = plant(rows=400, features=20, units=UNITS, active=2).rows + 1
    return learn(x, "topk", atoms=ATOMS, k=2, epochs=1, device="cpu")


def test_sparsify_is_written(tmp_path):
    dictionary = TopKDictionary(unit(W_DEC), W_ENC, B_ENC, K, B_DEC, LENGTHS)
    export(dictionary, tmp_path, "sparsify")
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert (config["activation"], config["k"], config["d_in"], config["num_latents"]) == ("topk", K, UNITS, ATOMS)
    assert (config["transcode"], config["skip_connection"]) == (False, False)
    sparsify(tmp_path / "by_hand", SPARSIFY)
    mine, theirs = (load_file(folder / "sae.safetensors") for folder in (tmp_path, tmp_path / "by_hand"))
    assert mine.keys() == theirs.keys()
    assert all(np.abs(mine[name] - theirs[name]).max() < 1e-6 for name in theirs)


@pytest.mark.parametrize("kind", ["AutoEncoder", "GatedAutoEncoder", "AutoEncoderTopK", "JumpReluAutoEncoder"])
def test_dictionary_learning_is_written(kind, tmp_path):
    """What is read from its files, with atoms at unit norm, is written as it was."""
    arrays, _ = CASES[kind]
    arrays = arrays | {"W_dec": unit(W_DEC)} if "W_dec" in arrays else arrays | {"decoder.weight": unit(W_DEC).T}
    export(load(dictionary_learning(tmp_path / "theirs", kind, arrays)), tmp_path / "mine", "dictionary_learning")
    trainer = json.loads((tmp_path / "mine" / "config.json").read_text())["trainer"]
    assert (trainer["dict_class"], trainer["activation_dim"], trainer["dict_size"]) == (kind, UNITS, ATOMS)
    state = torch.load(tmp_path / "mine" / "ae.pt", weights_only=True)
    assert state.keys() == arrays.keys()
    for name in state.keys() - {"threshold"} if kind == "AutoEncoderTopK" else state:
        assert np.abs(state[name].numpy() - arrays[name]).max() < 1e-5, name


def test_sae_lens_is_written_for_what_it_knows(tmp_path):
    dictionary = learned_topk()
    export(dictionary, tmp_path)
    assert json.loads((tmp_path / "cfg.json").read_text())["architecture"] == "topk"
    assert np.array_equal(load(tmp_path).encode(X), dictionary.encode(X))


def test_what_another_library_has_no_codes_for_is_refused(tmp_path):
    random = learn(X, "random", atoms=ATOMS, device="cpu")
    for name, known in (("sae_lens", "standard, topk,"), ("sparsify", "topk"), ("dictionary_learning", "standard,")):
        with pytest.raises(DictionaryError, match=f"no codes of the kind 'thresh_lasso', expected (one of )?{known}"):
            export(random, tmp_path, name)
    with pytest.raises(ConfigError, match="format: found 'overcomplete', expected one of sae_lens, sparsify, dict"):
        export(random, tmp_path, "overcomplete")
    assert not list(tmp_path.iterdir())
