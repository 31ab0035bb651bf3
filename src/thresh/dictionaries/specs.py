"""A dictionary as the config describes it."""

import hashlib
import sys

from thresh.dictionaries.registry import learner_of, method_class
from thresh.dictionary_methods import JOINT
from thresh.errors import ConfigError

# Keys of a dictionary that do not stand under `params`.
BESIDE_PARAMS = ("method", "atoms", "seed")


def spec_of(content: dict, units: int, place: str) -> dict:
    """Arguments of `learn` for one layer; the source of a dictionary that is imported, as it is.

    Parameters
    ----------
    content
        method, atoms (a number, or a multiple of the units such as '4x'), seed and params; or source.
    units
        Units of the layer.
    place
        Name of the layer. It goes into the seed: dictionaries of two systems must not agree because both began
        from the same random numbers.
    """
    if "source" in content:
        return content
    seed = seed_of(content["seed"], place)
    return {"method": content["method"], "atoms": atoms_of(content["atoms"], units), "seed": seed, **content["params"]}


def atoms_of(atoms: int | str, units: int) -> int:
    """Number of atoms, from a number or a multiple of the units such as '4x'."""
    return atoms if isinstance(atoms, int) else max(round(float(atoms.removesuffix("x")) * units), 1)


def seed_of(seed: int, place: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {place}".encode()).digest()[:4])


def check_method(method: str, atoms: int | str, params: dict) -> None:
    """Raise ConfigError where a method is unknown, or one of its parameters is or has a value that cannot be used."""
    method_class(method, params, ["normalise"])
    if method in JOINT:
        if "blocks" in params:
            raise ConfigError("blocks", params["blocks"], "nothing: the study knows the units of its layers")
        params = params | {"blocks": [1, sys.maxsize - 1]}
    # Units, and a multiple of them, may be any number, as long as no layer is known.
    learner_of(sys.maxsize, method, atoms if isinstance(atoms, int) else sys.maxsize, device="cpu", **params)
