"""Refusals of keys that do not go together, for callers from Python; the config refuses the same ones earlier."""

from thresh.errors import ConfigError


def only_one(name: str, **sources: object) -> str:
    """Which one of several keys is given.

    Raises
    ------
    ConfigError
        None of them is, or more than one; the message names the last of these.
    """
    given = [key for key, value in sources.items() if value is not None]
    if not given:
        raise ConfigError(f"stimuli.{name}", None, f"one of the keys {', '.join(sources)}")
    if len(given) > 1:
        raise ConfigError(f"stimuli.{name}.{given[-1]}", sources[given[-1]], f"no such key beside `{given[0]}`")
    return given[0]


def without(name: str, reason: str, keys: dict[str, object]) -> None:
    """Refuse keys that mean nothing here.

    Raises
    ------
    ConfigError
        One of them is given.
    """
    for key, value in keys.items():
        if value is not None:
            raise ConfigError(f"stimuli.{name}.{key}", value, f"no such key {reason}")


def positive(name: str, **numbers: float | None) -> None:
    """Refuse what is not above 0.

    Raises
    ------
    ConfigError
        A number is given and is 0 or less.
    """
    for key, value in numbers.items():
        if value is not None and not value > 0:
            raise ConfigError(f"stimuli.{name}.{key}", value, "a number above 0")
