"""Run a command and tell how long it took and how much memory all of its processes held at once.

    python benchmarks/footprint.py --gigabytes 4 make quickstart

Memory is the sum of the proportional set sizes (memory that processes share counts once), sampled twice a second; above
`--gigabytes` the exit status is 1, else it is that of the command.
"""

import argparse
import contextlib
import subprocess
import sys
import time

import psutil

INTERVAL = 0.5  # s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=float("inf"), help="most memory that is allowed")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    begun = time.perf_counter()
    process = subprocess.Popen(arguments.command)
    peak = 0
    while process.poll() is None:
        peak = max(peak, memory_of(psutil.Process(process.pid)))
        time.sleep(INTERVAL)
    seconds = time.perf_counter() - begun
    print(f"{seconds:.0f} s, {peak / 1e9:.2f} GB at most: {' '.join(arguments.command)}", flush=True)
    sys.exit(process.returncode or int(peak / 1e9 > arguments.gigabytes))


def memory_of(process: psutil.Process) -> int:
    """Bytes that a process and all below it hold."""
    total = 0
    # Processes end while they are looked at.
    with contextlib.suppress(psutil.Error):
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                memory = one.memory_full_info()
                total += getattr(memory, "pss", memory.uss)  # only Linux knows the shares
    return total


if __name__ == "__main__":
    main()
