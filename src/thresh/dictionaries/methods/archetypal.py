"""Archetypal sparse autoencoders: atoms are mixtures of data."""

from typing import ClassVar

import torch
from torch import Tensor

from thresh.dictionaries.autoencoders.sparse import bag, products
from thresh.dictionaries.autoencoders.stack import Forward, Stack
from thresh.dictionaries.distances import squared_distances
from thresh.dictionaries.kinds.dictionary import unit_atoms
from thresh.dictionaries.kinds.topk import TopKDictionary
from thresh.dictionaries.learner import Start, unit_rows
from thresh.dictionaries.methods.topk import TopK
from thresh.parameters import NOT_NEGATIVE, checked, integer, optional

LLOYD_STEPS = 20
BLOCK_ROWS = 4096  # whose distances from all candidates stand in memory at once


class Archetypal(TopK):
    """A-SAE: TopK whose dictionary is D = exp(s) W C, mixtures of candidate points of the data (Fel et al. 2025).

    C are centroids of k-means on the first rows, seen from the geometric median and at root mean square norm 1; the
    rows of W are not negative and sum to one. W, s and the encoder are learned, C is not. Every atom, but for a length
    that is common to all, is then a point of the convex hull of the data as seen from the median.

    After each step W is rectified and its rows are divided by their sums, as the authors' own code does. Unlike a
    softmax this reaches weights of exactly zero; of the two and of the Euclidean projection onto the simplex, it left
    the fewest atoms dead here, at about equal explained variance.

    Candidates and the atoms' first candidates are drawn anew for each seed. Seeds then agree more than those of TopK on
    rows that are mixtures of archetypes and on skewed rows, not on planted superposition, and most of that agreement is
    there before training, when all atoms are centroids of the same data. With a common initialisation, as the published
    stability has in part, TopK agrees still more: measure stability with independent seeds
    (`thresh.evaluation.stability`). The hull itself fixes little where it holds the origin, as it does here: any
    direction is a short mixture then, and what is left are the lengths of atoms and where they begin.

    Assumes that concepts look like data: that rows show single concepts, or few at a time. Choose it where atoms should
    be traceable to rows; `relaxed_archetypal` where they should also explain well.

    Parameters
    ----------
    candidates
        Points in C, at most the rows that are looked at (65536); default: twice the atoms. W has atoms * candidates
        entries.
    """

    name = "archetypal"
    fixed: ClassVar[tuple[str, ...]] = ("candidates",)
    made_of: ClassVar[tuple[str, ...]] = ("log_scale", "mixtures", "candidates")

    @checked(candidates=optional(integer(1)))
    def __init__(self, units: int, atoms: int, *, candidates: int | None = None, **common):
        super().__init__(units, atoms, **common)
        self.candidates = candidates or 2 * atoms

    def first_parameters(self, start: Start, middle: Tensor) -> dict[str, Tensor]:
        generator = self.generator()
        points = centroids(start.sample - middle, self.candidates, generator)
        points = points / points.square().sum(dim=1).mean().sqrt().clamp(min=1e-12)
        # Each atom begins at a candidate, all at different ones as long as there are enough.
        order = torch.randperm(max(self.atoms, len(points)), generator=generator)[: self.atoms] % len(points)
        mixtures = torch.nn.functional.one_hot(order, len(points)).to(points)
        return {
            "mixtures": mixtures,
            "log_scale": points.new_zeros(()),
            "W_enc": unit_rows(mixtures @ points),
            "b_enc": points.new_zeros(self.atoms),
            "b_dec": middle.clone(),
            "candidates": points,
        }

    def forward(self, stack: Stack, x: Tensor, done: float) -> Forward:
        # A tensor, not a parameter: its gradient goes on to what it is made of.
        with torch.autocast(x.device.type, enabled=False):
            stack.W_dec = mixed(*(getattr(stack, name) for name in self.made_of))
        return super().forward(stack, x, done)

    def place(self, stack: Stack, member: int, chosen: Tensor, rows: Tensor) -> None:
        """Resample latents: each becomes the candidate in the direction of its row."""
        nearest = (unit_rows(rows) @ unit_rows(stack.candidates[member]).T).argmax(dim=1)
        stack.mixtures.data[member, chosen] = 0
        stack.mixtures.data[member, chosen, nearest] = 1
        super().place(stack, member, chosen, stack.candidates[member, nearest])

    def before_step(self, stack: Stack) -> None:
        """Atoms may have any length."""

    def after_step(self, stack: Stack) -> None:
        """Make mixtures of what stands in W."""
        # Of a row without a positive entry, the largest one is left.
        largest = stack.mixtures.argmax(dim=2, keepdim=True)
        stack.mixtures.scatter_(2, largest, stack.mixtures.gather(2, largest).clamp(min=1e-6)).relu_()
        stack.mixtures.div_(stack.mixtures.sum(dim=2, keepdim=True))

    def export(self, tensors: dict[str, Tensor]) -> TopKDictionary:
        atoms = mixed(*(tensors[name].unsqueeze(0) for name in self.made_of)).squeeze(0)
        unit, lengths = unit_atoms(atoms)
        return TopKDictionary(unit, tensors["W_enc"].T, tensors["b_enc"], self.k, tensors["b_dec"], lengths)


