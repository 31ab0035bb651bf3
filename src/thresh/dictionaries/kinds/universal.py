"""Dictionaries of several systems whose atoms go together, one to one."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.kinds.dictionary import Dictionary, unit_atoms
from thresh.dictionaries.kinds.topk import TopKDictionary, keep_largest


class UniversalDictionary(Dictionary):
    """For rows of several systems side by side: one code that all of them are decoded from.

    Codes are the k largest of the mean over systems of what each system's encoder says. The parts encode and decode one
    system alone; atom j of each is the same concept.

    Attributes
    ----------
    parts : list of TopKDictionary
        One for each system, in the order of the units.
    factors : list of float
        What the rows of each system were multiplied with when the joint code was learned.
    """

    architecture = "thresh_universal"

    def __init__(self, parts: Sequence[TopKDictionary], factors: Sequence[float]):
        pairs = list(zip(parts, factors, strict=True))
        atoms = torch.cat([part.W_dec * part.lengths.unsqueeze(1) / factor for part, factor in pairs], dim=1)
        unit, lengths = unit_atoms(atoms)
        super().__init__(unit, torch.cat([part.b_dec for part in parts]))
        self.parts, self.factors, self.lengths = list(parts), list(factors), lengths

    def codes_of(self, x: Tensor) -> Tensor:
        blocks = x.split([part.units for part in self.parts], dim=1)
        systems = zip(self.parts, self.factors, blocks, strict=True)
        pre = sum(part.pre_activations(block) * factor for part, factor, block in systems)
        return keep_largest(pre / len(self.parts), self.parts[0].k) * self.lengths.to(x)

    def tensors(self) -> dict[str, Tensor]:
        named = [
            (f"{number}.{name}", each)
            for number, part in enumerate(self.parts)
            for name, each in part.tensors().items()
        ]
        return super().tensors() | dict(named)

    def settings(self) -> dict[str, Any]:
        return {"k": self.parts[0].k, "factors": self.factors}

    @classmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "UniversalDictionary":
        numbers = range(len(config["factors"]))
        own = [
            {name: tensors[f"{number}.{name}"] for name in ("W_dec", "b_dec", "W_enc", "b_enc")} for number in numbers
        ]
        return cls([TopKDictionary.from_file(config, each) for each in own], config["factors"])
