"""Catching the outputs of modules during one forward pass, which ends as soon as the last wanted one is there."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from thresh.errors import HarvestError


@dataclass(frozen=True)
class Site:
    """Where a layer is read.

    Attributes
    ----------
    module
        Path of the module in the model.
    output
        Element of what it returns, where that is a tuple.
    call
        Which of its calls in a forward pass: a module that is shared between layers is called several times.
    """

    module: str
    output: int = 0
    call: int = 0


class AllCaught(Exception):
    """Every wanted output is there; the rest of the forward pass is not needed."""


def capture(
    model: torch.nn.Module,
    sites: dict[str, Site],
    run: Callable[[], object],
    system: str,
    keep: Callable[[str, torch.Tensor], object] = lambda layer, output: output.clone(),
) -> dict[str, object]:
    """What is kept of the outputs at several sites, by layer name, from one forward pass.

    Parameters
    ----------
    run
        Does the forward pass.
    system
        Name of the system, for messages.
    keep
        Given a layer and its output, makes what is kept of it; it must copy, so that a later in-place operation of
        the model does not reach it. By default the whole output.

    Raises
    ------
    HarvestError
        A module is never called, or not as often as asked, or does not return a tensor where one was expected.
    """
    caught: dict[str, torch.Tensor] = {}
    calls = dict.fromkeys((site.module for site in sites.values()), 0)

    def hook_for(path: str):
        layers = [layer for layer, site in sites.items() if site.module == path]

        def hook(module, args, output):
            for layer in layers:
                if sites[layer].call == calls[path]:
                    found = element(output, sites[layer].output, f"systems.{system}.layers.{layer}")
                    caught[layer] = keep(layer, found)
            calls[path] += 1
            if len(caught) == len(sites):
                raise AllCaught

        return hook

    handles = [model.get_submodule(path).register_forward_hook(hook_for(path)) for path in calls]
    try:
        run()
    except AllCaught:
        return caught
    finally:
        for handle in handles:
            handle.remove()
    layer = next(layer for layer in sites if layer not in caught)
    site = sites[layer]
    if isinstance(model.get_submodule(site.module), torch.nn.ModuleList | torch.nn.ModuleDict):
        raise HarvestError(
            f"systems.{system}.layers.{layer}: {site.module!r} only holds other modules, expected one that is called:"
            f" {site.module}.0, say, or {site.module}.* for all of them."
        )
    raise HarvestError(
        f"systems.{system}.layers.{layer}: {site.module!r} is called {calls[site.module]} times in a forward pass,"
        f" expected call {site.call} (the first is 0)."
    )


def element(output: object, index: int, where: str) -> torch.Tensor:
    """The tensor at an index of what a module returned: a tensor, a tuple, or a ModelOutput of transformers."""
    parts = output.to_tuple() if hasattr(output, "to_tuple") else output
    parts = tuple(parts) if isinstance(parts, tuple | list) else (parts,)
    if index >= len(parts) or not isinstance(parts[index], torch.Tensor):
        kinds = ", ".join(type(part).__name__ for part in parts)
        raise HarvestError(f"{where}.output: found {index}, expected the index of a tensor in the output ({kinds}).")
    return parts[index]
