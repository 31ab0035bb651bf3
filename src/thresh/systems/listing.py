"""What modules a model has."""

import torch

from thresh.systems.factories import empty_module, imported_factory
from thresh.systems.transformers_loading import empty_transformer, model_config


def list_layers(
    model: str, *, search_path: str | None, arguments: dict, revision: str, kind: str | None
) -> list[tuple[str, str]]:
    """See `thresh.systems.list_layers`."""
    if kind == "timm":
        from thresh.systems.timm_models import create_model

        with torch.device("meta"):
            empty = create_model("list_layers", model, pretrained=False)
    elif kind == "torch" or (kind is None and ":" in model):
        empty = empty_module(imported_factory("list_layers", model, search_path), arguments, model)
    else:
        empty = empty_transformer("list_layers", model, model_config("list_layers", model, revision))
    return [(path, type(module).__name__) for path, module in empty.named_modules() if path]
