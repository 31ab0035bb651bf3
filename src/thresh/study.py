"""What a config asks for, spread out into lists of jobs."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product

from thresh.config import Comparison, Config
from thresh.config.analysis import PLACE, Dictionary
from thresh.config.evaluation import OfCodes
from thresh.dictionary_methods import JOINT
from thresh.system_kinds import RECORDINGS

# Poolings of a comparison that make no stimuli of rows.
BY_PLACE = ("positions", "words")

Layer = tuple[str, str]
Code = tuple[str, str, str, str]  # system, layer, dictionary, inference


@dataclass(frozen=True)
class Alignment:
    """One pair of layers of one comparison."""

    comparison: str
    a: Layer
    b: Layer


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

    @cached_property
    def learned(self) -> dict[str, Dictionary]:
        """Dictionaries by name, each followed by its repeats: those from the seeds after its own, as `topk@1`."""
        return {
            repeat_of(name, number): content.model_copy(update={"seed": content.seed + number})
            for name, content in self.config.dictionaries.items()
            for number in range(content.repeats)
        }

    def dictionaries(self, layer: Layer) -> list[str]:
        """Dictionaries that are learned on a layer, with their repeats."""
        return [name for name in self.learned if self.applies(name, layer)]

    def own_dictionaries(self, layer: Layer) -> list[str]:
        """Dictionaries that are learned on a layer alone, or imported for it."""
        return [name for name in self.dictionaries(layer) if not self.is_joint(name)]

    def is_joint(self, dictionary: str) -> bool:
        content = self.learned[dictionary]
        return content.source is None and content.method in JOINT

    def joint_dictionaries(self) -> dict[str, list[Layer]]:
        """Dictionaries that are learned on several layers at once, and on which."""
        names = filter(self.is_joint, self.learned)
        return {name: [layer for layer in self.layers() if self.applies(name, layer)] for name in names}

    def applies(self, dictionary: str, layer: Layer) -> bool:
        limits = self.learned[dictionary]
        if limits.source is not None and self.source(dictionary, layer) is None:
            return False
        return within(limits, layer)

    def source(self, dictionary: str, layer: Layer) -> dict[str, str] | None:
        """Where a dictionary of a layer is imported from: path, subfolder, revision. None where it is not imported."""
        system, name = layer
        sources = self.learned[dictionary].source
        source = sources.get(system) if isinstance(sources, dict) else sources
        if source is None:
            return None
        subfolder = source.subfolder.get(name) if isinstance(source.subfolder, dict) else source.subfolder
        return None if subfolder is None else source.model_dump() | {"subfolder": subfolder.replace(PLACE, name)}

    def widths(self) -> dict[str, dict[str, dict[str, int | str | dict]]]:
        """System -> layer -> dictionary -> atoms, or the source that it is imported from; repeats are as wide."""
        found: dict[str, dict[str, dict[str, int | str | dict]]] = {}
        for system, layer in self.layers():
            names = [name for name in self.config.dictionaries if self.applies(name, (system, layer))]
            if names:
                atoms = {name: self.source(name, (system, layer)) or self.learned[name].atoms for name in names}
                found.setdefault(system, {})[layer] = atoms
        return found

    def codes(self) -> list[Code]:
        """Every (system, layer, dictionary, inference); repeats of dictionaries have no codes."""
        return [
            (*layer, dictionary, inference)
            for layer in self.layers()
            for dictionary in self.config.dictionaries
            if self.applies(dictionary, layer)
            for inference, content in self.config.inference.items()
            if content.dictionaries is None or dictionary in content.dictionaries
        ]

    def repeated(self) -> list[tuple[str, str, str]]:
        """Every (system, layer, dictionary) that is learned from several seeds."""
        return [
            (*layer, name)
            for layer in self.layers()
            for name, content in self.config.dictionaries.items()
            if content.repeats > 1 and self.applies(name, layer)
        ]

    def repeats(self, dictionary: str) -> list[str]:
        """Names of a dictionary and of its repeats."""
        return [repeat_of(dictionary, number) for number in range(self.config.dictionaries[dictionary].repeats)]

    def probes(self) -> list[tuple[str, str, str, tuple[str, ...]]]:
        """Every (probe, system, layer, codes): codes are (dictionary, inference), or () for raw activations."""
        return [
            (name, *layer, codes)
            for name, probe in self.config.evaluation.probes.items()
            for layer in self.layers()
            if self.config.systems[layer[0]].stimuli == probe.stimuli and within(probe, layer)
            for codes in [(), *(tuple(code[2:]) for code in self.chosen_codes(probe, layer))]
        ]

    def splices(self) -> list[tuple[str, str, str, str, str]]:
        """Every (splice, system, layer, dictionary, inference)."""
        return [
            (name, *code)
            for name, splice in self.config.evaluation.splices.items()
            for layer in self.layers()
            if within(splice, layer) and not self.hinders_splicing(layer)
            for code in self.chosen_codes(splice, layer)
        ]

    def chosen_codes(self, wanted: OfCodes, layer: Layer) -> list[Code]:
        """Codes of a layer that an evaluation looks at."""
        return [
            code
            for code in self.codes_of_layers.get(layer, [])
            if wanted.dictionaries is None or code[2] in wanted.dictionaries
        ]

    @cached_property
    def codes_of_layers(self) -> dict[Layer, list[Code]]:
        found: dict[Layer, list[Code]] = {}
        for code in self.codes():
            found.setdefault(code[:2], []).append(code)
        return found

    def hinders_splicing(self, layer: Layer) -> str:
        """Why codes cannot be put back into a layer, as far as the config tells; '' where nothing is in the way."""
        system = self.config.systems[layer[0]]
        if system.kind != "transformers":
            return f"{layer[0]} is of kind {system.kind!r}, expected a transformers model"
        if system.untrained:
            return f"{layer[0]} is untrained, expected a model that has learned something to lose"
        if system.text.packing:
            return f"{layer[0]} packs parts of several texts into a window, expected no `packing`"
        pooling = system.layers[layer[1]].pooling
        if pooling in ("positions", "cls"):
            return ""
        return f"{'/'.join(layer)} has the pooling {pooling!r}, expected positions or cls"

    def hinders_places(self, layer: Layer, pooling: str) -> str:
        """Why a layer has no positions or words to compare, as far as the config tells; '' where it may have."""
        system = self.config.systems[layer[0]]
        kind = self.config.stimuli[system.stimuli].kind
        if pooling == "words" and kind != "text":
            return f"{layer[0]} answers to stimuli of kind {kind!r}, expected text"
        own = getattr(system.layers[layer[1]], "pooling", "one row a stimulus")
        # Of clips, every frame may be a row, whatever the layer makes of its places.
        if own == "positions" or (pooling == "positions" and kind == "video" and system.kind not in RECORDINGS):
            return ""
        return f"{'/'.join(layer)} has the pooling {own!r}, expected positions"

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


def repeat_of(dictionary: str, number: int) -> str:
    """Name of a repeat; no name that a config can give holds the sign."""
    return f"{dictionary}@{number}" if number else dictionary


def within(limits: Dictionary | OfCodes, layer: Layer) -> bool:
    """Whether a section that names systems and layers, or leaves them open, has this layer in it."""
    system, name = layer
    return (limits.systems is None or system in limits.systems) and (
        system not in limits.layers or name in limits.layers[system]
    )
