"""Content hashes of stimuli, and the split that follows from a hash of the id."""

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from thresh.errors import StimuliError


def image_hash(image: Image.Image) -> str:
    """First 16 hex digits of the SHA-256 of mode, size and raw pixel bytes."""
    header = f"{image.mode} {image.width}x{image.height} ".encode()
    return hashlib.sha256(header + image.tobytes()).hexdigest()[:16]


def feature_hash(row: np.ndarray) -> str:
    """First 16 hex digits of the SHA-256 of a feature row as little-endian float32."""
    return hashlib.sha256(np.ascontiguousarray(row, dtype="<f4").tobytes()).hexdigest()[:16]


def split_of(name: str, ids: Sequence[str], *, test: float = 0.25, by: str | Sequence[str] = "hash") -> np.ndarray:
    """Split of each stimulus, 'train' or 'test'.

    Parameters
    ----------
    test
        Share of test stimuli where the split is by hash.
    by
        'hash': a stimulus is in the test split if the SHA-256 of its id, read as a fraction of 1, is below `test`;
        the same for any order and any other members of the set. Or the list of the test ids.

    Raises
    ------
    StimuliError
        A test id is not in the set, or one of the two splits stays empty.
    """
    if isinstance(by, str) and by == "hash":
        is_test = np.array([hash_fraction(identity) < test for identity in ids])
    elif isinstance(by, str):
        raise StimuliError(f"stimuli.{name}.split.by: found {by!r}, expected 'hash' or the list of test ids.")
    else:
        unknown = sorted(set(by) - set(ids))
        if unknown:
            raise StimuliError(f"stimuli.{name}.split.by: found {unknown[0]!r}, expected ids such as {ids[0]!r}.")
        is_test = np.isin(np.asarray(ids), list(by))
    if is_test.all() or not is_test.any():
        empty = "train" if is_test.all() else "test"
        raise StimuliError(f"stimuli.{name}.split: found no {empty} stimulus among {len(ids)}, expected at least one.")
    return np.where(is_test, "test", "train")


def hash_fraction(identity: str) -> float:
    return int(hashlib.sha256(identity.encode()).hexdigest()[:13], 16) / 2**52
