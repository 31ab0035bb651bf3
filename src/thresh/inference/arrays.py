"""What every solver needs: one view of NumPy arrays and torch tensors, and refusals that name the row."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from thresh.errors import DictionaryError


def as_tensor(array, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Tensor:
    """The array as a floating tensor, not copied where it need not be; float64 stays, other types become float32."""
    if isinstance(array, Tensor):
        tensor = array.detach()
    else:
        array = np.asarray(array)
        # A read-only array (a memory map, a broadcast view) cannot be wrapped without a warning.
        tensor = torch.from_numpy(np.ascontiguousarray(array) if array.flags.writeable else array.copy())
    if dtype is None:
        dtype = torch.float64 if tensor.dtype == torch.float64 else torch.float32
    return tensor.to(device=device, dtype=dtype)


def check_rows(x: Tensor, units: int, first_row: int = 0, numbers: Sequence[int] | None = None) -> None:
    """Refuse rows of another width or with a value that is not finite.

    Raises
    ------
    DictionaryError
        Names the shape, or the first bad row: counted from `first_row`, or by its number where `numbers` are given.
    """
    if x.ndim != 2 or x.shape[1] != units:
        raise DictionaryError(f"activations have shape {tuple(x.shape)}, expected (rows, {units}) as the dictionary.")
    finite = torch.isfinite(x).all(dim=1)
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0])
        unit = int((~torch.isfinite(x[row])).nonzero()[0])
        number = first_row + row if numbers is None else numbers[row]
        raise DictionaryError(
            f"activations: row {number}, unit {unit} is {float(x[row, unit])}, expected finite values."
        )


def on_tensors(solve: Callable[..., Tensor], x, atoms, **tensors) -> "np.ndarray | Tensor":
    """Call a torch solver on what was given (x decides dtype and device) and return the kind that was given."""
    rows = as_tensor(x)
    directions = as_tensor(atoms, device=rows.device, dtype=rows.dtype)
    if directions.ndim != 2 or not bool(torch.isfinite(directions).all()):
        raise DictionaryError(f"atoms have shape {tuple(directions.shape)}, expected finite values in (atoms, units).")
    check_rows(rows, directions.shape[1])
    given = {
        name: None if value is None else as_tensor(value, device=rows.device, dtype=rows.dtype)
        for name, value in tensors.items()
    }
    with torch.no_grad():
        codes = solve(rows, directions, **given)
    return codes if isinstance(x, Tensor) else codes.cpu().numpy()
