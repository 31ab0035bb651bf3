"""Every key of a study's config: its type, default and meaning. The schema and config/README.md are made from it."""

from typing import Literal

from pydantic import Field

from thresh.config.analysis import Comparison, Dask, Dictionary, Harvest, Inference, Report, Representation, Training
from thresh.config.evaluation import Evaluation
from thresh.config.made import SimulatedRecording, SmallModel
from thresh.config.sections import Name, Section
from thresh.config.stimuli import Stimuli
from thresh.config.systems import System

__all__ = ["Comparison", "Config", "Representation"]


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
    training: Training = Field(default_factory=Training)
    inference: dict[Name, Inference] = Field(default_factory=dict, description="Ways to infer codes.")
    evaluation: Evaluation = Field(default_factory=Evaluation)
    alignment: dict[Name, Comparison] = Field(default_factory=dict, description="Comparisons.")
    report: Report = Field(default_factory=Report)
    dask: Dask = Field(default_factory=Dask)
