"""The registry of alignment metrics: a new metric is one file with its function and one line in METRICS."""

from __future__ import annotations

from functools import partial

from thresh.alignment.canonical import cca, pwcca, svcca
from thresh.alignment.cka import fewest_for_cka, linear_cka, linear_cka_debiased
from thresh.alignment.kernel_cka import kernel_cka
from thresh.alignment.matching import (
    fraction_above,
    mean_correlation,
    one_to_one_matches,
    semi_matches,
    soft_matches,
)
from thresh.alignment.metric import (
    CORRELATION,
    PREDICTOR_AND_TARGETS,
    ROTATION,
    SINGLE_UNITS,
    AtSize,
    Metric,
    Metrics,
)
from thresh.alignment.minibatch import minibatch_cka
from thresh.alignment.neighbours import fewest_for_neighbours, mutual_knn
from thresh.alignment.pairing import assignment, best_for_each, matches_of_orders
from thresh.alignment.predictivity import linear_predictivity, linear_predictivity_of_orders
from thresh.alignment.predictivity_scores import mean_r2, median_over_ceiling
from thresh.alignment.rdm import rsa, rsa_of_orders
from thresh.alignment.rdm_comparison import FEWEST
from thresh.alignment.rotation import procrustes, shape_distance
from thresh.alignment.rsa_unbiased import rsa_unbiased, rsa_unbiased_of_orders

ONE_TO_ONE = partial(matches_of_orders, choose=assignment)

METRICS = Metrics(
    Metric(
        "linear_cka",
        "Linear CKA",
        linear_cka,
        invariant_to=ROTATION,
        fewest=fewest_for_cka,
        at_size=AtSize("linear_cka"),
    ),
    Metric(
        "linear_cka_debiased",
        "Linear CKA, debiased",
        linear_cka_debiased,
        range=CORRELATION,
        invariant_to=ROTATION,
        fewest=partial(fewest_for_cka, debiased=True),
        at_size=AtSize("linear_cka_debiased"),
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
        "rsa_unbiased",
        "RSA, unbiased distances",
        rsa_unbiased,
        range=CORRELATION,
        invariant_to=ROTATION,
        fewest=lambda **_: FEWEST,
        permuted=rsa_unbiased_of_orders,
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
        at_size=AtSize("linear_predictivity", codes=False),
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
        at_size=AtSize("linear_predictivity", codes=False),
    ),
    Metric(
        "semi_matching",
        "Semi-matching",
        semi_matches,
        mean_correlation,
        permuted=partial(matches_of_orders, choose=best_for_each),
        at_size=AtSize("semi_matches", dense=False),
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
        at_size=AtSize("one_to_one_matches", dense=False),
        range=CORRELATION,
        invariant_to=SINGLE_UNITS,
    ),
    Metric(
        "matched_fraction",
        "Matched fraction",
        one_to_one_matches,
        fraction_above,
        permuted=ONE_TO_ONE,
        at_size=AtSize("one_to_one_matches", dense=False),
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
