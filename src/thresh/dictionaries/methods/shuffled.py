"""A dictionary of rows that were taken apart, as a control."""

import torch
from torch import Tensor

from thresh.dictionaries.learner import Start, gaussian_atoms, unit_rows
from thresh.dictionaries.methods.random import RandomDictionary


class ShuffledDictionary(RandomDictionary):
    """Atoms are rows, seen from their median, with the value of each unit taken from another random row.

    Codes and bias are those of `random`.

    Every unit keeps its distribution of values (before atoms are brought to unit norm); what units do together is
    lost. Explained variance, or similarity between systems, that these atoms give follows from which units are loud,
    sparse or offset, not from features: where units differ in that, a stricter control than `random`. Report both
    beside every learned dictionary.
    """

    name = "shuffled"

    def atoms_of(self, start: Start) -> Tensor:
        generator = self.generator()
        rows = shuffled_rows(start.sample, self.atoms, generator)
        # Where all values drawn are zero there is no direction.
        silent = (rows == 0).all(dim=1, keepdim=True)
        return unit_rows(torch.where(silent, gaussian_atoms(*rows.shape, generator).to(rows), rows))


def shuffled_rows(sample: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """(count, units): entry (i, j) is x[r, j] of a row r drawn for this entry alone."""
    drawn = torch.randint(len(sample), (count, sample.shape[1]), generator=generator)
    return sample.gather(0, drawn.to(sample.device))
