"""Dense codes to compressed sparse rows."""

import torch
from scipy.sparse import csr_array
from torch import Tensor


def sparse(codes: Tensor) -> csr_array:
    """CSR on the CPU; from a GPU only what is not zero travels."""
    rows, atoms = codes.shape
    flat = codes.contiguous().view(-1)
    places = (flat != 0).nonzero().squeeze(1)
    row = places.div(max(1, atoms), rounding_mode="floor")
    edges = torch.searchsorted(row, torch.arange(rows + 1, device=codes.device))
    parts = flat[places], (places - row * atoms).int(), edges.int()
    return csr_array(tuple(part.cpu().numpy() for part in parts), shape=(rows, atoms))
