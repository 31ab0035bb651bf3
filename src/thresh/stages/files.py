"""Write beside, then rename: a reader sees the old file or the new one, never half of one."""

import json
import os
import shutil
from pathlib import Path


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file so that a crash at any moment leaves either the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    data = content.encode() if isinstance(content, str) else content
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def write_json(path: Path, value: object) -> None:
    """Write JSON with sorted keys, atomically; equal values are equal bytes."""
    write_atomically(path, json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict | None:
    """Content of a JSON file; None if there is none or if it is not whole."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None


def replace_folder(source: Path, target: Path) -> None:
    """Put a finished folder in the place of an older one."""
    for left in target.parent.glob(f".{target.name}.*.retired"):  # by a process that was killed here
        shutil.rmtree(left)
    if target.exists():
        retired = target.with_name(f".{target.name}.{os.getpid()}.retired")
        target.replace(retired)
        source.replace(target)
        shutil.rmtree(retired)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
