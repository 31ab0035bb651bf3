"""The registry of alignment metrics: a new metric is one file with its function and one line in METRICS."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from numpy.typing import ArrayLike

from thresh.alignment.canonical import cca, pwcca, svcca
from thresh.alignment.cka import fewest_for_cka, linear_cka, linear_cka_debiased
from thresh.alignment.folds import fewest_in_folds
from thresh.alignment.kernel_cka import kernel_cka
from thresh.alignment.matching import (
    fraction_above,
    mean_correlation,
    one_to_one_matches,
    semi_matches,
    soft_matches,
)
from thresh.alignment.minibatch import minibatch_cka
from thresh.alignment.neighbours import fewest_for_neighbours, mutual_knn
from thresh.alignment.pairing import assignment, best_for_each, matches_of_orders
from thresh.alignment.predictivity import linear_predictivity, linear_predictivity_of_orders
from thresh.alignment.predictivity_scores import mean_r2, median_over_ceiling
from thresh.alignment.rdm import rsa, rsa_of_orders
from thresh.alignment.rdm_comparison import FEWEST
from thresh.alignment.rotation import procrustes, shape_distance
from thresh.errors import ConfigError
from thresh.parameters import check_names, check_values

GROUPS = "groups"  # which stimuli belong together is a fact about them, not a setting of a metric


def plain(measured: float) -> tuple[float, dict]:
    """The measure is the score."""
    return measured, {}


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
        """Names and defaults of all parameters but `groups`, in the order of the functions' signatures."""
        return {**_parameters(self.measure), **_parameters(self.summarise)}

    @property
    def takes_ceiling(self) -> bool:
        """Whether the score can be given relative to the noise ceilings of the units of y."""
        return "ceiling" in self.parameters

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
    return {name: default for name, default in given.items() if name != GROUPS}


ROTATION = "rotation, isotropic scaling and offset of the units"
SINGLE_UNITS = "order, positive scaling and offset of single units"
PREDICTOR_AND_TARGETS = "rotation, isotropic scaling and offset of x; order, scaling and offset of single units of y"
CORRELATION = "-1 to 1"

ONE_TO_ONE = partial(matches_of_orders, choose=assignment)

METRICS = Metrics(
    Metric("linear_cka", "Linear CKA", linear_cka, invariant_to=ROTATION, fewest=fewest_for_cka),
    Metric(
        "linear_cka_debiased",
        "Linear CKA, debiased",
        linear_cka_debiased,
        range=CORRELATION,
        invariant_to=ROTATION,
        fewest=partial(fewest_for_cka, debiased=True),
    ),
    Metric(
        "minibatch_cka",
        "Linear CKA from minibatches",
        minibatch_cka,
        range=CORRELATION,
        invariant_to=ROTATION,
        fewest=partial(fewest_for_cka, debiased=True),
    ),
    Metric(
        "kernel_cka",
        "Kernel CKA",
        kernel_cka,
        range="0 to 1; debiased -1 to 1",
        invariant_to=ROTATION,
        fewest=fewest_for_cka,
    ),
    Metric(
        "rsa",
        "RSA",
        rsa,
        range=CORRELATION,
        invariant_to="order and isotropic scaling of the units, scaling of stimuli; monotone changes of all distances",
        fewest=lambda **_: FEWEST,
        permuted=rsa_of_orders,
    ),
    Metric(
        "linear_predictivity",
        "Linear predictivity, r",
        linear_predictivity,
        median_over_ceiling,
        symmetric=False,
        range="-1 to 1; may exceed 1 relative to a ceiling",
        invariant_to=PREDICTOR_AND_TARGETS,
        permuted=linear_predictivity_of_orders,
    ),
    Metric(
        "linear_predictivity_r2",
        "Linear predictivity, R²",
        linear_predictivity,
        mean_r2,
        symmetric=False,
        range="up to 1; negative where the mean predicts better",
        invariant_to=PREDICTOR_AND_TARGETS,
        permuted=linear_predictivity_of_orders,
    ),
    Metric(
        "semi_matching",
        "Semi-matching",
        semi_matches,
        mean_correlation,
        permuted=partial(matches_of_orders, choose=best_for_each),
        symmetric=False,
        range=CORRELATION,
        invariant_to=SINGLE_UNITS,
    ),
    Metric(
        "soft_matching", "Soft matching", soft_matches, mean_correlation, range=CORRELATION, invariant_to=SINGLE_UNITS
    ),
    Metric(
        "one_to_one_matching",
        "One-to-one matching",
        one_to_one_matches,
        mean_correlation,
        permuted=ONE_TO_ONE,
        range=CORRELATION,
        invariant_to=SINGLE_UNITS,
    ),
    Metric(
        "matched_fraction",
        "Matched fraction",
        one_to_one_matches,
        fraction_above,
        permuted=ONE_TO_ONE,
        invariant_to=SINGLE_UNITS,
    ),
    Metric("procrustes", "Procrustes cosine", procrustes, range=CORRELATION, invariant_to=ROTATION),
    Metric(
        "shape_distance",
        "Angular shape distance",
        shape_distance,
        range="0 to π",
        invariant_to=ROTATION,
        higher_is_closer=False,
    ),
    Metric("cca", "CCA, held out", cca, range=CORRELATION, invariant_to=ROTATION),
    Metric("svcca", "SVCCA", svcca, range=CORRELATION, invariant_to=ROTATION),
    Metric(
        "pwcca",
        "PWCCA",
        pwcca,
        symmetric=False,
        range=CORRELATION,
        invariant_to="order, sign, isotropic scaling and offset of the units of x; invertible maps and offset of y",
    ),
    Metric(
        "mutual_knn",
        "Mutual nearest neighbours",
        mutual_knn,
        invariant_to="rotation and isotropic scaling of the units, scaling of stimuli",
        fewest=fewest_for_neighbours,
    ),
)
