"""How activations are stored, dictionaries learned, codes inferred and systems compared."""

import math
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

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


class Dictionary(Section):
    """One way to learn a dictionary; it is learned on every layer it applies to."""

    method: str = Field("auto", description="A method of `thresh.dictionaries.METHODS`; see docs/dictionaries.md.")
    atoms: Atoms = Field("4x", description="Number of atoms, or a multiple of the layer's units such as `4x`.")
    seed: int = Field(0, ge=0, description="Seed of initialisation and order of rows.")
    params: Parameters = Field(default_factory=dict, description="Parameters of the method.")
    systems: list[Name] | None = Field(None, description="Systems whose layers it is learned on; default: all.")
    layers: dict[Name, list[Name]] = Field(
        default_factory=dict, description="For some systems, the layers it is learned on; default: all layers."
    )


class Inference(Section):
    """One way to infer sparse codes."""

    solver: str = Field("fista", description="A solver of `thresh.inference.SOLVERS`.")
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
    pooling: Literal["mean", "max", "sum", "flatten"] = Field(
        "mean", description="From rows to stimuli, for layers with several rows a stimulus."
    )
    seed: int = Field(0, ge=0, description="Seed of folds and of shuffled controls.")


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
