"""Names that a config uses and never defines.

They are read from the plain config, so that they are told even where something else is wrong. Whatever has not the
shape that is looked for is passed over: that is told by the check of shapes (`thresh.config`).
"""

import difflib
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from thresh.config.analysis import is_of_systems

# Where names stand that are keys of a section. `*` is any key, `#` any item of a list.
USED = [
    (("systems", "*", "stimuli"), "stimuli"),
    (("small_models", "*", "stimuli"), "stimuli"),
    (("simulated_recordings", "*", "stimuli"), "stimuli"),
    (("dictionaries", "*", "systems"), "systems"),
    (("inference", "*", "dictionaries"), "dictionaries"),
    (("evaluation", "probes", "*", "stimuli"), "stimuli"),
    (("evaluation", "probes", "*", "systems"), "systems"),
    (("evaluation", "probes", "*", "dictionaries"), "dictionaries"),
    (("evaluation", "splices", "*", "systems"), "systems"),
    (("evaluation", "splices", "*", "dictionaries"), "dictionaries"),
    (("alignment", "*", "systems"), "systems"),
    (("alignment", "*", "pairs", "#"), "systems"),
    (("alignment", "*", "representations", "*", "dictionary"), "dictionaries"),
    (("alignment", "*", "representations", "*", "inference"), "inference"),
    (("report", "galleries", "#", "representation", "dictionary"), "dictionaries"),
    (("report", "galleries", "#", "representation", "inference"), "inference"),
]
# Sections whose entries may be limited to some layers.
LIMITED = [("dictionaries",), ("evaluation", "probes"), ("evaluation", "splices"), ("alignment",)]
# Layers of systems that need not name any.
DEFAULT_LAYERS = {"nwb": ["responses"], "arrays": ["responses"], "pixels": ["pixels"], "planted": ["units"]}


def nearest(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, 3, 0.5)
    return f"; nearest: {', '.join(close)}" if close else f"; known: {', '.join(names)}" if 0 < len(names) < 12 else ""


def broken_references(config: Any) -> Iterator[str]:
    """One line for each name that is used and never defined, for any content of a YAML file."""
    for pattern, section in USED:
        for key, used in places(config, *pattern):
            yield from unknown(key, used, defined(config, section), section)
    for section in LIMITED:
        for key, limits in places(config, *section, "*", "layers"):
            for system, layers in limits.items() if isinstance(limits, dict) else ():
                yield from unknown_layers(config, key, system, f"{key}.{system}", layers)
    for key, source in places(config, "dictionaries", "*", "source"):
        if is_of_systems(source):
            yield from unknown(key, list(source), defined(config, "systems"), "systems")
            for system, one in source.items():
                yield from unknown_folders(config, f"{key}.{system}", one, str(system))
        else:
            yield from unknown_folders(config, key, source, "*")
    for key, comparison in places(config, "alignment", "*"):
        yield from broken_pairs(config, key, comparison)
    for key, gallery in places(config, "report", "galleries", "#"):
        yield from broken_sides(config, key, gallery)


def broken_pairs(config: Any, key: str, comparison: Any) -> Iterator[str]:
    """A comparison without a pair, or with systems that cannot be compared."""
    if not isinstance(comparison, dict):
        return
    systems, pairs = comparison.get("systems", []), comparison.get("pairs", [])
    if pairs == [] and isinstance(systems, list) and len(systems) < 2:
        yield f"{key}: found neither two systems nor pairs, expected systems to compare."
    two = [strings(pair) for pair in pairs] if isinstance(pairs, list) else []
    for pair in [*combinations(strings(systems), 2), *two]:
        yield from on_different_stimuli(config, key, pair)


def broken_sides(config: Any, key: str, gallery: Any) -> Iterator[str]:
    """Sides of a gallery that are no layers, or cannot be compared."""
    systems = []
    for side_key, side in [*places(gallery, "a", key=key), *places(gallery, "b", key=key)]:
        match strings(side):
            case [system, layer]:
                systems.append(system)
                yield from unknown_layers(config, side_key, system, side_key, layer)
    yield from on_different_stimuli(config, key, systems)


def places(node: Any, *pattern: str, key: str = "") -> Iterator[tuple[str, Any]]:
    """Key and value of every place of a pattern; see `USED`."""
    if not pattern:
        yield key, node
    elif pattern[0] == "#":
        for number, item in enumerate(node if isinstance(node, list) else []):
            yield from places(item, *pattern[1:], key=f"{key}[{number}]")
    elif isinstance(node, dict):
        for name in [name for name in node if pattern[0] in ("*", name)]:
            yield from places(node[name], *pattern[1:], key=f"{key}.{name}" if key else str(name))


def strings(node: Any) -> list[str]:
    """A name, or the names in a list."""
    items = [node] if isinstance(node, str) else node if isinstance(node, list) else []
    return [item for item in items if isinstance(item, str)]


def defined(config: Any, section: str) -> list[str] | None:
    """Keys of a section, those too whose content is wrong; None where the section is no mapping."""
    content = config.get(section, {}) if isinstance(config, dict) else None
    return [name for name in content if isinstance(name, str)] if isinstance(content, dict) else None


def unknown(key: str, used: Any, known: list[str] | None, section: str) -> Iterator[str]:
    for name in strings(used):
        if known is not None and name not in known:
            yield f"{key}: found {name!r}, expected a key of `{section}`{nearest(name, known)}."


def unknown_layers(config: Any, key: str, system: Any, layers_key: str, layers: Any) -> Iterator[str]:
    """A system that is not there, or layers that it has not."""
    yield from unknown(key, system, defined(config, "systems"), "systems")
    for _, content in places(config, "systems", system):
        yield from unknown(layers_key, layers, layers_of(content), f"systems.{system}.layers")


def unknown_folders(config: Any, key: str, source: Any, system: str) -> Iterator[str]:
    """Layers whose dictionaries are imported, and which the system has not; '*' for all systems."""
    known = [layers_of(content) for _, content in places(config, "systems", system)]
    if None not in known:
        for folders_key, folders in places(source, "subfolder", key=key):
            named = list(folders) if isinstance(folders, dict) else []
            yield from unknown(
                folders_key, named, [name for names in known for name in names], f"systems.{system}.layers"
            )


def layers_of(system: Any) -> list[str] | None:
    """Names of a system's layers; None where they cannot be made out."""
    layers, kind = (system.get("layers"), system.get("kind")) if isinstance(system, dict) else (None, None)
    if isinstance(layers, dict | list):
        return [name for name in layers if isinstance(name, str)]
    return DEFAULT_LAYERS.get(kind) if layers is None and isinstance(kind, str) else None


def on_different_stimuli(config: Any, key: str, pair: Sequence[str]) -> Iterator[str]:
    """Systems on different stimulus sets have no stimulus in common to be compared on."""
    sets = [
        name for system in pair for _, used in places(config, "systems", system, "stimuli") for name in strings(used)
    ]
    if len(pair) == len(sets) == 2 and sets[0] != sets[1]:
        yield (
            f"{key}: {pair[0]} answers to stimuli {sets[0]!r} and {pair[1]} to {sets[1]!r};"
            " expected systems on one stimulus set."
        )
