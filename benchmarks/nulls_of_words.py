"""Words of the same texts in two systems that have nothing to do with each other."""

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

TEXTS, UNITS = 24, (8, 6)
LOUD = 8.0  # deviations of a word
KEPT = 0.9  # correlation of a word with the one before it


def between_6_and_14(random: np.random.Generator) -> np.ndarray:
    return random.integers(6, 15, TEXTS)


def all_10(random: np.random.Generator) -> np.ndarray:
    return np.full(TEXTS, 10)


def lognormal(random: np.random.Generator) -> np.ndarray:
    """A median of 10, a sixth of the texts below 4 words and a sixth above 27; no more than 80."""
    return np.clip(np.round(np.exp(random.normal(np.log(10), 1, TEXTS))), 1, 80).astype(int)


def effect_of_text(random: np.random.Generator, lengths: np.ndarray, units: int) -> np.ndarray:
    """Words of one text share half of their variance."""
    return random.normal(size=(len(lengths), units))[text_of(lengths)] + random.normal(size=(lengths.sum(), units))


def loud_first_word(random: np.random.Generator, lengths: np.ndarray, units: int) -> np.ndarray:
    """Independent words, and a first one of each text that stands far off, in one direction: an attention sink."""
    words = random.normal(size=(lengths.sum(), units))
    words[np.cumsum(lengths) - lengths] += LOUD
    return words


def autocorrelated(random: np.random.Generator, lengths: np.ndarray, units: int) -> np.ndarray:
    """Each word resembles the one before it; all have a variance of 1."""
    texts = []
    for length in lengths:
        news = random.normal(size=(length, units))
        news[1:] *= np.sqrt(1 - KEPT**2)
        texts.append(lfilter([1], [1, -KEPT], news, axis=0))
    return np.concatenate(texts)


def text_of(lengths: np.ndarray) -> np.ndarray:
    """(words,) the text of each."""
    return np.repeat(np.arange(len(lengths)), lengths)


WORDS: dict[str, tuple[Callable, Callable]] = {
    "text, 6 to 14": (effect_of_text, between_6_and_14),
    "text, 10": (effect_of_text, all_10),
    "loud first, 6 to 14": (loud_first_word, between_6_and_14),
    "loud first, 10": (loud_first_word, all_10),
    "autocorrelated, 6 to 14": (autocorrelated, between_6_and_14),
    "autocorrelated, 10": (autocorrelated, all_10),
    "autocorrelated, lognormal": (autocorrelated, lognormal),
}


def words(random: np.random.Generator, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Responses of both systems, independent of each other but for the lengths of texts, and the text of each word."""
    respond, drawn_lengths = WORDS[kind]
    lengths = drawn_lengths(random)
    x, y = (respond(random, lengths, units) for units in UNITS)
    return x, y, text_of(lengths)
