"""From what a module puts out for sequences of tokens to rows and units."""

import torch

from thresh.errors import HarvestError
from thresh.systems.feeds.base import Batch

POOLINGS = ("positions", "mean", "cls", "last")


def sequence_rows(output: torch.Tensor, pooling: str, batch: Batch, where: str) -> torch.Tensor:
    """Output (entries, length, units), or (entries, units) where a module pools itself, as rows (rows, units).

    Returns
    -------
    Tensor
        Of the entries that are items. 'positions': a row a kept token; 'mean': their mean; 'cls': the first token of
        each item, 'last': its last kept one.

    Raises
    ------
    HarvestError
        The pooling is unknown or does not fit the shape.
    """
    check_sequences(output, pooling, batch, where)
    if output.ndim == 2:
        return output[: batch.filled]
    # Indices are made where the mask is, on the CPU: made on a GPU, they would wait for all that runs there.
    kept = batch.kept[: batch.filled]
    if pooling == "positions":
        return output.flatten(0, 1).index_select(0, kept.flatten().nonzero()[:, 0].to(output.device))
    items = output[: batch.filled]
    if pooling == "mean":
        weights = (kept / kept.sum(dim=1, keepdim=True)).to(items.device)
        return torch.einsum("il,ilu->iu", weights, items.float())
    if pooling == "cls":
        return items[:, 0]
    last = kept.shape[1] - 1 - kept.flip(1).int().argmax(dim=1)
    return items[torch.arange(len(items)), last.to(items.device)]


def check_sequences(output: torch.Tensor, pooling: str, batch: Batch, where: str) -> None:
    """Refuse a pooling that there is not, and an output that is not one of sequences of tokens."""
    if pooling not in POOLINGS:
        raise HarvestError(
            f"{where}.pooling: found {pooling!r}, expected one of {', '.join(POOLINGS)} for a layer of tokens."
        )
    entries, length = batch.kept.shape
    whole = output.ndim == 3 and output.shape[:2] == (entries, length)
    if not whole and not (output.ndim == 2 and len(output) == entries):
        raise HarvestError(
            f"{where}: found an output of shape {tuple(output.shape)} for {entries} sequences of {length} tokens,"
            f" expected ({entries}, {length}, units)."
        )
