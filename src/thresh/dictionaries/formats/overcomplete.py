"""overcomplete (Kempner): a state dict, and beside it what a state dict does not hold.

overcomplete has no files of its own. What it needs is written by

    torch.save(sae.state_dict(), folder / "state_dict.pt")
    (folder / "config.json").write_text(json.dumps({"class": type(sae).__name__, "top_k": sae.top_k}))

with `k` for MpSAE, `running_threshold` for BatchTopKSAE, `delta` for archetypal dictionaries, and `normalization` where
the dictionary has another than 'l2'.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.formats.reading import read_json, read_state
from thresh.dictionaries.kinds import Dictionary, dictionary_of
from thresh.errors import DictionaryError

CONFIG, WEIGHTS = FILES = ("config.json", "state_dict.pt")

CLASSES = {
    "SAE": "standard",
    "TopKSAE": "topk",
    "RATopKSAE": "topk",
    "JumpSAE": "jumprelu",
    "RAJumpSAE": "jumprelu",
    "BatchTopKSAE": "jumprelu",
    "MpSAE": "thresh_signed_matching_pursuit",
}
NORMALISATIONS = ("l2", "max_l2", "l1", "max_l1", "identity")
LINEAR = "encoder.final_block.0."
BATCH_NORM = "encoder.final_block.1."


def read(folder: Path) -> Dictionary:
    """Codes are those that the library has in eval mode, times the norms of the atoms, where these are not 1.

    Raises
    ------
    DictionaryError
        Class, encoder or normalisation are none of those that can be read.
    """
    config, state = read_json(folder / CONFIG), read_state(folder / WEIGHTS)
    kind = config["class"]
    if kind not in CLASSES:
        raise DictionaryError(f"{folder}: found class {kind!r}, expected one of {', '.join(CLASSES)}.")
    atoms = atoms_of(folder, config, state)
    tensors = {"W_dec": atoms, "b_dec": atoms.new_zeros(atoms.shape[1])}
    settings: dict[str, Any] = {"architecture": CLASSES[kind]}
    if kind == "MpSAE":
        # Always k steps.
        settings |= {"max_iterations": config["k"], "residual_threshold": 0.0, "stop_on_duplicate_support": False}
        return dictionary_of(folder, settings, tensors)
    tensors |= encoder_of(folder, state)
    if CLASSES[kind] == "topk":
        settings["k"] = config["top_k"]
    elif kind == "BatchTopKSAE":
        tensors["threshold"] = below(torch.tensor(float(config["running_threshold"])).expand(len(atoms)))
    elif CLASSES[kind] == "jumprelu":
        tensors["threshold"] = below(state["thresholds"].exp())
    return dictionary_of(folder, settings, tensors)


def atoms_of(folder: Path, config: dict[str, Any], state: dict[str, Tensor]) -> Tensor:
    """Atoms as the library has them in eval mode."""
    factor = state["dictionary.multiplier"].exp()
    if "dictionary.C" in state:
        points, weights, rest = (state[f"dictionary.{name}"] for name in ("C", "W", "Relax"))
        weights = weights.relu()
        weights = weights / (weights.sum(dim=1, keepdim=True) + 1e-8)
        rest = rest * (config["delta"] / rest.norm(dim=1, keepdim=True)).clamp(max=1)
        return (weights @ points + rest) * factor
    way = config.get("normalization", "l2")
    if way not in NORMALISATIONS:
        raise DictionaryError(f"{folder}: found normalization {way!r}, expected one of {', '.join(NORMALISATIONS)}.")
    # A file may be written between two steps, so weights need not be normalised.
    weights = state["dictionary._weights"]
    if way == "identity":
        return weights * factor
    norms = weights.norm(p=1 if way.endswith("l1") else 2, dim=1, keepdim=True)
    return weights / (norms.amax() if way.startswith("max") else norms + 1e-8) * factor


def encoder_of(folder: Path, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """W_enc and b_enc of a linear encoder, batch norm folded in; it does not subtract a bias, for there is none."""
    weight, bias = state.get(f"{LINEAR}weight"), state.get(f"{LINEAR}bias")
    others = [name for name in state if name.startswith("encoder.") and not name.startswith((LINEAR, BATCH_NORM))]
    normed = any(name.startswith(BATCH_NORM) for name in state)
    if weight is None or others or (normed and f"{BATCH_NORM}running_mean" not in state):
        found = ", ".join(name for name in state if name.startswith("encoder."))
        raise DictionaryError(
            f"{folder}: found an encoder of {found or 'nothing'}, expected a linear one, with one batch norm or none."
        )
    if normed:
        gain, shift, mean, variance = (
            state[f"{BATCH_NORM}{name}"] for name in ("weight", "bias", "running_mean", "running_var")
        )
        gain = gain / (variance + 1e-5).sqrt()
        weight, bias = weight * gain.unsqueeze(1), (bias - mean) * gain + shift
    return {"W_enc": weight.T, "b_enc": bias}


def below(threshold: Tensor) -> Tensor:
    """The next smaller number: codes that reach the threshold count there, those that exceed it here."""
    return torch.nextafter(threshold, torch.full_like(threshold, -torch.inf))
