"""A dictionary that looks at rows through an affine map."""

from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.inputs import Transform
from thresh.dictionaries.kinds.dictionary import Dictionary, unit_atoms


class TransformedDictionary(Dictionary):
    """Codes are those of another dictionary for (x - shift) M, times the length of each atom in raw activations.

    Attributes
    ----------
    inner : Dictionary
        Acts on transformed rows.
    """

    architecture = "thresh_transformed"

    def __init__(self, inner: Dictionary, transform: Transform):
        W_dec, b_dec = (as_double(each) for each in (inner.W_dec, inner.b_dec))
        inverse = transform.inverse if transform.is_scalar else torch.from_numpy(transform.inverse)
        atoms, norms = unit_atoms(W_dec * inverse if transform.is_scalar else W_dec @ inverse)
        shift = torch.from_numpy(transform.shift)
        super().__init__(atoms, shift + (b_dec * inverse if transform.is_scalar else b_dec @ inverse))
        self.inner, self.norms = inner, norms.float()
        self.shift = shift.float()
        self.matrix = (torch.eye(inner.units) * transform.matrix) if transform.is_scalar else as_single(transform)

    def codes_of(self, x: Tensor) -> Tensor:
        return self.inner.codes_of((x - self.shift.to(x)) @ self.matrix.to(x)) * self.norms.to(x)

    def tensors(self) -> dict[str, Tensor]:
        own = {"norms": self.norms, "shift": self.shift, "matrix": self.matrix}
        inner = {f"inner.{name}": tensor for name, tensor in self.inner.tensors().items()}
        return super().tensors() | own | inner

    def settings(self) -> dict[str, Any]:
        return {"inner": {"architecture": self.inner.architecture} | self.inner.settings()}

    @classmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "TransformedDictionary":
        from thresh.dictionaries.kinds.files import ARCHITECTURES

        within = {name.removeprefix("inner."): each for name, each in tensors.items() if name.startswith("inner.")}
        inner = ARCHITECTURES[config["inner"]["architecture"]].from_file(config["inner"], within)
        made = cls.__new__(cls)
        Dictionary.__init__(made, tensors["W_dec"], tensors["b_dec"])
        made.inner = inner
        made.norms, made.shift, made.matrix = (tensors[name] for name in ("norms", "shift", "matrix"))
        return made


def as_double(x: Tensor) -> Tensor:
    return x.to(torch.float64)


def as_single(transform: Transform) -> Tensor:
    return torch.from_numpy(transform.matrix).float()
