"""Parts of the trainers that have a right answer."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.dictionaries.learn import METHODS
from thresh.dictionaries.online import Mending, Statistics
from thresh.dictionaries.sparse_autoencoder import geometric_median, rate


def test_the_geometric_median_of_a_line_is_its_median():
    x = torch.tensor([[0.0], [1.0], [2.0], [50.0], [1000.0]])
    assert float(geometric_median(x, steps=2000)) == pytest.approx(2, abs=1e-2)


def test_no_direction_leads_away_from_the_geometric_median():
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64).exp()
    middle = geometric_median(x, steps=500)
    pull = ((x - middle) / (x - middle).norm(dim=1, keepdim=True)).mean(dim=0)
    assert float(pull.norm()) < 1e-6


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_one_round_of_block_coordinate_descent_lowers_the_surrogate(seed):
    """The surrogate of Mairal et al. 2009, eq. 10: tr(D'AD)/2 - tr(D'B)."""
    generator = torch.Generator().manual_seed(seed)
    atoms = torch.nn.functional.normalize(torch.randn(10, 6, generator=generator), dim=1)
    state = Statistics(atoms.clone(), generator)
    x = torch.randn(50, 6, generator=generator)
    codes = torch.rand(50, 10, generator=generator) * (torch.rand(50, 10, generator=generator) < 0.3)
    state.remember(codes, x, 1.0)
    assert torch.allclose(state.A, codes.T @ codes / 50, atol=1e-6)

    def surrogate(d):
        return 0.5 * torch.einsum("ij,ik,jk->", state.A, d, d) - (state.B * d).sum()

    before = surrogate(atoms)
    state.update_atoms()
    assert surrogate(state.atoms) <= before + 1e-6
    assert torch.allclose(state.atoms.norm(dim=1), torch.ones(10), atol=1e-5)


def test_weak_and_repeated_atoms_become_the_worst_residuals():
    state = Statistics(torch.eye(6)[[0, 1, 1, 3]].clone(), torch.Generator().manual_seed(0))
    state.A = torch.diag(torch.tensor([1.0, 2.0, 1.0, 1e-9]))
    residual = torch.zeros(5, 6)
    residual[2, 4], residual[3, 5], residual[0, 0] = 9.0, -7.0, 0.1
    state.replace_atoms(residual, Mending(1.0, 1e-3, 0.9))
    assert torch.equal(state.atoms, torch.stack([torch.eye(6)[0], torch.eye(6)[1], torch.eye(6)[4], -torch.eye(6)[5]]))
    assert state.A.diagonal().tolist() == [1.0, 2.0, 0.0, 0.0]


def topk(**params):
    learner = METHODS["topk"](8, 16, k=2, device="cpu", **params)
    rows = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)

    class Rows:
        shape = (100, 8)
        moments = type("M", (), {"variance": 8.0})

        def sample(self, count, seed):
            return rows

    learner.initialise(Rows())
    return learner, torch.from_numpy(rows)


def test_dead_latents_get_a_gradient_from_what_is_left_over():
    learner, x = topk(dead_after=50)
    pre = (x - learner.b_dec) @ learner.W_enc + learner.b_enc
    dead = torch.arange(16) >= 12
    codes = learner.activate(pre.masked_fill(dead, -1.0))
    residual = (x - codes @ learner.W_dec - learner.b_dec).detach()
    loss = learner.revive(residual, pre, codes)
    assert loss.item() > 0
    loss.backward()
    assert (learner.W_enc.grad[:, dead].abs().sum(dim=0) > 0).all()
    assert (learner.W_dec.grad[dead].abs().sum(dim=1) > 0).all()
    assert not learner.W_enc.grad[:, ~dead].any()


def test_latents_that_are_alive_get_no_auxiliary_loss():
    learner, x = topk(dead_after=1000)
    pre = x @ learner.W_enc
    codes = learner.activate(pre)
    assert learner.revive(x - codes @ learner.W_dec, pre, codes).item() == 0


def test_the_projected_gradient_keeps_lengths():
    learner, _ = topk()
    learner.W_dec.grad = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    tangent = learner.W_dec.grad.clone()
    learner.project_gradient()
    assert torch.allclose((learner.W_dec.grad * learner.W_dec).sum(dim=1), torch.zeros(16), atol=1e-5)
    lost = tangent - learner.W_dec.grad
    assert torch.allclose(lost, (lost * learner.W_dec).sum(dim=1, keepdim=True) * learner.W_dec, atol=1e-5)


def test_the_learning_rate_rises_stays_and_falls_to_zero():
    assert [rate(done) for done in (0.025, 0.05, 0.5, 0.7, 0.85, 1.0)] == pytest.approx([0.5, 1, 1, 1, 0.5, 0])
