"""A config as a study: read, checked as a whole, and spread out into the lists of jobs that it asks for."""

from dataclasses import dataclass
from itertools import combinations

from pydantic import ValidationError

from thresh.config import Comparison, Config
from thresh.errors import ThreshError
from thresh.references import broken_references, nearest

Layer = tuple[str, str]
# What pydantic puts into the place of an error although the user never wrote it as a key: names of types, values of
# `kind`.
OF_PYDANTIC = {"[key]", "int", "float", "str", "constrained-str"}
TAGS = {"digits", "images", "features", "transformers", "torch", "nwb", "arrays", "pixels", "planted"}


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
    parsed = None
    try:
        parsed = Config.model_validate(config)
    except ValidationError as error:
        errors.extend(told(finding) for finding in error.errors())
    # References are read from the plain config, so that they are checked even when something else is wrong.
    errors.extend(broken_references(config))
    if errors:
        raise StudyError("\n".join(f"{source}: {line}" for line in errors))
    return Study(parsed)


def told(finding: dict) -> str:
    """One line for one finding of pydantic."""
    place, kind = finding["loc"], finding["type"]
    path: list[str] = []
    for step in place:
        if isinstance(step, int):
            path.append(f"[{step}]")
        elif not (step in OF_PYDANTIC or "(" in step or (step in TAGS and len(path) == 2)):
            path.append(f".{step}")
    key = "".join(path).lstrip(".")
    if kind == "extra_forbidden":
        own = place[0] in ("dictionaries", "inference") and len(place) == 3
        hint = "; parameters of a method or solver stand under `params`" if own else ""
        known = [name for name in known_keys() if name != place[-1]]
        return f"{key}: unknown key here{nearest(str(place[-1]), known)}{hint}."
    if kind == "missing":
        return f"{key}: this key is missing."
    if kind == "union_tag_invalid":
        return f"{key}.kind: found {finding['ctx']['tag']!r}, expected {finding['ctx']['expected_tags']}."
    given = finding.get("input")
    message = finding["msg"].removeprefix("Value error, ")
    shown = f" found {given!r}," if isinstance(given, str | int | float | bool) else ""
    return f"{key}:{shown} {message[0].lower()}{message[1:]}."


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

    def applies(self, dictionary: str, layer: Layer) -> bool:
        limits = self.config.dictionaries[dictionary]
        system, name = layer
        if limits.systems is not None and system not in limits.systems:
            return False
        return system not in limits.layers or name in limits.layers[system]

    def widths(self) -> dict[str, dict[str, dict[str, int | str]]]:
        """System -> layer -> dictionary -> atoms, where there are dictionaries."""
        found: dict[str, dict[str, dict[str, int | str]]] = {}
        for system, layer in self.layers():
            if names := self.dictionaries((system, layer)):
                atoms = {name: self.config.dictionaries[name].atoms for name in names}
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
        """Every pair of layers of different systems of every comparison, in the order of the config."""
        return [
            Alignment(name, (a, a_layer), (b, b_layer))
            for name, comparison in self.config.alignment.items()
            for a, b in self.compared_pairs()[name]
            for a_layer in self.compared_layers(comparison, a)
            for b_layer in self.compared_layers(comparison, b)
        ]

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
