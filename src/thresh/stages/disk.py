"""A full disk is told before long work where that can be known, and in words where it cannot."""

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from thresh.errors import StoreError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def full_disk_told(place: Path) -> Iterator[None]:
    """Turn 'no space left on device' into a message that names the store and what is free."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise StoreError(
            f"{place}: the disk is full ({free_bytes(place) / 1e6:.0f} MB free); make room and run again:"
            " what is finished is kept."
        ) from error


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
