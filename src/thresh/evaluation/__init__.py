"""How good a dictionary and its codes are.

What codes do to the model when they are put back is in `thresh.evaluation.splicing`, which has to be imported by its
name: it brings models with it, on which stages that only read stores do not depend.
"""

from thresh.evaluation.identifiability import identifiability, mixtures
from thresh.evaluation.plausibility import class_directions, plausibility
from thresh.evaluation.probing import dense_probing, quantity_probing, sparse_probing
from thresh.evaluation.quality import reconstruction, sparsity
from thresh.evaluation.recovery import matched_correlation, matched_cosine, random_null
from thresh.evaluation.splits import compositional_split, range_split
from thresh.evaluation.stability import code_stability_across_seeds, stability, stability_across_seeds

__all__ = [
    "class_directions",
    "code_stability_across_seeds",
    "compositional_split",
    "dense_probing",
    "identifiability",
    "matched_correlation",
    "matched_cosine",
    "mixtures",
    "plausibility",
    "quantity_probing",
    "random_null",
    "range_split",
    "reconstruction",
    "sparse_probing",
    "sparsity",
    "stability",
    "stability_across_seeds",
]
