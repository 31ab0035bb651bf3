"""The benchmark 'Stop Probing, Start Coding' (Barin Pacela et al. 2026, arXiv 2603.28744): rows, scores and figures."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import issparse
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

ACTIVE = 10
FIRST_ON = 0.5  # above it the first latent counts as there
CONSTANT = 1e-8  # variance, or norm, of what does not vary

# Means of three seeds over 5,000 samples, MCC in and out of distribution: `results/` of the authors' repository
# shrutij01/compositional-sparse-ood (exp_vary_latents*.json); FISTA on topk from the paper's tables.
PUBLISHED = {
    100: {
        "FISTA, true dictionary": (0.986, 0.986),
        "linear probe": (0.670, 0.408),
        "relu": (0.400, 0.413),
        "topk": (0.813, 0.705),
        "jumprelu": (0.252, 0.324),
        "mp": (0.433, 0.349),
        "FISTA on topk": (0.917, 0.865),
        "DL-FISTA": (0.951, 0.945),
    },
    500: {
        "FISTA, true dictionary": (0.992, 0.992),
        "linear probe": (0.352, 0.196),
        "relu": (0.201, 0.218),
        "topk": (0.253, 0.212),
        "jumprelu": (0.179, 0.176),
        "mp": (0.158, 0.149),
        "FISTA on topk": (0.314, 0.243),
        "DL-FISTA": (0.963, 0.955),
    },
    1000: {
        "FISTA, true dictionary": (0.993, 0.993),
        "linear probe": (0.247, 0.160),
        "relu": (0.174, 0.183),
        "topk": (0.218, 0.191),
        "jumprelu": (0.214, 0.166),
        "mp": (0.168, 0.143),
        "FISTA on topk": (0.214, 0.193),
        "DL-FISTA": (0.763, 0.475),
    },
    5000: {
        "FISTA, true dictionary": (0.943, 0.992),
        "linear probe": (0.099, 0.102),
        "relu": (0.257, 0.225),
        "topk": (0.431, 0.344),
        "jumprelu": (0.314, 0.239),
        "mp": (0.419, 0.296),
        "FISTA on topk": (0.326, 0.255),
        "DL-FISTA": (0.425, 0.262),
    },
    10_000: {
        "FISTA, true dictionary": (0.817, 0.982),
        "linear probe": (0.073, 0.087),
        "relu": (0.270, 0.281),
        "topk": (0.419, 0.498),
        "jumprelu": (0.299, 0.242),
        "mp": (0.542, 0.465),
        "DL-FISTA": (0.425, 0.338),
    },
}


@dataclass(frozen=True)
class Split:
    """Latents (rows, n) and what is observed of them (rows, units) float32."""

    latents: np.ndarray
    rows: np.ndarray

    @property
    def first_on(self) -> np.ndarray:
        return self.latents[:, 0] > FIRST_ON


@dataclass(frozen=True)
class Compositional:
    """Directions (n, units) at unit norm, and three splits of rows: none of a combination is shared with `ood`."""

    directions: np.ndarray
    train: Split
    validation: Split
    ood: Split


def compositional(n: int, samples: int = 5000, seed: int = 0, active: int = ACTIVE) -> Compositional:
    """Rows y = z A with `active` of n latents on, uniform on [0, 1], in ceil(2 active ln(n / active)) units.

    In distribution half of the rows have latent 0 beside others of the first half of latents, the rest have any but
    latent 0. Out of distribution latent 0 is on beside latents of the last half, with which it never was. Half of the
    samples are for training, half for validation, and there are half as many out of distribution.

    Random numbers are drawn as the authors' code draws them, so that a seed has the rows that it has there.
    """
    random = np.random.RandomState(seed)
    units = math.ceil(2 * active * math.log(n / active))
    mixing = random.normal(0, 1, (units, n))
    mixing /= np.linalg.norm(mixing, axis=0, keepdims=True)
    last_half = n - n // 2
    near, any_other, far = np.arange(1, last_half), np.arange(1, n), np.arange(last_half, n)

    def with_first(pool: np.ndarray) -> np.ndarray:
        return on(np.append(0, random.choice(pool, active - 1, replace=False)))

    def on(index: np.ndarray) -> np.ndarray:
        latents = np.zeros(n, np.float32)
        latents[index] = random.uniform(0, 1, active)
        return latents

    def in_distribution() -> np.ndarray:
        first = random.binomial(n=1, p=0.5)
        return with_first(near) if first else on(random.choice(any_other, active, replace=False))

    inside = np.array([in_distribution() for _ in range(samples)])
    outside = np.array([with_first(far) for _ in range(samples // 2)])
    directions = mixing.T.astype(np.float32)
    half = samples // 2
    splits = (Split(latents, latents @ directions) for latents in (inside[:half], inside[half:], outside))
    return Compositional(directions, *splits)


def scores(codes_in, codes_out, data: Compositional) -> dict[str, float]:
    """The benchmark's scores of codes (rows, any) of the validation rows and of those out of distribution.

    mcc: `mean_correlation` with the latents that vary; out of distribution of as many codes as there are such latents,
    those of the largest variance. auc: of the one code that tells best in distribution whether latent 0 is
    above a half. accuracy: of logistic regression on all codes for the same, fitted in distribution.
    """
    inside, outside = (codes.toarray() if issparse(codes) else np.asarray(codes) for codes in (codes_in, codes_out))
    widest = np.argsort(-outside.var(axis=0))[: varying(data.ood.latents).shape[1]]
    on_in, on_out = data.validation.first_on, data.ood.first_on
    best = int(np.abs(areas(on_in, inside) - 0.5).argmax())
    probe = LogisticRegression(C=np.inf, max_iter=1000).fit(inside, on_in)
    return {
        "mcc_in": mean_correlation(inside, data.validation.latents),
        "mcc_out": mean_correlation(outside[:, widest], data.ood.latents),
        "auc_in": float(0.5 + np.abs(areas(on_in, inside[:, [best]]) - 0.5)[0]),
        "auc_out": float(0.5 + np.abs(areas(on_out, outside[:, [best]]) - 0.5)[0]),
        "accuracy_in": float(probe.score(inside, on_in)),
        "accuracy_out": float(probe.score(outside, on_out)),
    }


def mean_correlation(codes: np.ndarray, latents: np.ndarray) -> float:
    """The authors' MCC: means of |Pearson correlation| over pairs of codes and latents that vary, matched one to one.

    Where there are fewer of one than of the other, columns of noise make up for them and count, unlike in
    `thresh.evaluation.matched_correlation`, for which a latent without a partner counts 0 and correlations have signs.
    """
    noise = np.random.RandomState(42)
    sides = [varying(latents), codes]
    width = max(side.shape[1] for side in sides)
    sides = [np.hstack([side, noise.normal(0, 1, (len(side), width - side.shape[1]))]) for side in sides]
    correlation = np.abs(standardised(sides[0]).T @ standardised(sides[1]))
    return float(correlation[linear_sum_assignment(correlation, maximize=True)].mean())


def varying(latents: np.ndarray) -> np.ndarray:
    return latents[:, latents.var(axis=0) > CONSTANT]


def standardised(x: np.ndarray) -> np.ndarray:
    """Columns about their mean at unit norm; those without a norm stay."""
    x = x - x.mean(axis=0)
    norms = np.linalg.norm(x, axis=0)
    return x / np.where(norms < CONSTANT, 1, norms)


def areas(on: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Area under the receiver operating characteristic of each code, (codes,): one half for one that never varies.

    The share of pairs, one on and one off, in which the code is larger where it is on (Mann and Whitney 1947).
    """
    ranks = rankdata(codes, axis=0)
    positive = int(on.sum())
    return (ranks[on.astype(bool)].mean(axis=0) - (positive + 1) / 2) / (len(on) - positive)
