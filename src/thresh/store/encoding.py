"""Activations as they are stored: float16 with an overflow check, float32, or the bits of bfloat16."""

import numpy as np

from thresh.errors import ConfigError, StoreError

STORED = {"float16": np.dtype("float16"), "float32": np.dtype("float32"), "bfloat16": np.dtype("uint16")}

# What is larger could round to infinity. 8 of bfloat16's bits are fraction, one of them implied.
LARGEST = {
    "float16": float(np.finfo(np.float16).max),
    "float32": float(np.finfo(np.float32).max),
    "bfloat16": (2 - 2**-7) * 2.0**127,
}


def stored_dtype(dtype: str) -> np.dtype:
    """Type of the array that holds a logical type; Zarr 3.1 cannot say bfloat16, so its bits are stored as uint16.

    Raises
    ------
    ConfigError
        The logical type is not one of float16, float32, bfloat16.
    """
    if dtype not in STORED:
        raise ConfigError("harvest.dtype", dtype, f"one of {', '.join(STORED)}")
    return STORED[dtype]


def encode(values: np.ndarray, dtype: str) -> np.ndarray:
    """Values (rows, units), float32, as they are stored.

    Raises
    ------
    StoreError
        A value is not finite, or larger than the type holds. The message names the row within `values`;
        `first_bad_row` finds it again for callers that know the row's name.
    """
    bad = first_bad_row(values, dtype)
    if bad is not None:
        raise StoreError(f"row {bad}: {complaint(values[bad], dtype)}")
    if dtype == "bfloat16":
        return to_bfloat16_bits(values)
    return values.astype(STORED[dtype])


def first_bad_row(values: np.ndarray, dtype: str) -> int | None:
    """Index of the first row that cannot be stored; None if all can."""
    largest = LARGEST[dtype]
    # max of |x| is NaN if any value is, and a comparison with NaN is false.
    if values.size == 0 or np.abs(values).max() <= largest:
        return None
    return int(np.argmin((np.abs(values) <= largest).all(axis=1)))


def complaint(row: np.ndarray, dtype: str) -> str:
    if not np.isfinite(row).all():
        unit = int(np.argmin(np.isfinite(row)))
        return f"found {row[unit]} at unit {unit}, expected finite activations."
    unit = int(np.abs(row).argmax())
    return (
        f"found {row[unit]:.6g} at unit {unit}, more than {dtype} holds ({LARGEST[dtype]:.6g}):"
        " set harvest.dtype: float32."
    )


def decode(stored: np.ndarray, dtype: str) -> np.ndarray:
    """Stored values as float32."""
    if dtype == "bfloat16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(np.float32, copy=False)


def to_bfloat16_bits(values: np.ndarray) -> np.ndarray:
    """Bits of the nearest bfloat16, ties to even, as torch rounds."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
