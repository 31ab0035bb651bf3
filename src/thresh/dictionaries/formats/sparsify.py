"""sparsify of EleutherAI (eai-sparsify): cfg.json and sae.safetensors, in a folder for each layer."""

from pathlib import Path

from thresh.dictionaries.formats.reading import read_json, read_tensors, write_json, write_tensors
from thresh.dictionaries.kinds import Dictionary, dictionary_of
from thresh.dictionaries.kinds.topk import TopKDictionary
from thresh.errors import DictionaryError

CONFIG, WEIGHTS = FILES = ("cfg.json", "sae.safetensors")


def read(folder: Path) -> Dictionary:
    """Codes are the k largest of relu((x - b_dec) W' + b), whatever the norms of the atoms.

    Raises
    ------
    DictionaryError
        It has another activation, or is a transcoder: that explains other activations than it reads.
    """
    config, found = read_json(folder / CONFIG), read_tensors(folder / WEIGHTS)
    for key, expected in (("activation", "topk"), ("transcode", False), ("skip_connection", False)):
        if config.get(key, expected) != expected:
            raise DictionaryError(f"{folder}: found {key} {config[key]!r}, expected {expected!r}.")
    tensors = {
        "W_enc": found["encoder.weight"].T,
        "b_enc": found["encoder.bias"],
        "W_dec": found["W_dec"],
        "b_dec": found["b_dec"],
    }
    return dictionary_of(folder, {"architecture": "topk", "k": config["k"]}, tensors)


def write(dictionary: Dictionary, folder: Path) -> None:
    if not isinstance(dictionary, TopKDictionary):
        raise DictionaryError(
            f"{folder}: sparsify has no codes of the kind {dictionary.architecture!r}, expected topk."
        )
    tensors, (atoms, units) = dictionary.tensors(), dictionary.atoms.shape
    write_tensors(
        {
            "encoder.weight": tensors["W_enc"].T,
            "encoder.bias": tensors["b_enc"],
            "W_dec": tensors["W_dec"],
            "b_dec": tensors["b_dec"],
        },
        folder / WEIGHTS,
    )
    config = {
        "activation": "topk",
        "d_in": units,
        "expansion_factor": max(atoms // units, 1),
        "k": dictionary.k,
        "multi_topk": False,
        "normalize_decoder": True,
        "num_latents": atoms,
        "skip_connection": False,
        "transcode": False,
    }
    write_json(config, folder / CONFIG)
