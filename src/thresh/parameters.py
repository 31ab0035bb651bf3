"""What a parameter may be: rules that a function keeps by itself, and that a study is held to before there are data."""

import difflib
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from thresh.errors import ConfigError


@dataclass(frozen=True)
class Rule:
    """Which values a parameter may have, and how a message says so."""

    expected: str
    holds: Callable[[Any], bool]


def is_number(value: Any, kind: type = Real) -> bool:
    """A finite number. True and False are none, although Python counts them among the integers."""
    return isinstance(value, kind) and not isinstance(value, bool) and bool(abs(value) <= sys.float_info.max)


def integer(least: int) -> Rule:
    return Rule(f"an integer of {least} or more", lambda value: is_number(value, Integral) and value >= least)


def between(least: float, most: float) -> Rule:
    return Rule(f"a number between {least} and {most}", lambda value: is_number(value) and bool(least <= value <= most))


def one_of(*names: str) -> Rule:
    return Rule(f"one of {', '.join(names)}", lambda value: isinstance(value, str) and value in names)


def optional(rule: Rule) -> Rule:
    return Rule(f"{rule.expected}, or null", lambda value: value is None or rule.holds(value))


def each(rule: Rule) -> Rule:
    """One value, or a list of them that is not empty."""

    def holds(value: Any) -> bool:
        values = value.tolist() if hasattr(value, "tolist") else value
        values = values if isinstance(values, list | tuple) else [values]
        return len(values) > 0 and all(rule.holds(one) for one in values)

    return Rule(f"{rule.expected}, or a list of such", holds)


POSITIVE = Rule("a positive number", lambda value: is_number(value) and value > 0)
NOT_NEGATIVE = Rule("a number of 0 or more", lambda value: is_number(value) and value >= 0)
SHARE = Rule("a number above 0, at most 1", lambda value: is_number(value) and 0 < value <= 1)
TRUE_OR_FALSE = Rule("true or false", lambda value: isinstance(value, bool))
SEED = integer(0)


def checked(*conditions: Callable[..., None], **rules: Rule) -> Callable[[Callable], Callable]:
    """Make a function refuse parameters that break a rule, before it begins.

    Parameters
    ----------
    *conditions
        Called with all parameters by name; raise ConfigError where these do not go together.
    **rules
        By name of the parameter. A parameter without a rule takes any value.
    """

    def decorate(function: Callable) -> Callable:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def refusing(*args, **kwargs):
            check_values(refusing, signature.bind(*args, **kwargs).arguments)
            return function(*args, **kwargs)

        refusing.rules, refusing.conditions = rules, conditions
        return refusing

    return decorate


def check_values(function: Callable, given: dict[str, Any]) -> None:
    """Hold parameters to the rules of a `checked` function, without calling it.

    Raises
    ------
    ConfigError
        The first value that breaks a rule; its key is the name of the parameter.
    """
    for name, rule in getattr(function, "rules", {}).items():
        if name in given and not rule.holds(given[name]):
            raise ConfigError(name, given[name], rule.expected)
    for condition in getattr(function, "conditions", ()):
        condition(**given)


def check_names(given: dict[str, Any], known: Iterable[str], owner: str) -> None:
    """Refuse parameters that their owner (a method, a solver, a metric) does not have."""
    known = list(known)
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1, 0.5)
            nearest = f"; nearest: {close[0]}" if close else ""
            raise ConfigError(
                name, given[name], f"a parameter of {owner}: {', '.join(known) or 'it has none'}{nearest}"
            )


@contextmanager
def named(place: str, beside: Iterable[str] = ()) -> Iterator[None]:
    """Name a ConfigError's key as the config does: below `place.params`, or below `place` for keys in `beside`."""
    try:
        yield
    except ConfigError as error:
        key = error.key if error.key in beside else f"params.{error.key}"
        raise ConfigError(f"{place}.{key}", error.found, error.expected) from None
