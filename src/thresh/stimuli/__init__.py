"""What systems respond to: images and planted features, with ids, content hashes and a train and a test split."""

from thresh.stimuli.base import Stimuli
from thresh.stimuli.prepare import KINDS, prepare
from thresh.stimuli.saved import open_stimuli

__all__ = ["KINDS", "Stimuli", "open_stimuli", "prepare"]
