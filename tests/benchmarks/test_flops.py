"""Formulas of operations: their products are those that torch counts while the arms run."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

import flops
from amortised_encoders import Encoder, linear, mlp
from thresh.inference import ito, omp
from thresh.inference.lasso import Lasso, start
from thresh.inference.lista import fit_layers

ROWS, UNITS = 32, 6
# Fewer atoms than twice the units, where the Gram matrix is used, and more, where it is not.
WIDTHS = (10, 20)


def problem(atoms: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(atoms)
    directions = nn.functional.normalize(torch.randn(atoms, UNITS, generator=generator))
    return torch.randn(ROWS, UNITS, generator=generator), directions


def products(work) -> float:
    """Operations a row that torch counts: matrix products alone."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / ROWS


@pytest.mark.parametrize("atoms", WIDTHS)
def test_encoders(atoms):
    x, directions = problem(atoms)
    for network, formula, others in (
        (linear(directions), flops.linear(atoms, UNITS), atoms),
        (mlp(directions, 64), flops.mlp(atoms, UNITS, 64), 64 + atoms),
    ):
        encoder = Encoder(network, directions)
        assert products(lambda encoder=encoder: encoder.encode(x) @ directions) == formula - others


@pytest.mark.parametrize("atoms", WIDTHS)
def test_fista_and_ito_by_steps(atoms):
    x, directions = problem(atoms)
    before = products(lambda: Lasso(x, directions, 0.1))  # what is done once for all rows, and x D'
    for steps in (1, 7):
        codes = torch.zeros(ROWS, atoms)
        counted = products(lambda steps=steps, codes=codes: ito(x, directions, 0.1, codes, steps=steps) @ directions)
        formula = flops.fista(atoms, UNITS, steps) - steps * (11 * atoms + 8) - 2 * UNITS * atoms
        assert counted - before == formula
    assert flops.ito(atoms, UNITS, 5) - flops.fista(atoms, UNITS, 5) == 2 * UNITS * atoms + atoms


class Elements(TorchDispatchMode):
    """Counts the numbers that operations other than products take or make, whichever are more; two for addcmul."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **kwargs or {})
        name = operation.overloadpacket.__name__
        if name not in ("mm", "t", "alias", "detach"):
            # addmm adds its first argument to a product.
            taken = args[:1] if name == "addmm" else args
            sizes = [each.numel() for each in (result, *taken) if torch.is_tensor(each)]
            self.count += max(sizes) * (2 if name == "addcmul" else 1)
        return result


def test_a_fista_step_is_eleven_operations_a_code_beside_the_gradient():
    x, directions = problem(40)
    lasso = Lasso(x, directions, 0.1)
    state = start(torch.zeros(ROWS, 40))
    with Elements() as elements:
        lasso.advance(state, 10)
    assert elements.count / ROWS / 10 == pytest.approx(11 * 40 + 8, rel=0.05)


@pytest.mark.parametrize("atoms", WIDTHS)
def test_lista_by_layers(atoms):
    x, directions = problem(atoms)
    for layers in (1, 4):
        codes = fit_layers(x, directions, 0.1, True, layers, 0, 0).func.__self__  # without the safeguard
        counted = products(lambda codes=codes: codes(x) @ directions)
        assert counted == flops.lista(atoms, UNITS, layers) - 4 * layers * atoms - (layers - 1) * UNITS


def test_omp_by_the_steps_that_its_formula_names():
    """Written out for one row; implementations of many rows spend more or less, for the same codes."""
    x, directions = problem(20)
    row, found = x[:1], torch.zeros(1, 20)

    def pursue():
        chosen, left = [], row
        for _ in range(3):
            chosen.append(int((left @ directions.T).abs().argmax()))
            taken = directions[chosen]
            taken @ directions[chosen[-1:]].T  # a column of the Gram matrix
            weights = torch.linalg.lstsq(taken.T, row.T).solution
            left = row - weights.T @ taken
        found[0, chosen] = weights.squeeze(1)
        return found @ directions

    elementwise = sum(20 + 3 * j * j for j in (1, 2, 3))
    assert ROWS * products(pursue) == flops.omp(20, UNITS, 3) - elementwise
    assert found.numpy() == pytest.approx(omp(row, directions, 3).numpy(), abs=1e-5)


@pytest.mark.parametrize("atoms", WIDTHS)
def test_counted_products_give_what_the_formula_does_where_steps_are_known(atoms):
    x, directions = problem(atoms)
    lasso = Lasso(x, directions, 0.1)
    counted = products(lambda: lasso.advance(start(torch.zeros(ROWS, atoms)), 12))
    formula = flops.fista(atoms, UNITS, 12) - 2 * UNITS * atoms  # x D' was made before
    assert flops.counted_fista(atoms, UNITS, counted) == pytest.approx(formula)


def test_at_the_size_of_the_paper_its_formulas_give():
    """By hand, for M = 8, N = 16."""
    assert flops.linear(16, 8) == 528
    assert flops.adam(16, 8, 100) == 70_544
