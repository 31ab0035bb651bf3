"""A learned dictionary: atoms, bias, a way to codes, and its file."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from thresh.dictionaries.inputs import Transform
from thresh.errors import DictionaryError
from thresh.inference.arrays import as_tensor, check_rows


class Dictionary(ABC):
    """Atoms D and bias b that explain activations as x = z D + b.

    A subclass says how codes are made (`codes_of`) and which further tensors and settings it keeps (`tensors`,
    `settings`).

    Attributes
    ----------
    atoms : (atoms, units) float32, unit-norm rows
    bias : (units,) float32, zeros where the method has none
    scale : float or None
        Root mean square norm of the training rows less the bias.
    facts : dict
        What is known of its making: method, parameters, quality on training rows.
    """

    architecture: ClassVar[str]

    def __init__(self, atoms: Tensor, bias: Tensor | None = None):
        self.W_dec = as_tensor(atoms, device="cpu", dtype=torch.float32)
        bias = torch.zeros(self.W_dec.shape[1]) if bias is None else bias
        self.b_dec = as_tensor(bias, device="cpu", dtype=torch.float32)
        self.scale: float | None = None
        self.facts: dict[str, Any] = {}

    def __repr__(self) -> str:
        made = self.facts.get("method")
        of = f", learned by {made}" if made else ""
        return f"{type(self).__name__}({len(self.W_dec)} atoms of {self.units} units{of})"

    @property
    def atoms(self) -> np.ndarray:
        return self.W_dec.numpy()

    @property
    def bias(self) -> np.ndarray:
        return self.b_dec.numpy()

    @property
    def units(self) -> int:
        return self.W_dec.shape[1]

    def encode(self, x) -> np.ndarray | Tensor:
        """Dense codes (rows, atoms) of x (rows, units), of the kind, dtype and device of x.

        Raises
        ------
        DictionaryError
            A value is not finite (names the row), or the number of units differs.
        """
        rows = as_tensor(x)
        check_rows(rows, self.units)
        with torch.no_grad():
            codes = self.codes_of(rows)
        return codes if isinstance(x, Tensor) else codes.numpy()

    def decode(self, codes) -> np.ndarray | Tensor:
        """Activations z D + b (rows, units) from codes: sparse, NumPy or torch."""
        if codes.shape[1] != len(self.W_dec):
            raise DictionaryError(f"codes have {codes.shape[1]} columns, expected {len(self.W_dec)}, one an atom.")
        if isinstance(codes, Tensor):
            return codes @ self.W_dec.to(codes) + self.b_dec.to(codes)
        return np.asarray((codes if issparse(codes) else np.asarray(codes)) @ self.atoms + self.bias)

    @abstractmethod
    def codes_of(self, x: Tensor) -> Tensor:
        """Codes of checked rows, on their device."""

    def folded(self, transform: Transform) -> "Dictionary":
        """The dictionary that does on raw rows what this one does on transformed ones, its atoms at unit norm.

        Codes change with the lengths of the atoms: they are those of this dictionary times |d M^-1|.
        """
        from thresh.dictionaries.kinds.transformed import TransformedDictionary

        return self if transform.is_identity else TransformedDictionary(self, transform)

    def tensors(self) -> dict[str, Tensor]:
        """What the file holds; names and shapes are those of SAELens 6."""
        return {"W_dec": self.W_dec, "b_dec": self.b_dec}

    def settings(self) -> dict[str, Any]:
        """Keys of cfg.json beyond the common ones."""
        return {}

    @classmethod
    @abstractmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "Dictionary":
        """Undo `tensors` and `settings`."""

    def save(self, folder) -> None:
        """Write cfg.json and sae_weights.safetensors into the folder, each beside and renamed."""
        from thresh.dictionaries.kinds.files import save

        save(self, folder)


def unit_atoms(atoms: Tensor) -> tuple[Tensor, Tensor]:
    """Rows at unit norm, and what their norms were; rows of zeros stay, with norm 0."""
    norms = atoms.norm(dim=1)
    return atoms / norms.clamp(min=torch.finfo(atoms.dtype).tiny).unsqueeze(1), norms
