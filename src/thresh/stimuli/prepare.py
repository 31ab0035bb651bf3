"""Making stimulus sets: one function a kind, and the registry that names them."""

import inspect
from pathlib import Path, PurePosixPath

import numpy as np

from thresh.errors import ConfigError, StimuliError
from thresh.stimuli.base import Stimuli
from thresh.stimuli.hashing import feature_hash, image_hash, split_of
from thresh.stimuli.pictures import ImageFiles, PixelArray


def prepare(kind: str, name: str, *, split: dict | None = None, **params) -> Stimuli:
    """Make a stimulus set.

    Parameters
    ----------
    kind
        A key of `KINDS`.
    name
        Name of the set, for messages.
    split
        Arguments of `thresh.stimuli.hashing.split_of`: `{'test': .25, 'by': 'hash'}` (the default), or
        `{'by': [test ids]}`.
    params
        Parameters of the kind.

    Raises
    ------
    ConfigError
        The kind is unknown, one of its parameters is, or a required one is missing.
    StimuliError
        There is no stimulus, an id comes twice, a file cannot be read, a split is empty.
    """
    if kind not in KINDS:
        raise ConfigError(f"stimuli.{name}.kind", kind, f"one of {', '.join(KINDS)}")
    try:
        given = inspect.signature(KINDS[kind]).bind(name, **params)
    except TypeError as error:
        raise ConfigError(f"stimuli.{name}", sorted(params), f"the keys of kind {kind!r} ({error})") from None
    given.apply_defaults()
    parts = KINDS[kind](*given.args, **given.kwargs)
    chosen = split_of(name, list(parts["ids"]), **(split or {}))
    return Stimuli(name, kind, split=chosen, parameters=parameters_of(given.kwargs), **parts)


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
        "images": images,
    }


def images(name: str, *, folder: str) -> dict:
    """Images of a folder, searched recursively, or of a .zip file.

    Ids are the relative paths without suffix; the folder of an image is the attribute `folder` where there are
    folders. Every image is decoded once, for its hash.
    """
    files = ImageFiles(name, folder)
    ids = [PurePosixPath(one).with_suffix("").as_posix() for one in files.names]
    hashes = files.read_hashes()
    folders = np.array([PurePosixPath(one).parent.as_posix() for one in files.names])
    attributes = {"folder": folders} if (folders != ".").any() else {}
    return {"ids": ids, "hashes": hashes, "attributes": attributes, "images": files}


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
        "features": values,
    }


KINDS = {"digits": digits, "images": images, "features": features}


def parameters_of(params: dict) -> dict:
    """Parameters as they can stand in JSON."""
    unfit = {key: value for key, value in params.items() if not isinstance(value, str | int | float | bool | Path)}
    if unfit:
        raise StimuliError(f"found parameters {unfit}, expected numbers and text.")
    return {key: str(value) if isinstance(value, Path) else value for key, value in params.items()}
