"""The learning rate over a run."""

import math

WARM_UP = 0.05  # share of the steps over which it rises
DECAY = 0.3  # share of the steps at the end over which it falls to zero


def rate(done: float, decay: str = "linear") -> float:
    """Learning rate as a share of its peak: it rises linearly, stays, and falls to zero, linearly or as a cosine does.

    Parameters
    ----------
    done
        Share of the steps that are done.
    decay
        'linear' or 'cosine'.
    """
    left = min(1.0, max(0.0, (1 - done) / DECAY))
    fall = left if decay == "linear" else (1 - math.cos(math.pi * left)) / 2
    return min(1.0, max(done, 1e-3) / WARM_UP, fall)
