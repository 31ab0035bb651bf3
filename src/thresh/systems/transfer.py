"""From the device to the host, beside the computation of the next batch."""

import functools
from collections.abc import Callable

import numpy as np
import torch


def on_the_way(rows: dict[str, torch.Tensor]) -> Callable[[], dict[str, np.ndarray]]:
    """Begin to copy tensors to the host; what is returned waits for them, in any thread, and gives arrays.

    Arrays have the types of the tensors; those of bfloat16 are its bits, as uint16.

    On CUDA the copies go to pinned memory in a stream of their own, so that the next forward pass does not wait for
    them.
    """
    coming = {layer: copied(tensor) for layer, tensor in rows.items()}
    return lambda: {layer: arrived() for layer, arrived in coming.items()}


def copied(tensor: torch.Tensor) -> Callable[[], np.ndarray]:
    if tensor.device.type != "cuda":
        return lambda: as_array(tensor.cpu())
    stream = copy_stream(tensor.device)
    stream.wait_stream(torch.cuda.current_stream(tensor.device))
    with torch.cuda.stream(stream):
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        host.copy_(tensor, non_blocking=True)
        # The allocator must not give this memory to the next batch before it is copied.
        tensor.record_stream(stream)
        there = stream.record_event()

    def arrived() -> np.ndarray:
        there.synchronize()
        return as_array(host)

    return arrived


@functools.cache
def copy_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


def as_array(tensor: torch.Tensor) -> np.ndarray:
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(np.uint16)
    return tensor.numpy()
