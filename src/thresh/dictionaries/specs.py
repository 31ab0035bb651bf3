"""A dictionary as the config describes it."""

from thresh.dictionaries.learn import method_class


def spec_of(content: dict, units: int) -> dict:
    """Arguments of `learn` for one layer.

    Parameters
    ----------
    content
        method, atoms (a number, or a multiple of the units such as '4x'), seed and params.
    units
        Units of the layer.
    """
    atoms = content["atoms"]
    if isinstance(atoms, str):
        atoms = max(round(float(atoms.removesuffix("x")) * units), 1)
    return {"method": content["method"], "atoms": atoms, "seed": content["seed"], **content["params"]}


def check_method(method: str, params: dict) -> None:
    """Raise ConfigError where a method is unknown, or one of its parameters is."""
    method_class(method, {key: value for key, value in params.items() if key != "normalise"})
