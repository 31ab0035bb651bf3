"""What responds: models, recordings of brains, raw pixels, planted superposition. One interface, one file a kind.

A kind is one function here that imports its class when it is asked for: importing this package imports neither torch
nor transformers, and yet the imports stand in the syntax tree, where the stage runner's code digest sees them.
"""

import inspect
from collections.abc import Callable

from thresh.errors import ConfigError
from thresh.systems.base import LayerShape, System, Trials


def transformers() -> type[System]:
    from thresh.systems.transformers_models import TransformersSystem

    return TransformersSystem


def torch() -> type[System]:
    from thresh.systems.torch_models import TorchSystem

    return TorchSystem


def timm() -> type[System]:
    from thresh.systems.timm_models import TimmSystem

    return TimmSystem


def nwb() -> type[System]:
    from thresh.systems.nwb import NwbSystem

    return NwbSystem


def arrays() -> type[System]:
    from thresh.systems.arrays import ArraysSystem

    return ArraysSystem


def pixels() -> type[System]:
    from thresh.systems.pixels import PixelsSystem

    return PixelsSystem


def planted() -> type[System]:
    from thresh.systems.planted import PlantedSystem

    return PlantedSystem


SYSTEMS: dict[str, Callable[[], type[System]]] = {
    one.__name__: one for one in (transformers, torch, timm, nwb, arrays, pixels, planted)
}


def open_system(kind: str, name: str, stimuli, *, layers: dict[str, dict], device: str | None = None, **params):
    """System of a kind; nothing is loaded yet.

    Parameters
    ----------
    kind
        A key of `SYSTEMS`.
    name
        Name in the config, for messages.
    stimuli
        The `thresh.stimuli.Stimuli` that the system answers to.
    layers
        Layer name -> parameters of the layer.
    device
        'cpu', 'cuda', 'mps', or None or 'auto' for the first there is of CUDA, MPS, CPU.
    params
        Parameters of the kind.

    Raises
    ------
    ConfigError
        The kind is unknown, one of its parameters is, or a required one is missing.
    """
    if kind not in SYSTEMS:
        raise ConfigError(f"systems.{name}.kind", kind, f"one of {', '.join(SYSTEMS)}")
    system = SYSTEMS[kind]()
    try:
        given = inspect.signature(system).bind(name, stimuli, layers=layers, device=device, **params)
    except TypeError as error:
        raise ConfigError(f"systems.{name}", sorted(params), f"the keys of kind {kind!r} ({error})") from None
    return system(*given.args, **given.kwargs)


def list_layers(
    model: str,
    *,
    search_path: str | None = None,
    arguments: dict | None = None,
    revision: str = "main",
    kind: str | None = None,
) -> list[tuple[str, str]]:
    """Path and class of every module of a model; no weights are loaded.

    Parameters
    ----------
    model
        Hub name or local folder of a transformers model, name of a timm model, or `package.module:callable` of a torch
        factory.
    search_path, arguments
        Folder in which the factory's package is found, and its keyword arguments.
    revision
        Branch, tag or commit of a hub model.
    kind
        'transformers', 'torch' or 'timm'; by default 'torch' for a name with a colon, else 'transformers'.

    Raises
    ------
    HarvestError
        There is no such model, or the factory cannot be called with these arguments.
    """
    from thresh.systems.listing import list_layers as listed

    return listed(model, search_path=search_path, arguments=arguments or {}, revision=revision, kind=kind)


__all__ = ["SYSTEMS", "LayerShape", "System", "Trials", "list_layers", "open_system"]
