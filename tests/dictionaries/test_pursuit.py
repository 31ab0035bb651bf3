"""The matching pursuit autoencoder: its gradient, its codes, and features in dense superposition."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from thresh.dictionaries import learn
from thresh.dictionaries.kinds.matching_pursuit import MatchingPursuitDictionary
from thresh.dictionaries.methods.mp import Pursuit, first_of_each
from thresh.evaluation import matched_correlation, matched_cosine
from thresh.inference import matching_pursuit

from .by_hand import (
    RESTLESS,
    comes_back_from_its_file,
    goes_on_as_if_uninterrupted,
    learned_in_a_stack_is_learned_alone,
)
from .planted import plant


@pytest.fixture(scope="module")
def planted():
    return plant(rows=4000, features=48, units=24, active=3)


def unrolled(x, atoms, k):
    """Dense codes and residual of one dictionary, step by step, all of it in autograd's graph."""
    codes, residual = torch.zeros(len(x), len(atoms), dtype=x.dtype), x
    for _ in range(k):
        correlation = residual @ atoms.T
        chosen = torch.nn.functional.one_hot(correlation.argmax(dim=1), len(atoms)).to(x)
        new = (correlation * chosen).relu()
        codes, residual = codes + new, residual - new @ atoms
    return codes, residual


def test_the_gradient_is_that_of_the_unrolled_steps():
    """More steps than units, so that atoms are chosen again and rows end; atoms that are not of unit norm."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 40, 5, generator=generator, dtype=torch.float64)
    atoms = torch.randn(2, 7, 5, generator=generator, dtype=torch.float64) / 2
    weights = torch.randn(2, 40, 5, generator=generator, dtype=torch.float64)
    ours = [each.clone().requires_grad_() for each in (x, atoms)]
    residual, index, amounts = Pursuit.apply(*ours, 9)
    (residual.square() * weights).sum().backward()
    assert bool((first_of_each(index, amounts) != amounts).any())
    assert bool((amounts == 0).any())
    theirs = [each.clone().requires_grad_() for each in (x, atoms)]
    expected = [unrolled(rows, each, 9) for rows, each in zip(*theirs, strict=True)]
    sum((left.square() * weight).sum() for (_, left), weight in zip(expected, weights, strict=True)).backward()
    for (codes, left), ours_left, chosen, given in zip(expected, residual, index, amounts, strict=True):
        assert torch.allclose(left, ours_left, atol=1e-12)
        assert torch.allclose(codes, torch.zeros_like(codes).scatter_add(1, chosen, given), atol=1e-12)
        assert int((codes != 0).sum()) == int((first_of_each(chosen[None], given[None]) != 0).sum())
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a.grad, b.grad, atol=1e-12)


def test_its_encoder_is_the_solver_matching_pursuit(planted):
    dictionary = learn(planted.rows, "mp", atoms=48, k=4, epochs=1, device="cpu")
    x = planted.rows[:500].astype(np.float64)
    codes = matching_pursuit(x - dictionary.bias, dictionary.atoms, 4, nonnegative=True)
    assert np.abs(dictionary.encode(x) - codes).max() < 1e-5
    assert np.linalg.norm(dictionary.atoms, axis=1) == pytest.approx(1, abs=1e-5)


def test_more_steps_than_in_training_explain_more(planted):
    dictionary = learn(planted.rows, "mp", atoms=48, k=4, epochs=1, device="cpu")
    longer = [MatchingPursuitDictionary(dictionary.W_dec, k, dictionary.b_dec) for k in (1, 2, 4, 8, 16)]
    left = [np.square(planted.rows - each.decode(each.encode(planted.rows))).sum(axis=1) for each in longer]
    assert all((after <= before + 1e-5).all() for before, after in pairwise(left))
    assert all(after.sum() < 0.9 * before.sum() for before, after in pairwise(left))


def test_rows_end_where_sae_lens_ends_them():
    """Its rule, one row at a time: after a step, stop if the support is as before it, or the residual is short."""
    generator = np.random.default_rng(0)
    lengths = generator.uniform(0.8, 1.2, size=12)
    unit = generator.normal(size=(12, 6))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    atoms, x = unit * lengths[:, None], generator.normal(size=(60, 6))
    steps = set()
    for threshold, on_duplicates in ((0.0, False), (0.8, False), (0.0, True), (0.8, True)):
        expected = np.zeros((60, 12))
        for codes, residual in zip(expected, x.copy(), strict=True):
            for step in range(10):  # noqa: B007  (how far it came is looked at below)
                before = codes != 0
                j = (residual @ atoms.T).argmax()
                amount = max(residual @ atoms[j], 0)
                codes[j] += amount
                residual -= amount * atoms[j]
                ended = (on_duplicates and ((codes != 0) == before).all()) or np.linalg.norm(residual) < threshold
                if ended:
                    break
            steps.add(step)
        ours = MatchingPursuitDictionary(
            unit, 10, residual_threshold=threshold, stop_on_duplicate_support=on_duplicates, lengths=lengths
        )
        assert np.abs(ours.encode(x) - expected * lengths).max() < 1e-4
    assert len(steps) > 3


def test_it_finds_more_features_in_dense_superposition_than_topk(planted):
    mp, topk = (learn(planted.rows, method, atoms=48, k=5, epochs=60, device="cpu") for method in ("mp", "topk"))
    random = learn(planted.rows, "random", atoms=48, device="cpu")
    cosine, of_topk, by_chance = (matched_cosine(each.atoms, planted.directions) for each in (mp, topk, random))
    assert cosine > 0.95
    assert cosine > of_topk + 0.03
    assert by_chance < 0.6
    correlation, of_topk = (matched_correlation(each.encode(planted.rows), planted.features) for each in (mp, topk))
    assert correlation > of_topk + 0.05
    assert mp.facts["explained_variance"] > topk.facts["explained_variance"] + 0.03


def test_it_is_learned_and_kept_as_others_are(planted, tmp_path):
    x = planted.rows[:700]
    assert learned_in_a_stack_is_learned_alone("mp", x, 80, k=3, **RESTLESS)
    assert goes_on_as_if_uninterrupted("mp", x, 80, k=3, **RESTLESS)
    for normalise in ("none", "scale", "whiten"):
        dictionary = learn(x, "mp", atoms=40, k=3, epochs=1, normalise=normalise, device="cpu")
        assert comes_back_from_its_file(dictionary, x, tmp_path / normalise)
