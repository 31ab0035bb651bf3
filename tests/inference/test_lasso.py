"""Steps on the lasso with a penalty for each code."""

import numpy as np
import pytest
import torch

from thresh.inference import fista
from thresh.inference.lasso import Lasso, start


@pytest.mark.parametrize("nonnegative", [True, False])
def test_a_penalty_for_each_code_is_the_lasso_of_other_lengths(nonnegative):
    # With u_j = w_j z_j, penalty sum w_j |z_j| on atoms d_j is penalty |u|_1 on atoms d_j / w_j.
    random = np.random.default_rng(0)
    atoms = random.normal(size=(30, 12)) / np.sqrt(12)
    x = random.normal(size=(5, 12))
    weights = random.uniform(0.2, 1, size=(5, 30))
    problem = Lasso(torch.from_numpy(x), torch.from_numpy(atoms), torch.from_numpy(0.1 * weights), nonnegative)
    codes = problem.advance(start(torch.zeros(5, 30, dtype=torch.float64)), 5000).codes.numpy()
    for row, weight, found in zip(x, weights, codes, strict=True):
        scaled = fista(row[None], atoms / weight[:, None], 0.1, nonnegative, tolerance=1e-12)[0]
        assert found == pytest.approx(scaled / weight, abs=1e-6)
