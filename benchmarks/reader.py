"""How fast is the shuffled reader, and how well does it mix?

    python benchmarks/reader.py --rows 400000 --units 768

Makes a store of documents of 128 rows (row = mean of its document + noise, `--alike` of the variance between
documents), reads it by each way in one run, warm, and prints thousand rows a second (median of `--repeats` epochs),
each against Zarr's random batches and against a memory map of the same rows as .npy, read in the same way.
Every way but `stored` gives float32 batches. zarrs and tensorstore are measured when they are installed.

Mixing: variance of batch means over that of independent rows, mean over units and batches of one epoch; expected
1 + (B - 1) (m - 1) r (1 / (n - 1) - 1 / (N - 1)) for batches of B rows, documents of m, buffers of n of all N rows, and
a share r between documents.
"""

import argparse
import importlib.util
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import zarr

from thresh.ahead import ahead
from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations, open_activations, seal, shuffled_batches
from thresh.store.encoding import decode
from thresh.store.shards import ChunkReader
from thresh.store.shuffle import plan_epoch

DOCUMENT = 128  # rows
RANDOM_BATCHES = 3  # of Zarr's random batches, which take seconds each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--units", type=int, default=768)
    parser.add_argument("--dtype", default="float16", choices=["float16", "float32", "bfloat16"])
    parser.add_argument("--batch", type=int, default=4096, help="rows of a batch, for the times")
    parser.add_argument("--buffer", type=int, default=65536)
    parser.add_argument("--alike", type=float, default=0.1, help="share of the variance that is between documents")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.zarr"
        write(path, options)
        times(path, options)
        mixing(path, options)


