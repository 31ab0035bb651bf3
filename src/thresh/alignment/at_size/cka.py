"""Linear CKA of responses that need not fit in memory."""

from __future__ import annotations

from typing import Any

from thresh.alignment.at_size.dense import DenseSide, squared_product
from thresh.alignment.at_size.sources import Source, paired_sources
from thresh.alignment.at_size.sparse import SparseSide
from thresh.alignment.cka import alignment, fewest_for_cka, unbiased_hsics
from thresh.parameters import TRUE_OR_FALSE, checked
from thresh.store.moments import running


@checked(debiased=TRUE_OR_FALSE)
def linear_cka(x: Any, y: Any, *, debiased: bool = False, scheduler: str = "threads") -> float:
    """`thresh.alignment.linear_cka` for any number of rows.

    X'X, Y'Y and X'Y are summed over blocks of rows about the exact mean, which a first pass finds; the unbiased
    estimators need no more than these and the norms of the centred rows. Products of a block of float32 are made in
    float32 and added in float64. Memory: the products of a few parts of the rows (8 units_x units_y bytes each, or
    0.5 GB where that is more: further columns take further passes) and 16 bytes a row. Of codes the entries are held
    (12 bytes each) and their products are taken sparse, some atoms at a time; as they are centred afterwards, atoms
    whose mean is m standard deviations cost 4 log10(m) of 15 digits.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
        Activations, Codes, arrays of dask or Zarr, memory maps, arrays, scipy.sparse; same stimuli in the same order.
    debiased
        As for the metric in memory, to which this is equal within 1e-6, for float64 within 1e-9.
    scheduler
        Of dask: 'threads', 'processes', 'synchronous', or the address of a cluster whose workers see the stores under
        the same paths. It changes no bit of the result, nor does the number of workers.

    Raises
    ------
    AlignmentError
        As the metric in memory.
    ConfigError
        The cluster cannot be reached.
    """
    x, y = paired_sources(x, y, fewest_for_cka(debiased))
    with running(scheduler):
        x, y = side_of(x, "x"), side_of(y, "y")
        (own_x, norms_x), (own_y, norms_y) = x.own(), y.own()
        cross = cross_squared(x, y)
    products = cross, own_x, own_y
    return alignment(*(unbiased_hsics(products, norms_x, norms_y) if debiased else products))


def linear_cka_debiased(x: Any, y: Any, *, scheduler: str = "threads") -> float:
    """`linear_cka` with unbiased estimators of HSIC."""
    return linear_cka(x, y, debiased=True, scheduler=scheduler)


def side_of(source: Source, name: str) -> DenseSide | SparseSide:
    return SparseSide.of(source, name) if source.sparse else DenseSide.of(source, name)


def cross_squared(x: DenseSide | SparseSide, y: DenseSide | SparseSide) -> float:
    """|X'Y|^2 of centred columns."""
    if isinstance(x, SparseSide) and isinstance(y, SparseSide):
        return x.cross_squared(y)
    # It is enough that one side is centred, and that is the dense one.
    if isinstance(y, SparseSide):
        x, y = y, x
    return squared_product(x.rows if isinstance(x, SparseSide) else x, y)
