"""learn: same seed same weights, normalisation folded back exactly, refusals that name what was found."""

import numpy as np
import pytest
import torch

from thresh.dictionaries import learn
from thresh.dictionaries.inputs import transform_of
from thresh.dictionaries.learn import job_of
from thresh.dictionaries.moments import moments
from thresh.dictionaries.rows import ArrayRows
from thresh.dictionaries.specs import check_method
from thresh.dictionaries.training import train
from thresh.errors import ConfigError, DictionaryError

from .by_hand import AUTOENCODERS
from .planted import plant

SHORT = {"online": {"epochs": 2}, "topk": {"epochs": 2, "k": 3}, "random": {}}


@pytest.fixture(scope="module")
def x():
    offset = np.random.default_rng(1).normal(size=20)
    return 3 * plant(rows=1500, features=30, units=20, active=3).rows + offset.astype(np.float32)


@pytest.mark.parametrize("method", SHORT)
def test_the_same_seed_gives_the_same_weights(x, method):
    one, same, other = (learn(x, method, atoms=30, seed=s, device="cpu", **SHORT[method]) for s in (0, 0, 1))
    for name, tensor in one.tensors().items():
        assert torch.equal(tensor, same.tensors()[name])
    assert not np.allclose(one.atoms, other.atoms)


@pytest.mark.parametrize("method", SHORT)
@pytest.mark.parametrize("normalise", ["none", "centre", "scale", "whiten"])
def test_a_folded_dictionary_does_on_raw_rows_what_it_learned_on_transformed_ones(x, method, normalise):
    transform = transform_of(normalise, moments(ArrayRows(x), covariance=True))
    learned = []
    job = job_of(
        "one",
        ArrayRows(transform(torch.from_numpy(x))),
        {"method": method, "atoms": 30, "seed": 0, "normalise": "none", **SHORT[method]},
        "cpu",
    )
    train(
        [job], ArrayRows(transform(torch.from_numpy(x))), finished=lambda job, found: learned.append(found.dictionary)
    )
    inner, outer = learned[0], learned[0].folded(transform)
    x64 = torch.from_numpy(x.astype(np.float64))
    seen = transform(x64)
    if normalise == "scale":
        assert float(seen.square().sum(dim=1).mean()) == pytest.approx(20)
    if normalise in ("centre", "whiten"):
        assert seen.mean(dim=0).abs().max() < 1e-9
    codes = outer.encode(x64)
    lengths = np.linalg.norm(inner.atoms @ transform.inverse, axis=1) if normalise == "whiten" else transform.inverse
    # Those that solve a problem do so to a relative duality gap; the rest of the way is exact.
    allowed = 1e-5 if method == "topk" else 1e-2
    within = codes.numpy() / lengths
    assert np.abs(within - inner.encode(seen).numpy()).max() < allowed
    back = inner.decode(within)
    back = (back @ transform.inverse if normalise == "whiten" else back * transform.inverse) + transform.shift
    assert np.abs(outer.decode(codes).numpy() - back).max() < 1e-4
    assert np.linalg.norm(outer.atoms, axis=1) == pytest.approx(1, abs=1e-5)


def test_whitened_rows_have_unit_covariance_but_for_directions_that_hardly_vary(x):
    x = np.c_[x, np.full(len(x), 7.0, np.float32)]
    transform = transform_of("whiten", moments(ArrayRows(x), covariance=True))
    seen = transform(torch.from_numpy(x.astype(np.float64))).numpy()
    covariance = np.cov(seen, rowvar=False, bias=True)
    assert np.abs(covariance[1:, 1:] - np.eye(20)).max() < 1e-3
    assert np.abs(covariance[0]).max() < 1e-9
    assert np.abs(seen @ transform.inverse + transform.shift - x).max() < 1e-9


@pytest.mark.parametrize("method", SHORT)
def test_what_is_learned_does_not_depend_on_the_scale_of_the_input(x, method):
    small, large = (learn(factor * x, method, atoms=30, device="cpu", **SHORT[method]) for factor in (1, 1024))
    assert np.abs(small.atoms - large.atoms).max() < 1e-2
    assert large.scale == pytest.approx(1024 * small.scale, rel=1e-3)
    assert large.facts["explained_variance"] == pytest.approx(small.facts["explained_variance"], abs=1e-2)


