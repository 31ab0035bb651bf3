"""Alignment at size: wall and CPU time, and peak memory, of metrics from stores, and of the same work elsewhere.

    python benchmarks/alignment.py --quick                   # about two minutes
    python benchmarks/alignment.py --parts codes             # 200,000 x 100,000 x 100,000; minutes
    python benchmarks/alignment.py --parts others            # sizes that other programs hold; minutes
    python benchmarks/alignment.py --parts dense             # 1,000,000 x 4096, 16 GB of stores; long
    python benchmarks/alignment.py --parts dense --rows 100000

Dense stores: float16, 256 shared directions and as much noise. Codes: 32 active of all atoms, y a permutation of x in
which a tenth of the active atoms are others. Every step is a process of its own; its peak is the largest resident set
that the kernel saw. thresh runs on `--workers` threads of dask with one thread of BLAS each, the others on as
many threads of BLAS. CPU seconds are those of all threads: where other programs want the cores, wall time says little.
Stores are written to a temporary folder (TMPDIR) and removed.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dask

from alignment_data import write_code_pair, write_responses
from alignment_steps import OTHERS, OWN
from machine import machine, table

HEADER = ["work", "size", "by", "seconds", "CPU seconds", "CPU over thresh", "peak MB", "peak over thresh", "found"]
CODES = ("debiased CKA of codes", "semi-matching", "one-to-one matching")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--parts", nargs="+", choices=["dense", "codes", "others"], default=["dense", "codes", "others"]
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the dense stores")
    parser.add_argument("--units", type=int, default=4096, help="of the dense stores")
    parser.add_argument("--code-rows", type=int, default=200_000)
    parser.add_argument("--atoms", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--works", nargs="+", choices=[name for name in OWN if name != "imports"], help="only these")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--by", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run(OTHERS[options.step][options.by] if options.by else OWN[options.step], options.folder)
        return
    if options.quick:
        options.rows, options.units, options.code_rows, options.atoms = 20_000, 256, 10_000, 5000
    print(machine("numpy", "scipy", "dask", "rsatoolbox", "POT", "scikit-learn"), flush=True)
    lines = [line(["imports", "", "thresh"], measured("imports", None, Path(), options), None)]
    parts = {"dense": dense, "codes": codes, "others": others}
    for part in options.parts:
        lines += parts[part](options)
    print("\n" + table(HEADER, lines))


def dense(options: argparse.Namespace) -> list[list[str]]:
    works = ("debiased CKA", "predictivity")
    return compared(works, write_responses, options.rows, options.units, options, alone=True)


def codes(options: argparse.Namespace) -> list[list[str]]:
    return compared(CODES, write_code_pair, options.code_rows, options.atoms, options, alone=True)


def others(options: argparse.Namespace) -> list[list[str]]:
    plan = [
        (("debiased CKA",), write_responses, 5000, 1024),
        (("debiased CKA",), write_responses, 20_000, 1024),
        (("biased CKA",), write_responses, 3000, 1024),
        (("predictivity",), write_responses, 20_000, 1024),
        (CODES, write_code_pair, 20_000, 2000),
        (CODES, write_code_pair, 20_000, 4000),
    ]
    if options.quick:
        plan = [
            (("debiased CKA", "biased CKA"), write_responses, 1000, 128),
            (("predictivity",), write_responses, 4000, 128),
            (CODES, write_code_pair, 4000, 500),
        ]
    return [found for works, write, rows, units in plan for found in compared(works, write, rows, units, options)]


def compared(
    works: tuple[str, ...], write: Callable, rows: int, units: int, options: argparse.Namespace, alone: bool = False
) -> list[list[str]]:
    """Lines of some works on one pair of stores, thresh first."""
    works, lines = [work for work in works if not options.works or work in options.works], []
    if not works:
        return []
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), rows, units)
        for work in works:
            size = f"{rows:,} x {units:,} x {units:,}"
            own = measured(work, None, Path(folder), options)
            lines.append(line([work, size, "thresh at size"], own, None))
            for by in () if alone else OTHERS[work]:
                lines.append(line([work, size, by], measured(work, by, Path(folder), options), own))
    return lines


def line(names: list[str], found: tuple[float, float, float, str], own: tuple | None) -> list[str]:
    seconds, cpu, peak, result = found
    over = ["", ""] if own is None else [f"{cpu / own[1]:.1f}", f"{peak / own[2]:.1f}"]
    cells = [*names, f"{seconds:.1f}", f"{cpu:.1f}", over[0], f"{peak:,.0f}", over[1], result]
    print(" | ".join(cells), file=sys.stderr, flush=True)
    return cells


def measured(work: str, by: str | None, folder: Path, options: argparse.Namespace) -> tuple[float, float, float, str]:
    """Wall seconds, CPU seconds, peak MB and result of one step, in a process of its own."""
    command = [sys.executable, __file__, "--step", work, "--folder", str(folder), *(["--by", by] if by else [])]
    environment = os.environ | {
        "OMP_NUM_THREADS": str(options.workers) if by else "1",
        "DASK_NUM_WORKERS": str(options.workers),
    }
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    seconds, cpu, peak, result = done.stdout.splitlines()[-1].split(" ", 3)
    return float(seconds), float(cpu), float(peak), result


def run(step: Callable[[Path], str], folder: Path) -> None:
    begun, cpu = time.perf_counter(), time.process_time()
    with dask.config.set(scheduler="threads"):
        found = step(folder)
    print(time.perf_counter() - begun, time.process_time() - cpu, peak_megabytes(), found)


def peak_megabytes() -> float:
    """Of this program alone: ru_maxrss begins with what the process had before it became this program."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return float(line.split()[1]) * 1.024 / 1000


if __name__ == "__main__":
    main()
