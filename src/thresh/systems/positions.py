"""From what a module puts out to rows and units."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from thresh.errors import HarvestError
from thresh.systems.base import LayerShape

POOLINGS = ("mean", "cls", "positions", "flatten")
PREFIX_TOKENS = ("cls_token", "class_token", "class_embedding", "dist_token", "distillation_token", "register_tokens")


@dataclass(frozen=True)
class Tokens:
    """Which tokens of a model stand for no place.

    Attributes
    ----------
    prefix
        Class, distillation and register tokens in front of the patches. They are left out of the poolings mean,
        positions and flatten; cls takes the first of them.
    grid
        Rows and columns of the patches, if known.
    channels_last
        Whether maps are (batch, height, width, channels).
    """

    prefix: int = 0
    grid: tuple[int, int] | None = None
    channels_last: bool = False

    def leading(self, tokens: int) -> int:
        """Prefix tokens among the tokens of an output; 0 where a module works on the patches alone."""
        if self.grid is None:
            return min(self.prefix, tokens - 1)
        return self.prefix if tokens == self.prefix + self.grid[0] * self.grid[1] else 0


def prefix_tokens(model: torch.nn.Module) -> int:
    """Number of tokens that a model puts in front of its patches, from the names of its parameters."""
    count = 0
    for name, parameter in model.named_parameters():
        if name.rpartition(".")[2] in PREFIX_TOKENS:
            count += parameter.shape[1] if parameter.ndim == 3 else 1
    return count


def pooled(output: torch.Tensor, pooling: str, tokens: Tokens, where: str) -> torch.Tensor:
    """Output (batch, channels), (batch, tokens, channels) or a map (batch, channels, height, width) as rows and units.

    Returns
    -------
    Tensor (batch, positions, units), where
        'positions' has one row for each pixel or patch, 'mean' one row with their mean, 'flatten' one row with all
        of them side by side, 'cls' one row with the class token.

    Raises
    ------
    HarvestError
        The pooling is unknown or does not fit the shape.
    """
    if pooling not in POOLINGS:
        raise HarvestError(f"{where}.pooling: found {pooling!r}, expected one of {', '.join(POOLINGS)}.")
    if pooling == "cls":
        if output.ndim != 3 or not tokens.leading(output.shape[1]):
            raise HarvestError(
                f"{where}.pooling: found 'cls', but the output {tuple(output.shape)} has no class token."
            )
        return output[:, :1]
    rows = as_rows(output, tokens, where)
    if pooling == "mean":
        return rows.float().mean(dim=1, keepdim=True)
    return rows.flatten(1)[:, None] if pooling == "flatten" else rows


def as_rows(output: torch.Tensor, tokens: Tokens, where: str) -> torch.Tensor:
    if output.ndim == 2:
        return output[:, None]
    if output.ndim == 3:
        return output[:, tokens.leading(output.shape[1]) :]
    if output.ndim == 4:
        return output.flatten(1, 2) if tokens.channels_last else output.flatten(2).transpose(1, 2)
    raise HarvestError(f"{where}: found an output of shape {tuple(output.shape)}, expected 2 to 4 dimensions.")


def shape_of(output: torch.Tensor, pooling: str, tokens: Tokens, where: str) -> LayerShape:
    """Shape and tables of a layer, from the output of one batch."""
    rows = as_rows(output, tokens, where)
    _, positions, units = pooled(output, pooling, tokens, where).shape
    places = places_of(output, rows.shape[1], tokens)
    channels = np.arange(rows.shape[2])
    if pooling == "flatten":
        table = {"channel": np.tile(channels, rows.shape[1])}
        table |= {axis: np.repeat(place, len(channels)) for axis, place in places.items()}
        return LayerShape(positions, units, table)
    return LayerShape(positions, units, {"channel": channels}, places if pooling == "positions" else {})


def places_of(output: torch.Tensor, positions: int, tokens: Tokens) -> dict[str, np.ndarray]:
    """y and x of each position where they are known, else its number among the tokens."""
    if output.ndim == 2:
        return {}
    grid = map_of(output, tokens) if output.ndim == 4 else merged(tokens.grid, positions)
    if grid is None:
        return {"token": np.arange(positions)}
    y, x = np.divmod(np.arange(positions), grid[1])
    return {"y": y, "x": x}


def map_of(output: torch.Tensor, tokens: Tokens) -> tuple[int, int]:
    """Rows and columns of a map (batch, channels, height, width), or with its channels last."""
    height, width = output.shape[1:3] if tokens.channels_last else output.shape[2:]
    return height, width


def merged(grid: tuple[int, int] | None, positions: int) -> tuple[int, int] | None:
    """The grid of patches that so many positions are of; hierarchical models merge two by two, stage after stage."""
    while grid is not None and grid[0] * grid[1] > positions and grid != (1, 1):
        grid = (math.ceil(grid[0] / 2), math.ceil(grid[1] / 2))
    return grid if grid is not None and grid[0] * grid[1] == positions else None
