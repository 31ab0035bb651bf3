"""Where a result comes from: told beside it, in a file that nothing depends on."""

import functools
import importlib.metadata
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

from thresh.stages.files import write_json
from thresh.stages.lock import now

PACKAGES = ("thresh", "numpy", "torch", "transformers", "zarr", "scikit-learn", "snakemake", "POT", "pynwb")


def write_provenance(manifest: Path, stage: str, key: str, seconds: float) -> None:
    """Write `<manifest>.provenance` with the key, versions, machine, wall time (s) and git commit."""
    write_json(
        manifest.with_name(f"{manifest.stem}.provenance"),
        {
            "stage": stage,
            "key": key,
            "finished": now(),
            "seconds": round(seconds, 3),
            "commit": git_commit(),
            "versions": versions(),
            "python": platform.python_version(),
            "host": socket.gethostname(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "accelerator": accelerator(),
        },
    )


@functools.cache
def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def git_commit() -> str:
    """Commit of the code that runs, with '-dirty' where files differ from it; '' outside a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def processor() -> str:
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def accelerator() -> str:
    """Name of the CUDA device that the stage could use; asked only if the stage has imported torch anyway."""
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else ""
