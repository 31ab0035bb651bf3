"""What systems respond to: images, documents, clips and planted features, with ids, hashes and a split."""

from thresh.stimuli.base import Stimuli
from thresh.stimuli.prepare import KINDS, prepare
from thresh.stimuli.saved import open_stimuli

__all__ = ["KINDS", "Stimuli", "open_stimuli", "prepare"]
