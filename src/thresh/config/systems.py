"""What responds: models, recordings, planted systems."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from thresh.config.sections import Name, Parameters, Section, only_names


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


class Tokenisation(Section):
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
    text: Tokenisation = Field(
        default_factory=Tokenisation, description="How text becomes tokens; for stimuli with text."
    )
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
    text: Tokenisation = Field(
        default_factory=Tokenisation, description="How text becomes tokens; for stimuli with text or token ids."
    )
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
