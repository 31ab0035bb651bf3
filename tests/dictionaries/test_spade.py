"""The sparsemax distance encoder: its codes, its gradient, and clusters that no hyperplane cuts off."""

import numpy as np
import pytest
import torch

from thresh.dictionaries import learn
from thresh.dictionaries.kinds.spade import SpaDEDictionary
from thresh.evaluation import matched_correlation

from .by_hand import (
    RESTLESS,
    begin,
    comes_back_from_its_file,
    goes_on_as_if_uninterrupted,
    learned_in_a_stack_is_learned_alone,
)

CLUSTERS = 18


def clusters_on_rays(rows: int, units: int = 8, rays: int = 6, noise: float = 0.12, seed: int = 0):
    """Tight clusters, three in each of some directions, one behind the other; and which row is in which."""
    random = np.random.default_rng([seed, 3])
    directions = random.normal(size=(rays, units))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    centres = np.concatenate([distance * directions for distance in (1, 2, 3)])
    label = random.integers(len(centres), size=rows)
    return (centres[label] + noise * random.normal(size=(rows, units))).astype(np.float32), np.eye(len(centres))[label]


@pytest.fixture(scope="module")
def clusters():
    return clusters_on_rays(3000)


def sparsemax(scores):
    """The projection by a sort (Martins & Astudillo 2016, algorithm 1), with autograd's own gradient."""
    ordered = scores.sort(dim=1, descending=True).values
    thresholds = (ordered.cumsum(dim=1) - 1) / torch.arange(1, scores.shape[1] + 1)
    last = (ordered > thresholds).sum(dim=1, keepdim=True) - 1
    return (scores - thresholds.gather(1, last)).clamp(min=0)


def test_loss_and_gradient_are_those_of_dense_distances(clusters):
    """With the penalty, by autograd through the full matrix of distances and a sort."""
    x = clusters[0][:90]
    run = begin("spade", x, 30, {"seed": 0}, {"seed": 1}, {"seed": 2, "locality": 0.7}, sharpness=5.0)
    stack, rows = run.stack.double(), torch.from_numpy(x).double()
    with torch.no_grad():
        stack.W_dec += 0.3 * torch.randn(stack.W_dec.shape, generator=torch.Generator().manual_seed(0))
    found = run.recipe.forward(stack, rows, 0.0)
    found.loss.sum().backward()
    for member, locality in enumerate((0.1, 0.1, 0.7)):
        learned = (getattr(stack, name)[member] for name in ("W_enc", "W_dec", "log_sharpness"))
        prototypes, atoms, log_sharpness = (each.detach().clone().requires_grad_() for each in learned)
        inputs = rows - stack.b_dec[member]
        distances, from_atoms = ((inputs[:, None] - points).square().sum(dim=2) for points in (prototypes, atoms))
        shares = sparsemax(-log_sharpness.exp() * distances)
        error = (inputs - shares @ atoms).square().sum(dim=1)
        loss = (error + locality * (shares * from_atoms).sum(dim=1)).mean() / stack.variance
        loss.backward()
        assert 1 < (shares > 0).double().sum(dim=1).mean() < 15
        assert found.loss[member].item() == pytest.approx(loss.item(), rel=1e-6)
        assert found.active[member] == (shares > 0).sum()
        for name, expected in (("W_enc", prototypes), ("W_dec", atoms), ("log_sharpness", log_sharpness)):
            assert torch.allclose(getattr(stack, name).grad[member], expected.grad, rtol=1e-5, atol=1e-7), name


def test_codes_are_shares_by_distance_times_lengths(clusters):
    x = clusters[0][:400].astype(np.float64)
    dictionary = learn(x, "spade", atoms=25, epochs=2, device="cpu")
    assert isinstance(dictionary, SpaDEDictionary)
    distances = np.square(x[:, None] - dictionary.prototypes.numpy()).sum(axis=2)
    shares = np.stack([sparsemax(torch.from_numpy(row)[None])[0].numpy() for row in -dictionary.sharpness * distances])
    assert np.abs(dictionary.encode(x) - shares * dictionary.lengths.numpy()).max() < 1e-5
    assert np.linalg.norm(dictionary.atoms, axis=1) == pytest.approx(1, abs=1e-5)


def test_it_tells_clusters_behind_each_other_apart(clusters):
    x, labels = clusters
    spade = learn(x, "spade", atoms=CLUSTERS, epochs=40, device="cpu")
    correlation = matched_correlation(spade.encode(x), labels)
    others = [learn(x, "topk", atoms=CLUSTERS, k=k, epochs=40, device="cpu") for k in (1, 2)]
    others.append(learn(x, "random", atoms=CLUSTERS, device="cpu"))
    assert correlation > 0.6
    for each in others:
        assert matched_correlation(each.encode(x), labels) < correlation - 0.2


def test_it_is_learned_and_kept_as_others_are(clusters, tmp_path):
    x = clusters[0][:700]
    assert learned_in_a_stack_is_learned_alone("spade", x, 80, sharpness=20.0, **RESTLESS)
    assert goes_on_as_if_uninterrupted("spade", x, 80, sharpness=20.0, **RESTLESS)
    for normalise in ("none", "scale", "whiten"):
        dictionary = learn(x, "spade", atoms=40, epochs=1, normalise=normalise, device="cpu")
        assert comes_back_from_its_file(dictionary, x, tmp_path / normalise)
