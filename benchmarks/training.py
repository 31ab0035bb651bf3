"""Speed of training TopK autoencoders: thresh, one and eight together, beside other libraries.

    python benchmarks/training.py --peers FOLDER

FOLDER holds an environment for each of the other libraries; `training_peers.py` tells how they are made. Without
--peers only thresh is timed. Rows are planted superposition. Asked: thresh at least 1.2 times as fast as the fastest
other library; eight dictionaries together never slower than one after another, and .6 of that for 64 units x 512 atoms,
reading from a store included.

Each round times every library once, in turn; a figure is the median over rounds, a ratio the median of the ratios
within a round. Seconds of a step are those between batches after the first five, cutting of batches included. `stored`
is all that `learn_store` does, from a store on disk to saved files, for eight seeds together over eight calls for one.
On CUDA the share of the peak is that of the operations of a step (one dense product, the rest sparse) over what the
largest matrix product reaches in the same type on the same device.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from machine import machine, table
from thresh.dictionaries import ArrayRows, learn_store
from thresh.dictionaries.learn import job_of
from thresh.dictionaries.training import train
from thresh.dictionaries.training.trainer import BLOCK_ROWS
from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations, open_activations, seal

WARM_UP = 1  # blocks of 8 batches
TOGETHER = 8
PEERS = ("overcomplete", "sae_lens", "sae_lens_unscaled", "dictionary_learning")


@dataclass(frozen=True)
class Size:
    units: int
    atoms: int
    k: int
    batch: int = 1024

    def __str__(self) -> str:
        return f"{self.units} x {self.atoms}, k={self.k}"


SIZES = (Size(256, 4096, 32), Size(64, 512, 8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="folder of the environments of other libraries")
    parser.add_argument("--rows", type=int, default=65536)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    if arguments.peers and arguments.device != "cpu":
        parser.error("other libraries are timed on the CPU: --peers goes with --device cpu")
    print(machine("torch", "numpy"), f"{torch.get_num_threads()} threads", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            measure(size, arguments, Path(folder))


def measure(size: Size, arguments: argparse.Namespace, folder: Path) -> None:
    rows = planted(arguments.rows, size.units)
    np.save(folder / "rows.npy", rows)
    store = stored(folder / f"{size.units}.zarr", rows)
    rounds = []
    for _ in range(arguments.rounds):
        found = {
            "one": seconds_of_a_step(rows, size, 1, arguments),
            "eight": seconds_of_a_step(rows, size, 8, arguments),
        }
        found["stored"] = stored_ratio(store, size, arguments, folder)
        if arguments.peers:
            found |= {name: peer(name, arguments, size, folder) for name in PEERS}
        rounds.append(found)
        print(json.dumps({name: round(value, 5) for name, value in found.items()}), flush=True)
    print(f"\n{size}, batches of {size.batch}\n\n{told(rounds)}\n", flush=True)
    if arguments.device.startswith("cuda"):
        share_of_peak(size, statistics.median(each["eight"] for each in rounds), arguments.device)


def told(rounds: list[dict[str, float]]) -> str:
    shown = {name: ("one", 1) if name == "thresh" else (name, 1) for name in ("thresh", *PEERS)}
    shown["thresh, each of eight together"] = ("eight", TOGETHER)
    lines = []
    for name, (arm, count) in shown.items():
        if arm in rounds[0]:
            seconds = statistics.median(each[arm] / count for each in rounds)
            ratio = statistics.median(each[arm] / count / each["one"] for each in rounds)
            lines.append([name, f"{1e3 * seconds:.2f}", f"{ratio:.2f}"])
    ratio = statistics.median(each["stored"] for each in rounds)
    lines.append(["thresh, eight together, from store to files", "", f"{ratio:.2f}"])
    return table(["", "ms a step and dictionary", "over thresh alone"], lines)


# --- thresh -----------------------------------------------------------------------------------------------------------


class TimedRows(ArrayRows):
    """Notes when blocks are asked for."""

    def __init__(self, x):
        super().__init__(x)
        self.times: list[float] = []

    def batches(self, batch_size, *arguments, **options):
        for batch in super().batches(batch_size, *arguments, **options):
            if batch_size == BLOCK_ROWS:
                self.times.append(time.perf_counter())
            yield batch


def seconds_of_a_step(rows: np.ndarray, size: Size, count: int, arguments: argparse.Namespace) -> float:
    """Of a batch for so many dictionaries together, in the trainer, from an array."""
    source = TimedRows(rows)
    jobs = [
        job_of(str(seed), source, spec_of(size, seed, len(rows), arguments), arguments.device) for seed in range(count)
    ]
    source.times.clear()
    train(jobs, source, finished=lambda job, learned: None)
    # The first pass is that of the moments, and blocks are read one ahead.
    blocks = len(rows) // BLOCK_ROWS
    times = source.times[blocks + WARM_UP :]
    return (times[-1] - times[0]) / (len(times) - 1) / (BLOCK_ROWS // size.batch)


def spec_of(size: Size, seed: int, rows: int, arguments: argparse.Namespace) -> dict:
    epochs = -(-arguments.steps // (rows // size.batch))
    return {
        "method": "topk",
        "atoms": size.atoms,
        "k": size.k,
        "seed": seed,
        "batch_size": size.batch,
        "epochs": epochs,
    }


def stored_ratio(store, size: Size, arguments: argparse.Namespace, folder: Path) -> float:
    """Seconds of eight dictionaries in one call over seconds of eight calls, from a store to files."""
    specs = {str(seed): spec_of(size, seed, store.shape[0], arguments) for seed in range(TOGETHER)}
    folders = {name: folder / "learned" / name for name in specs}
    quiet = {"device": arguments.device, "log": lambda line: None}
    begun = time.perf_counter()
    learn_store(store, specs, folders, **quiet)
    between = time.perf_counter()
    for name, spec in specs.items():
        learn_store(store, {name: spec}, folders, **quiet)
    return (between - begun) / (time.perf_counter() - between)


def planted(rows: int, units: int) -> np.ndarray:
    """Four times as many features as units, each row a sum of eight of them on average."""
    random = np.random.default_rng(0)
    directions = random.normal(size=(4 * units, units)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    active = random.random((rows, 4 * units)) < 2 / units
    return (active * random.uniform(0.5, 1.5, active.shape).astype(np.float32)) @ directions


def stored(path: Path, rows: np.ndarray):
    spec = ActivationsSpec(
        rows={"stimulus": np.arange(len(rows)), "position": np.full(len(rows), -1)},
        units={"unit": np.arange(rows.shape[1])},
        stimuli={"id": np.arange(len(rows)).astype(str), "hash": np.full(len(rows), "none")},
        dtype="float16",
        shard_rows=None,
        attributes={"recipe": {}, "facts": {}},
    )
    names = lay_out_activations(path, spec)
    ShardWriter(path, list(range(len(names))), lambda index, digest: None).put(0, rows)
    seal(path)
    return open_activations(path)


# --- the others -------------------------------------------------------------------------------------------------------


def peer(name: str, arguments: argparse.Namespace, size: Size, folder: Path) -> float:
    environment = arguments.peers / name.removesuffix("_unscaled")
    options = {
        "rows": folder / "rows.npy",
        "atoms": size.atoms,
        "k": size.k,
        "batch": size.batch,
        "steps": arguments.steps,
    }
    command = [environment / "bin" / "python", Path(__file__).with_name("training_peers.py"), name]
    for option, value in options.items():
        command += [f"--{option}", str(value)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])["seconds_per_step"]


def share_of_peak(size: Size, seconds: float, device: str) -> None:
    """Operations of a step for eight dictionaries, and what a large product in bfloat16 reaches."""
    dense = 2 * size.batch * size.units * size.atoms
    sparse = 4 * 2 * size.batch * size.k * size.units
    a = torch.randn(8192, 8192, device=device, dtype=torch.bfloat16)
    for _ in range(3):
        a @ a
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(20):
        a @ a
    torch.cuda.synchronize()
    peak = 20 * 2 * 8192**3 / (time.perf_counter() - begun)
    reached = TOGETHER * (dense + sparse) / seconds
    print(f"{size}: {reached / 1e12:.2f} of {peak / 1e12:.0f} TFLOP/s, {reached / peak:.3f} of the peak", flush=True)


if __name__ == "__main__":
    main()
