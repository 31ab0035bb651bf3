"""The projection onto the simplex."""

import torch
from torch import Tensor
from torch.autograd import Function


def on_simplex(values: Tensor) -> Tensor:
    """The nearest point (..., entries) whose entries are not negative and sum to 1; also known as sparsemax.

    It is relu(values - threshold) with the threshold at which that sums to 1, and has its gradient.

    References
    ----------
    Martins & Astudillo 2016, proposition 1 (the point) and 2 (its gradient).
    """
    return Projection.apply(values)


class Projection(Function):
    """d point / d values: on the support the identity less the mean, elsewhere 0."""

    @staticmethod
    def forward(ctx, values: Tensor) -> Tensor:
        point = projected(values)
        ctx.save_for_backward(point)
        return point

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        support = ctx.saved_tensors[0] > 0
        inside = torch.where(support, gradient, 0.0)
        means = inside.sum(dim=-1, keepdim=True) / support.sum(dim=-1, keepdim=True)
        return torch.where(support, gradient - means, 0.0)


def projected(values: Tensor) -> Tensor:
    """The point itself.

    The sum falls with the threshold, convex and in straight pieces, so that Newton's method from below comes to the
    root in few steps; to sort each row, the usual way, takes several times as long.
    """
    # A constant changes nothing but the digits that are left for the differences.
    values = values - values.amax(dim=-1, keepdim=True)
    threshold = ((values.sum(dim=-1, keepdim=True) - 1) / values.shape[-1]).clamp_(min=-1)
    while True:
        excess = (values - threshold).clamp_(min=0)
        count = excess.sign().sum(dim=-1, keepdim=True)
        further = threshold + (excess.sum(dim=-1, keepdim=True) - 1) / count
        if not bool((further > threshold).any()):
            return excess
        threshold = torch.maximum(threshold, further)
