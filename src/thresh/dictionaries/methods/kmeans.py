"""Clusters, as a baseline."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.distances import squared_distances
from thresh.dictionaries.first_atoms import spread_rows
from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.kinds.nearest import NearestDictionary
from thresh.dictionaries.learner import Learner, Run, Start, Step
from thresh.dictionaries.scatter import double
from thresh.dictionaries.worst import WorstRows

SEEDING_ROWS = 16  # an atom, from which first centroids are drawn; at least 4096


class KMeans(Learner):
    """Minimises the sum of |x - c|^2 over centroids, with c the nearest centroid of each row.

    First centroids by k-means++ on a sample; in each epoch the rows of each cluster are summed, and at its end each
    centroid becomes their mean (Lloyd 1982). A cluster without rows begins anew at the row that is explained worst.

    An atom is the direction of a centroid, a code its distance from the bias, so that decoding gives the centroid;
    every row has one active atom. Clusters do not depend on where the origin lies, directions do: rows are centred
    unless `normalise` says otherwise, so that atoms point from the mean to the centroids.

    Assumes that every row shows one concept as a whole. A baseline: what one active atom a row explains. As with any
    k-means, a single run may miss a cluster: compare a few seeds.

    Parameters
    ----------
    epochs
        Steps of Lloyd's algorithm; default: 30.

    References
    ----------
    Lloyd 1982; Arthur & Vassilvitskii 2007 (k-means++). Inertia as scikit-learn's `KMeans` with one start.
    """

    name = "kmeans"
    normalise = "centre"

    def passes(self, rows: int) -> int:
        return self.epochs or 30

    def begin(self, members: Sequence[Learner], start: Start) -> Run:
        return KMeansRun(self, start)


class KMeansRun(Run):
    """A step of Lloyd's algorithm an epoch."""

    def __init__(self, learner: KMeans, start: Start):
        seeding = start.sample[: max(4096, SEEDING_ROWS * learner.atoms)]
        self.centroids = spread_rows(seeding, learner.atoms, learner.generator())
        self.worst = WorstRows(learner.atoms, learner.units)
        self.forget()

    def forget(self) -> None:
        self.sums = torch.zeros_like(double(self.centroids))
        self.counts = self.sums.new_zeros(len(self.sums))
        self.worst.forget()

    def step(self, x: Tensor, done: float) -> Step:
        nearest = squared_distances(x, self.centroids).argmin(dim=1)
        member = torch.nn.functional.one_hot(nearest, len(self.centroids)).to(x)
        residual = x - self.centroids[nearest]
        self.sums += double(member.T @ x)
        self.counts += double(member.sum(dim=0))
        error = residual.square().sum(dim=1)
        self.worst.add(x, error)
        return Step.of(error.mean(), residual, member)

    def end_epoch(self) -> None:
        means = (self.sums / self.counts.clamp(min=1).unsqueeze(1)).to(self.centroids)
        self.centroids = torch.where(self.counts.to(means).unsqueeze(1) > 0, means, self.centroids)
        empty = (self.counts == 0).nonzero().squeeze(1).to(self.centroids.device)
        rows = self.worst.rows[: len(empty)].to(self.centroids)
        self.centroids[empty[: len(rows)]] = rows
        self.forget()

    def dictionaries(self) -> list[Dictionary]:
        return [NearestDictionary.of_centroids(self.centroids)]

    def state(self, member: int) -> dict[str, Any]:
        tensors = {"centroids": self.centroids, "sums": self.sums, "counts": self.counts}
        return {name: each.clone() for name, each in tensors.items()} | {"worst": self.worst.state()}

    def restore(self, member: int, state: dict[str, Any]) -> None:
        self.centroids = state["centroids"].to(self.centroids)
        self.sums, self.counts = (state[name].to(self.sums) for name in ("sums", "counts"))
        self.worst.restore(state["worst"])
