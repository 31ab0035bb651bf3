"""A dictionary of prototypes: its codes mix near ones."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.distances import squared_distances
from thresh.dictionaries.inputs import Transform
from thresh.dictionaries.kinds.dictionary import Dictionary, unit_atoms
from thresh.dictionaries.simplex import on_simplex
from thresh.inference.arrays import as_tensor
from thresh.inference.lasso import Lasso, State, start

TOLERANCE = 1e-6  # of the largest weight: how far a further gradient step may move a row that is done
CHECK_EVERY = 10
MOST_STEPS = 2000


class WeightedDictionary(Dictionary):
    """Codes are weights w of prototypes p_j that minimise 0.5 |y - w P|^2 + penalty sum_j w_j |y - p_j|^2, y = x - b.

    Weights are not negative and, with `simplex`, sum to 1. Prototype j is lengths_j d_j with an atom d_j of unit norm;
    its code is w_j lengths_j, so that decoding gives the mixture.

    Attributes
    ----------
    lengths : (atoms,) tensor
    penalty : float
        Without unit: both terms are squared distances.
    simplex : bool
    """

    architecture = "thresh_weighted"

    def __init__(self, atoms, lengths, penalty: float, bias=None, *, simplex: bool = True):
        super().__init__(atoms, bias)
        self.lengths = as_tensor(lengths, device="cpu", dtype=torch.float32)
        self.penalty, self.simplex = float(penalty), bool(simplex)

    @classmethod
    def of_prototypes(cls, prototypes: Tensor, penalty: float, *, simplex: bool) -> "WeightedDictionary":
        """With b = 0."""
        return cls(*unit_atoms(prototypes), penalty, simplex=simplex)

    def codes_of(self, x: Tensor) -> Tensor:
        lengths = self.lengths.to(x)
        prototypes = self.W_dec.to(x) * lengths.unsqueeze(1)
        return solved(Mixture.of(x - self.b_dec.to(x), prototypes, self.penalty, self.simplex)) * lengths

    def folded(self, transform: Transform) -> Dictionary:
        if not transform.is_scalar:
            return super().folded(transform)
        bias = torch.from_numpy(transform.shift) + self.b_dec * transform.inverse
        lengths = self.lengths * transform.inverse
        return WeightedDictionary(self.W_dec, lengths, self.penalty, bias, simplex=self.simplex)

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {"lengths": self.lengths}

    def settings(self) -> dict[str, Any]:
        return {"penalty": self.penalty, "simplex": self.simplex}

    @classmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "WeightedDictionary":
        W_dec, lengths, b_dec = (tensors[name] for name in ("W_dec", "lengths", "b_dec"))
        return cls(W_dec, lengths, config["penalty"], b_dec, simplex=config["simplex"])


@dataclass
class Mixture(Lasso):
    """Weights of prototypes for a batch of rows; a lasso whose penalties differ from entry to entry.

    As weights are not negative, penalties are a linear term: they stand in the correlations, and `penalty` is 0.
    """

    simplex: bool = True

    @classmethod
    def of(cls, x: Tensor, prototypes: Tensor, penalty: float, simplex: bool) -> "Mixture":
        """The problem of rows x (rows, units)."""
        # Weights that sum to 1 do not see where the origin lies; far from it, steps would be short.
        origin = prototypes.mean(dim=0) if simplex else torch.zeros_like(prototypes[0])
        x, prototypes = x - origin, prototypes - origin
        correlations = x @ prototypes.T - penalty * squared_distances(x, prototypes)
        return cls(x, prototypes, 0.0, correlations=correlations, simplex=simplex)

    def begin(self) -> State:
        """All weight on the nearest prototype, or none."""
        codes = torch.zeros_like(self.correlations)
        if self.simplex:
            nearest = squared_distances(self.x, self.atoms).argmin(dim=1, keepdim=True)
            codes.scatter_(1, nearest, 1.0)
        return start(codes)

    def shrink(self, values: Tensor, threshold: float) -> Tensor:
        return on_simplex(values) if self.simplex else values.clamp_(min=0)

    def moves(self, codes: Tensor) -> Tensor:
        """How far a gradient step would move each row, relative to its largest weight; 0 at the optimum alone."""
        step = self.advance(start(codes), 1).codes - codes
        return step.abs().amax(dim=1) / codes.amax(dim=1).clamp(min=torch.finfo(codes.dtype).tiny)


def solved(problem: Mixture) -> Tensor:
    """Weights of all rows; rows that are done leave the batch."""
    state = problem.begin()
    codes = state.codes.clone()
    rows = torch.arange(len(codes), device=codes.device)
    for _ in range(MOST_STEPS // CHECK_EVERY):
        state = problem.advance(state, CHECK_EVERY)
        codes[rows] = state.codes
        going = problem.moves(state.codes) > TOLERANCE
        rows, problem, state = rows[going], problem.keep(going), state.keep(going)
        if len(rows) == 0:
            break
    return codes
