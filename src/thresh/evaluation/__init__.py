"""How good a dictionary and its codes are.

What codes do to the model when they are put back is in `thresh.evaluation.splicing`, which has to be imported by its
name: it brings models with it, on which stages that only read stores do not depend.
"""

from collections.abc import Callable

from thresh.evaluation.identifiability import identifiability, mixtures
from thresh.evaluation.plausibility import plausibility
from thresh.evaluation.quality import reconstruction, sparsity
from thresh.evaluation.recovery import matched_correlation, matched_cosine, random_null
from thresh.evaluation.splits import compositional_split, range_split
from thresh.evaluation.stability import code_stability_across_seeds, stability, stability_across_seeds

# These come with scikit-learn, which takes longer to import than most evaluations to run: when they are asked for.
PROBES = ("dense_probing", "quantity_probing", "sparse_probing")
DIRECTIONS = ("class_directions",)


def __getattr__(name: str) -> Callable:
    if name in PROBES:
        from thresh.evaluation import probing

        return getattr(probing, name)
    if name in DIRECTIONS:
        from thresh.evaluation import directions

        return getattr(directions, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
