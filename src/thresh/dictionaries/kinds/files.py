"""The artifact of a dictionary: cfg.json and sae_weights.safetensors, as SAELens 6 has them.

How such files are read, those of others too, stands in `thresh.dictionaries.formats`.
"""

import json
import os
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from thresh.dictionaries.kinds.dictionary import Dictionary
from thresh.dictionaries.kinds.gated import GatedDictionary
from thresh.dictionaries.kinds.jumprelu import JumpReLUDictionary
from thresh.dictionaries.kinds.lasso import LassoDictionary
from thresh.dictionaries.kinds.lista import LISTADictionary
from thresh.dictionaries.kinds.matching_pursuit import MatchingPursuitDictionary, SignedMatchingPursuitDictionary
from thresh.dictionaries.kinds.nearest import NearestDictionary
from thresh.dictionaries.kinds.projection import ProjectionDictionary
from thresh.dictionaries.kinds.pursuit import PursuitDictionary
from thresh.dictionaries.kinds.relu import ReLUDictionary
from thresh.dictionaries.kinds.spade import SpaDEDictionary
from thresh.dictionaries.kinds.topk import TopKDictionary
from thresh.dictionaries.kinds.transformed import TransformedDictionary
from thresh.dictionaries.kinds.universal import UniversalDictionary
from thresh.dictionaries.kinds.weighted import WeightedDictionary
from thresh.errors import DictionaryError

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"
OF_ATOMS = ("b_enc", "threshold", "b_gate", "b_mag", "r_mag", "lengths")  # tensors with one number an atom

# How a file says which class reads it; to add a kind of dictionary, add its class here.
ARCHITECTURES: dict[str, type[Dictionary]] = {
    kind.architecture: kind
    for kind in (
        ReLUDictionary,
        TopKDictionary,
        JumpReLUDictionary,
        GatedDictionary,
        LassoDictionary,
        NearestDictionary,
        PursuitDictionary,
        ProjectionDictionary,
        LISTADictionary,
        MatchingPursuitDictionary,
        SpaDEDictionary,
        SignedMatchingPursuitDictionary,
        WeightedDictionary,
        TransformedDictionary,
        UniversalDictionary,
    )
}


def save(dictionary: Dictionary, folder: str | Path) -> None:
    """Write the artifact; the config goes last, so that a folder with a config is whole."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    atoms, units = dictionary.atoms.shape
    config = {
        "architecture": dictionary.architecture,
        "d_in": units,
        "d_sae": atoms,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        **dictionary.settings(),
        "metadata": {
            "sae_lens_version": "6.0.0",
            "model_name": None,
            "hook_name": None,
            "scale": dictionary.scale,
            "facts": dictionary.facts,
        },
    }
    beside = folder / f"{WEIGHTS}.tmp"
    save_file({name: tensor.contiguous() for name, tensor in dictionary.tensors().items()}, beside)
    os.replace(beside, folder / WEIGHTS)
    write_text(folder / CONFIG, json.dumps(config, indent=2, sort_keys=True) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write beside and rename, so that a reader sees the old file or the new one."""
    beside = path.with_name(f"{path.name}.tmp")
    beside.write_text(text)
    os.replace(beside, path)


def dictionary_of(place: Path, config: dict[str, Any], tensors: dict[str, Tensor]) -> Dictionary:
    """The dictionary of a config and tensors that are named and laid out as in the artifact.

    Parameters
    ----------
    place
        Where they were read, for messages.

    Raises
    ------
    DictionaryError
        The architecture is unknown, or shapes do not go together.
    KeyError
        A setting or a tensor is missing.
    """
    kind = ARCHITECTURES.get(config.get("architecture"))
    if kind is None:
        raise DictionaryError(
            f"{place}: found architecture {config.get('architecture')!r}, expected one of {', '.join(ARCHITECTURES)}."
        )
    atoms, units = tensors["W_dec"].shape
    shapes = {"W_enc": (units, atoms), "b_dec": (units,)} | dict.fromkeys(OF_ATOMS, (atoms,))
    for name, shape in shapes.items():
        if name in tensors and tensors[name].shape != shape:
            found = tuple(tensors[name].shape)
            raise DictionaryError(f"{place}: found {name} of shape {found}, expected {shape} beside the atoms.")
    return kind.from_file(config, {name: single(tensor) for name, tensor in tensors.items()})


def single(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
