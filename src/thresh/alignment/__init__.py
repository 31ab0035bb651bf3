"""How alike two systems are: metrics on responses to the same stimuli, and what superposition does to them.

Each metric is a function of x (stimuli, units_x) and y (stimuli, units_y), as NumPy arrays, torch tensors or sparse
codes. `METRICS` names them for configs, `compare.align_pair` makes a table of scores, `theory` says what to expect.
"""

from thresh.alignment import theory
from thresh.alignment.canonical import cca, pwcca, svcca
from thresh.alignment.cka import linear_cka
from thresh.alignment.compare import Side, View, align_pair
from thresh.alignment.kernel_cka import kernel_cka
from thresh.alignment.matching import (
    matched_fraction,
    matched_fractions,
    one_to_one_matching,
    semi_matching,
    soft_matching,
)
from thresh.alignment.metric import Metric
from thresh.alignment.metrics import METRICS
from thresh.alignment.minibatch import minibatch_cka
from thresh.alignment.neighbours import mutual_knn
from thresh.alignment.predictivity import linear_predictivity
from thresh.alignment.rdm import rsa
from thresh.alignment.rdm_comparison import compare_rdms
from thresh.alignment.repeats import unbiased_distances
from thresh.alignment.rotation import procrustes, shape_distance
from thresh.alignment.rsa_unbiased import rsa_unbiased

__all__ = [
    "METRICS",
    "Metric",
    "Side",
    "View",
    "align_pair",
    "cca",
    "compare_rdms",
    "kernel_cka",
    "linear_cka",
    "linear_predictivity",
    "matched_fraction",
    "matched_fractions",
    "minibatch_cka",
    "mutual_knn",
    "one_to_one_matching",
    "procrustes",
    "pwcca",
    "rsa",
    "rsa_unbiased",
    "semi_matching",
    "shape_distance",
    "soft_matching",
    "svcca",
    "theory",
    "unbiased_distances",
]
