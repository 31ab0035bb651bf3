"""How fast are sparse codes beside scikit-learn's, and does memory stay flat when rows grow?

    python benchmarks/solvers.py            # 20,000 rows; about a quarter of an hour
    python benchmarks/solvers.py --quick    # 2,000 rows, one repeat; about a minute

Rows are sums of 16 of 1024 unit-norm Gaussian atoms in 256 units, weights in U(.5, 1.5) or with random signs, and noise
of standard deviation .01. Arms take turns, and medians over repeats are printed with the ratio to thresh (median of the
ratios within a repeat).

The lasso is 0.5 |x - z D|^2 + penalty |z|_1 for all; thresh computes it in float32. `sparse_encode` stops at a gap of
1e-8 |x|^2 and is given float64, for in float32 its gap cannot be resolved so far and most rows end at `max_iter`. As
that is more than was asked, it is timed a second time in float32 with the loosest tolerance, of powers of ten, at which
the median gap of 500 rows is no larger than `--tolerance`. Gaps are relative to the objective and computed in float64.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.decomposition import _dict_learning, sparse_encode
from sklearn.linear_model import Lasso as CoordinateDescent

from machine import machine, table
from thresh.inference import SOLVERS, fista, infer, omp
from thresh.inference.lasso import Lasso

UNITS, ATOMS, ACTIVE, NOISE = 256, 1024, 16, 0.01
JOBS = 2
PARAMETERS = {"penalty": 0.1, "k": ACTIVE}  # of a solver by way of `infer`: the first of them that it takes
WITH_ENCODER = ("encoder", "ito")
SLOW = {"ista": 10, "sparse_bayesian": 100}  # a share of the rows is enough


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--penalties", type=float, nargs="+", default=[0.3, 0.1, 0.05, 0.03])
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--parts", nargs="+", default=["lasso", "omp", "others", "memory"])
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.store:
        codes_of(options.store)
        return
    if options.quick:
        options.rows, options.repeats, options.penalties = 2000, 1, [0.3, 0.1]
    torch.set_num_threads(JOBS)
    warnings.simplefilter("ignore")
    print(machine("torch", "scikit-learn", "numpy") + f"; {options.rows} rows, {options.repeats} repeats", flush=True)
    parts = {"lasso": compare_lasso, "omp": compare_omp, "others": time_others, "memory": measure_memory}
    for part in options.parts:
        print("\n" + parts[part](options), flush=True)


def planted(rows: int, signed: bool) -> tuple[np.ndarray, np.ndarray]:
    """x and atoms, float32."""
    random = np.random.default_rng(0)
    atoms = random.normal(size=(ATOMS, UNITS))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    chosen = random.random((rows, ATOMS)).argpartition(ACTIVE, axis=1)[:, :ACTIVE]
    weights = random.uniform(0.5, 1.5, chosen.shape) * (random.choice([-1, 1], chosen.shape) if signed else 1)
    codes = np.zeros((rows, ATOMS))
    np.put_along_axis(codes, chosen, weights, axis=1)
    x = codes @ atoms + NOISE * random.normal(size=(rows, UNITS))
    return x.astype(np.float32), atoms.astype(np.float32)


def in_turn(arms: dict[str, Callable[[], np.ndarray]], repeats: int) -> tuple[dict[str, list[float]], dict]:
    """Seconds of each arm in each repeat, and the codes of the last one."""
    seconds, codes = {name: [] for name in arms}, {}
    for _ in range(repeats):
        for name, run in arms.items():
            begun = time.perf_counter()
            codes[name] = run()
            seconds[name].append(time.perf_counter() - begun)
    return seconds, codes


def figures(seconds: dict[str, list[float]], name: str) -> list[str]:
    """Median seconds, and median ratio to thresh with its range."""
    ratios = [one / own for one, own in zip(seconds[name], seconds["thresh"], strict=True)]
    return [f"{median(seconds[name]):.2f}", f"{median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"]


def compare_lasso(options: argparse.Namespace) -> str:
    lines = []
    for nonnegative in (True, False):
        x, atoms = planted(options.rows, signed=not nonnegative)
        for penalty in options.penalties:
            loose = loosest(x[:500], atoms, penalty, nonnegative, options.tolerance)
            seconds, codes = in_turn(
                {
                    "thresh": partial(fista, x, atoms, penalty, nonnegative, options.tolerance),
                    "sparse_encode": partial(encode, x.astype(float), atoms.astype(float), penalty, nonnegative),
                    f"sparse_encode, tolerance {loose:.0e}": partial(
                        encode_loosely, x, atoms, penalty, nonnegative, loose
                    ),
                },
                options.repeats,
            )
            for name in seconds:
                gap = gaps(x, atoms, codes[name], penalty, nonnegative)
                active = (codes[name] != 0).sum(axis=1).mean()
                case = ["non-negative" if nonnegative else "signed", f"{penalty}", f"{active:.1f}"]
                found = [f"{np.median(gap):.0e}", f"{np.quantile(gap, 0.99):.0e}"]
                lines.append([*case, name, *figures(seconds, name), *found])
                print(" ".join(lines[-1]), file=sys.stderr, flush=True)
    return table(
        ["codes", "penalty", "active atoms", "", "seconds", "over thresh", "median gap", "99 % of gaps below"], lines
    )


def encode(x: np.ndarray, atoms: np.ndarray, penalty: float, nonnegative: bool) -> np.ndarray:
    return sparse_encode(x, atoms, algorithm="lasso_cd", alpha=penalty, positive=nonnegative, n_jobs=JOBS)


def encode_loosely(
    x: np.ndarray, atoms: np.ndarray, penalty: float, nonnegative: bool, tolerance: float, jobs: int = JOBS
) -> np.ndarray:
    """`sparse_encode` with another tolerance than the 1e-8 that is written in it, rows shared out as it does."""
    one = delayed(encode_part)
    parts = Parallel(jobs)(one(part, atoms, penalty, nonnegative, tolerance) for part in np.array_split(x, jobs))
    return np.concatenate(parts)


def encode_part(x: np.ndarray, atoms: np.ndarray, penalty: float, nonnegative: bool, tolerance: float) -> np.ndarray:
    def with_tolerance(**given):
        return CoordinateDescent(**given | {"tol": tolerance})

    warnings.simplefilter("ignore")
    with patch.object(_dict_learning, "Lasso", with_tolerance):
        return sparse_encode(x, atoms, algorithm="lasso_cd", alpha=penalty, positive=nonnegative)


def loosest(x: np.ndarray, atoms: np.ndarray, penalty: float, nonnegative: bool, wanted: float) -> float:
    for exponent in range(2, 8):
        codes = encode_loosely(x, atoms, penalty, nonnegative, 10.0**-exponent, jobs=1)
        if np.median(gaps(x, atoms, codes, penalty, nonnegative)) <= wanted:
            break
    return 10.0**-exponent


def gaps(x: np.ndarray, atoms: np.ndarray, codes: np.ndarray, penalty: float, nonnegative: bool) -> np.ndarray:
    """Relative duality gaps in float64, of 2000 rows at most."""
    x, atoms, codes = (torch.from_numpy(part[:2000]).double() for part in (x, atoms, codes))
    return Lasso(x, atoms, penalty, nonnegative).relative_gap(codes).numpy()


def compare_omp(options: argparse.Namespace) -> str:
    x, atoms = planted(options.rows, signed=True)
    theirs = partial(sparse_encode, x, atoms, algorithm="omp", n_nonzero_coefs=ACTIVE, n_jobs=JOBS)
    arms = {"thresh": partial(omp, x, atoms, ACTIVE), "sparse_encode": theirs}
    seconds, codes = in_turn(arms, options.repeats)
    lines = []
    for name in arms:
        residual = np.linalg.norm(x - codes[name] @ atoms, axis=1).mean()
        lines.append([name, *figures(seconds, name), f"{residual:.5f}"])
    return table([f"omp, k = {ACTIVE}", "seconds", "over thresh", "mean norm of the residual"], lines)


def time_others(options: argparse.Namespace) -> str:
    """Solvers that need nothing but atoms, by way of `infer`, from rows to sparse codes, on a tenth of the rows."""
    x, atoms = planted(options.rows // 10, signed=False)
    dictionary = SimpleNamespace(atoms=atoms)
    lines = []
    for name in [*(solver for solver in SOLVERS if solver not in WITH_ENCODER), "omp, non-negative"]:
        solver, _, kind = name.partition(", ")
        rows = x[: max(1, len(x) // SLOW.get(solver, 1))]
        params = parameters(solver) | ({"nonnegative": True} if kind else {})
        seconds, codes = in_turn(
            {name: partial(infer, rows, dictionary, solver, device="cpu", **params)}, options.repeats
        )
        one = 1e6 * median(seconds[name]) / len(rows)
        lines.append([name, f"{one:.0f}", f"{codes[name].nnz / len(rows):.1f}"])
    return table(["from rows to sparse codes", "microseconds a row", "active atoms"], lines)


def parameters(solver: str) -> dict[str, float]:
    """A penalty, or else a budget, or else none."""
    known = SOLVERS[solver].parameters
    return next(({key: value} for key, value in PARAMETERS.items() if key in known), {})


def measure_memory(options: argparse.Namespace) -> str:
    """Peak memory of processes that infer the codes of stores, one eight times as large as the other."""
    lines = []
    for rows in (options.rows, 8 * options.rows):
        with tempfile.TemporaryDirectory() as folder:
            write_store(Path(folder) / "x.zarr", rows)
            command = [sys.executable, __file__, "--store", str(Path(folder) / "x.zarr")]
            seconds, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-2:]
        lines.append([f"{rows:,}", f"{float(seconds):.1f}", f"{float(peak):.0f}"])
    return table(["rows of the store", "seconds", "peak MB"], lines)


def write_store(path: Path, rows: int) -> None:
    from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations, seal

    spec = ActivationsSpec(
        rows={"stimulus": np.arange(rows), "position": np.full(rows, -1)},
        units={"unit": np.arange(UNITS)},
        stimuli={"id": np.arange(rows)},
        dtype="float32",
    )
    shards = lay_out_activations(path, spec)
    writer = ShardWriter(path, list(range(len(shards))), lambda index, digest: None)
    x, _ = planted(2000, signed=False)
    for begin in range(0, rows, len(x)):
        writer.put(begin, x[: rows - begin])
    seal(path)


def codes_of(path: Path) -> None:
    from thresh.inference.codes_of_store import infer_store
    from thresh.store import open_activations

    begun = time.perf_counter()
    dictionary = SimpleNamespace(atoms=planted(1, signed=False)[1])
    activations = open_activations(path)
    params = {"penalty": PARAMETERS["penalty"]}
    infer_store(activations, dictionary, path.parent / "codes.zarr", solver="fista", params=params, device="cpu")
    # Kilobytes on Linux.
    print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


if __name__ == "__main__":
    main()
