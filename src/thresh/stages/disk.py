"""A full disk is told before long work where that can be known, and in words where it cannot."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from thresh.errors import StoreError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
# Libraries that write without Python (safetensors, HDF5) raise errors of their own, with the system's words in them.
SAYINGS = [saying for code in NO_SPACE for saying in (os.strerror(code), f"(os error {code})")]


@contextlib.contextmanager
def full_disk_told(place: Path) -> Iterator[None]:
    """Turn 'no space left on device' into a message that names the store and what is free."""
    try:
        yield
    except Exception as error:
        if not any(is_of_full_disk(one) for one in chain(error)):
            raise
        raise StoreError(
            f"{place}: the disk is full ({free_bytes(place) / 1e6:.0f} MB free); make room and run again:"
            " what is finished is kept."
        ) from error


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it was raised from or while they were handled."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def is_of_full_disk(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return True
    return any(saying in str(error) for saying in SAYINGS)


def require_space(place: Path, needed: int) -> None:
    """Refuse before long work what cannot fit.

    Raises
    ------
    StoreError
        Fewer than `needed` bytes are free on the disk where `place` will stand.
    """
    free = free_bytes(place)
    if free < needed:
        raise StoreError(f"{place}: found {free / 1e6:.0f} MB free on its disk, needed {needed / 1e6:.0f} MB.")


def free_bytes(place: Path) -> int:
    there = next(folder for folder in [place, *place.absolute().parents] if folder.exists())
    return shutil.disk_usage(there).free
