"""A config as a study: read, checked as a whole, and spread out into the lists of jobs that it asks for."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from pydantic import ValidationError

from thresh.config import Comparison, Config, Representation
from thresh.config.analysis import PLACE
from thresh.dictionary_methods import JOINT
from thresh.errors import ThreshError
from thresh.references import broken_references, nearest

Layer = tuple[str, str]
# Findings of pydantic in the words of YAML.
SHAPES = {
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
}


class StudyError(ThreshError):
    """A config cannot be used; the message has one line for each error."""


@dataclass(frozen=True)
class Alignment:
    """One pair of layers of one comparison."""

    comparison: str
    a: Layer
    b: Layer


def load_study(config: dict, source: str = "config") -> "Study":
    """Check a config and make a study of it.

    Parameters
    ----------
    config
        Content of the config file.
    source
        Name of the file, for messages.

    Raises
    ------
    StudyError
        Every error of the config, one a line: file, key, what was found, what was expected.
    """
    errors: list[str] = []
    study = None
    try:
        study = Study(Config.model_validate(config))
    except ValidationError as error:
        errors.extend(dict.fromkeys(told(finding, config) for finding in error.errors()))
    errors.extend(broken_references(config))
    if study is not None and not errors:
        # Which codes there will be is known once every name is right.
        errors.extend(codes_of_no_job(study))
        errors.extend(joint_of_few(study))
    if errors:
        raise StudyError("\n".join(" ".join(f"{source}: {line}".splitlines()) for line in errors))
    return study


def told(finding: dict, config: Any) -> str:
    """One line for one finding of pydantic."""
    place, kind = finding["loc"], finding["type"]
    key = key_of(place, config, whole=kind in ("extra_forbidden", "missing"))
    if kind == "extra_forbidden":
        own = place[0] in ("dictionaries", "inference") and len(place) == 3
        hint = "; parameters of a method or solver stand under `params`" if own else ""
        known = [name for name in known_keys() if name != place[-1]]
        return f"{key}: unknown key here{nearest(str(place[-1]), known)}{hint}."
    if kind in ("missing", "union_tag_not_found"):
        return f"{key}{'' if kind == 'missing' else '.kind'}: this key is missing."
    if kind == "union_tag_invalid":
        return f"{key}.kind: found {finding['ctx']['tag']!r}, expected {finding['ctx']['expected_tags']}."
    given = finding.get("input")
    message = SHAPES.get(kind, finding["msg"].removeprefix("Value error, "))
    shown = f" found {given!r}," if isinstance(given, str | int | float) else ""
    return f"{key}:{shown} {message[0].lower()}{message[1:]}."


def key_of(place: tuple[int | str, ...], config: Any, *, whole: bool) -> str:
    """The key as the user wrote it: pydantic adds names of types and of kinds on the way.

    Parameters
    ----------
    whole
        Whether the last step is a key even where the config does not have it.
    """
    key, node = "", config
    for number, step in enumerate(place):
        kind = number == 2 and place[0] in ("stimuli", "systems")
        inside = step in node if isinstance(node, dict) else isinstance(node, list) and step in range(len(node))
        if (inside and not kind) or (whole and number == len(place) - 1):
            key += f"[{step}]" if isinstance(node, list) else f".{step}"
            node = node[step] if inside else None
    return key.lstrip(".") or "the config"


def known_keys() -> list[str]:
    schema = Config.model_json_schema()
    sections = [schema, *schema["$defs"].values()]
    return sorted({key for section in sections for key in section.get("properties", {})})


class Study:
    """What a config asks for, as plain lists; the workflow turns them into files.

    Attributes
    ----------
    config
        The checked config, with all defaults.
    """

    def __init__(self, config: Config):
        self.config = config

    def layers(self) -> list[Layer]:
        """Every (system, layer)."""
        return [(system, layer) for system, content in self.config.systems.items() for layer in content.layers]

    def dictionaries(self, layer: Layer) -> list[str]:
        """Dictionaries that are learned on a layer."""
        return [name for name in self.config.dictionaries if self.applies(name, layer)]

    def own_dictionaries(self, layer: Layer) -> list[str]:
        """Dictionaries that are learned on a layer alone, or imported for it."""
        return [name for name in self.dictionaries(layer) if not self.is_joint(name)]

    def is_joint(self, dictionary: str) -> bool:
        content = self.config.dictionaries[dictionary]
        return content.source is None and content.method in JOINT

    def joint_dictionaries(self) -> dict[str, list[Layer]]:
        """Dictionaries that are learned on several layers at once, and on which."""
        names = filter(self.is_joint, self.config.dictionaries)
        return {name: [layer for layer in self.layers() if self.applies(name, layer)] for name in names}

    def applies(self, dictionary: str, layer: Layer) -> bool:
        limits = self.config.dictionaries[dictionary]
        system, name = layer
        if limits.systems is not None and system not in limits.systems:
            return False
        if limits.source is not None and self.source(dictionary, layer) is None:
            return False
        return system not in limits.layers or name in limits.layers[system]

    def source(self, dictionary: str, layer: Layer) -> dict[str, str] | None:
        """Where a dictionary of a layer is imported from: path, subfolder, revision. None where it is not imported."""
        system, name = layer
        sources = self.config.dictionaries[dictionary].source
        source = sources.get(system) if isinstance(sources, dict) else sources
        if source is None:
            return None
        subfolder = source.subfolder.get(name) if isinstance(source.subfolder, dict) else source.subfolder
        return None if subfolder is None else source.model_dump() | {"subfolder": subfolder.replace(PLACE, name)}

    def widths(self) -> dict[str, dict[str, dict[str, int | str | dict]]]:
        """System -> layer -> dictionary -> atoms, or the source that it is imported from."""
        found: dict[str, dict[str, dict[str, int | str | dict]]] = {}
        for system, layer in self.layers():
            if names := self.dictionaries((system, layer)):
                atoms = {
                    name: self.source(name, (system, layer)) or self.config.dictionaries[name].atoms for name in names
                }
                found.setdefault(system, {})[layer] = atoms
        return found

    def codes(self) -> list[tuple[str, str, str, str]]:
        """Every (system, layer, dictionary, inference)."""
        return [
            (*layer, dictionary, inference)
            for layer in self.layers()
            for dictionary in self.dictionaries(layer)
            for inference, content in self.config.inference.items()
            if content.dictionaries is None or dictionary in content.dictionaries
        ]

    def compared_pairs(self) -> dict[str, list[tuple[str, str]]]:
        """Comparison -> pairs of systems, each once."""
        return {
            name: list(dict.fromkeys([*combinations(comparison.systems, 2), *comparison.pairs]))
            for name, comparison in self.config.alignment.items()
        }

    def compared_systems(self) -> list[str]:
        return sorted({system for pairs in self.compared_pairs().values() for pair in pairs for system in pair})

    def alignments(self) -> list[Alignment]:
        """Every pair of layers of every comparison, in the order of the config."""
        return [
            Alignment(name, (a, a_layer), (b, b_layer))
            for name, comparison in self.config.alignment.items()
            for a, b in self.compared_pairs()[name]
            for a_layer, b_layer in self.pairs_of_layers(comparison, a, b)
        ]

    def pairs_of_layers(self, comparison: Comparison, a: str, b: str) -> list[tuple[str, str]]:
        """Each layer of a with each of b; of a system with itself, each two of its layers once."""
        layers = self.compared_layers(comparison, a)
        return list(combinations(layers, 2) if a == b else product(layers, self.compared_layers(comparison, b)))

    def compared_layers(self, comparison: Comparison, system: str) -> list[str]:
        layers = list(self.config.systems[system].layers)
        return [layer for layer in layers if layer in comparison.layers.get(system, layers)]

    def representations(self, comparison: str, layer: Layer) -> dict[str, tuple[str, str]]:
        """Name -> (dictionary, inference) of the codes of a layer that a comparison looks at."""
        available = set(self.codes())
        wanted = self.config.alignment[comparison].representations
        return {
            name: (used.dictionary, used.inference)
            for name, used in wanted.items()
            if (*layer, used.dictionary, used.inference) in available
        }

    def params(self, section: str, name: str, leave_out: tuple[str, ...] = ()) -> dict:
        """One entry of the config with all its defaults, as plain values."""
        content = getattr(self.config, section)[name].model_dump(mode="json")
        return {key: value for key, value in content.items() if key not in leave_out}


def codes_of_no_job(study: Study) -> Iterator[str]:
    """Codes that a comparison or a gallery looks at although nothing makes them."""
    made: dict[Layer, list[str]] = {}
    for system, layer, dictionary, inference in study.codes():
        made.setdefault((system, layer), []).append(f"{dictionary}/{inference}")
    pairs = study.alignments()
    for name, comparison in study.config.alignment.items():
        layers = {layer for pair in pairs if pair.comparison == name for layer in (pair.a, pair.b)}
        found = sorted({codes for layer in layers for codes in made.get(layer, [])})
        for key, used in comparison.representations.items():
            yield from absent(f"alignment.{name}.representations.{key}", used, "any compared layer", found)
    for number, gallery in enumerate(study.config.report.galleries):
        for side, layer in (("a", gallery.a), ("b", gallery.b)):
            key = f"report.galleries[{number}].{side}"
            yield from absent(key, gallery.representation, "/".join(layer), made.get(layer, []))


def joint_of_few(study: Study) -> Iterator[str]:
    """Dictionaries of several layers that are asked for one, or for layers of systems with different stimuli."""
    for name, layers in study.joint_dictionaries().items():
        method = study.config.dictionaries[name].method
        if len(layers) < 2:
            found = f"found {len(layers)} layers that it applies to"
            yield f"dictionaries.{name}: {found}, expected two or more for {method}."
        sets = sorted({study.config.systems[system].stimuli for system, _ in layers})
        if len(sets) > 1:
            yield f"dictionaries.{name}: found systems of the stimuli {', '.join(sets)}, expected one set ({method})."


def absent(key: str, used: Representation, owner: str, found: list[str]) -> Iterator[str]:
    wanted = f"{used.dictionary}/{used.inference}"
    if wanted not in found:
        others = nearest(wanted, found) if found else "; it has none"
        yield f"{key}: found no codes {wanted} (dictionary/inference) of {owner}, expected some{others}."
