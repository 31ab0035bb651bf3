"""The artifact of a dictionary, as SAELens 6 reads it: cfg.json and sae_weights.safetensors."""

import json
import os
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from thresh.dictionaries.dictionary import Dictionary
from thresh.dictionaries.encoder import TopKDictionary
from thresh.dictionaries.lasso import LassoDictionary
from thresh.errors import DictionaryError

CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"

# How a file says which class reads it; to add a kind of dictionary, add its class here.
ARCHITECTURES = {kind.architecture: kind for kind in (TopKDictionary, LassoDictionary)}


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


def load(folder: str | Path) -> Dictionary:
    """Read a dictionary that `Dictionary.save` or SAELens 6 wrote.

    Raises
    ------
    DictionaryError
        A file is missing or damaged, the architecture is unknown, or it normalises its input in a way that
        is not part of the weights.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / CONFIG).read_text())
        tensors = load_file(folder / WEIGHTS)
    except FileNotFoundError as error:
        raise DictionaryError(
            f"{folder}: found no {Path(error.filename or WEIGHTS).name}, expected a dictionary."
        ) from None
    except (json.JSONDecodeError, SafetensorError) as error:
        raise DictionaryError(f"{folder}: this dictionary is damaged ({error}).") from None
    kind = ARCHITECTURES.get(config.get("architecture"))
    if kind is None:
        raise DictionaryError(
            f"{folder}: found architecture {config.get('architecture')!r}, expected one of {', '.join(ARCHITECTURES)}."
        )
    if config.get("normalize_activations", "none") != "none":
        raise DictionaryError(
            f"{folder}: found normalize_activations {config['normalize_activations']!r}, expected 'none'; fold it in."
        )
    try:
        dictionary = kind.from_file(config, tensors)
    except KeyError as error:
        raise DictionaryError(
            f"{folder}: found no {error.args[0]}, expected it for {config['architecture']}."
        ) from None
    metadata = config.get("metadata", {})
    dictionary.scale, dictionary.facts = metadata.get("scale"), metadata.get("facts", {})
    return dictionary
