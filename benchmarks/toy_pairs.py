"""Pairs of toy models of the same size and sparsity, from different seeds."""

from collections.abc import Iterable

from thresh.alignment.theory import expected_cka, expected_r2, overlap
from toy_arms import compared, dictionaries_of, features_to_learn_and_to_score, recovered, views
from toy_models import ToyModels, falling_importance, trained

FEATURES = 64
SIZES = (8, 16, 32)
ACTIVE = (0.01, 0.03, 0.1)


def toy_pairs(sizes: Iterable[int], active: Iterable[float], models: int, steps: int) -> tuple[list[dict], list[dict]]:
    """A row for each model, and one for each pair of a model with the next seed's and each arm."""
    of_models, of_pairs = [], []
    for probability in active:
        train, test = features_to_learn_and_to_score(FEATURES, probability, seed=0)
        for units in sizes:
            key = {"active": probability, "units": units}
            importance = falling_importance(FEATURES)
            toys = trained(units, list(range(models)), active=probability, importance=importance, steps=steps)
            shown = []
            for seed in range(models):
                dictionaries = dictionaries_of(toys, seed, train, seed)
                shown.append(views(toys, seed, dictionaries, test))
                facts = recovered(toys, seed, dictionaries, shown[seed], test)
                of_models.append({**key, "seed": seed, "loss x 1e4": 1e4 * float(toys.loss[seed]), **facts})
            for seed in range(models if models > 2 else 1):
                other = (seed + 1) % models
                facts = {**key, "seed": seed, **truth(toys, seed, other)}
                of_pairs += [{**facts, **row} for row in compared(shown[seed], shown[other])]
            print(f"toy models: {units} units, active {probability} is done", flush=True)
    return of_models, of_pairs


def truth(toys: ToyModels, a: int, b: int) -> dict[str, float]:
    """Overlap of the features that two models hold, and what theory expects of their units.

    The expected scores are those of random projections (orthonormal rows), if all features were equal: trained models
    spread their features as evenly as a tight frame does.
    """
    held = [set(toys.represented(model)) for model in (a, b)]
    sizes = len(held[0]), len(held[1]), len(held[0] & held[1])
    units = toys.weights.shape[1]
    mixing = ["orthonormal" if units <= size else "unit_norm" for size in sizes[:2]]
    return {
        "overlap": overlap(*sizes),
        "expected CKA": expected_cka(units, units, *sizes, mixing=tuple(mixing)),
        "expected R2": expected_r2(units, *sizes),
    }
