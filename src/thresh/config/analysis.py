"""How activations are stored, dictionaries learned, codes inferred and systems compared."""

import math
import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from thresh.config.sections import Name, Parameters, Section, only_names


class Harvest(Section):
    """How activations are computed and stored."""

    parts: int = Field(
        1,
        ge=1,
        description="Jobs that share the shards (of `shard_rows` rows) of each system; results do not depend on it.",
    )
    threads: int = Field(
        4,
        ge=1,
        description="Cores of a job that runs a model on the CPU, at most as many as Snakemake is given; kept with a "
        "store that was begun, for the last digits depend on it.",
    )
    dtype: Literal["float16", "float32", "bfloat16"] = Field(
        "float16", description="Type in which activations are stored."
    )
    shard_rows: int | None = Field(None, ge=1, description="Rows of a shard, a power of two; default: about 64 MiB.")


def number_or_multiple(value: Any) -> int | str:
    if isinstance(value, str):
        positive = re.fullmatch(r"\d*\.?\d+x", value) is not None and 0 < float(value[:-1]) < math.inf
    else:
        positive = isinstance(value, int) and not isinstance(value, bool) and value > 0
    if not positive:
        raise ValueError("expected a number of atoms, or a multiple of the units such as `4x`")
    return value


Atoms = Annotated[int | str, BeforeValidator(number_or_multiple, json_schema_input_type=int | str)]


PLACE = "{layer}"


def folder_or_folders(value: Any) -> str | dict[str, str]:
    """A folder, with the place of a layer's name or without, or one for each layer."""
    folders = list(value.values()) if isinstance(value, dict) else [value]
    if not all(isinstance(folder, str) for folder in folders):
        raise ValueError("expected a folder, or a mapping from layers to folders")
    if any(brace in folder.replace(PLACE, "") for folder in folders for brace in "{}"):
        raise ValueError(f"expected no other braces than those of {PLACE}")
    return value


class Source(Section):
    """A dictionary that others learned, in one of the formats of docs/dictionaries.md."""

    path: str = Field(min_length=1, description="Folder, or name on the Hugging Face hub.")
    subfolder: Annotated[
        str | dict[Name, str],
        BeforeValidator(folder_or_folders, json_schema_input_type=str | dict[Name, str]),
    ] = Field(
        "",
        description="Folder within it; `{layer}` stands for the name of the layer. Or a mapping from layers to "
        "folders: other layers then have no such dictionary.",
    )
    revision: str = Field(
        "main", description="Branch, tag or commit on the hub. Give a commit: that a branch has moved is not seen."
    )


def is_of_systems(value: Any) -> bool:
    """Whether what stands under `source` is a mapping from systems to sources."""
    if not isinstance(value, dict) or not value or any(key in Source.model_fields for key in value):
        return False
    return not any(isinstance(each, str) for each in value.values())


# Names of branches for pydantic, which no system can have.
ONE, MANY = "one source", "a source for each system"
Sources = Annotated[
    Annotated[Source, Tag(ONE)] | Annotated[dict[Name, Source], Tag(MANY)],
    Discriminator(lambda value: MANY if is_of_systems(value) else ONE),
]


# Keys that say how a dictionary is learned.
LEARNED = ("method", "atoms", "seed", "params", "repeats")


class Dictionary(Section):
    """One way to learn a dictionary, or one to import; it is there for every layer it applies to."""

    method: str = Field("auto", description="A method of `thresh.dictionaries.METHODS`; see docs/dictionaries.md.")
    atoms: Atoms = Field("4x", description="Number of atoms, or a multiple of the layer's units such as `4x`.")
    seed: int = Field(
        0,
        ge=0,
        description="Seed of what a method draws: initialisation most of all. The order of rows is the layer's own.",
    )
    params: Parameters = Field(default_factory=dict, description="Parameters of the method.")
    repeats: int = Field(
        1,
        ge=1,
        le=100,
        description="Dictionaries that are learned, from `seed` and the seeds after it. The first is the one that is "
        "used; the others tell how stable it is.",
    )
    source: Sources | None = Field(
        None,
        description="Import it instead of learning it, without `method`, `atoms`, `seed`, `params` and `repeats`: a "
        "section, or a mapping from systems to sections; other systems then have no such dictionary.",
    )
    systems: list[Name] | None = Field(None, description="Systems whose layers it is learned on; default: all.")
    layers: dict[Name, list[Name]] = Field(
        default_factory=dict, description="For some systems, the layers it is learned on; default: all layers."
    )

    @model_validator(mode="after")
    def learned_or_imported(self) -> Self:
        # Defaults count as not given: a config with all of them written out is as good.
        defaults = {
            name: field.get_default(call_default_factory=True) for name, field in type(self).model_fields.items()
        }
        learned = [key for key in LEARNED if getattr(self, key) != defaults[key]]
        if self.source is not None and learned:
            raise ValueError(f"expected no {listed(learned)} beside `source`: an imported dictionary is not learned")
        return self


def listed(keys: list[str]) -> str:
    return " and ".join(f"`{key}`" for key in keys)


class Training(Section):
    """How jobs learn dictionaries."""

    processes: int = Field(
        1,
        ge=1,
        description="Processes of a job, one a GPU, that share the rows of each batch (torchrun), also where a "
        "dictionary is learned from several layers; what is learned then differs as by another order of rows.",
    )

    checkpoint_minutes: float | None = Field(
        10, gt=0, description="Minutes between two checkpoints, from which a killed job goes on; null: by steps alone."
    )
    checkpoint_steps: int | None = Field(None, ge=1, description="Steps between two checkpoints.")
    tensorboard: bool = Field(
        False,
        description="Also write curves for TensorBoard, below `logs/tensorboard`; `pip install 'thresh[tensorboard]'`.",
    )


