"""Every key of a study's config: its type, default and meaning. The schema and config/README.md are made from it."""

import json
import math
import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

# Names become folders and wildcards of the workflow, so a slash or a leading dot has no place in them.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A part of the config; keys that it does not name are errors."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def plain(value: dict) -> dict:
    try:
        json.dumps(value, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("expected numbers, text, true, false, null, and lists or mappings of these") from None
    return value


# What a job is given as it stands, in JSON: that knows neither dates nor NaN.
Parameters = Annotated[dict[str, Any], AfterValidator(plain)]


# --- what systems respond to -----------------------------------------------------------------------------------------


class Split(Section):
    """Which stimuli dictionaries are learned on (train) and everything is evaluated on (test)."""

    test: Fraction = Field(0.25, description="Share of the stimuli in the test split.")
    by: Literal["hash"] | list[str] = Field(
        "hash", description="`hash`: by hash of the id, the same for any order; or the list of test ids."
    )


class StimuliSection(Section):
    split: Split = Field(default_factory=Split, description="How stimuli are split into train and test.")
    attributes: str | None = Field(
        None,
        description="A .csv or .parquet table with a column `id` and a row for every stimulus; its other columns "
        "become attributes.",
    )

    @field_validator("attributes")
    @classmethod
    def known_table(cls, attributes: str | None) -> str | None:
        return table_file(attributes)


class Digits(StimuliSection):
    """scikit-learn's 1797 handwritten digits, 8 x 8 pixels, with their labels."""

    kind: Literal["digits"]


class Dataset(Section):
    """A Hugging Face dataset, read with the package `datasets` (`pip install 'thresh[datasets]'`) as a stream."""

    name: str = Field(
        min_length=1, description="Name on the hub, data file, folder of data files, or folder of `save_to_disk`."
    )
    config: str | None = Field(None, description="Configuration (subset) of the dataset.")
    split: str = Field("train", description="Split of the dataset; not the one of the study.")
    revision: str | None = Field(
        None, description="Branch, tag or commit on the hub. Give a commit: that a branch has moved is not seen."
    )


def named_dataset(value: Any) -> Any:
    """A name alone is short for a dataset of that name."""
    return {"name": value} if isinstance(value, str) else value


DatasetOrName = Annotated[Dataset, BeforeValidator(named_dataset, json_schema_input_type=Dataset | str)]


def table_file(path: str | None) -> str | None:
    if path is not None and not path.lower().endswith((".csv", ".parquet")):
        raise ValueError("expected a .csv or a .parquet file")
    return path


def one_source(section: Section, *keys: str) -> Section:
    """Refuse a section that names no source."""
    if all(getattr(section, key) is None for key in keys):
        raise ValueError(f"expected one of the keys {', '.join(f'`{key}`' for key in keys)}")
    return section


def only_source(value: Any, info: ValidationInfo, *keys: str) -> Any:
    """Refuse a second source; of two, the later in the order of the keys is told."""
    others = [key for key in keys if key != info.field_name and info.data.get(key) is not None]
    if value is not None and others:
        raise ValueError(f"expected no `{info.field_name}` beside `{others[0]}`")
    return value


class Images(StimuliSection):
    """Images: of a folder or a .zip file, a table of paths, an array, or a Hugging Face dataset."""

    kind: Literal["images"]
    folder: str | None = Field(
        None,
        description="Folder of the image files, searched recursively, or a .zip of them; ids are the paths below it "
        "without their suffix.",
    )
    table: str | None = Field(
        None,
        description="A .csv or .parquet table with a column `path`, relative to the table's folder; other columns "
        "become attributes.",
    )
    array: str | None = Field(
        None,
        description="A .npy or .npz file (n, height, width[, 3]) of uint8; in a .npz the array `images`, and arrays of "
        "n values become attributes.",
    )
    dataset: DatasetOrName | None = Field(
        None, description="A Hugging Face dataset: its name, or a section. Its images are copied into the store."
    )
    column: str | None = Field(None, description="Column of the dataset that holds the images; default: `image`.")
    id_column: str | None = Field(
        None, description="Column of the table or dataset with the ids; default: the paths, or `image000000` ..."
    )
    text: str | None = Field(
        None, description="Attribute with a text that is shown beside each image: a caption or a prompt."
    )
    limit: int | None = Field(None, ge=1, description="Only the first so many images.")

    @field_validator("table", "array", "dataset")
    @classmethod
    def one_of_the_sources(cls, value: Any, info: ValidationInfo) -> Any:
        return only_source(value, info, "folder", "table", "array", "dataset")

    @field_validator("table")
    @classmethod
    def known_form(cls, table: str | None) -> str | None:
        return table_file(table)

    @field_validator("column")
    @classmethod
    def column_of_a_dataset(cls, column: str | None, info: ValidationInfo) -> str | None:
        if column is not None and info.data.get("dataset") is None:
            raise ValueError("expected no `column` without `dataset`")
        return column

    @field_validator("id_column")
    @classmethod
    def column_of_ids(cls, id_column: str | None, info: ValidationInfo) -> str | None:
        if id_column is not None and info.data.get("dataset") is None and info.data.get("table") is None:
            raise ValueError("expected no `id_column` without `table` or `dataset`")
        return id_column

    @model_validator(mode="after")
    def some_source(self) -> Self:
        return one_source(self, "folder", "table", "array", "dataset")


class Documents(StimuliSection):
    """Keys that texts and token ids share."""

    file: str | None = Field(
        None, description="A .txt, .jsonl or .parquet file, or a folder of .txt files, searched recursively."
    )
    dataset: DatasetOrName | None = Field(
        None, description="A Hugging Face dataset: its name, or a section. Its documents are copied into the store."
    )
    column: str | None = Field(
        None, description="Column with the texts, of .jsonl, .parquet and datasets; default: `text`."
    )
    id_column: str | None = Field(
        None,
        description="Column with the ids; default: paths of files in a folder, else `document000000` ..., the number "
        "of the line or row.",
    )
    limit: int | None = Field(None, ge=1, description="Only the first so many documents.")

    @field_validator("dataset")
    @classmethod
    def one_of_the_sources(cls, value: Any, info: ValidationInfo) -> Any:
        return only_source(value, info, "file", "dataset")

    @model_validator(mode="after")
    def some_source(self) -> Self:
        return one_source(self, "file", "dataset")


class Text(Documents):
    """Documents: a .txt file with one a line, a folder of .txt files, a .jsonl or .parquet file, or a dataset."""

    kind: Literal["text"]


class Tokens(Documents):
    """Documents as token ids, for models without a tokenizer."""

    kind: Literal["tokens"]
    file: str | None = Field(
        None, description="A .npy file (documents, length) of integers, or .jsonl or .parquet with lists of integers."
    )
    column: str | None = Field(
        None, description="Column with the token ids, of .jsonl, .parquet and datasets; default: `input_ids`."
    )


class Video(StimuliSection):
    """Clips below a folder: video files (`pip install 'thresh[video]'`), animated images, arrays, folders of frames."""

    kind: Literal["video"]
    folder: str = Field(
        description="Folder of the clips, searched recursively; a subfolder of numbered images is a clip."
    )
    frame_rate: float | None = Field(
        None,
        gt=0,
        description="Frames a second of clips without times of their own: numbered images, .npy, .tif. Every frame "
        "counts, whatever `every` is.",
    )
    every: int = Field(1, ge=1, description="Keep each so-many-th frame, beginning with the first.")
    maximum_frames: int | None = Field(None, ge=1, description="Keep at most so many frames of a clip.")


class Features(StimuliSection):
    """Samples of sparse features for planted superposition."""

    kind: Literal["features"]
    samples: int = Field(ge=8, description="Number of samples.")
    features: int = Field(ge=1, description="Number of features.")
    probability: Fraction = Field(description="Probability that a feature is active in a sample.")
    amplitude: Literal["uniform", "half_normal"] = Field(
        "uniform", description="Distribution of an active feature: uniform on [.5, 1.5], or |N(0, 1)|."
    )
    seed: int = Field(0, ge=0, description="Seed of the samples.")


Stimuli = Annotated[Digits | Images | Text | Tokens | Video | Features, Field(discriminator="kind")]


# --- what responds ---------------------------------------------------------------------------------------------------


class ModelLayer(Section):
    """One layer of a model."""

    module: str = Field(
        description="Path of the module, as `scripts/list_layers.py` prints it; or a glob such as `encoder.layer.*`, "
        "where a `*` stands within one part of the path: it gives layers NAME.0, NAME.1 and so on."
    )
    pooling: Literal["mean", "cls", "last", "positions", "flatten"] = Field(
        "mean",
        description="From positions (pixels of a map, patches, tokens) to rows: their mean, the first token, the last "
        "one (text), one row a position, or all side by side (images).",
    )
    output: int = Field(0, ge=0, description="Element to take where the module returns a tuple.")
    call: int = Field(
        0, ge=0, description="Which call to take where the module is called several times a forward pass."
    )


class RecordingLayer(Section):
    """One population of a recording."""

    where: dict[str, str] = Field(
        default_factory=dict, description="Units whose columns have these values, e.g. `region: V4`; all by default."
    )


def named_layers(value: Any) -> Any:
    """A list of module paths is short for layers of those names."""
    return {path: {"module": path} for path in only_names(value)} if isinstance(value, list) else value


def only_names(value: list) -> list[str]:
    if not all(isinstance(name, str) for name in value):
        raise ValueError("expected a list of names alone, or a mapping from names to what they hold")
    return value


def named_populations(value: Any) -> Any:
    return (
        {name: {} if content is None else content for name, content in value.items()}
        if isinstance(value, dict)
        else value
    )


ModelLayers = Annotated[
    dict[Name, ModelLayer],
    BeforeValidator(named_layers, json_schema_input_type=dict[Name, ModelLayer] | list[str]),
    Field(min_length=1),
]
RecordingLayers = Annotated[
    dict[Name, RecordingLayer],
    BeforeValidator(named_populations, json_schema_input_type=dict[Name, RecordingLayer | None]),
    Field(min_length=1),
]


class SystemSection(Section):
    stimuli: Name = Field(description="Name of the stimulus set, a key of `stimuli`.")
    constant_units: Literal["refuse", "keep"] = Field(
        "refuse",
        description="A unit that never changes carries nothing and most often tells of a mistake: "
        "refuse the layer, or keep the unit (metrics then leave it out).",
    )


class Text(Section):
    """How text becomes the tokens that a model reads."""

    length: int | None = Field(
        None,
        ge=2,
        description="Most tokens of a document, or tokens of a packed window; default: what the model can read, at "
        "most 1024. Longer documents are cut.",
    )
    packing: bool = Field(
        False,
        description="Join documents end to end into windows of `length` tokens; otherwise each document is fed alone, "
        "documents of similar length together.",
    )
    special_tokens: Literal["drop", "keep", "omit"] = Field(
        "drop",
        description="Tokens that the tokenizer adds (BOS, CLS, SEP): feed them and store no rows of them, store them "
        "too, or do not feed them. Padding is never stored.",
    )
    prepend_bos: bool = Field(
        False, description="Put the BOS token in front of each document where the tokenizer does not."
    )
    template: str = Field(
        "{text}", description="Text around each document, `{text}`; e.g. with a model's token for the image."
    )


class TransformersSystem(SystemSection):
    """A model of the transformers library, by hub name or local folder: of vision, of language, or of both."""

    kind: Literal["transformers"]
    model: str = Field(description="Hub name, local folder, or a key of `small_models`.")
    revision: str = Field(
        "main", description="Branch, tag or commit on the hub. Give a commit: that a branch has moved is not seen."
    )
    layers: ModelLayers = Field(description="Layers by name, or a list of module paths.")
    dtype: Literal["float32", "float16", "bfloat16"] = Field("float32", description="Type in which the model computes.")
    device_map: Literal["auto", "balanced", "sequential"] | dict[str, int | str] | None = Field(
        None,
        description="Spread the model over the devices of a machine, as accelerate does it (extra `large`); default: "
        "all of it on `device`.",
    )
    batch_size: int = Field(
        64,
        ge=1,
        description="Items (images, frames, documents) in a forward pass; halved until the first batch fits into "
        "memory. Part of the recipe, for results depend on it in the last digit.",
    )
    image_size: int | None = Field(
        None, ge=1, description="Size in pixels that images are resized to; default: the model's own."
    )
    text: Text = Field(default_factory=Text, description="How text becomes tokens; for stimuli with text.")
    untrained: bool = Field(False, description="The same architecture with random weights, as a control.")
    seed: int = Field(0, ge=0, description="Seed of the weights of an untrained model.")


class TorchSystem(SystemSection):
    """Any torch module, made by a function of the user's."""

    kind: Literal["torch"]
    factory: str = Field(description="`package.module:callable` that returns the module.")
    arguments: Parameters = Field(default_factory=dict, description="Keyword arguments of the factory.")
    search_path: str | None = Field(None, description="Folder in which the factory's package is found.")
    weights: str | None = Field(None, description="File of the state dict; loaded with weights_only.")
    strip_prefix: str = Field("", description="Prefix to remove from the keys of the state dict, e.g. `module.`.")
    image_size: int | None = Field(
        None, ge=1, description="Size in pixels that images are resized to; needed where images are shown."
    )
    mean: list[float] = Field([0.0, 0.0, 0.0], description="Mean of each colour channel, on the scale 0 to 1.")
    std: list[float] = Field([1.0, 1.0, 1.0], description="Standard deviation of each colour channel.")
    tokenizer: str | None = Field(
        None, description="Hub name or folder of a transformers tokenizer; needed where text is shown."
    )
    text: Text = Field(default_factory=Text, description="How text becomes tokens; for stimuli with text or token ids.")
    layers: ModelLayers = Field(description="Layers by name, or a list of module paths.")
    batch_size: int = Field(64, ge=1, description="Items in a forward pass; part of the recipe.")
    untrained: bool = Field(False, description="Random weights, as a control.")
    seed: int = Field(0, ge=0, description="Seed of the weights of an untrained model.")

    @field_validator("untrained")
    @classmethod
    def without_weights(cls, untrained: bool, info: ValidationInfo) -> bool:
        if untrained and info.data.get("weights") is not None:
            raise ValueError(f"expected false, or no `weights` (found {info.data['weights']})")
        return untrained


class TimmSystem(SystemSection):
    """A vision model of the timm library (extra `timm`)."""

    kind: Literal["timm"]
    model: str = Field(description="Name as `timm.create_model` takes it, e.g. `resnet50.a1_in1k`.")
    weights: str | None = Field(None, description="File of a checkpoint; default: timm's own pretrained weights.")
    dtype: Literal["float32", "float16", "bfloat16"] = Field("float32", description="Type in which the model computes.")
    image_size: int | None = Field(
        None, ge=1, description="Size in pixels that images are resized to; default: the model's own."
    )
    layers: ModelLayers = Field(description="Layers by name, or a list of module paths.")
    batch_size: int = Field(64, ge=1, description="Items in a forward pass; part of the recipe.")
    untrained: bool = Field(False, description="Random weights, as a control.")
    seed: int = Field(0, ge=0, description="Seed of the weights of an untrained model.")


class NwbSystem(SystemSection):
    """A recording in an NWB 2 file: spikes counted in a window after each presentation."""

    kind: Literal["nwb"]
    file: str = Field(description="Path of the NWB file, or a key of `simulated_recordings`.")
    intervals: str = Field("trials", description="Table of presentations.")
    stimulus_column: str = Field("stimulus", description="Column of that table with the stimulus id.")
    window: tuple[float, float] = Field(
        (0.0, 0.2), description="Start and stop of the window in seconds after start_time."
    )
    layers: RecordingLayers = Field({"responses": RecordingLayer()}, description="Populations by name.")
    seed: int = Field(0, ge=0, description="Seed of the random halves of the reliability.")


class ArraysSystem(SystemSection):
    """A recording given as an array with repeats."""

    kind: Literal["arrays"]
    responses: str = Field(
        description="A .npy file, or .npz with the array `responses`; NaN where a repeat was not shown."
    )
    axes: list[Literal["unit", "stimulus", "repeat"]] = Field(
        ["unit", "stimulus", "repeat"], description="Meaning of the axes, in order."
    )
    ids: str | None = Field(
        None,
        description="Stimulus ids in the order of the stimulus axis: a text file with one a line, or a pattern such as "
        "`image{index:04d}`; default: the order of the stimulus set.",
    )
    first_index: int = Field(0, description="Index of the first stimulus in the pattern.")
    layers: RecordingLayers = Field({"responses": RecordingLayer()}, description="Populations by name.")
    seed: int = Field(0, ge=0, description="Seed of the random halves of the reliability.")


class PixelsSystem(SystemSection):
    """Raw pixels, as a baseline."""

    kind: Literal["pixels"]
    image_size: int | None = Field(
        None, ge=1, description="Size in pixels that images are resized to; default: as they are."
    )
    layers: RecordingLayers = Field({"pixels": RecordingLayer()}, description="Name of the single layer.")


class PlantedSystem(SystemSection):
    """Planted superposition: y = z A, features z of the stimulus set, unit-norm Gaussian rows A."""

    kind: Literal["planted"]
    units: int = Field(ge=1, description="Number of units.")
    features: tuple[int, int] | None = Field(
        None, description="First feature and the one after the last that this system holds; default: all."
    )
    noise: float = Field(0.0, ge=0, description="Standard deviation of Gaussian noise on the units.")
    seed: int = Field(0, ge=0, description="Seed of the directions and of the noise.")
    layers: RecordingLayers = Field({"units": RecordingLayer()}, description="Name of the single layer.")


System = Annotated[
    TransformersSystem | TorchSystem | TimmSystem | NwbSystem | ArraysSystem | PixelsSystem | PlantedSystem,
    Field(discriminator="kind"),
]


class SmallModel(Section):
    """A small vision model that the study trains itself and saves as a transformers folder."""

    architecture: Literal["resnet", "vit"] = Field(description="Class of the model.")
    stimuli: Name = Field(description="Labelled stimulus set; the train split is learned.")
    seed: int = Field(0, ge=0, description="Seed of weights, batches and shifts.")
    epochs: int | None = Field(None, ge=1, description="Passes over the train split; default: the architecture's own.")
    minimum_accuracy: float = Field(0.9, ge=0, le=1, description="Test accuracy below which the study stops.")


class SimulatedRecording(Section):
    """Poisson spike trains of a simulated population, written as an NWB file; every page marks it as simulated."""

    stimuli: Name = Field(description="Stimulus set of images.")
    neurons: int = Field(60, ge=1, description="Number of neurons.")
    repeats: int = Field(4, ge=2, description="Presentations of each stimulus.")
    seed: int = Field(0, ge=0, description="Seed of tuning and spikes.")


# --- harvest, dictionaries, codes ------------------------------------------------------------------------------------


class Harvest(Section):
    """How activations are computed and stored."""

    parts: int = Field(1, ge=1, description="Jobs that share the shards of each system; results do not depend on it.")
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


# --- alignment and report --------------------------------------------------------------------------------------------


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
    pairs: list[tuple[Name, Name]] = Field(default_factory=list, description="Further pairs of systems.")
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


class Config(Section):
    """A study."""

    results: str = Field("results", description="Folder of all results; two studies never share one.")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto", description="`auto` takes CUDA, then MPS, then the CPU."
    )
    small_models: dict[Name, SmallModel] = Field(
        default_factory=dict, description="Small models that the study trains itself."
    )
    simulated_recordings: dict[Name, SimulatedRecording] = Field(
        default_factory=dict, description="Recordings that the study simulates."
    )
    stimuli: dict[Name, Stimuli] = Field(min_length=1, description="Stimulus sets.")
    systems: dict[Name, System] = Field(min_length=1, description="Models, recordings and planted systems.")
    harvest: Harvest = Field(default_factory=Harvest)
    dictionaries: dict[Name, Dictionary] = Field(default_factory=dict, description="Ways to learn dictionaries.")
    inference: dict[Name, Inference] = Field(default_factory=dict, description="Ways to infer codes.")
    alignment: dict[Name, Comparison] = Field(default_factory=dict, description="Comparisons.")
    report: Report = Field(default_factory=Report)
    dask: Dask = Field(default_factory=Dask)
