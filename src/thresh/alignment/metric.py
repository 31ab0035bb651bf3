"""What a metric is: a measure, how it is summed up, and what it does not see."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass

from numpy.typing import ArrayLike

from thresh.alignment.folds import fewest_in_folds
from thresh.errors import ConfigError
from thresh.parameters import check_names, check_values

ROTATION = "rotation, isotropic scaling and offset of the units"
SINGLE_UNITS = "order, positive scaling and offset of single units"
PREDICTOR_AND_TARGETS = "rotation, isotropic scaling and offset of x; order, scaling and offset of single units of y"
FACTS = ("groups", "repeats_x", "repeats_y")  # what is known of rows (see `facts`), no settings of a metric
CORRELATION = "-1 to 1"


def plain(measured: float) -> tuple[float, dict]:
    """The measure is the score."""
    return measured, {}


@dataclass(frozen=True)
class AtSize:
    """How a metric is measured of responses that do not fit in memory.

    Attributes
    ----------
    measure
        Name of the function of `thresh.alignment.at_size` that gives what the metric's `measure` gives: who only asks
        which metrics there are need not import stores and dask.
    dense, codes
        Whether a side may be dense responses, or sparse codes.
    """

    measure: str
    dense: bool = True
    codes: bool = True

    def takes(self, *sides_are_codes: bool) -> bool:
        return all(self.codes if is_codes else self.dense for is_codes in sides_are_codes)


@dataclass(frozen=True)
class Metric:
    """One way to compare two sets of responses.

    Attributes
    ----------
    name
        Key in configs and score tables.
    label
        For people.
    measure
        (x, y, **parameters) -> what is computed once, even where several metrics read it.
    summarise
        (measured, **parameters) -> (score, detail for the score table).
    symmetric
        Whether score(x, y) and score(y, x) are the same number; else y is predicted from, or matched into, x.
    range
        Possible values, in words.
    invariant_to
        What of either side it does not see, in words.
    higher_is_closer
        Whether more alike systems score higher; else the score is a distance.
    fewest
        (**parameters of measure) -> the fewest stimuli that it is defined for.
    permuted
        (x, y, **all parameters of measure) -> a function of an order of the stimuli of y that gives the measure, where
        that is less work than measuring anew.
    at_size
        How it is measured where responses do not fit in memory; None where it is not.
    """

    name: str
    label: str
    measure: Callable
    summarise: Callable = plain
    symmetric: bool = True
    range: str = "0 to 1"
    invariant_to: str = ""
    higher_is_closer: bool = True
    fewest: Callable[..., int] = fewest_in_folds
    permuted: Callable | None = None
    at_size: AtSize | None = None

    @property
    def best(self) -> float:
        """The score of a system with itself."""
        return 1.0 if self.higher_is_closer else 0.0

    @property
    def blind_to_rotation(self) -> str:
        """The sides, of 'x' and 'y', whose units may be rotated and shifted without changing the measure."""
        return {ROTATION: "xy", PREDICTOR_AND_TARGETS: "x"}.get(self.invariant_to, "")

    @property
    def parameters(self) -> dict[str, object]:
        """Names and defaults of all parameters but `FACTS`, in the order of the functions' signatures."""
        return {**_parameters(self.measure), **_parameters(self.summarise)}

    @property
    def takes_ceiling(self) -> bool:
        """Whether the score can be given relative to the noise ceilings of the units of y."""
        return "ceiling" in self.parameters

    @property
    def facts(self) -> list[str]:
        """Those of `FACTS` that the measure takes."""
        return [name for name in FACTS if name in inspect.signature(self.measure).parameters]

    def measured_with(self, given: dict) -> dict:
        """All parameters of `measure`, with the defaults of those that are not given."""
        return _parameters(self.measure) | given

    def split_parameters(self, given: dict) -> tuple[dict, dict]:
        """Parameters of `measure` and of `summarise`.

        Raises
        ------
        ConfigError
            A parameter that the metric does not have, or a value that it does not take.
        """
        check_names(given, self.parameters, self.name)
        for function in (self.measure, self.summarise):
            check_values(function, given)
        of_measure = _parameters(self.measure)
        return (
            {key: value for key, value in given.items() if key in of_measure},
            {key: value for key, value in given.items() if key not in of_measure},
        )

    def stimuli_needed(self, given: dict) -> int:
        """The fewest stimuli that two systems must share for these parameters; raises as `split_parameters`."""
        of_measure, _ = self.split_parameters(self.parameters | given)
        return self.fewest(**of_measure)

    def score(self, x: ArrayLike, y: ArrayLike, **params) -> tuple[float, dict]:
        """Compare x (stimuli, units_x) with y (stimuli, units_y).

        Returns
        -------
        float, dict
            The score, and numbers that explain it (JSON types).

        Raises
        ------
        AlignmentError
            The metric is not defined for these responses.
        ConfigError
            An unknown parameter, or a value out of range.
        """
        of_measure, of_summary = self.split_parameters(params)
        return self.summarise(self.measure(x, y, **of_measure), **of_summary)


class Metrics(dict):
    """Metrics by name; an unknown name is a ConfigError with the nearest one."""

    def __init__(self, *metrics: Metric):
        super().__init__((metric.name, metric) for metric in metrics)

    def __missing__(self, name: str) -> Metric:
        nearest = difflib.get_close_matches(str(name), self, n=1, cutoff=0.0)
        raise ConfigError("metric", name, f"one of {', '.join(self)}; nearest: {nearest[0]}")


def _parameters(function: Callable) -> dict[str, object]:
    signature = list(inspect.signature(function).parameters.values())
    given = {item.name: item.default for item in signature if item.default is not inspect.Parameter.empty}
    return {name: default for name, default in given.items() if name not in FACTS}
