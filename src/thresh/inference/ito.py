"""Lasso codes by a fixed number of steps from what an encoder gives."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from thresh.inference.arrays import on_tensors
from thresh.inference.lasso import Lasso, start
from thresh.parameters import POSITIVE, TRUE_OR_FALSE, checked, integer


@checked(penalty=POSITIVE, nonnegative=TRUE_OR_FALSE, steps=integer(1))
def ito(x, atoms, penalty: float, warm, nonnegative: bool = True, steps: int = 20) -> np.ndarray | Tensor:
    """Codes after some steps towards the minimum of 0.5 |x - z D|^2 + penalty |z|_1, from codes that are given.

    Inference-time optimisation: the encoder says roughly which atoms are there, and each row then improves its own
    codes by the steps of `fista`, all rows equally many. What remains to the optimum is not looked at; take `fista`
    with `start="encoder"` where it should be known.

    Parameters
    ----------
    x : (rows, units)
    atoms : (atoms, units)
        An atom of zeros gets code 0.
    penalty
        Positive, in the scale of x.
    warm : (rows, atoms)
        Codes to begin from, such as those of an encoder; with `nonnegative`, negative ones count as 0.
    nonnegative
        False gives the signed lasso.
    steps
        Each costs two products of the rows with the atoms.

    Returns
    -------
    (rows, atoms), of the kind and dtype of x

    Raises
    ------
    DictionaryError
        A value of x or of the atoms is not finite (names the row), or shapes do not go together.
    ConfigError
        The penalty is not positive, or steps is below 1.

    References
    ----------
    Steps: Beck & Teboulle 2009, eq. 4.1-4.3, with the restart of O'Donoghue & Candes 2015, eq. 13. From the codes of an
    autoencoder: Smith 2024, "Inference-time optimisation" (there with gradient pursuit).
    """
    return on_tensors(
        partial(improve, penalty=float(penalty), nonnegative=nonnegative, steps=steps), x, atoms, warm=warm
    )


def improve(x: Tensor, atoms: Tensor, *, penalty: float, nonnegative: bool, steps: int, warm: Tensor) -> Tensor:
    """`ito` on checked tensors."""
    codes = torch.where((atoms == 0).all(dim=1), 0.0, warm)
    codes = codes.clamp(min=0) if nonnegative else codes
    return Lasso(x, atoms, penalty, nonnegative).advance(start(codes), steps).codes
