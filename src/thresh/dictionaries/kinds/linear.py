"""Dictionaries with a linear encoder, as sparse autoencoders have it."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.inputs import Transform
from thresh.dictionaries.kinds.dictionary import Dictionary, unit_atoms
from thresh.inference.arrays import as_tensor

UNIT = 1e-5  # how far from 1 the norm of an atom may be and still count as 1


class LinearDictionary(Dictionary):
    """Codes are an activation of (x - b_dec) W_enc + b_enc, entry by entry or row by row.

    Attributes
    ----------
    W_enc : (units, atoms) tensor
    b_enc : (atoms,) tensor
    """

    def __init__(self, atoms, W_enc, b_enc, bias=None):
        super().__init__(atoms, bias)
        self.W_enc = as_tensor(W_enc, device="cpu", dtype=torch.float32)
        self.b_enc = as_tensor(b_enc, device="cpu", dtype=torch.float32)

    @abstractmethod
    def activate(self, pre: Tensor) -> Tensor:
        """Codes from pre-activations (rows, atoms)."""

    @abstractmethod
    def moved(self, atoms: Tensor, W_enc: Tensor, bias: Tensor, lengths: Tensor) -> "LinearDictionary":
        """Of the same kind, with other weights, and with codes that are `lengths` (atoms,) times as large."""

    def pre_activations(self, x: Tensor) -> Tensor:
        """(x - b_dec) W_enc + b_enc, (rows, atoms)."""
        return (x - self.b_dec.to(x)) @ self.W_enc.to(x) + self.b_enc.to(x)

    def codes_of(self, x: Tensor) -> Tensor:
        return self.activate(self.pre_activations(x))

    def folded(self, transform: Transform) -> "LinearDictionary":
        if transform.is_identity:
            return self
        shift, (W_dec, W_enc, b_dec) = (
            torch.from_numpy(transform.shift),
            map(double, (self.W_dec, self.W_enc, self.b_dec)),
        )
        if transform.is_scalar:
            # Directions stay as they are to the last digit; only codes change their scale.
            lengths = torch.full_like(self.b_enc, transform.inverse)
            return self.moved(self.W_dec, self.W_enc * transform.matrix, shift + b_dec * transform.inverse, lengths)
        forth, back = torch.from_numpy(transform.matrix), torch.from_numpy(transform.inverse)
        atoms, lengths = unit_atoms(W_dec @ back)
        return self.moved(atoms, forth @ W_enc, shift + b_dec @ back, lengths.float())

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {"W_enc": self.W_enc, "b_enc": self.b_enc}

    @classmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "LinearDictionary":
        if not config.get("apply_b_dec_to_input", True):
            tensors = tensors | cls.biases_less_centring(tensors, tensors["b_dec"] @ tensors["W_enc"])
        return cls.read(config, tensors).with_unit_atoms()

    @classmethod
    @abstractmethod
    def read(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "LinearDictionary":
        """Made from a file whose encoder subtracts b_dec; atoms may have any norm."""

    @classmethod
    def biases_less_centring(cls, tensors: dict[str, Tensor], offset: Tensor) -> dict[str, Tensor]:
        """Biases for x - b_dec that do what those of the file do for x; offset is b_dec W_enc."""
        return {"b_enc": tensors["b_enc"] + offset}

    def with_unit_atoms(self) -> "LinearDictionary":
        """The same map from x to x, atoms at unit norm and their lengths in the codes."""
        atoms, lengths = unit_atoms(self.W_dec)
        if bool(((lengths - 1).abs() < UNIT).all()):
            return self
        return self.moved(atoms, self.W_enc, self.b_dec, lengths)


def double(x: Tensor) -> Tensor:
    return x.to(torch.float64)
