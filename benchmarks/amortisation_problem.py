"""One seed of the amortisation benchmark: its rows, its dictionaries, and how codes are scored."""

import numpy as np
import torch

from amortised_encoders import objective
from planting import Planted
from three_of_sixteen import FEATURES, ROWS
from thresh.dictionaries import learn
from thresh.evaluation import matched_correlation, matched_cosine
from thresh.inference import fista, infer

PENALTY = 0.01  # of the root mean square norm of training rows


class Problem:
    """Training and test rows of one seed, and what was planted in the latter."""

    def __init__(self, planted: Planted):
        self.train, self.test = planted.rows[:ROWS], planted.rows[ROWS:]
        self.features, self.directions = planted.features[ROWS:], planted.directions
        self.penalty = PENALTY * float(np.sqrt(np.square(self.train).sum(axis=1).mean()))

    def cost(self, x: np.ndarray, codes, dictionary) -> float:
        codes = codes.toarray() if hasattr(codes, "toarray") else codes
        rows = torch.from_numpy(x - getattr(dictionary, "bias", np.float32(0)))
        return float(objective(rows, torch.as_tensor(codes), torch.as_tensor(dictionary.atoms).float(), self.penalty))

    def scores(self, codes, dictionary) -> dict[str, float]:
        best = infer(self.test, dictionary, "fista", penalty=self.penalty)
        return {
            "MCC": matched_correlation(codes, self.features),
            "cosine": matched_cosine(dictionary.atoms, self.directions),
            "gap": self.cost(self.test, codes, dictionary) / self.cost(self.test, best, dictionary) - 1,
        }


class Known:
    """The planted directions as a dictionary; with an encoder, if one was fitted to them."""

    def __init__(self, atoms: np.ndarray):
        self.atoms = atoms.astype(np.float32)


def learned(problem: Problem, restarts: int, epochs: int):
    """Online dictionary learning; of several starts the one whose optimum on the training rows is the lowest.

    A start may end with an atom between several features.
    """
    found = [
        learn(problem.train, "online", FEATURES, seed, "cpu", penalty=PENALTY, epochs=epochs, bias=False)
        for seed in range(restarts)
    ]
    codes = [fista(problem.train, one.atoms, problem.penalty) for one in found]
    costs = [problem.cost(problem.train, z, one) for z, one in zip(codes, found, strict=True)]
    return found[int(np.argmin(costs))]
