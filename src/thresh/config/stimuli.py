"""What systems respond to."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from thresh.config.held_out import HeldOut
from thresh.config.sections import Fraction, Section


class Split(Section):
    """Which stimuli dictionaries are learned on (train) and everything is evaluated on (test)."""

    test: Fraction = Field(0.25, description="Share of the stimuli in the test split.")
    by: Literal["hash"] | list[str] = Field(
        "hash", description="`hash`: by hash of the id, the same for any order; or the list of test ids."
    )
    held_out: HeldOut | None = Field(
        None, description="Stimuli that are in the test split too, by their attributes; probes score them apart."
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
