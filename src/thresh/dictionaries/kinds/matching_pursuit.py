"""A dictionary whose codes are those of matching pursuit."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from thresh.dictionaries.inputs import Transform
from thresh.dictionaries.kinds.dictionary import Dictionary, unit_atoms
from thresh.inference.arrays import as_tensor


class MatchingPursuitDictionary(Dictionary):
    """Codes after at most k greedy steps from r = x - b: j = argmax r . d_j, a = relu(r . d_j), z_j += a, r -= a d_j.

    With atoms of unit norm and the default thresholds these are the codes of `thresh.inference.matching_pursuit` with
    `nonnegative=True`; with any thresholds they are those of SAELens 6 for the same file.

    Attributes
    ----------
    k : int
        Steps, so the largest number of active atoms.
    residual_threshold : float
        A row ends once its residual is shorter; 0 for never.
    stop_on_duplicate_support : bool
        Whether a row ends with the first step that adds no new atom.
    lengths : (atoms,) tensor
        Of the d_j above; ones, but for files of others whose atoms have other norms. Codes are multiplied by them.
    """

    architecture = "matching_pursuit"
    signed: ClassVar[bool] = False

    def __init__(
        self,
        atoms,
        k: int,
        bias=None,
        *,
        residual_threshold: float = 0.0,
        stop_on_duplicate_support: bool = False,
        lengths=None,
    ):
        super().__init__(atoms, bias)
        self.k, self.residual_threshold = int(k), float(residual_threshold)
        self.stop_on_duplicate_support = bool(stop_on_duplicate_support)
        lengths = torch.ones(len(self.W_dec)) if lengths is None else lengths
        self.lengths = as_tensor(lengths, device="cpu", dtype=torch.float32)

    def codes_of(self, x: Tensor) -> Tensor:
        lengths = self.lengths.to(x)
        atoms = self.W_dec.to(x) * lengths.unsqueeze(1)
        residual = x - self.b_dec.to(x)
        codes = x.new_zeros(len(x), len(atoms))
        going = torch.ones(len(x), 1, dtype=torch.bool, device=x.device)
        stops = self.residual_threshold > 0 or self.stop_on_duplicate_support
        for _ in range(self.k):
            amount, chosen = (residual @ atoms.T).max(dim=1, keepdim=True)
            amount = (amount if self.signed else amount.relu()) * going
            if self.stop_on_duplicate_support:
                going = going & (amount > 0) & (codes.gather(1, chosen) == 0)
            codes.scatter_add_(1, chosen, amount)
            residual -= amount * atoms[chosen.squeeze(1)]
            if self.residual_threshold > 0:
                going = going & (residual.norm(dim=1, keepdim=True) >= self.residual_threshold)
            if stops and not bool(going.any()):
                break
        return codes * lengths

    def folded(self, transform: Transform) -> Dictionary:
        if not transform.is_scalar:
            return super().folded(transform)
        # Steps scale with the row: only the threshold must move to raw activations.
        return type(self)(
            self.W_dec,
            self.k,
            torch.from_numpy(transform.shift) + self.b_dec * transform.inverse,
            residual_threshold=self.residual_threshold * transform.inverse,
            stop_on_duplicate_support=self.stop_on_duplicate_support,
            lengths=self.lengths,
        )

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {"W_dec": self.W_dec * self.lengths.unsqueeze(1)}

    def settings(self) -> dict[str, Any]:
        return {
            "residual_threshold": self.residual_threshold,
            "max_iterations": self.k,
            "stop_on_duplicate_support": self.stop_on_duplicate_support,
        }

    @classmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "MatchingPursuitDictionary":
        atoms, lengths = unit_atoms(tensors["W_dec"].float())
        exact = bool(((lengths - 1).abs() < 1e-5).all())
        # Without centring, SAELens does not add the bias back either.
        bias = tensors["b_dec"] if config.get("apply_b_dec_to_input", True) else None
        return cls(
            tensors["W_dec"] if exact else atoms,
            config.get("max_iterations") or atoms.shape[1],
            bias,
            residual_threshold=config.get("residual_threshold", 1e-2),
            stop_on_duplicate_support=config.get("stop_on_duplicate_support", True),
            lengths=None if exact else lengths,
        )


class SignedMatchingPursuitDictionary(MatchingPursuitDictionary):
    """The same with a = r . d_j: where all products are negative, a step goes against an atom, as in overcomplete."""

    architecture = "thresh_signed_matching_pursuit"
    signed = True
