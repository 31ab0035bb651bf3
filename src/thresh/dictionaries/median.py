"""The middle of rows, where a few that are far away do not count for more than others."""

from torch import Tensor

MEDIAN_ROWS = 32768


def geometric_median(x: Tensor, steps: int = 50) -> Tensor:
    """The point (units,) of least mean distance to the rows, by Weiszfeld's iteration from the mean.

    At most the first 32,768 rows are looked at.
    """
    x = x[:MEDIAN_ROWS]
    middle = x.mean(dim=0)
    floor = 1e-6 * (x - middle).norm(dim=1).mean().clamp(min=1e-30)
    for _ in range(steps):
        weights = 1 / (x - middle).norm(dim=1).clamp(min=floor)
        middle = (weights @ x) / weights.sum()
    return middle
