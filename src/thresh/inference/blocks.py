"""Rows solved block by block; on the CPU, blocks beside each other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from thresh.devices import on_cpu

# Numbers a block may hold in its largest array. On the CPU a few such arrays of float32 should stay in the cache.
CACHED = 1 << 20
ON_A_GPU = 1 << 26


def block_rows(x: Tensor, width: int) -> int:
    """Rows of a block whose largest array has `width` numbers a row."""
    return max(64, (CACHED if on_cpu(x) else ON_A_GPU) // max(1, width))


def over_blocks(solve: Callable[[slice], None], rows: int, block: int, device: torch.device) -> None:
    """Call `solve` for each block of rows.

    On the CPU each of torch's threads takes whole blocks and computes them alone: the many small operations of a
    solver would else wait for each other after every one, worst where other programs want the same cores.
    """
    blocks = [slice(begin, min(begin + block, rows)) for begin in range(0, rows, block)]
    threads = min(torch.get_num_threads(), len(blocks)) if device.type == "cpu" else 1
    if threads <= 1:
        for one in blocks:
            solve(one)
        return
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            # Gradients are off in this thread alone, and MKL takes the number of threads for the whole process.
            list(pool.map(torch.no_grad()(solve), blocks))
    finally:
        torch.set_num_threads(before)
