"""dictionary_learning (Marks, Karvonen & Mueller): config.json of the trainer, and the state dict ae.pt."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.formats.reading import read_json, read_state, write_json, write_state
from thresh.dictionaries.kinds import Dictionary, dictionary_of
from thresh.errors import DictionaryError

CONFIG, WEIGHTS = FILES = ("config.json", "ae.pt")

# Class there -> how its files are read here. Codes of batch top-k are those of its threshold, as its `encode` has it.
CLASSES: dict[str, dict[str, Any]] = {
    "AutoEncoder": {"architecture": "standard"},
    "AutoEncoderNew": {"architecture": "standard", "apply_b_dec_to_input": False},
    "GatedAutoEncoder": {"architecture": "gated"},
    "AutoEncoderTopK": {"architecture": "topk"},
    "BatchTopKSAE": {"architecture": "jumprelu"},
    "MatryoshkaBatchTopKSAE": {"architecture": "jumprelu"},
    "JumpReluAutoEncoder": {"architecture": "jumprelu", "apply_b_dec_to_input": False},
}
# Name there -> name here; weights of linear layers lie across.
NAMES = {
    "encoder.weight": "W_enc",
    "encoder.bias": "b_enc",
    "decoder.weight": "W_dec",
    "decoder.bias": "b_dec",
    "decoder_bias": "b_dec",
    "bias": "b_dec",
    "gate_bias": "b_gate",
    "mag_bias": "b_mag",
}
# Architecture here -> class there, and its names for W_enc, W_dec and so on.
WRITTEN = {
    "standard": ("AutoEncoder", ("encoder.weight", "encoder.bias", "decoder.weight", "bias")),
    "topk": ("AutoEncoderTopK", ("encoder.weight", "encoder.bias", "decoder.weight", "b_dec")),
    "gated": (
        "GatedAutoEncoder",
        ("encoder.weight", "decoder.weight", "decoder_bias", "r_mag", "gate_bias", "mag_bias"),
    ),
    "jumprelu": ("JumpReluAutoEncoder", ("W_enc", "b_enc", "W_dec", "b_dec", "threshold")),
}


def read(folder: Path) -> Dictionary:
    """Codes are those of the library times the norms of the atoms, where these are not 1.

    Raises
    ------
    DictionaryError
        The class is unknown.
    """
    trainer, state = read_json(folder / CONFIG)["trainer"], read_state(folder / WEIGHTS)
    kind = trainer["dict_class"]
    if kind not in CLASSES:
        raise DictionaryError(f"{folder}: found dict_class {kind!r}, expected one of {', '.join(CLASSES)}.")
    config = dict(CLASSES[kind])
    tensors = {NAMES.get(name, name): across(name, tensor) for name, tensor in state.items()}
    if config["architecture"] == "topk":
        config["k"] = trainer["k"]
        tensors.pop("threshold", None)  # its `encode` does not look at it
    elif kind in ("BatchTopKSAE", "MatryoshkaBatchTopKSAE"):
        tensors["threshold"] = tensors["threshold"].expand(len(tensors["W_dec"]))
    return dictionary_of(folder, config, tensors)


def write(dictionary: Dictionary, folder: Path) -> None:
    if dictionary.architecture not in WRITTEN:
        raise DictionaryError(
            f"{folder}: dictionary_learning has no codes of the kind {dictionary.architecture!r}, expected one of"
            f" {', '.join(WRITTEN)}."
        )
    kind, names = WRITTEN[dictionary.architecture]
    tensors, (atoms, units) = dictionary.tensors(), dictionary.atoms.shape
    trainer = {"dict_class": kind, "activation_dim": units, "dict_size": atoms, "layer": None, "lm_name": None}
    if kind == "JumpReluAutoEncoder":
        # Its encoder does not subtract the bias.
        tensors["b_enc"] = tensors["b_enc"] - tensors["b_dec"] @ tensors["W_enc"]
    state = {name: across(name, tensors[NAMES.get(name, name)]) for name in names}
    if kind == "AutoEncoderTopK":
        trainer["k"] = dictionary.k
        state |= {"k": torch.tensor(dictionary.k, dtype=torch.int), "threshold": torch.tensor(-1.0)}
    write_state(state, folder / WEIGHTS)
    write_json({"trainer": trainer}, folder / CONFIG)


def across(name: str, tensor: Tensor) -> Tensor:
    return tensor.T if name.endswith(".weight") else tensor
