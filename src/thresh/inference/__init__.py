"""Sparse codes for a given dictionary: one file a solver."""

from thresh.inference.budget import keep_largest
from thresh.inference.coordinate_descent import coordinate_descent
from thresh.inference.fista import fista
from thresh.inference.gradient_pursuit import gradient_pursuit
from thresh.inference.infer import infer, prepare
from thresh.inference.ista import ista
from thresh.inference.ito import ito
from thresh.inference.lista import lista
from thresh.inference.matching_pursuit import matching_pursuit
from thresh.inference.omp import omp
from thresh.inference.solvers import SOLVERS

__all__ = [
    "SOLVERS",
    "coordinate_descent",
    "fista",
    "gradient_pursuit",
    "infer",
    "ista",
    "ito",
    "keep_largest",
    "lista",
    "matching_pursuit",
    "omp",
    "prepare",
]
