"""Penalties on codes in training: how strong they are, and what they add up to."""

import torch
from torch import Tensor

from thresh.dictionaries.autoencoders.schedule import WARM_UP
from thresh.dictionaries.autoencoders.stack import Stack


def strength(stack: Stack, done: float) -> Tensor:
    """(n,) penalties; they rise linearly while the learning rate does, so that no latent dies before it has learned."""
    return stack.each("penalty") * min(1.0, done / WARM_UP)


def mean_sum(codes: Tensor) -> Tensor:
    """(n,) sum of the codes (n, rows, atoms) of a row, mean over rows."""
    return torch.stack([each.sum() for each in codes.unbind()]) / codes.shape[1]


def lasso(stack: Stack, codes: Tensor) -> Tensor:
    """(n,) what codes >= 0 cost at a penalty of 1.

    It is 2 |z|_1 / s, where s is the root mean square distance of rows from their mean: with the squared error over
    s^2, that is 2 / s^2 times the lasso 0.5 |x - x_hat|^2 + s |z|_1, so that a penalty means here what it means there.
    """
    return 2 / stack.variance**0.5 * mean_sum(codes)
