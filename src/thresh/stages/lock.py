"""One writer a store, or one writer a span of its shards: a second one is refused and told who holds it."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from thresh.errors import StoreError

WHOLE = (0, 0)


@contextlib.contextmanager
def store_lock(store: Path, span: tuple[int, int] = WHOLE, wait: bool = False) -> Iterator[None]:
    """Hold the exclusive right to write a store; given back when the block ends or the process dies.

    Parameters
    ----------
    span
        First shard and number of shards to be written; the default is the whole store. Spans that overlap exclude
        each other (POSIX record locks, which network file systems know too).
    wait
        Wait for the holder rather than refuse; for moments, not for work.

    Raises
    ------
    StoreError
        Another process holds it; the message names its host, process and start.
    """
    folder = store.parent / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    first, length = span
    with (folder / f"{store.name}.lock").open("a+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), length, first)
        except (BlockingIOError, PermissionError):
            raise StoreError(
                f"{store}: another process is writing it ({holders(folder, store)}); wait for it or end it."
            ) from None
        note = folder / f"{store.name}.{first}.holder"
        note.write_text(json.dumps({"host": socket.gethostname(), "process": os.getpid(), "since": now()}))
        try:
            yield
        finally:
            note.unlink(missing_ok=True)


def holders(folder: Path, store: Path) -> str:
    """Who says to be writing a store. A killed process leaves its note, so the latest is named last."""
    notes = sorted(folder.glob(f"{store.name}.*.holder"), key=lambda path: path.stat().st_mtime)
    found = [json.loads(note.read_text() or "{}") for note in notes]
    lines = [f"process {who['process']} on {who['host']} since {who['since']}" for who in found if who]
    return ", ".join(lines) or "it has just begun"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
