"""Metrics of alignment for responses that do not fit in memory: stores of a million rows, codes of 100,000 atoms.

The functions have the names and meanings of those in `thresh.alignment`, take stores and lazy arrays in place of
matrices, and a scheduler of dask.
"""

from thresh.alignment.at_size.activity import active_on
from thresh.alignment.at_size.cka import linear_cka, linear_cka_debiased
from thresh.alignment.at_size.matches import one_to_one_matches, semi_matches
from thresh.alignment.at_size.matching import matched_fraction, one_to_one_matching, semi_matching
from thresh.alignment.at_size.picked import picked, picked_units
from thresh.alignment.at_size.predictivity import linear_predictivity

__all__ = [
    "active_on",
    "linear_cka",
    "linear_cka_debiased",
    "linear_predictivity",
    "matched_fraction",
    "one_to_one_matches",
    "one_to_one_matching",
    "picked",
    "picked_units",
    "semi_matches",
    "semi_matching",
]
