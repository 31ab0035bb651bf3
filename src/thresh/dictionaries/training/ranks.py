"""Several processes that learn together, as torchrun starts them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed

# The others wait while the first saves, measures quality, and learns what it learns alone.
PATIENCE = timedelta(days=1)


class Ranks:
    """The processes of one job, seen from one of them.

    Attributes
    ----------
    leads : bool
        Whether this process is the first, which writes what all have learned.
    device : str
        Where this process computes.
    """

    def __init__(self, leads: bool, device: str):
        self.leads, self.device = leads, device

    def tell(self, names: list[str]) -> None:
        """Tell the others what is to be done; for the first."""
        distributed.broadcast_object_list([names], 0)

    def hear(self) -> list[str]:
        """What the first tells."""
        told: list = [None]
        distributed.broadcast_object_list(told, 0)
        return told[0]


@contextmanager
def ranks(device: str) -> Iterator[Ranks | None]:
    """Join the process group that torchrun asks for, while the block lasts; None where it asks for none.

    With GPUs each process takes the one of its number and gradients go by NCCL; without, by Gloo.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield None
        return
    gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    own = f"cuda:{os.environ['LOCAL_RANK']}" if gpu else device
    if gpu:
        torch.cuda.set_device(own)
    distributed.init_process_group("nccl" if gpu else "gloo", timeout=PATIENCE)
    try:
        yield Ranks(distributed.get_rank() == 0, own)
    finally:
        distributed.destroy_process_group()


def rank_and_size() -> tuple[int, int]:
    """Number of this process, and how many there are; (0, 1) where nobody began a process group."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def union(flags: Tensor) -> Tensor:
    """Where any process has true."""
    if rank_and_size()[1] == 1:
        return flags
    counts = flags.to(torch.int32)
    distributed.all_reduce(counts, op=distributed.ReduceOp.MAX)
    return counts > 0


def summed(values: Tensor) -> Tensor:
    """Sums over processes."""
    if rank_and_size()[1] == 1:
        return values
    values = values.clone()
    distributed.all_reduce(values)
    return values


def gathered(values: Tensor) -> Tensor:
    """What all processes have, one after the other along the first axis; all have the same shape."""
    size = rank_and_size()[1]
    if size == 1:
        return values
    parts = [torch.empty_like(values, memory_format=torch.contiguous_format) for _ in range(size)]
    distributed.all_gather(parts, values.contiguous())
    return torch.cat(parts)
