"""Putting something else in the place of what a module puts out, where a harvest reads it."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from thresh.errors import HarvestError
from thresh.systems.capture import Site, element
from thresh.systems.feeds.base import Batch
from thresh.systems.positions import Tokens
from thresh.systems.sequences import check_sequences
from thresh.systems.telling import nearest_names


@dataclass(frozen=True)
class Rows:
    """Which rows of an output are spliced: those that a harvest with this pooling stores.

    Attributes
    ----------
    tokens
        Of a model of images, those that stand for no place.
    pooling
        'positions', or 'cls': the class token alone.
    """

    tokens: Tokens = field(default_factory=Tokens)
    pooling: str = "positions"


# What makes other rows (rows, units) of rows, of their dtype and on their device.
Change = Callable[[Tensor], Tensor]


def modules_matching(model: torch.nn.Module, glob: str) -> list[str]:
    """Paths of modules by a path, or by a glob as in a config: `transformer.h.*`, whose `*` stands within one part.

    Raises
    ------
    HarvestError
        There is none; names those that come nearest.
    """
    paths = [path for path, _ in model.named_modules() if path]
    wanted = glob.split(".")
    found = [
        path for path in paths if path.count(".") == glob.count(".") and all(map(fnmatchcase, path.split("."), wanted))
    ]
    if not found:
        nearest = ", ".join(nearest_names(glob, paths))
        raise HarvestError(f"{glob!r} is no module of {type(model).__name__}; nearest: {nearest}.")
    return found


@contextlib.contextmanager
def spliced(model: torch.nn.Module, site: Site, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """During one forward pass, let a module put out what `change` makes of the tensor that a harvest would read there.

    Parameters
    ----------
    site
        Module, element of its output where that is a tuple, and which of its calls in the pass; others are left alone.
    change
        Given the whole output, gives one of the same shape. It must not change what it is given.

    Raises
    ------
    HarvestError
        The module was not called as often as that, or does not put out a tensor there.
    """
    calls = 0

    def hook(module, args, output):
        nonlocal calls
        calls += 1
        if calls - 1 != site.call:
            return None
        return with_element(output, site.output, change(element(output, site.output, site.module)))

    handle = model.get_submodule(site.module).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
    if calls <= site.call:
        raise HarvestError(
            f"{site.module!r} is called {calls} times in a forward pass, expected call {site.call} (the first is 0)."
        )


def with_element(output: object, index: int, tensor: Tensor) -> object:
    """What a module returned, with another tensor at an index, where `element` finds the one that it stands for."""
    if isinstance(output, Tensor):
        return tensor
    if hasattr(output, "to_tuple"):
        changed = copy.copy(output)
        changed[list(output.keys())[index]] = tensor
        return changed
    parts = [*output[:index], tensor, *output[index + 1 :]]
    return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)


def changed_rows(output: Tensor, change: Change, batch: Batch, rows: Rows) -> Tensor:
    """The output with its rows changed, and only these."""
    changed = output.clone()
    # Into a view of the copy, so that its layout in memory stays as the model made it.
    view = units_last(changed, rows.tokens)
    where = places_of_rows(view, batch, rows)
    view[where] = change(view[where]).to(output.dtype)
    return changed


def rows_of(output: Tensor, batch: Batch, rows: Rows) -> Tensor:
    """What a harvest stores of an output: (rows, units)."""
    view = units_last(output, rows.tokens)
    return view[places_of_rows(view, batch, rows)]


def units_last(output: Tensor, tokens: Tokens) -> Tensor:
    """View of an output whose last dimension counts the units."""
    return output.movedim(1, -1) if output.ndim == 4 and not tokens.channels_last else output


def places_of_rows(view: Tensor, batch: Batch, rows: Rows) -> Tensor:
    """Where rows are: a mask over all dimensions of a view but its units.

    Of tokens they are the kept ones, without padding; of images all places, without class and register tokens, or the
    class token alone.
    """
    where = torch.ones(view.shape[:-1], dtype=torch.bool, device=view.device)
    where[batch.filled :] = False
    if batch.kept is not None:
        check_sequences(view, "positions", batch, "splicing")
        return where & batch.kept.to(where.device) if view.ndim == 3 else where
    leading = rows.tokens.leading(view.shape[1]) if view.ndim == 3 else 0
    if rows.pooling == "cls":
        if not leading:
            raise HarvestError(f"splicing: an output of shape {tuple(view.shape)} has no class token to be replaced.")
        where[:, 1:] = False
    else:
        where[:, :leading] = False
    return where
