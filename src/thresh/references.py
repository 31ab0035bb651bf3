"""Names that a config uses and never defines."""

import difflib
from collections.abc import Iterator
from itertools import combinations


def nearest(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, 3, 0.5)
    return f"; nearest: {', '.join(close)}" if close else f"; known: {', '.join(names)}" if len(names) < 12 else ""


def broken_references(config: dict) -> Iterator[str]:
    """Names that are used and never defined."""

    def section(name: str) -> dict:
        found = config.get(name)
        return (
            {key: value for key, value in found.items() if isinstance(value, dict)} if isinstance(found, dict) else {}
        )

    stimuli, systems = list(section("stimuli")), section("systems")
    dictionaries, inference = list(section("dictionaries")), list(section("inference"))

    def check(key: str, names: object, known: list[str], what: str) -> Iterator[str]:
        for name in [names] if isinstance(names, str) else names if isinstance(names, list) else []:
            if isinstance(name, str) and name not in known:
                yield f"{key}: found {name!r}, expected a key of `{what}`{nearest(name, known)}."

    for group in ("systems", "small_models", "simulated_recordings"):
        for name, content in section(group).items():
            yield from check(f"{group}.{name}.stimuli", content.get("stimuli"), stimuli, "stimuli")
    for name, content in section("dictionaries").items():
        yield from check(f"dictionaries.{name}.systems", content.get("systems"), list(systems), "systems")
    for name, content in section("inference").items():
        yield from check(f"inference.{name}.dictionaries", content.get("dictionaries"), dictionaries, "dictionaries")
    for owner, content in [
        *limited_layers(section("dictionaries"), "dictionaries"),
        *limited_layers(section("alignment"), "alignment"),
    ]:
        for system, layers in content.items():
            yield from check(f"{owner}.layers", system, list(systems), "systems")
            yield from check(
                f"{owner}.layers.{system}", layers, layers_of(systems.get(system, {})), f"systems.{system}.layers"
            )
    for name, content in section("alignment").items():
        yield from check(f"alignment.{name}.systems", content.get("systems"), list(systems), "systems")
        for number, pair in enumerate(content.get("pairs") or []):
            yield from check(f"alignment.{name}.pairs[{number}]", pair, list(systems), "systems")
        if not content.get("systems") and not content.get("pairs"):
            yield f"alignment.{name}: found neither systems nor pairs, expected systems to compare."
        yield from different_stimuli(name, content, systems)
    for key, content in used_codes(section("alignment"), config.get("report")):
        yield from check(f"{key}.dictionary", content.get("dictionary"), dictionaries, "dictionaries")
        yield from check(f"{key}.inference", content.get("inference"), inference, "inference")


def limited_layers(section: dict, name: str) -> Iterator[tuple[str, dict]]:
    for key, content in section.items():
        if isinstance(content.get("layers"), dict):
            yield f"{name}.{key}", content["layers"]


def layers_of(system: dict) -> list[str]:
    defaults = {"nwb": ["responses"], "arrays": ["responses"], "pixels": ["pixels"], "planted": ["units"]}
    return list(system.get("layers") or defaults.get(system.get("kind"), []))


def used_codes(alignment: dict, report: object) -> Iterator[tuple[str, dict]]:
    for name, content in alignment.items():
        for key, used in (content.get("representations") or {}).items():
            yield f"alignment.{name}.representations.{key}", used
    galleries = report.get("galleries") or [] if isinstance(report, dict) else []
    for number, gallery in enumerate(galleries):
        yield f"report.galleries[{number}].representation", gallery.get("representation") or {}


def different_stimuli(name: str, comparison: dict, systems: dict) -> Iterator[str]:
    """Systems on different stimulus sets have no stimulus in common to be compared on."""
    pairs = [
        *combinations(comparison.get("systems") or [], 2),
        *(tuple(pair) for pair in comparison.get("pairs") or []),
    ]
    for a, b in pairs:
        sets = [systems.get(system, {}).get("stimuli") for system in (a, b)]
        if None not in sets and sets[0] != sets[1]:
            yield (
                f"alignment.{name}: {a} answers to stimuli {sets[0]!r} and {b} to {sets[1]!r};"
                " expected systems on one stimulus set."
            )