class Inference(Section):
    """One way to infer sparse codes."""

    solver: str = Field("fista", description="A solver of `thresh.inference.SOLVERS`; docs/inference.md.")
    dictionaries: list[Name] | None = Field(None, description="Dictionaries whose codes it infers; default: all.")
    params: Parameters = Field(default_factory=dict, description="Parameters of the solver, e.g. `penalty` or `k`.")


class Representation(Section):
    """Codes that a comparison looks at beside the raw activations."""

    dictionary: Name = Field(description="A key of `dictionaries`.")
    inference: Name = Field(description="A key of `inference`.")
    role: Literal["codes", "control"] = Field("codes", description="`control` for the codes of a random dictionary.")


def metrics_with_params(value: Any) -> Any:
    """A list of names is short for metrics with their default parameters."""
    if isinstance(value, list):
        return {name: {} for name in only_names(value)}
    if isinstance(value, dict):
        return {name: {} if params is None else params for name, params in value.items()}
    return value


FEWEST_HALVES = 10  # for an interval; see alignment.statistics.intervals


class Statistics(Section):
    """What is computed beside each score of a comparison (docs/statistics.md)."""

    # Before `permutations`, which are checked against it.
    level: float = Field(0.95, gt=0, lt=1, description="Of confidence; a score beats chance at 1 - level.")
    permutations: int = Field(
        100,
        ge=0,
        validate_default=True,
        description="Permutations of the stimuli, the same for all layers, for chance: p-values and calibrated scores; "
        "0: none. A paper needs 1000.",
    )
    resamples: int = Field(100, ge=0, description="Random halves, for confidence intervals; 0: none.")
    over: Literal["stimuli", "units", "subjects", "stimuli and units", "stimuli and subjects"] = Field(
        "stimuli",
        description="What halves are drawn of. Subjects are those of the units of recordings; where no side has two, "
        "stimuli alone are drawn.",
    )
    subsets: int = Field(
        5,
        ge=0,
        description="Subsets of an eighth and a quarter of the stimuli, or of their blocks, for convergence; 0: none.",
    )
    blocks: str | None = Field(
        None,
        description="Attribute of the stimuli within which they are exchangeable, such as a category; stimuli of one "
        "value are drawn together into halves. Default: all are exchangeable.",
    )
    keep_blocks: bool = Field(
        True,
        description="Draw stimuli of one block together into halves. False where intervals are of other stimuli in the "
        "same blocks, such as a few categories.",
    )

    @field_validator("permutations")
    @classmethod
    def enough_to_tell(cls, permutations: int, info: ValidationInfo) -> int:
        level = info.data.get("level")  # none where it was refused itself
        fewest = 0 if level is None else math.ceil(1 / (1 - level) - 1e-9) - 1
        if 0 < permutations < fewest:
            raise ValueError(f"expected at least {fewest} permutations, or 0, to tell chance at level {level}")
        return permutations

    @field_validator("resamples")
    @classmethod
    def enough_to_spread(cls, resamples: int) -> int:
        if 0 < resamples < FEWEST_HALVES:
            raise ValueError(f"expected at least {FEWEST_HALVES} resamples, or 0")
        return resamples


class Comparison(Section):
    """Systems to be compared, layer by layer."""

    systems: list[Name] = Field(default_factory=list, description="All pairs of these systems are compared.")
    pairs: list[tuple[Name, Name]] = Field(
        default_factory=list, description="Further pairs of systems; a system with itself for the pairs of its layers."
    )
    layers: dict[Name, list[Name]] = Field(
        default_factory=dict, description="For some systems, the layers to compare; default: all."
    )
    metrics: Annotated[
        dict[str, Parameters],
        BeforeValidator(metrics_with_params, json_schema_input_type=dict[str, dict[str, Any] | None] | list[str]),
        Field(min_length=1),
    ] = Field(description="Metrics of `thresh.alignment.METRICS`: a list of names, or names with parameters.")
    representations: dict[Name, Representation] = Field(
        default_factory=dict, description="Codes to compare beside raw activations."
    )
    split: Literal["test", "train", "all"] = Field("test", description="Stimuli that scores are computed on.")
    pooling: Literal["mean", "max", "sum", "flatten", "positions", "words"] = Field(
        "mean",
        description="From rows to stimuli, for layers with several rows a stimulus. Or what is compared in place of "
        "stimuli: `positions` of one grid or tokeniser, or `words` of texts with any tokens (docs/alignment.md).",
    )
    active: int = Field(
        5, ge=1, description="The fewest compared stimuli on which an atom has to be active; others are left out."
    )
    statistics: Statistics = Field(default_factory=Statistics, description="Chance, intervals and convergence.")
    seed: int = Field(0, ge=0, description="Seed of folds, of shuffled controls and of statistics.")


class Gallery(Section):
    """Pictures of matched features: the stimuli that drive an atom of one network and its partner in another."""

    a: tuple[Name, Name] = Field(description="System and layer.")
    b: tuple[Name, Name] = Field(description="System and layer.")
    representation: Representation = Field(description="Codes whose atoms are matched.")
    pairs: int = Field(12, ge=1, description="Best matched pairs of atoms to show.")
    stimuli: int = Field(9, ge=1, description="Strongest stimuli to show for each atom.")


class Report(Section):
    """The pages that a study ends in."""

    title: str = Field("Alignment of neural systems", description="Title of the report.")
    galleries: list[Gallery] = Field(default_factory=list, description="Galleries of matched features.")


class Dask(Section):
    """Where out-of-core work runs."""

    scheduler: str = Field(
        "threads", description="`threads`, `processes`, `synchronous`, or the address of a cluster (tcp://...)."
    )
