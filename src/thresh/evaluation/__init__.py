"""How good a dictionary and its codes are."""

from thresh.evaluation.quality import reconstruction, sparsity, stability
from thresh.evaluation.recovery import matched_correlation, matched_cosine, random_null

__all__ = ["matched_correlation", "matched_cosine", "random_null", "reconstruction", "sparsity", "stability"]
