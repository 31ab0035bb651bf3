"""A system as its config and the workflow describe it."""

from pathlib import Path

from thresh.stimuli import Stimuli
from thresh.system_kinds import MODELS
from thresh.systems import open_system
from thresh.systems.base import System

# What stands beside a system's parameters and is for the workflow.
NOT_OF_SYSTEMS = ("kind", "stimuli", "layers", "constant_units", "spliced")
# Key under which a system names what it is read from; the study may have made it, under a name of its own.
READ_FROM = {"transformers": "model", "nwb": "file"}


def configured_systems(
    name: str, stimuli: Stimuli, params: dict, *, layers: dict[str, dict], made: list[Path], device: str | None
) -> list[System]:
    """Open a system of the config: once for all layers that one pass gives, or once for each layer.

    Parameters
    ----------
    params
        The system's part of the config; `layers` and what only the workflow reads are passed over.
    made
        Where the model or recording stands, if not where the config says: a model that the study trained itself, a
        recording that it simulated.
    """
    keys = {key: value for key, value in params.items() if key not in NOT_OF_SYSTEMS}
    key = READ_FROM.get(params["kind"])
    if key and made:
        (place,) = made
        keys[key] = str(place / "recording.nwb" if key == "file" and place.is_dir() else place)
    # Populations of a recording each answer to stimuli of their own: each is harvested for itself, so that it does not
    # depend on which others the config names.
    groups = [layers] if params["kind"] in MODELS else [{layer: content} for layer, content in layers.items()]
    return [open_system(params["kind"], name, stimuli, layers=group, device=device, **keys) for group in groups]
