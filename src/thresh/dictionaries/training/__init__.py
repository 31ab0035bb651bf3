"""The trainer: every dictionary of a layer in one pass over its rows."""

from thresh.dictionaries.training.checkpoint import Rhythm, drop_checkpoint
from thresh.dictionaries.training.job import Job, Learned
from thresh.dictionaries.training.trainer import train

__all__ = ["Job", "Learned", "Rhythm", "drop_checkpoint", "train"]
