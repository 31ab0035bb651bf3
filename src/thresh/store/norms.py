"""Quantiles of the norms of any number of rows, from counts that can be merged."""

from dataclasses import dataclass

import numpy as np

# Buckets share sign, exponent and the upper 11 bits of the fraction of a float64: 2048 for every doubling.
FRACTION_BITS = 11
DROPPED_BITS = np.uint64(52 - FRACTION_BITS)


@dataclass(frozen=True)
class NormCounts:
    """How many norms fell into each bucket.

    The centre of a bucket differs from all that it holds by 2^-12 of it at most. Buckets are kept where they are not
    empty, some thousand for the rows of a model, however many rows.

    Attributes
    ----------
    keys, counts
        (buckets,): upper bits of the norms, ascending, and how many have them.
    low, high
        Smallest and largest norm, as they are.
    """

    keys: np.ndarray
    counts: np.ndarray
    low: float
    high: float

    @classmethod
    def none(cls) -> "NormCounts":
        return cls(np.empty(0, np.uint64), np.empty(0, np.int64), np.inf, -np.inf)

    @classmethod
    def of(cls, norms: np.ndarray) -> "NormCounts":
        """Counts of norms (n,) float64, not negative, finite."""
        # Bits of floats that are not negative are in the order of the floats.
        keys, counts = np.unique(norms.view(np.uint64) >> DROPPED_BITS, return_counts=True)
        return cls(keys, counts, float(norms.min()), float(norms.max()))

    def merged(self, other: "NormCounts") -> "NormCounts":
        keys, place = np.unique(np.concatenate([self.keys, other.keys]), return_inverse=True)
        counts = np.zeros(len(keys), np.int64)
        np.add.at(counts, place, np.concatenate([self.counts, other.counts]))
        return NormCounts(keys, counts, min(self.low, other.low), max(self.high, other.high))

    def quantiles(self, at: tuple[float, ...]) -> np.ndarray:
        """As numpy.quantile, with a relative error of 2^-12 at most; the smallest and the largest norm are exact."""
        place = np.asarray(at) * (self.counts.sum() - 1)
        below, above = self.ordered(np.floor(place)), self.ordered(np.ceil(place))
        return below + (above - below) * (place - np.floor(place))

    def ordered(self, rank: np.ndarray) -> np.ndarray:
        """Norms of these ranks, counted from 0 for the smallest."""
        edges = np.cumsum(self.counts)
        bucket = self.keys[np.searchsorted(edges, rank, side="right")]
        centre = ((bucket << DROPPED_BITS) | np.uint64(1) << (DROPPED_BITS - np.uint64(1))).view(np.float64)
        # The first bucket holds 0 and numbers that are too small for a full fraction.
        inner = np.clip(np.where(bucket == 0, 0, centre), self.low, self.high)
        return np.where(rank == 0, self.low, np.where(rank == edges[-1] - 1, self.high, inner))
