"""A dictionary as the config describes it."""

import hashlib

from thresh.dictionaries.learn import method_class


def spec_of(content: dict, units: int, place: str) -> dict:
    """Arguments of `learn` for one layer.

    Parameters
    ----------
    content
        method, atoms (a number, or a multiple of the units such as '4x'), seed and params.
    units
        Units of the layer.
    place
        Name of the layer. It goes into the seed: dictionaries of two systems must not agree because both began
        from the same random numbers.
    """
    seed = seed_of(content["seed"], place)
    return {"method": content["method"], "atoms": atoms_of(content["atoms"], units), "seed": seed, **content["params"]}


def atoms_of(atoms: int | str, units: int) -> int:
    """Number of atoms, from a number or a multiple of the units such as '4x'."""
    return atoms if isinstance(atoms, int) else max(round(float(atoms.removesuffix("x")) * units), 1)


def seed_of(seed: int, place: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {place}".encode()).digest()[:4])


def check_method(method: str, params: dict) -> None:
    """Raise ConfigError where a method is unknown, or one of its parameters is."""
    method_class(method, {key: value for key, value in params.items() if key != "normalise"})
