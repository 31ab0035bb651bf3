"""What a study's config says, as the pages need it: who is compared, under which name, and what has to be marked."""

from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from thresh.config import Config
from thresh.dictionary_methods import CONTROLS
from thresh.study import BY_PLACE, Study
from thresh.system_kinds import MODELS, RECORDINGS

PRODUCTS = (
    *("stimuli", "models", "recordings", "dictionaries", "codes", "evaluation", "stability", "probes", "splices"),
    *("alignment", "report"),
)


@dataclass(frozen=True)
class Pair:
    """Two systems of one comparison."""

    comparison: str
    a: str
    b: str


@dataclass
class Outline:
    """A config with all its defaults, and what the stores say about systems.

    Attributes
    ----------
    config
        `Config.model_dump(mode='json')`.
    facts
        System -> facts of its activations, such as `simulated` and `untrained`.
    """

    config: dict
    facts: dict[str, dict] = field(default_factory=dict)

    @cached_property
    def study(self) -> Study:
        """The lists of jobs that the workflow made of the same config."""
        return Study(Config.model_validate(self.config))

    @property
    def title(self) -> str:
        return self.config["report"]["title"]

    @property
    def comparisons(self) -> list[str]:
        return list(self.config["alignment"])

    def system(self, name: str) -> dict:
        return self.config["systems"][name]

    def is_recording(self, name: str) -> bool:
        return self.system(name)["kind"] in RECORDINGS

    @property
    def networks(self) -> list[str]:
        return [name for name, content in self.config["systems"].items() if content["kind"] in MODELS]

    def is_untrained(self, name: str) -> bool:
        return bool(self.system(name).get("untrained") or self.facts.get(name, {}).get("untrained"))

    def marks(self, name: str) -> list[str]:
        """What a reader must know wherever this system is shown."""
        planted = self.system(name)["kind"] == "planted"
        made = self.system(name).get("file") in self.config["simulated_recordings"]
        simulated = planted or made or self.facts.get(name, {}).get("simulated")
        found = {"simulated": simulated, "untrained": self.is_untrained(name)}
        return [mark for mark, holds in found.items() if holds]

    def label(self, name: str) -> str:
        """Name for charts and sentences, with the marks that it does not already tell."""
        untold = [mark for mark in self.marks(name) if mark not in name.lower()]
        return f"{name} ({', '.join(untold)})" if untold else name

    def pairs(self, comparison: str) -> list[Pair]:
        return [Pair(comparison, *pair) for pair in self.study.compared_pairs()[comparison]]

    def compared_layers(self, comparison: str, system: str) -> list[str]:
        return self.study.compared_layers(self.study.config.alignment[comparison], system)

    def pairs_of_layers(self, pair: Pair) -> list[tuple[str, str]]:
        return self.study.pairs_of_layers(self.study.config.alignment[pair.comparison], pair.a, pair.b)

    def systems_of(self, comparison: str) -> list[str]:
        """In the order of the config."""
        compared = {name for pair in self.pairs(comparison) for name in (pair.a, pair.b)}
        return [name for name in self.config["systems"] if name in compared]

    def is_planted(self, pair: Pair) -> bool:
        return all(self.system(name)["kind"] == "planted" for name in (pair.a, pair.b))

    def is_planted_comparison(self, comparison: str) -> bool:
        return all(self.is_planted(pair) for pair in self.pairs(comparison))

    def features(self, pair: Pair) -> tuple[int, int, int]:
        """Features that planted systems a and b hold, and how many both do."""
        spans = []
        for name in (pair.a, pair.b):
            content = self.system(name)
            spans.append(content["features"] or (0, self.config["stimuli"][content["stimuli"]]["features"]))
        (low_a, high_a), (low_b, high_b) = spans
        return high_a - low_a, high_b - low_b, max(min(high_a, high_b) - max(low_a, low_b), 0)

    def shares(self, pair: Pair) -> str:
        """How many features a planted pair shares, in words."""
        features_a, features_b, shared = self.features(pair)
        of = f"{features_a}" if features_a == features_b else f"{features_a} and {features_b}"
        return f"{shared} of {of} features"

    def parts(self, comparison: str) -> str:
        """'positions' or 'words' where these are compared, '' for whole stimuli."""
        pooling = self.config["alignment"][comparison]["pooling"]
        return pooling if pooling in BY_PLACE else ""

    def shown_stimuli(self, comparison: str, scores: pd.DataFrame) -> str:
        """The stimuli that scores of a comparison were computed on, in words: '450 test stimuli of digits'."""
        largest = scores.sort_values(["stimuli", "rows"]).iloc[-1] if len(scores) else {"stimuli": 0, "rows": 0}
        count, rows = int(largest["stimuli"]), int(largest["rows"])
        parts = f", {rows:,} {self.parts(comparison)} of them" if self.parts(comparison) else ""
        sets = dict.fromkeys(self.system(name)["stimuli"] for name in self.systems_of(comparison))
        split = self.config["alignment"][comparison]["split"]
        held_out = any(self.holds_out(name) for name in sets) and split != "train"
        kinds = ", kinds that were held out of training among them" if held_out else ""
        return f"{count:,} {'' if split == 'all' else split + ' '}stimuli of {' and '.join(sets)}{kinds}{parts}"

    def holds_out(self, stimuli: str) -> bool:
        """Whether a set has kinds of stimuli in its test split alone."""
        return self.config["stimuli"][stimuli]["split"]["held_out"] is not None

    def code_sources(self) -> list[tuple[str, str, str, str]]:
        """Every (system, layer, dictionary, inference) that the config asks for."""
        return self.study.codes()

    @property
    def is_evaluated(self) -> bool:
        """Whether the study asks for more than reconstruction and sparsity."""
        return bool(self.study.repeated() or self.study.probes() or self.study.splices())

    @property
    def intervenes(self) -> bool:
        return bool(self.study.splices())

    def is_control(self, dictionary: str) -> bool:
        """Whether a dictionary learns nothing of what it is asked about."""
        content = self.config["dictionaries"][dictionary]
        return content["source"] is None and content["method"] in CONTROLS

    def dictionaries(self, system: str, layer: str) -> list[str]:
        """Dictionaries that are learned on a layer."""
        return self.study.dictionaries((system, layer))

    def representations(self, *roles: str) -> list[str]:
        """Names of codes of these roles, over all comparisons, in the order of the config."""
        named = {}
        for content in self.config["alignment"].values():
            for name, used in content["representations"].items():
                named.setdefault(name, used["role"])
        return [name for name, role in named.items() if role in roles]

    def asks_for(self, product: str) -> bool:
        """Whether a product, named by its path below the results, belongs to this config; no report does."""
        folder, _, rest = product.partition("/")
        if folder in ("activations", "systems"):
            return rest.split("/")[0] in self.config["systems"]
        return product in self.products or folder not in PRODUCTS

    @cached_property
    def products(self) -> set[str]:
        """Paths below the results of everything but activations."""
        learned = [(*layer, name) for layer in self.study.layers() for name in self.study.dictionaries(layer)]
        aligned = [(one.comparison, *one.a, *one.b) for one in self.study.alignments()]
        codes = self.code_sources()
        paths = {"dictionaries": learned, "alignment": aligned, "codes": codes, "evaluation": codes}
        probed = [(*one[:3], *(("codes", *one[3]) if one[3] else ("activations",))) for one in self.study.probes()]
        paths |= {"stability": self.study.repeated(), "probes": probed, "splices": self.study.splices()}
        sections = {"stimuli": "stimuli", "models": "small_models", "recordings": "simulated_recordings"}
        paths |= {folder: [(name,) for name in self.config[section]] for folder, section in sections.items()}
        return {"/".join((folder, *names)) for folder, found in paths.items() for names in found}
