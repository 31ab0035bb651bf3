"""What modules a model has."""

from thresh.systems.factories import empty_module, imported_factory
from thresh.systems.transformers_loading import empty_transformer, model_config


def list_layers(model: str, *, search_path: str | None, arguments: dict, revision: str) -> list[tuple[str, str]]:
    """See `thresh.systems.list_layers`."""
    if ":" in model:
        empty = empty_module(imported_factory("list_layers", model, search_path), arguments, model)
    else:
        empty = empty_transformer(model_config("list_layers", model, revision))
    return [(path, type(module).__name__) for path, module in empty.named_modules() if path]
