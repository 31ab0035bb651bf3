"""Making stimulus sets: one function a kind, and the registry that names them."""

import inspect
import json
from pathlib import Path

import numpy as np

from thresh.errors import ConfigError, StimuliError
from thresh.stimuli.base import Stimuli
from thresh.stimuli.clips import video
from thresh.stimuli.documents import text, tokens
from thresh.stimuli.hashing import feature_hash, image_hash, split_of
from thresh.stimuli.held_out import held_out as held_out_by
from thresh.stimuli.image_sets import images, with_texts
from thresh.stimuli.pictures import PixelArray
from thresh.stimuli.tables import joined


def prepare(
    kind: str, name: str, *, split: dict | None = None, attributes: str | Path | None = None, **params
) -> Stimuli:
    """Make a stimulus set.

    Parameters
    ----------
    kind
        A key of `KINDS`.
    name
        Name of the set, for messages.
    split
        Arguments of `thresh.stimuli.hashing.split_of`: `{'test': .25, 'by': 'hash'}` (the default), or
        `{'by': [test ids]}`; and `held_out`, arguments of `thresh.stimuli.held_out.held_out`: these are test stimuli
        too.
    attributes
        A .csv or .parquet file with a column `id` that has a row for every stimulus; its other columns become
        attributes.
    params
        Parameters of the kind.

    Raises
    ------
    ConfigError
        The kind is unknown, one of its parameters is, or a required one is missing.
    StimuliError
        There is no stimulus, an id comes twice, a file cannot be read, a split is empty, a stimulus has no row in the
        table of attributes.
    """
    if kind not in KINDS:
        raise ConfigError(f"stimuli.{name}.kind", kind, f"one of {', '.join(KINDS)}")
    try:
        given = inspect.signature(KINDS[kind]).bind(name, **params)
    except TypeError as error:
        raise ConfigError(f"stimuli.{name}", sorted(params), f"the keys of kind {kind!r} ({error})") from None
    given.apply_defaults()
    parts = KINDS[kind](*given.args, **given.kwargs)
    if not len(parts["ids"]):
        raise StimuliError(f"stimuli.{name}: found no stimulus, expected at least one.")
    parts["attributes"] = joined(name, parts["ids"], parts.get("attributes", {}), attributes and str(attributes))
    beside = parts.pop("text", None)
    if beside is not None:
        parts = with_texts(name, parts, beside)
    chosen = split_with_held_out(name, parts, **(split or {}))
    return Stimuli(name, kind, split=chosen, parameters=parameters_of(name, given.kwargs), **parts)


def split_with_held_out(name: str, parts: dict, *, held_out: dict | None = None, **split) -> np.ndarray:
    """Split of each stimulus; those that are held out by their attributes are in 'test'."""
    chosen = split_of(name, list(parts["ids"]), **split)
    if held_out is not None:
        try:
            chosen[held_out_by(parts["attributes"], **held_out)] = "test"
        except StimuliError as error:
            raise StimuliError(f"stimuli.{name}.split.held_out: {error}") from None
        if not (chosen == "train").any():
            raise StimuliError(f"stimuli.{name}.split.held_out: found no train stimulus left, expected at least one.")
    return chosen


def digits(name: str) -> dict:
    """scikit-learn's 1797 handwritten digits, 8 x 8 grey; ids digit0000 ..., attribute `label`."""
    from sklearn.datasets import load_digits

    found = load_digits()
    # 17 grey levels, 0 to 16, spread over the range of a byte.
    pixels = np.rint(found.images * (255 / 16)).astype(np.uint8)
    images = PixelArray(pixels)
    return {
        "ids": [f"digit{index:04d}" for index in range(len(pixels))],
        "hashes": [image_hash(images.image(index)) for index in range(len(pixels))],
        "attributes": {"label": found.target.astype(np.int64)},
        "contents": {"image": images},
    }


def features(
    name: str, *, samples: int, features: int, probability: float, amplitude: str = "uniform", seed: int = 0
) -> dict:
    """Sparse features: each active with `probability`, independently; ids sample000000 ...

    An active feature is uniform on [.5, 1.5] ('uniform') or |N(0, 1)| ('half_normal'). The first rows of a longer
    set are the rows of a shorter one with the same seed.
    """
    if not 0 < probability <= 1:
        raise ConfigError(f"stimuli.{name}.probability", probability, "above 0, at most 1")
    if amplitude not in ("uniform", "half_normal"):
        raise ConfigError(f"stimuli.{name}.amplitude", amplitude, "uniform or half_normal")
    # Two streams, so that rows do not depend on how many rows follow them.
    activity, size = (np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(2))
    active = activity.random((samples, features), dtype=np.float32) < probability
    if amplitude == "uniform":
        values = size.random((samples, features), dtype=np.float32) + np.float32(0.5)
    else:
        values = np.abs(size.standard_normal((samples, features), dtype=np.float32))
    values = np.where(active, values, np.float32(0))
    return {
        "ids": [f"sample{index:06d}" for index in range(samples)],
        "hashes": [feature_hash(row) for row in values],
        "contents": {"features": values},
    }


KINDS = {
    "digits": digits,
    "images": images,
    "text": text,
    "tokens": tokens,
    "video": video,
    "features": features,
}


def parameters_of(name: str, params: dict) -> dict:
    """Parameters as they can stand in JSON.

    Raises
    ------
    ConfigError
        One of them cannot.
    """
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in params.items()}
    for key, value in plain.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise ConfigError(f"stimuli.{name}.{key}", value, "numbers, text, and mappings of these") from None
    return plain
