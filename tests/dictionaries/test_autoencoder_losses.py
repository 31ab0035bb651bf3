"""Losses and gradients of sparse autoencoders against their equations in plain torch, with dense codes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from thresh.dictionaries.autoencoders.stack import Stack
from thresh.dictionaries.learner import Start
from thresh.dictionaries.methods.batchtopk import follow, largest_of_parts
from thresh.dictionaries.methods.jumprelu import Jump
from thresh.dictionaries.methods.matryoshka import prefixes_of
from thresh.dictionaries.moments import moments
from thresh.dictionaries.registry import learner_of
from thresh.dictionaries.rows import ArrayRows
from thresh.errors import ConfigError

UNITS, ATOMS, ROWS = 6, 11, 40
X = torch.randn(ROWS, UNITS, generator=torch.Generator().manual_seed(5)) + 0.3


def stack_of(method: str, *penalties: float, **params) -> Stack:
    """Autoencoders somewhere in the middle of their training."""
    own = [{"penalty": penalty} for penalty in penalties] or [{}, {}]
    members = [learner_of(UNITS, method, ATOMS, seed, "cpu", **params, **each) for seed, each in enumerate(own)]
    stack = members[0].begin(members, Start(X, moments(ArrayRows(X)), ROWS)).stack
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return stack


def agree(stack: Stack, expected: Tensor, done: float = 0.9) -> None:
    """The loss of each autoencoder is the expected one, and so is every gradient."""
    loss = stack.recipe.forward(stack, X, done).loss
    assert torch.allclose(loss, expected, rtol=1e-5)
    names, parameters = zip(*stack.named_parameters(), strict=True)
    wanted = torch.autograd.grad(expected.sum(), parameters, retain_graph=True)
    for name, found, want in zip(names, torch.autograd.grad(loss.sum(), parameters), wanted, strict=True):
        assert torch.allclose(found, want, atol=1e-5, rtol=1e-4), name


def encoded(stack: Stack) -> Tensor:
    inputs = X - stack.b_dec.unsqueeze(1)
    return torch.einsum("nru,nau->nra", inputs, stack.W_enc)


def decoded(stack: Stack, codes: Tensor) -> Tensor:
    return torch.einsum("nra,nau->nru", codes, stack.W_dec) + stack.b_dec.unsqueeze(1)


def error(stack: Stack, x_hat: Tensor) -> Tensor:
    return (X - x_hat).square().sum(dim=2).mean(dim=1) / stack.variance


def test_relu():
    stack = stack_of("relu", 0.02, 0.3)
    z = (encoded(stack) + stack.b_enc.unsqueeze(1)).relu()
    penalty = torch.tensor([0.02, 0.3]) * 2 * z.sum(dim=2).mean(dim=1) / math.sqrt(stack.variance)
    agree(stack, error(stack, decoded(stack, z)) + penalty)
    agree(stack, error(stack, decoded(stack, z)) + penalty / 2, done=0.025)
    agree(stack, error(stack, decoded(stack, z)), done=0)


def test_gated():
    """Rajamanoharan et al. 2024a, eq. 6 to 8, with an encoder of its own for gate and magnitude."""
    stack = stack_of("gated", 0.1, 0.4)
    W_mag = stack.r_mag.exp().unsqueeze(2) * stack.W_enc
    inputs = X - stack.b_dec.unsqueeze(1)
    gate = encoded(stack) + stack.b_enc.unsqueeze(1)
    magnitude = (torch.einsum("nru,nau->nra", inputs, W_mag) + stack.b_mag.unsqueeze(1)).relu()
    z = torch.heaviside(gate.detach(), torch.zeros(())) * magnitude
    frozen, bias = stack.W_dec.detach().clone(), stack.b_dec.detach().clone()
    by_gate = torch.einsum("nra,nau->nru", gate.relu(), frozen) + bias.unsqueeze(1)
    penalty = torch.tensor([0.1, 0.4]) * 2 * gate.relu().sum(dim=2).mean(dim=1) / math.sqrt(stack.variance)
    agree(stack, error(stack, decoded(stack, z)) + penalty + error(stack, by_gate))


def test_jumprelu():
    """Rajamanoharan et al. 2024b, eq. 9, 11 and 12: pseudo-derivatives as straight-through terms of plain autograd."""
    stack = stack_of("jumprelu", 0.05, 0.2, bandwidth=0.8, first_threshold=0.5)
    threshold = stack.log_threshold.exp().unsqueeze(1)
    bandwidth = 0.8 * math.sqrt(stack.variance / UNITS)
    pre = encoded(stack) + stack.b_enc.unsqueeze(1)
    near = (((pre - threshold) / bandwidth).abs() < 0.5).float().detach()
    active = (pre > threshold).float().detach()
    assert 0 < (near * active).sum() < near.sum()
    slope = -near / bandwidth * (threshold - threshold.detach())
    z = pre * active + threshold.detach() * slope
    agree(stack, error(stack, decoded(stack, z)) + torch.tensor([0.05, 0.2]) * (active + slope).sum(dim=2).mean(dim=1))


def test_pseudo_gradients_of_thresholds_are_those_of_the_expectation():
    """For p normal, d E[H(p - t)] / dt = -density(t) and d E[p H(p - t)] / dt = -t density(t)."""
    pre = torch.randn(1, 400_000, 1, generator=torch.Generator().manual_seed(0))
    for place in (0.3, 1.0, 1.7):
        threshold = torch.tensor([[place]], requires_grad=True)
        codes, active = Jump.apply(pre, threshold, 0.1)
        density = math.exp(-(place**2) / 2) / math.sqrt(2 * math.pi)
        (of_active,) = torch.autograd.grad(active.mean(), threshold, retain_graph=True)
        (of_codes,) = torch.autograd.grad(codes.mean(), threshold)
        assert of_active.item() == pytest.approx(-density, rel=0.03)
        assert of_codes.item() == pytest.approx(-place * density, rel=0.03)


def test_thresholds_stay_positive_however_far_they_are_pushed():
    stack = stack_of("jumprelu", 1e-6, first_threshold=1e-3)
    with torch.no_grad():
        stack.log_threshold -= 50
    exported = stack.recipe.export({name: tensor[0].detach() for name, tensor in stack.state_dict().items()})
    assert (exported.threshold > 0).all()


def batch_of(stack: Stack, k: int) -> Tensor:
    """Dense codes of BatchTopK."""
    pre = encoded(stack) + stack.b_enc.unsqueeze(1)
    smallest = pre.flatten(1).sort(dim=1, descending=True).values[:, k * ROWS - 1]
    return torch.where(pre >= smallest.view(-1, 1, 1), pre, 0.0).relu()


# With 10 of 11 latents, some that are kept are negative.
@pytest.mark.parametrize("k", [1, 3, 10])
def test_batchtopk(k):
    stack = stack_of("batchtopk", k=k)
    z = batch_of(stack, k)
    agree(stack, error(stack, decoded(stack, z)))
    found = stack.recipe.forward(stack, X, 0.9)
    assert found.active.tolist() == (z != 0).sum(dim=(1, 2)).tolist()
    assert torch.equal(found.used, (z != 0).any(dim=1))
    assert torch.allclose(found.residual, X - decoded(stack, z), atol=1e-5)


@pytest.mark.parametrize("groups", [[0.3, 0.5, 1], [4, 7], [1.0]])
def test_matryoshka(groups):
    stack = stack_of("matryoshka", k=3, groups=groups)
    z = batch_of(stack, 3)
    sizes = {(0.3, 0.5, 1): (3, 6, 11), (4, 7): (4, 7, 11), (1.0,): (11,)}[tuple(groups)]
    prefixes = [torch.where(torch.arange(ATOMS) < size, z, 0.0) for size in sizes]
    agree(stack, torch.stack([error(stack, decoded(stack, each)) for each in prefixes]).mean(dim=0))
    found = stack.recipe.forward(stack, X, 0.9)
    assert torch.allclose(found.residual, X - decoded(stack, z), atol=1e-5)


def test_prefixes_are_shares_or_sizes():
    assert prefixes_of((1 / 16, 1 / 8, 1 / 4, 1 / 2, 1), 64) == (4, 8, 16, 32, 64)
    assert prefixes_of((1 / 16, 1 / 8, 1 / 4, 1 / 2, 1), 4) == (1, 2, 4)
    assert prefixes_of([20, 10], 64) == (10, 20, 64)
    for groups in ([10, 65], [0.5, 10], [2.5]):
        with pytest.raises(ConfigError, match="groups"):
            learner_of(8, "matryoshka", 64, device="cpu", groups=groups)


def test_the_threshold_follows_the_smallest_latent_that_is_kept():
    threshold, every = torch.tensor([-1.0, -1.0]), torch.ones(1, 2, 3, dtype=torch.bool)
    follow(threshold, torch.tensor([[[0.5, 2.0, -3.0], [0.0, -1.0, -2.0]]]), every)
    assert threshold.tolist() == [0.5, 0.0]
    follow(threshold, torch.tensor([[[1.5, 2.0, 0.0], [4.0, 3.0, 2.0]]]), every)
    assert threshold.tolist() == pytest.approx([0.5 + 0.01 * 1.0, 0.02])


@settings(max_examples=80, deadline=None)
@given(
    values=arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 6)),
        elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0]),  # ties are the rule
    ),
    share=st.floats(0.01, 1),
)
def test_the_largest_of_all_parts_are_kept(values, share):
    """As many as asked for, also where values are equal; the threshold is that of all parts."""
    count = max(1, round(share * values.shape[0] * values.shape[2]))
    kept = largest_of_parts(torch.from_numpy(values), count)
    threshold = torch.full((values.shape[1],), -1.0)
    follow(threshold, torch.from_numpy(values), kept)
    for member in range(values.shape[1]):
        own, of_own = values[:, member].flatten(), kept[:, member].flatten().numpy()
        expected = np.argsort(-own, kind="stable")[:count]
        assert of_own.nonzero()[0].tolist() == sorted(expected)
        positive = own[expected][own[expected] > 0]
        assert threshold[member] == (positive.min() if len(positive) else 0)


def test_the_threshold_of_batchtopk_is_the_mean_over_the_last_batches():
    learner = learner_of(UNITS, "batchtopk", ATOMS, device="cpu", k=2, learning_rate=1e-12)
    x = torch.randn(400 * 50, UNITS, generator=torch.Generator().manual_seed(0))
    run = learner.begin([learner], Start(x, moments(ArrayRows(x.numpy())), len(x)))
    smallest = []
    for batch in x.split(50):
        run.step(batch, 0.5)
        with torch.no_grad():
            pre = (batch - run.stack.b_dec[0]) @ run.stack.W_enc[0].T + run.stack.b_enc[0]
        smallest.append(float(pre.flatten().sort(descending=True).values[99]))
    dictionary = run.dictionaries()[0]
    assert float(dictionary.threshold[0]) == pytest.approx(np.mean(smallest[-100:]), rel=0.02)
    assert float((dictionary.codes_of(x) != 0).sum(dim=1).float().mean()) == pytest.approx(2, rel=0.02)


def test_the_penalty_of_p_annealing_begins_as_that_of_relu_and_keeps_its_size_when_p_changes():
    relu, annealed = stack_of("relu", 0.02, 0.3), stack_of("p_anneal", 0.02, 0.3)
    expected = relu.recipe.forward(relu, X, 0.5).loss
    assert torch.equal(annealed.recipe.forward(annealed, X, 0.1).loss, expected)
    for done in (0.25, 0.5, 0.9):
        assert torch.allclose(annealed.recipe.forward(annealed, X, done).loss, expected, rtol=1e-4)
    assert annealed.p.tolist() == pytest.approx([0.2, 0.2])


def test_the_penalty_of_p_annealing_pulls_as_a_power_does():
    """At p = 1/2, a code is pulled with strength c / (2 sqrt(z)): the stronger it is, the less."""
    stack = stack_of("p_anneal", 0.1, final_p=0.5)
    codes = torch.tensor([[[0.04, 0.25, 1.0, 4.0, 0.0]]]) * math.sqrt(stack.variance)
    codes.requires_grad_()
    (pull,) = torch.autograd.grad(stack.recipe.cost(stack, codes, 1.0).sum(), codes)
    assert (pull[0, 0, :4] / pull[0, 0, 2]).tolist() == pytest.approx([5, 2, 1, 0.5], rel=0.02)
    assert pull.isfinite().all()
