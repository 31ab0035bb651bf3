"""Sparse codes for a given dictionary: one file a solver."""

from thresh.inference.fista import fista
from thresh.inference.infer import SOLVERS, infer
from thresh.inference.matching_pursuit import matching_pursuit
from thresh.inference.omp import omp

__all__ = ["SOLVERS", "fista", "infer", "matching_pursuit", "omp"]
