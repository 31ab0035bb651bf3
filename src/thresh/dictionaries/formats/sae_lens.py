"""SAELens: cfg.json and sae_weights.safetensors, of version 6 and of those before it; also the artifact of thresh."""

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from thresh.dictionaries.formats.reading import read_json, read_tensors
from thresh.dictionaries.inputs import Transform
from thresh.dictionaries.kinds import Dictionary, dictionary_of, save
from thresh.dictionaries.kinds.files import CONFIG, WEIGHTS
from thresh.errors import DictionaryError

FILES = (CONFIG, WEIGHTS)
KNOWN_THERE = ("standard", "topk", "jumprelu", "gated", "matching_pursuit")
SCALER, WHITENING = "activation_scaler.json", "activation_whitening.safetensors"


def read(folder: Path) -> Dictionary:
    """The dictionary that does what SAELens does with these files.

    Checkpoints of training become what SAELens exports from them: batch top-k and Matryoshka a JumpReLU at the
    threshold that they keep, normalised inputs a part of the weights.

    Raises
    ------
    DictionaryError
        The architecture is unknown, or inputs are normalised in a way that cannot become a part of the weights.
    """
    config, tensors = as_exported(in_version_6(folder, read_json(folder / CONFIG)), read_tensors(folder / WEIGHTS))
    scaling = tensors.pop("scaling_factor", None)
    if scaling is not None and not bool((scaling == 1).all()):
        raise DictionaryError(f"{folder}: found a scaling_factor of finetuning, expected none, or ones.")
    transform = normalisation(folder, config.get("normalize_activations", "none"), tensors["W_dec"].shape[1])
    dictionary = dictionary_of(folder, config, tensors).folded(transform)
    metadata = config.get("metadata") or {}
    dictionary.scale, dictionary.facts = metadata.get("scale"), metadata.get("facts", {})
    return dictionary


def write(dictionary: Dictionary, folder: Path) -> None:
    if dictionary.architecture not in KNOWN_THERE:
        raise DictionaryError(
            f"{folder}: SAELens has no codes of the kind {dictionary.architecture!r}, expected one of"
            f" {', '.join(KNOWN_THERE)}; `save` keeps it for thresh."
        )
    save(dictionary, folder)


def in_version_6(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """A config of any version in the words of version 6."""
    version = config.get("sae_lens_version") or (config.get("metadata") or {}).get("sae_lens_version")
    if version and int(version.split(".")[0]) >= 6:
        return config
    activation = config.get("activation_fn") or config.get("activation_fn_str") or "relu"
    if activation not in ("relu", "topk"):
        raise DictionaryError(f"{folder}: found activation_fn {activation!r}, expected relu or topk.")
    config = {"architecture": "standard"} | config
    if activation == "topk":
        config |= {"architecture": "topk", "k": config["activation_fn_kwargs"]["k"]}
    normalised = config.get("normalize_activations")
    if isinstance(normalised, bool | None):
        config["normalize_activations"] = "expected_average_only_in" if normalised else "none"
    return config


def as_exported(config: dict[str, Any], tensors: dict[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A checkpoint of training as SAELens exports it; other files as they are."""
    if "log_threshold" in tensors:
        return config, tensors | {"threshold": tensors["log_threshold"].exp()}
    if config.get("architecture") not in ("batchtopk", "matryoshka_batchtopk"):
        return config, tensors
    lengths = tensors["W_dec"].norm(dim=1)
    if config.get("rescale_acts_by_decoder_norm", True):
        tensors = tensors | {
            "W_dec": tensors["W_dec"] / lengths.unsqueeze(1),
            "W_enc": tensors["W_enc"] * lengths,
            "b_enc": tensors["b_enc"] * lengths,
        }
    threshold = tensors["topk_threshold"].to(lengths).expand(len(lengths))
    return config | {"architecture": "jumprelu"}, tensors | {"threshold": threshold}


def normalisation(folder: Path, way: str, units: int) -> Transform:
    """What is done to rows before the weights see them."""
    if way == "none":
        return Transform(np.zeros(units), 1.0, 1.0)
    kept = read_json(folder / SCALER) if (folder / SCALER).is_file() else {}
    if way == "expected_average_only_in" and kept.get("scaling_factor"):
        return Transform(np.zeros(units), float(kept["scaling_factor"]), 1 / float(kept["scaling_factor"]))
    if way == "covariance_whitening" and (folder / WHITENING).is_file():
        found = read_tensors(folder / WHITENING)
        return Transform(*(found[name].double().numpy() for name in ("mean", "matrix", "inverse_matrix")))
    raise DictionaryError(
        f"{folder}: found normalize_activations {way!r}, expected 'none'; "
        + {
            "expected_average_only_in": f"{SCALER}, where its factor s would stand, is not there: multiply W_enc by s,"
            " divide W_dec and b_dec by it, unless that is done, and write 'none'.",
            "covariance_whitening": f"{WHITENING}, where its matrices would stand, is not there.",
        }.get(way, "what is done to each row apart cannot become a part of the weights.")
    )
