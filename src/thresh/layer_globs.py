"""Layers that a config names by a glob, such as `encoder.layer.*`, spread out into the modules of the model.

The workflow needs the names of all layers before it runs anything, so a model with a glob is built, without weights,
whenever a config is read; that takes the seconds of importing torch and transformers. Configs without globs do not.
"""

import copy
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from thresh.errors import ThreshError
from thresh.study_loading import StudyError
from thresh.system_kinds import MODELS

GLOB = frozenset("*?[")
# Modules that only hold others have no output.
NEVER_CALLED = ("ModuleList", "ModuleDict")


def with_layers_listed(config: Any) -> Any:
    """A config in which each glob of a model's layers stands for the layers that it matches.

    A `*` stands within one part of a path: `layers.*` matches `layers.3` and not `layers.3.mlp`. In a list, layers are
    named by their paths; a mapping `blocks: {module: layers.*}` gives `blocks.0`, `blocks.1` and so on. What is wrong
    in other ways is left for `thresh.study_loading.load_study` to tell.

    Raises
    ------
    StudyError
        A glob matches no module, two layers get one name, or there is no model yet whose modules a glob could match.
    """
    systems = config.get("systems") if isinstance(config, dict) else None
    globbed = [name for name, content in entries(systems) if any(has_glob(path) for _, path in paths(content))]
    if not globbed:
        return config
    listed, told = copy.deepcopy(config), []
    made = config.get("small_models")
    for name in globbed:
        content = listed["systems"][name]
        try:
            content["layers"] = spread(name, content, made if isinstance(made, dict) else {})
        except StudyError as error:
            told.append(str(error))
    if told:
        raise StudyError("\n".join(told))
    return listed


def entries(section: Any) -> Iterator[tuple[str, dict]]:
    """Names and contents of the models among some systems whose modules can be listed."""
    for name, content in section.items() if isinstance(section, dict) else ():
        if isinstance(content, dict) and content.get("kind") in MODELS and isinstance(source(content), str):
            yield name, content


def paths(content: dict) -> Iterator[tuple[str, str]]:
    """Layer and path of its module, for each layer of a system that is written as it should be."""
    layers = content.get("layers")
    if isinstance(layers, list) and all(isinstance(path, str) for path in layers):
        yield from ((path, path) for path in layers)
    if isinstance(layers, dict):
        pairs = [(name, layer.get("module")) for name, layer in layers.items() if isinstance(layer, dict)]
        yield from ((name, path) for name, path in pairs if isinstance(path, str))


def has_glob(path: str) -> bool:
    return bool(GLOB & set(path))


def spread(name: str, content: dict, small_models: dict) -> dict:
    """Layer -> parameters, globs spread out."""
    own = content["layers"]
    given = own if isinstance(own, dict) else {path: {"module": path} for path in own}
    modules = modules_of(name, content, small_models)
    found: dict[str, Any] = {}
    for layer, params in given.items():
        path = params.get("module") if isinstance(params, dict) else None
        if not isinstance(path, str) or not has_glob(path):
            found[layer] = params
            continue
        matched = [module for module in modules if matches(module, path)]
        if not matched:
            from thresh.systems.telling import listing_of, unknown_module

            listing = listing_of(source(content), content["kind"], **options_of(content))
            raise StudyError(unknown_module(name, layer, path, modules, listing, glob=True))
        for module in matched:
            label = module if isinstance(own, list) else ".".join([layer, *wild_parts(module, path)])
            spread_out = {**params, "module": module}
            if found.get(label, given.get(label, spread_out)) != spread_out:
                raise StudyError(f"systems.{name}.layers: found two layers named {label}, one of them by {path}.")
            found[label] = spread_out
    return found


def modules_of(name: str, content: dict, small_models: dict) -> list[str]:
    """Paths of all modules of a system's model that may have an output."""
    from thresh.systems import list_layers

    model = source(content)
    if model in small_models:
        raise StudyError(f"systems.{name}.layers: found a glob, but {model} is trained by the study: name its layers.")
    try:
        found = list_layers(model, kind=content["kind"], **options_of(content))
    except ThreshError as error:
        told = str(error)
        key = told.removeprefix("list_layers") if told.startswith("list_layers.") else f".layers: {told}"
        raise StudyError(f"systems.{name}{key}") from None
    return [path for path, kind in found if kind not in NEVER_CALLED]


def source(content: dict) -> Any:
    """Hub name, folder or factory, as it should be text."""
    return content.get("factory" if content["kind"] == "torch" else "model")


def options_of(content: dict) -> dict:
    """What else says which model it is."""
    known = {"search_path": None, "arguments": {}, "revision": "main"}
    return {key: content.get(key) or default for key, default in known.items()}


def matches(module: str, glob: str) -> bool:
    parts, wanted = module.split("."), glob.split(".")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def wild_parts(module: str, glob: str) -> list[str]:
    """The parts of a path that stand where a glob has a wildcard."""
    return [part for part, wanted in zip(module.split("."), glob.split("."), strict=True) if has_glob(wanted)]
