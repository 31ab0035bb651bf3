"""Two toy models compared on their units, on codes, and across: the arms of Longon, Klindt & Khosla (2025)."""

from dataclasses import dataclass

import numpy as np
import torch

from thresh.alignment import (
    linear_cka,
    linear_predictivity,
    matched_fraction,
    one_to_one_matching,
    semi_matching,
    soft_matching,
)
from thresh.dictionaries import learn
from thresh.evaluation import matched_correlation, matched_cosine
from thresh.inference import infer
from toy_models import ToyModels, sparse_uniform

PENALTY = 0.02  # of the root mean square norm of the rows that a dictionary was learned on
# Arm: the view of a and the view of b. Where they differ, b is matched into, or predicted from, a.
ARMS = {
    "neuron-neuron": ("units", "units"),
    "code-neuron": ("learned", "units"),
    "code-code": ("learned", "learned"),
    "code-code, atoms as held": ("learned as held", "learned as held"),
    "random code-neuron": ("random", "units"),
    "random code-code": ("random", "random"),
    "true code-neuron": ("true", "units"),
    "true code-code": ("true", "true"),
}
SCORES = ("one-to-one", "semi", "soft", "matched", "CKA", "R2")


@dataclass(frozen=True)
class Directions:
    """Known directions as a dictionary; `scale` makes a relative penalty mean what it does for a learned one."""

    atoms: np.ndarray
    scale: float


def features_to_learn_and_to_score(
    features: int, active: float, seed: int, train: int = 20_000, test: int = 5000
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of features, (train, features) and (test, features): all models see the same."""
    generator = torch.Generator().manual_seed(10_000 + seed)
    x = sparse_uniform((train + test, features), active, generator).numpy()
    return x[:train], x[train:]


def dictionaries_of(models: ToyModels, model: int, rows: np.ndarray, seed: int) -> dict:
    """Dictionaries by name; 'learned' and 'random' have as many atoms as there are features, the others as are held.

    All see activations only, but for 'true', whose atoms are the directions of the features that are held.
    """
    x, atoms, held = models.hidden(model, rows), rows.shape[1], len(models.represented(model))
    methods = {"learned": ("online", atoms), "learned as held": ("online", held), "random": ("random", atoms)}
    found = {name: learn(x, method, count, seed, "cpu", bias=False) for name, (method, count) in methods.items()}
    return {**found, "true": true_directions(models, model, rows)}


def true_directions(models: ToyModels, model: int, rows: np.ndarray) -> Directions:
    x = models.hidden(model, rows)
    return Directions(models.directions(model).astype(np.float32), float(np.sqrt(np.square(x).sum(axis=1).mean())))


def views(models: ToyModels, model: int, dictionaries: dict, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What a model shows of rows of features: its units, and the codes of each dictionary, (rows, units or atoms)."""
    x = models.hidden(model, rows)
    codes = {
        name: infer(x, dictionary, "fista", relative_penalty=PENALTY, device="cpu").toarray()
        for name, dictionary in dictionaries.items()
    }
    return {"units": x, **codes}


def recovered(models: ToyModels, model: int, dictionaries: dict, shown: dict, rows: np.ndarray) -> dict[str, float]:
    """How many features a model holds, and how well dictionary and codes give these back."""
    held = rows[:, models.represented(model)]
    return {
        "held": held.shape[1],
        "cosine": matched_cosine(dictionaries["learned"].atoms, dictionaries["true"].atoms),
        "MCC": matched_correlation(shown["learned"], held),
        "MCC of true codes": matched_correlation(shown["true"], held),
    }


def compared(a: dict, b: dict) -> list[dict]:
    """All scores of each arm that the views of two models have."""
    return [{"arm": arm, **scores(a[one], b[other])} for arm, (one, other) in ARMS.items() if one in a and other in b]


def scores(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """x (rows, units a) and y (rows, units b), in the order of `SCORES`."""
    found = (
        one_to_one_matching(x, y),
        semi_matching(x, y),
        soft_matching(x, y),
        matched_fraction(x, y),
        linear_cka(x, y, debiased=True),
        float(np.nanmean(linear_predictivity(x, y).r2)),
    )
    return dict(zip(SCORES, found, strict=True))
