"""Parts of the training of sparse autoencoders that have a right answer."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.dictionaries.autoencoders.resample import resample
from thresh.dictionaries.autoencoders.run import AutoencoderRun
from thresh.dictionaries.autoencoders.schedule import rate
from thresh.dictionaries.autoencoders.sparse import EncoderGradient, Support, decode, largest
from thresh.dictionaries.learner import Start
from thresh.dictionaries.median import geometric_median
from thresh.dictionaries.moments import moments
from thresh.dictionaries.registry import learner_of
from thresh.dictionaries.rows import ArrayRows


def test_the_geometric_median_of_a_line_is_its_median():
    x = torch.tensor([[0.0], [1.0], [2.0], [50.0], [1000.0]])
    assert float(geometric_median(x, steps=2000)) == pytest.approx(2, abs=1e-2)


def test_no_direction_leads_away_from_the_geometric_median():
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64).exp()
    middle = geometric_median(x, steps=500)
    pull = ((x - middle) / (x - middle).norm(dim=1, keepdim=True)).mean(dim=0)
    assert float(pull.norm()) < 1e-6


def test_the_learning_rate_rises_stays_and_falls_to_zero():
    places = (0.025, 0.05, 0.5, 0.7, 0.85, 1.0)
    assert [rate(done) for done in places] == pytest.approx([0.5, 1, 1, 1, 0.5, 0])
    cosine = [rate(done, "cosine") for done in (*places, 0.775)]
    assert cosine == pytest.approx([0.5, 1, 1, 1, 0.5, 0, 0.5 + 0.5 * np.cos(np.pi / 4)])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    k=st.integers(1, 20),
    atoms=st.sampled_from([64, 2048, 4096, 6144]),
    ties=st.booleans(),
)
def test_the_largest_entries_are_those_of_a_full_sort(seed, k, atoms, ties):
    generator = torch.Generator().manual_seed(seed)
    pre = torch.randn(2, 5, atoms, generator=generator)
    if ties:
        pre = pre.mul(3).round()
    values, index = largest(pre, k)
    assert torch.equal(values.sort(descending=True).values, pre.sort(descending=True).values[..., :k])
    assert torch.equal(pre.gather(-1, index), values)
    assert all(len(row.unique()) == k for row in index.flatten(0, 1))


def test_gradients_of_sparse_codes_are_those_of_dense_ones():
    """Against autograd through dense codes with the same mask, for rows with different numbers of active atoms."""
    generator = torch.Generator().manual_seed(0)
    n, rows, atoms, units = 3, 7, 11, 5
    W_enc, W_dec = (torch.randn(n, atoms, units, generator=generator).requires_grad_() for _ in range(2))
    b_enc, b_dec = (torch.randn(n, size, generator=generator).requires_grad_() for size in (atoms, units))
    x = torch.randn(rows, units, generator=generator)
    mask = torch.rand(n, rows, atoms, generator=generator) < 0.3
    weight = torch.randn(n, rows, units, generator=generator)
    parameters = (W_enc, W_dec, b_enc, b_dec)

    def pre_activations():
        return torch.einsum("nru,nau->nra", x - b_dec.unsqueeze(1), W_enc) + b_enc.unsqueeze(1)

    codes = torch.where(mask, pre_activations(), 0.0)
    dense = torch.einsum("nra,nau->nru", codes, W_dec)
    expected = torch.autograd.grad((dense * weight).sum(), parameters)

    support = Support.of_mask(mask)
    pre = support.take(pre_activations().detach())
    values = EncoderGradient.apply(pre, (x - b_dec.unsqueeze(1)).detach(), W_enc, b_enc, b_dec, support)
    decoded = decode(values, W_dec, support)
    assert torch.allclose(decoded, dense, atol=1e-5)
    assert torch.equal(values, codes[mask])
    for found, wanted in zip(torch.autograd.grad((decoded * weight).sum(), parameters), expected, strict=True):
        assert torch.allclose(found, wanted, atol=1e-5)
    assert torch.equal(support.used(values), (codes != 0).any(dim=1))
    assert torch.equal(support.active(values), (codes != 0).sum(dim=(1, 2)))


X = torch.randn(100, 8, generator=torch.Generator().manual_seed(0))


def run_of(*seeds, atoms=16, **params) -> AutoencoderRun:
    members = [learner_of(8, "topk", atoms, seed, "cpu", k=2, **params) for seed in seeds]
    return members[0].begin(members, Start(X, moments(ArrayRows(X)), len(X)))


def test_dead_latents_get_a_gradient_from_what_is_left_over():
    stack = run_of(0, dead_after=100).stack
    stack.silent[0, 12:] = 101
    residual = torch.randn(1, 100, 8, generator=torch.Generator().manual_seed(1))
    loss = stack.revived(X, residual)
    codes = ((X - stack.b_dec[0]) @ stack.W_enc[0, 12:].T + stack.b_enc[0, 12:]).relu()
    missed = residual[0] - codes @ stack.W_dec[0, 12:]
    assert loss.item() == pytest.approx((missed.square().mean() / residual.square().mean()).item(), rel=1e-5)
    loss.sum().backward()
    assert (stack.W_enc.grad[0, 12:].abs().sum(dim=1) > 0).all()
    assert (stack.W_dec.grad[0, 12:].abs().sum(dim=1) > 0).all()
    assert not stack.W_enc.grad[0, :12].any()


def test_only_the_strongest_dead_latents_take_part():
    stack = run_of(0, auxiliary_k=2, dead_after=100).stack
    stack.silent[0, 4:] = 101
    stack.revived(X[:1], torch.ones(1, 1, 8)).sum().backward()
    pre = (X[:1] - stack.b_dec[0]) @ stack.W_enc[0].T
    pre[:, :4] = -torch.inf
    strongest = set(pre.topk(2).indices[0].tolist())
    assert set(stack.W_dec.grad[0].any(dim=1).nonzero().flatten().tolist()) == strongest


def test_latents_that_are_alive_get_no_auxiliary_loss():
    assert run_of(0, 1).stack.revived(X, torch.ones(2, 100, 8)).tolist() == [0, 0]


def test_a_latent_is_dead_after_its_rows_of_silence():
    run = run_of(0, dead_after=250)
    run.stack.b_enc.data[0, 3] = -100
    for step in range(4):
        assert bool(run.stack.dead[0, 3]) == (step == 3)
        assert not run.stack.dead[0, :3].any()
        run.step(X, 0.1)
    run.stack.b_enc.data[0, 3] = 100
    run.step(X, 0.1)
    assert not run.stack.dead[0, 3]


def test_the_projected_gradient_keeps_lengths():
    stack = run_of(0).stack
    stack.W_dec.grad = torch.randn(1, 16, 8, generator=torch.Generator().manual_seed(0))
    whole = stack.W_dec.grad.clone()
    with torch.no_grad():
        stack.recipe.before_step(stack)
    assert torch.allclose((stack.W_dec.grad * stack.W_dec).sum(dim=-1), torch.zeros(1, 16), atol=1e-5)
    lost = whole - stack.W_dec.grad
    assert torch.allclose(lost, (lost * stack.W_dec).sum(dim=-1, keepdim=True) * stack.W_dec, atol=1e-5)


def test_a_step_is_one_of_adam_on_the_clipped_gradient_of_the_unexplained_variance():
    """Against the same model in plain torch, dense, with its own optimiser."""
    run = run_of(0, learning_rate=0.01)
    first = {name: value.detach()[0].clone().requires_grad_() for name, value in run.stack.named_parameters()}
    adam = torch.optim.Adam(first.values(), lr=0.01, betas=(0.9, 0.999), eps=6.25e-10)
    variance = float((X - X.mean(dim=0)).square().sum(dim=1).mean())
    for _ in range(3):
        pre = (X - first["b_dec"]) @ first["W_enc"].T + first["b_enc"]
        kept = pre >= pre.topk(2).values[:, -1:]
        loss = (X - (pre * kept).relu() @ first["W_dec"] - first["b_dec"]).square().sum(dim=1).mean() / variance
        adam.zero_grad()
        loss.backward()
        grad, atoms = first["W_dec"].grad, first["W_dec"].data
        grad -= (grad * atoms).sum(dim=1, keepdim=True) * atoms
        torch.nn.utils.clip_grad_norm_(first.values(), 1.0)
        adam.step()
        atoms /= atoms.norm(dim=1, keepdim=True)
        found = run.step(X, 0.5)
        assert found.loss.item() == pytest.approx(loss.item(), rel=1e-5)
    for name, value in run.stack.named_parameters():
        assert torch.allclose(value[0], first[name], atol=1e-5), name


@pytest.mark.parametrize(
    ("params", "rows", "patience"),
    [
        ({}, 10_000, 3200),
        ({}, 1000, 1000),
        ({"resample_every": 500}, 10_000, 10_000),
        ({"resample_every": 500, "dead_after": 30}, 10_000, 30),
    ],
)
def test_a_latent_is_dead_sooner_where_that_does_not_end_what_it_was(params, rows, patience):
    assert learner_of(8, "topk", 16, device="cpu", k=2, batch_size=64, **params).patience(rows) == patience


@pytest.mark.parametrize("atoms", [16, 8])
def test_dead_latents_are_set_to_badly_explained_rows(atoms):
    """Also where there are as many atoms as units, and b_dec is as long as b_enc."""
    run, dead = run_of(3, atoms=atoms, dead_after=100), [2, atoms - 1]
    run.step(X, 0.1)
    run.stack.silent[0, dead] = 101
    residual = torch.full((1, 100, 8), 1e-6)
    residual[0, [17, 42]] = 5.0
    before = run.stack.W_dec.detach().clone()
    resample(run.stack, run.optimiser, run.parts, X, residual, 1)
    rows = torch.nn.functional.normalize(X[[17, 42]] - run.stack.b_dec[0], dim=1)
    chosen = run.stack.W_dec[0, dead]
    assert torch.allclose((chosen @ rows.T).amax(dim=1), torch.ones(2), atol=1e-5)
    assert torch.equal(run.stack.W_dec[0, :2], before[0, :2])
    assert not run.stack.dead.any()
    names = [name for name, _ in run.stack.named_parameters()]
    for name, part in zip(names, run.parts[0], strict=True):
        if name != "b_dec":
            assert not run.optimiser.state[part]["exp_avg"][dead].any()
        assert run.optimiser.state[part]["exp_avg"].any()
        assert name != "b_dec" or run.optimiser.state[part]["exp_avg"].all()