class RelaxedArchetypal(Archetypal):
    """RA-SAE: as `archetypal`, but D = exp(s) (W C + Lambda) with learned steps Lambda, |Lambda_i| <= delta.

    Atoms may leave the hull of the data by a distance of delta, which gives back most of what
    the hull costs in explained variance. With delta = 0 it is `archetypal`; with a large delta it is TopK, begun at
    candidates.

    Parameters
    ----------
    delta
        As a multiple of the root mean square norm of the candidates. Of 0.1, 0.3 and 1, the default agreed best between
        seeds on planted and on skewed data, and explained at least as much as the others.
    """

    name = "relaxed_archetypal"
    made_of: ClassVar[tuple[str, ...]] = (*Archetypal.made_of, "steps")

    @checked(delta=NOT_NEGATIVE)
    def __init__(self, units: int, atoms: int, *, delta: float = 0.3, **common):
        super().__init__(units, atoms, **common)
        self.delta = delta

    def first_parameters(self, start: Start, middle: Tensor) -> dict[str, Tensor]:
        first = super().first_parameters(start, middle)
        return first | {"steps": torch.zeros_like(first["W_enc"])}

    def place(self, stack: Stack, member: int, chosen: Tensor, rows: Tensor) -> None:
        super().place(stack, member, chosen, rows)
        stack.steps.data[member, chosen] = 0

    def after_step(self, stack: Stack) -> None:
        super().after_step(stack)
        lengths = stack.steps.norm(dim=2, keepdim=True)
        stack.steps.mul_((self.delta / lengths.clamp(min=1e-12)).clamp(max=1))


def mixed(log_scale: Tensor, mixtures: Tensor, candidates: Tensor, steps: Tensor | float = 0.0) -> Tensor:
    """Atoms (n, atoms, units), exp(log_scale) (mixtures candidates + steps)."""
    return log_scale.exp().view(-1, 1, 1) * (products(mixtures, candidates) + steps)


def centroids(x: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Of k-means by Lloyd's steps, begun at rows drawn at random; as many as rows where there are fewer of these."""
    points = x[torch.randperm(len(x), generator=generator)[:count].to(x.device)]
    clusters = torch.arange(len(points) + 1, device=x.device)
    for _ in range(LLOYD_STEPS):
        nearest = torch.cat([squared_distances(block, points).argmin(dim=1) for block in x.split(BLOCK_ROWS)])
        ordered, order = nearest.sort(stable=True)
        begins = torch.searchsorted(ordered, clusters)
        sizes = begins.diff().unsqueeze(1)
        sums = bag(order, begins, torch.ones_like(order, dtype=x.dtype), x)
        points = torch.where(sizes > 0, sums / sizes.clamp(min=1), points)
    return points
