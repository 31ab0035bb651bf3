"""How dictionaries and codes are evaluated beyond reconstruction."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from thresh.config.held_out import HeldOut
from thresh.config.sections import Name, Section


class OfCodes(Section):
    """Which codes are looked at."""

    systems: list[Name] | None = Field(None, description="Systems to look at; default: all that it can be done with.")
    layers: dict[Name, list[Name]] = Field(
        default_factory=dict, description="For some systems, the layers to look at; default: all layers."
    )
    dictionaries: list[Name] | None = Field(None, description="Dictionaries whose codes are looked at; default: all.")
    at_most: int = Field(10_000, ge=8, description="Stimuli to look at; where there are more, some are drawn.")
    seed: int = Field(0, ge=0, description="Seed of the stimuli that are drawn.")


class Probe(OfCodes):
    """What linear heads read from codes and raw activations, fitted on train stimuli and scored on test stimuli."""

    stimuli: Name = Field(description="A key of `stimuli`; systems that answer to others are passed over.")
    attribute: str = Field(description="Attribute of the stimuli that is to be read.")
    kind: Literal["labels", "quantity"] = Field(
        "labels", description="`labels`: a few values, one against the rest. `quantity`: a number, by its size."
    )
    sizes: list[int] = Field(
        [1, 2, 4, 8, 16], min_length=1, description="Of labels: how many atoms (or units) a sparse probe may use."
    )
    classes: int = Field(50, ge=2, description="Of labels: most of them that are read, the most frequent ones.")
    held_out: HeldOut | None = Field(
        None,
        description="Stimuli that are scored apart, as out of distribution; default: what `stimuli.<name>.split` "
        "holds out of learning, if anything.",
    )
    pooling: Literal["mean", "max", "sum", "flatten"] = Field(
        "mean", description="From rows to stimuli, for layers with several rows a stimulus."
    )

    @field_validator("sizes")
    @classmethod
    def numbers_of_columns(cls, sizes: list[int]) -> list[int]:
        if min(sizes) < 1:
            raise ValueError(f"found {min(sizes)}, expected numbers of 1 or more")
        return sizes

    @model_validator(mode="after")
    def sizes_of_labels(self) -> Self:
        for key in ("sizes", "classes"):
            if self.kind == "quantity" and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"expected no `{key}` beside `kind: quantity`, whose head reads all columns")
        return self


class Splice(OfCodes):
    """What a transformers model loses where decoded codes take the place of a layer (pooling `positions` or `cls`)."""

    labels: str | None = Field(
        None,
        description="For classifiers of images: attribute with the number of the right class; default: what the model "
        "says when nothing is spliced.",
    )
    at_most: int = Field(2_000, ge=1, description="Test stimuli to look at; where there are more, some are drawn.")


class Evaluation(Section):
    """Evaluations beyond reconstruction and sparsity, which all codes have."""

    probes: dict[Name, Probe] = Field(default_factory=dict, description="What linear heads read.")
    splices: dict[Name, Splice] = Field(default_factory=dict, description="Codes put back into the model.")
