"""Is memory flat when rows grow? Peaks of harvest, gather and the shuffled reader at two sizes of one study.

    python benchmarks/memory.py

Token ids through a small torch module of two layers of 256 units: 200,000 rows, then ten times as many (float16: the
larger stores take 1 GB each). Each step is a process of its own; its peak is the largest resident set that the
kernel saw (ru_maxrss), which counts pages of mapped files too.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from machine import machine, table

STEPS = ("imports", "harvest", "gather", "reader")
LENGTH = 128
LAYERS = {name: {"module": name, "pooling": "positions"} for name in ("table", "mixed")}


class Reader(torch.nn.Module):
    """A vector a token, and those mixed by a matrix."""

    def __init__(self, units: int):
        super().__init__()
        self.table = torch.nn.Embedding(1000, units)
        self.mixed = torch.nn.Linear(units, units)

    def forward(self, ids):
        return self.mixed(self.table(ids))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[200_000, 2_000_000])
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        run(arguments.step, arguments.folder, arguments.units)
        return
    print(machine("torch", "zarr", "dask"), flush=True)
    rows = []
    for count in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            write_stimuli(Path(folder), count)
            rows += [[f"{count:,}", *measured(step, Path(folder), arguments.units)] for step in STEPS]
    print(table(["rows", "step", "seconds", "peak MB"], rows))


def write_stimuli(folder: Path, rows: int) -> None:
    from thresh.stimuli import prepare

    ids = np.random.default_rng(0).integers(0, 1000, (-(-rows // LENGTH), LENGTH))
    np.save(folder / "ids.npy", ids)
    stimuli = folder / "stimuli.zarr"
    prepare("tokens", "documents", file=str(folder / "ids.npy")).save(stimuli)


def measured(step: str, folder: Path, units: int) -> list[str]:
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder), "--units", str(units)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    seconds, peak = map(float, printed.split())
    print(f"{step}: {seconds:.1f} s, {peak:.0f} MB", flush=True)
    return [step, f"{seconds:.1f}", f"{peak:.0f}"]


def run(step: str, folder: Path, units: int) -> None:
    begun = time.perf_counter()
    {"imports": imports, "harvest": harvest, "gather": gather, "reader": read}[step](folder, units)
    # Kilobytes on Linux.
    print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


def imports(folder: Path, units: int) -> None:
    """What the process needs before it does anything."""
    import thresh.store.gather
    import thresh.systems.torch_models  # noqa: F401


def harvest(folder: Path, units: int) -> None:
    from thresh.stimuli import open_stimuli
    from thresh.systems import open_system
    from thresh.systems.harvest import harvest_layers, lay_out_layer

    system = open_system(
        "torch",
        "reader",
        open_stimuli(folder / "stimuli.zarr"),
        layers=LAYERS,
        factory="memory:Reader",
        arguments={"units": units},
        search_path=str(Path(__file__).parent),
        untrained=True,
        batch_size=64,
        device="cpu",
    )
    stores = {layer: folder / f"{layer}.zarr" for layer in LAYERS}
    wanted = {
        layer: (path, list(range(len(lay_out_layer(system, layer, path, "float16"))))) for layer, path in stores.items()
    }
    harvest_layers(system, wanted, lambda layer, index, digest: None)


def gather(folder: Path, units: int) -> None:
    from thresh.store.gather import gather_activations

    gather_activations(folder / "mixed.zarr", "systems.reader.layers.mixed")


def read(folder: Path, units: int) -> None:
    from thresh.store import open_activations, shuffled_batches

    rows = sum(len(batch) for batch in shuffled_batches(open_activations(folder / "mixed.zarr"), 4096, seed=0))
    print(f"{rows} rows")


if __name__ == "__main__":
    main()
