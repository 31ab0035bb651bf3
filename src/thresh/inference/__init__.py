"""Sparse codes for a given dictionary: one file a solver."""

from thresh.inference.fista import fista
from thresh.inference.infer import infer, prepare
from thresh.inference.ito import ito
from thresh.inference.lista import lista
from thresh.inference.matching_pursuit import matching_pursuit
from thresh.inference.omp import omp
from thresh.inference.solvers import SOLVERS

__all__ = ["SOLVERS", "fista", "infer", "ito", "lista", "matching_pursuit", "omp", "prepare"]
