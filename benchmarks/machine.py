"""What a benchmark ran on, in one line."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> str:
    """Cores, processor, GPU, and versions of some packages."""
    parts = [f"{len(os.sched_getaffinity(0))} cores, {processor()}", *gpu()]
    return ", ".join([*parts, f"Python {platform.python_version()}", *(f"{one} {version(one)}" for one in packages)])


def processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def gpu() -> list[str]:
    import torch

    return [torch.cuda.get_device_name()] if torch.cuda.is_available() else ["no GPU"]


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
