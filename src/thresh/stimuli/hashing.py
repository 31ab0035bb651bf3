"""Content hashes of stimuli, and the split that follows from a hash of the id."""

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from thresh.errors import StimuliError


def image_hash(image: Image.Image) -> str:
    """First 16 hex digits of the SHA-256 of mode, size and raw pixel bytes."""
    return hashlib.sha256(image_header(image) + image.tobytes()).hexdigest()[:16]


def image_header(image: Image.Image) -> bytes:
    return f"{image.mode} {image.width}x{image.height} ".encode()


def feature_hash(row: np.ndarray) -> str:
    """First 16 hex digits of the SHA-256 of a feature row as little-endian float32."""
    return hashlib.sha256(np.ascontiguousarray(row, dtype="<f4").tobytes()).hexdigest()[:16]


def text_hash(text: bytes) -> str:
    """First 16 hex digits of the SHA-256 of 'text ' and the UTF-8 bytes of a document."""
    return hashlib.sha256(b"text " + text).hexdigest()[:16]


def tokens_hash(token_ids: np.ndarray) -> str:
    """First 16 hex digits of the SHA-256 of 'tokens ' and the token ids as little-endian int64."""
    return hashlib.sha256(b"tokens " + np.ascontiguousarray(token_ids, dtype="<i8").tobytes()).hexdigest()[:16]


def pair_hash(image: str, text: str) -> str:
    """Hash of an image that is shown with a text, from the hashes of both: SHA-256 of 'image IMAGE text TEXT'."""
    return hashlib.sha256(f"image {image} text {text}".encode()).hexdigest()[:16]


class ClipHash:
    """Hash of a clip, frame by frame.

    First 16 hex digits of the SHA-256 of 'video ', mode and size of the frames, the pixel bytes of all frames in
    order, 'times ', and the times of the frames in seconds as little-endian float64.
    """

    def __init__(self, first: Image.Image):
        self.digest = hashlib.sha256(b"video " + image_header(first))

    def add(self, frame: Image.Image) -> None:
        self.digest.update(frame.tobytes())

    def end(self, times: Sequence[float]) -> str:
        self.digest.update(b"times " + np.asarray(times, dtype="<f8").tobytes())
        return self.digest.hexdigest()[:16]


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