@pytest.mark.parametrize("method", AUTOENCODERS)
@pytest.mark.parametrize("normalise", ["none", "centre"])
def test_autoencoders_learn_the_same_of_rows_of_any_size(x, method, normalise):
    """Steps of Adam have a size of their own: rows as small as some layers have would not be learned."""
    if method == "universal":
        params = {"blocks": [10, x.shape[1] - 10]}
        normalise = "none"
    else:
        params = {}
    params |= {"atoms": 30, "device": "cpu", "epochs": 2, "normalise": normalise}
    usual, small = (learn(factor * x, method, **params) for factor in (1, 2.0**-30))
    assert np.abs(usual.atoms - small.atoms).max() < 1e-4
    assert small.facts["explained_variance"] == pytest.approx(usual.facts["explained_variance"], abs=1e-3)
    assert usual.facts["normalise"] == normalise


def test_facts_are_those_of_the_finished_dictionary(x):
    dictionary = learn(x, "online", atoms=30, device="cpu", epochs=3)
    codes = dictionary.encode(x)
    error = np.square(x - dictionary.decode(codes)).sum() / np.square(x - x.mean(axis=0)).sum()
    assert dictionary.facts["explained_variance"] == pytest.approx(1 - error, abs=1e-3)
    assert dictionary.facts["l0"] == pytest.approx((codes != 0).sum(axis=1).mean(), rel=1e-2)
    assert dictionary.facts["dead"] == pytest.approx(1 - (codes != 0).any(axis=0).mean())


def test_more_atoms_than_rows_and_rows_without_content_are_refused(x):
    with pytest.raises(DictionaryError, match="found 10 rows for 11 atoms"):
        learn(x[:10], atoms=11)
    with pytest.raises(DictionaryError, match="all 50 rows are zero"):
        learn(np.zeros((50, 4)), atoms=4)
    broken = x.copy()
    broken[17, 3] = np.inf
    with pytest.raises(DictionaryError, match="row 17"):
        learn(broken, atoms=4)


def test_unknown_methods_and_parameters_are_named(x):
    with pytest.raises(ConfigError, match="one of auto, "):
        learn(x, "nope")
    with pytest.raises(ConfigError, match=r"penality: found 0.1, expected a parameter of online: penalty"):
        learn(x, "online", penality=0.1)
    with pytest.raises(ConfigError, match=r"sed: found 1, expected .*, seed, normalise; nearest: seed\."):
        learn(x, "online", sed=1)
    # Of a study's dictionary `seed` stands beside `params`, not among them.
    with pytest.raises(ConfigError, match=r"seed: found 1, expected a parameter of online: .*, normalise\."):
        check_method("online", "4x", {"seed": 1})
    with pytest.raises(ConfigError, match="batch_size"):
        learn(x, "topk", atoms=8, k=2, batch_size=0)
    with pytest.raises(ConfigError, match="between 1 and the number of atoms"):
        learn(x, "topk", atoms=8, k=9)
    with pytest.raises(ConfigError, match="units: found 3, expected a parameter of online"):
        learn(x, "online", units=3)
    for key, value in (("normalise", "whitten"), ("penalty", "small"), ("atoms", 0), ("atoms", 2.0), ("atoms", True)):
        with pytest.raises(ConfigError, match=f"{key}: found {value!r}"):
            learn(x, "random", **{"atoms": 8, key: value})


def test_a_loss_that_diverges_stops_the_run(x):
    with pytest.raises(DictionaryError, match="loss is not finite"):
        learn(x, "topk", atoms=30, k=3, learning_rate=1e38, epochs=30, device="cpu")


def test_silent_rows_and_a_constant_unit_do_no_harm(x):
    x = x.copy()
    x[::3] = 0
    x[:, 5] = 0
    for method, params in SHORT.items():
        dictionary = learn(x, method, atoms=30, device="cpu", **params)
        assert np.isfinite(dictionary.atoms).all()
        assert np.isfinite(dictionary.encode(x)).all()
