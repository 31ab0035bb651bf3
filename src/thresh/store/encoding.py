"""Activations as they are stored: float16 with an overflow check, float32, or the bits of bfloat16."""

import numpy as np

from thresh.errors import ConfigError, StoreError

STORED = {"float16": np.dtype("float16"), "float32": np.dtype("float32"), "bfloat16": np.dtype("uint16")}

# The largest values; what lies half a step or more above rounds to infinity. 8 of bfloat16's bits are fraction, one of
# them implied.
LARGEST = {
    "float16": float(np.finfo(np.float16).max),
    "float32": float(np.finfo(np.float32).max),
    "bfloat16": (2 - 2**-7) * 2.0**127,
}
EXPONENT = {"float16": 0x7C00, "float32": 0x7F800000, "bfloat16": 0x7F80}


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
    """Values (rows, units), float32 or rounded already, as they are stored.

    Raises
    ------
    StoreError
        A value is not finite, or larger than the type holds. The message names the row within `values`;
        `first_bad_row` finds it again for callers that know the row's name.
    """
    stored = rounded(values, dtype)
    if not all_finite(stored, dtype):
        bad = first_bad_row(values, dtype)
        raise StoreError(f"row {bad}: {complaint(values[bad], dtype)}")
    return stored


def rounded(values: np.ndarray, dtype: str) -> np.ndarray:
    """Nearest values of a type, ties to even, as they are stored; infinite where it cannot hold them."""
    if values.dtype == STORED[dtype]:
        return values
    if dtype == "bfloat16":
        return to_bfloat16_bits(values)
    with np.errstate(over="ignore"):
        return values.astype(STORED[dtype])


def all_finite(stored: np.ndarray, dtype: str) -> bool:
    """Whether no stored value is infinite or NaN: all bits of the exponent are set in those."""
    if not stored.size:
        return True
    size, exponent = stored.dtype.itemsize, EXPONENT[dtype]
    # Read as integers, such values are the largest of their sign: two passes that need no memory.
    negative = exponent | 1 << 8 * size - 1
    return int(stored.view(f"i{size}").max()) < exponent and int(stored.view(f"u{size}").max()) < negative


def first_bad_row(values: np.ndarray, dtype: str) -> int | None:
    """Index of the first row that cannot be stored; None if all can."""
    bad = [not all_finite(rounded(row, dtype), dtype) for row in values]
    return bad.index(True) if any(bad) else None


def complaint(row: np.ndarray, dtype: str) -> str:
    too_large = f"more than {dtype} holds ({LARGEST[dtype]:.6g}): set harvest.dtype: float32."
    rounded_already = row.dtype != np.float32
    row = decode(row, dtype) if rounded_already else row
    if not np.isfinite(row).all():
        unit = int(np.argmin(np.isfinite(row)))
        if rounded_already and not np.isnan(row[unit]):
            return f"found {row[unit]} at unit {unit}: it was not finite, or {too_large}"
        return f"found {row[unit]} at unit {unit}, expected finite activations."
    unit = int(np.abs(row).argmax())
    return f"found {row[unit]:.6g} at unit {unit}, {too_large}"


def decode(stored: np.ndarray, dtype: str) -> np.ndarray:
    """Stored values as float32."""
    if dtype == "bfloat16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(np.float32, copy=False)


def to_bfloat16_bits(values: np.ndarray) -> np.ndarray:
    """Bits of the nearest bfloat16, ties to even, as torch rounds."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