def write(path: Path, options: argparse.Namespace) -> None:
    """The store, and beside it the same stored rows as x.npy."""
    document = np.arange(options.rows) // DOCUMENT
    spec = ActivationsSpec(
        rows={"stimulus": document, "position": np.arange(options.rows) % DOCUMENT},
        units={"unit": np.arange(options.units)},
        stimuli={"id": np.arange(document[-1] + 1)},
        dtype=options.dtype,
    )
    shards = lay_out_activations(path, spec)
    writer = ShardWriter(path, list(range(len(shards))), lambda index, digest: None)
    random, step = np.random.default_rng(0), 64 * DOCUMENT
    for start in range(0, options.rows, step):
        count = min(step, options.rows - start)
        noise = random.standard_normal((count, options.units), np.float32)
        means = random.standard_normal((-(-count // DOCUMENT), options.units), np.float32)
        means = np.repeat(means, DOCUMENT, axis=0)[:count]
        writer.put(start, options.alike**0.5 * means + (1 - options.alike) ** 0.5 * noise)
    seal(path)
    reader = ChunkReader(path)
    flat = np.lib.format.open_memmap(path.parent / "x.npy", "w+", reader.stored, reader.shape)
    for chunk in range(-(-options.rows // reader.chunk_rows)):
        flat[slice(*reader.span(chunk))] = reader.chunk(chunk)
    flat.flush()
    bytes_of_row = options.units * reader.stored.itemsize
    print(
        f"{options.rows} rows x {options.units} units, {options.dtype}, {options.rows * bytes_of_row / 1e9:.2f} GB;"
        f" chunks of {reader.chunk_rows} rows, shards of {reader.values.shards[0]}, batches of {options.batch},"
        f" buffers of {options.buffer}, medians of {options.repeats}",
        flush=True,
    )


def times(path: Path, options: argparse.Namespace) -> None:
    ways = {
        "Zarr, random batches": lambda: random_batches(path, options),
        "Zarr, same reader": lambda: shuffled(path, options, ByZarr),
        "memory map, chunk-shuffled": lambda: memory_map(path, options),
        "memory map, and a thread": lambda: memory_map(path, options, ahead),
        "thresh": lambda: shuffled(path, options, ChunkReader),
        "thresh, stored type": lambda: shuffled(path, options, ChunkReader, stored=True),
    }
    if importlib.util.find_spec("zarrs"):
        ways["zarrs, same reader"] = lambda: with_zarrs(path, options)
    if importlib.util.find_spec("tensorstore"):
        ways["tensorstore, same reader"] = lambda: shuffled(path, options, ByTensorstore)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    # One epoch of each in turn, so that what else the machine does falls on all; the first round is not counted.
    for _ in range(options.repeats + 1):
        for name, way in ways.items():
            spent[name].append(rate(way))
    found = {name: float(np.median(rates[1:])) for name, rates in spent.items()}
    print(f"\n{'':28}{'krows/s':>10}{'x Zarr random':>16}{'x memory map':>16}")
    for name, value in found.items():
        against = (value / found[other] for other in ("Zarr, random batches", "memory map, chunk-shuffled"))
        print(f"{name:28}{value / 1e3:10.1f}" + "".join(f"{ratio:16.2f}" for ratio in against), flush=True)


def rate(way: Callable[[], Iterator[np.ndarray]]) -> float:
    """Rows a second."""
    begun = time.perf_counter()
    rows = sum(len(batch) for batch in way())
    return rows / (time.perf_counter() - begun)


def random_batches(path: Path, options: argparse.Namespace) -> Iterator[np.ndarray]:
    values = zarr.open_array(path / "values", mode="r")
    order = np.random.default_rng(0).permutation(options.rows)
    for start in range(0, min(RANDOM_BATCHES * options.batch, options.rows), options.batch):
        yield decode(values.oindex[np.sort(order[start : start + options.batch])], options.dtype)


def memory_map(path: Path, options: argparse.Namespace, fetch: Callable = iter) -> Iterator[np.ndarray]:
    """The same permuted chunks, buffer and float32 batches from a .npy file, as one would write it by hand."""
    flat = np.load(path.parent / "x.npy", mmap_mode="r")
    chunk_rows = ChunkReader(path).chunk_rows
    random = np.random.default_rng(0)
    starts = random.permutation(np.arange(0, len(flat), chunk_rows))
    held = max(options.buffer // chunk_rows, 1)

    def buffers():
        for first in range(0, len(starts), held):
            yield np.concatenate([flat[start : start + chunk_rows] for start in starts[first : first + held]])

    rest = np.empty((0, flat.shape[1]), flat.dtype)
    for buffer in fetch(buffers()):
        rows = np.concatenate([rest, buffer]) if len(rest) else buffer
        order = random.permutation(len(rows))
        whole = len(rows) // options.batch * options.batch
        for start in range(0, whole, options.batch):
            yield decode(rows[order[start : start + options.batch]], options.dtype)
        rest = rows[order[whole:]]
    if len(rest):
        yield decode(rest, options.dtype)


def shuffled(path: Path, options: argparse.Namespace, reader: type[ChunkReader], **more) -> Iterator[np.ndarray]:
    store = open_activations(path)
    store.reader = reader(path)
    return shuffled_batches(store, options.batch, 0, buffer_rows=options.buffer, **more)


class ByZarr(ChunkReader):
    def __init__(self, path: Path):
        super().__init__(path)
        self.compression = None  # leaves all to Zarr


class ByTensorstore(ChunkReader):
    def __init__(self, path: Path):
        import tensorstore

        super().__init__(path)
        kvstore = {"driver": "file", "path": str(path / "values")}
        self.array = tensorstore.open({"driver": "zarr3", "kvstore": kvstore}, read=True).result()

    def chunk(self, chunk: int) -> np.ndarray:
        first, last = self.span(chunk)
        return self.array[first:last].read().result()


def with_zarrs(path: Path, options: argparse.Namespace) -> Iterator[np.ndarray]:
    with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}):
        yield from shuffled(path, options, ByZarr)


def mixing(path: Path, options: argparse.Namespace) -> None:
    store = open_activations(path)
    mixed = np.diff(plan_epoch(store, 0, 0, options.buffer, None, 0, 1).edges).mean()
    print(
        f"\nvariance of batch means against independent rows, share between documents {options.alike},"
        f" buffers of {mixed:.0f} rows"
    )
    print(f"{'rows of a batch':>16}{'found':>10}{'expected':>10}{'in order':>10}")
    for batch in (256, 1024, 4096):
        means = [
            x.mean(axis=0) for x in shuffled_batches(store, batch, 0, buffer_rows=options.buffer) if len(x) == batch
        ]
        # The variance of rows is 1 by construction.
        found = float(np.var(means, axis=0, ddof=1).mean()) * batch
        expected = 1 + (batch - 1) * (DOCUMENT - 1) * options.alike * (1 / (mixed - 1) - 1 / (options.rows - 1))
        in_order = 1 + (DOCUMENT - 1) * options.alike
        print(f"{batch:16}{found:10.3f}{expected:10.3f}{in_order:10.1f}", flush=True)


if __name__ == "__main__":
    main()
