"""Small models and recordings that a study makes itself."""

from typing import Literal

from pydantic import Field

from thresh.config.sections import Name, Section


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
