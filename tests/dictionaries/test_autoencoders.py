"""Sparse autoencoders that differ in how codes are made: against planted truth, the lasso, and themselves."""

import functools
import io

import numpy as np
import pytest
import torch
from sklearn.decomposition import sparse_encode

from thresh.dictionaries import Dictionary, learn, load
from thresh.dictionaries.learner import Run, Start
from thresh.dictionaries.moments import moments
from thresh.dictionaries.registry import learner_of
from thresh.dictionaries.rows import ArrayRows
from thresh.evaluation import matched_correlation, matched_cosine

from .planted import Planted, plant

# Of each method, parameters for rows of about two features out of 64, and the cosine that it reaches with them.
FOUND = {
    "relu": ({"penalty": 0.1}, 0.93),
    "gated": ({"penalty": 0.3}, 0.91),
    "p_anneal": ({"penalty": 0.1}, 0.93),
    "jumprelu": ({"penalty": 0.05}, 0.94),
    "batchtopk": ({"k": 2}, 0.96),
    "matryoshka": ({"k": 2, "groups": [32]}, 0.85),
}
METHODS = list(FOUND)
SHORT = {"batch_size": 128, "learning_rate": 5e-3, "dead_after": 1280}


@functools.cache
def superposed() -> Planted:
    return plant(rows=8000, features=64, units=32, active=2)


@functools.cache
def learned(method: str) -> Dictionary:
    return learn(superposed().rows[:6000], method, atoms=64, device="cpu", epochs=24, **SHORT, **FOUND[method][0])


@pytest.mark.parametrize("method", METHODS)
def test_features_in_superposition_are_found(method):
    planted, dictionary = superposed(), learned(method)
    chance = learn(planted.rows[:6000], "random", atoms=64, device="cpu")
    cosine = matched_cosine(dictionary.atoms, planted.directions)
    correlation = matched_correlation(dictionary.encode(planted.rows[6000:]), planted.features[6000:])
    assert cosine >= FOUND[method][1]
    assert correlation >= 0.75
    assert cosine > 2 * matched_cosine(chance.atoms, planted.directions)
    assert correlation > 2 * matched_correlation(chance.encode(planted.rows[6000:]), planted.features[6000:])


@pytest.mark.parametrize("method", METHODS)
def test_a_file_gives_the_same_codes(method, tmp_path):
    rows = superposed().rows[6000:]
    learned(method).save(tmp_path)
    assert np.array_equal(load(tmp_path).encode(rows), learned(method).encode(rows))


def test_batchtopk_keeps_k_latents_of_a_row_on_average_and_more_where_there_are_more_features():
    planted = superposed()
    active = (learned("batchtopk").encode(planted.rows[6000:]) != 0).sum(axis=1)
    present = (planted.features[6000:] != 0).sum(axis=1)
    assert active.mean() == pytest.approx(2, rel=0.05)
    assert np.corrcoef(active, present)[0, 1] > 0.85


@functools.cache
def apart() -> Planted:
    """Features at right angles: the lasso has one solution, soft thresholding, and a linear encoder can give it."""
    planted = plant(rows=5000, features=16, units=24, active=1.5)
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(24, 16)))[0].T
    return Planted((planted.features @ directions).astype(np.float32), planted.features, directions)


@functools.cache
def learned_apart(method: str, **params) -> Dictionary:
    return learn(apart().rows, method, atoms=16, device="cpu", epochs=30, **SHORT, **params)


def strengths(dictionary: Dictionary) -> float:
    """Mean ratio of codes to the features that they match, where features are present."""
    planted = apart()
    match = (dictionary.atoms @ planted.directions.T).argmax(axis=0)
    codes = dictionary.encode(planted.rows)[:, match]
    present = planted.features > 0
    return float((codes[present] / planted.features[present]).mean())


def test_codes_of_relu_are_those_of_the_lasso_at_the_same_penalty():
    planted, dictionary = apart(), learned_apart("relu", penalty=0.1)
    scale = np.sqrt(np.square(planted.rows - planted.rows.mean(axis=0)).sum(axis=1).mean())
    centred = (planted.rows - dictionary.bias).astype(np.float64)
    expected = sparse_encode(
        centred, dictionary.atoms.astype(np.float64), algorithm="lasso_cd", alpha=0.1 * scale, positive=True
    )
    assert matched_cosine(dictionary.atoms, planted.directions) > 0.99
    error = np.square(dictionary.encode(planted.rows) - expected).sum() / np.square(expected).sum()
    assert error < 1e-3


@pytest.mark.parametrize(("method", "penalty"), [("gated", 0.25), ("p_anneal", 0.1), ("jumprelu", 0.06)])
def test_codes_are_not_shrunk_as_those_of_relu_are(method, penalty):
    assert strengths(learned_apart("relu", penalty=0.1)) < 0.9
    assert strengths(learned_apart(method, penalty=penalty)) == pytest.approx(1, abs=0.06)


FEW = plant(rows=640, features=24, units=12, active=2, seed=3).rows
# With latents that die, are revived and are placed anew.
EVENTFUL = {"dead_after": 100, "resample_every": 7, "auxiliary": 0.1, "batch_size": 64, "learning_rate": 0.01}
STEPS = 40


def run_of(method: str, *differences: dict) -> Run:
    own = {key: value for key, value in FOUND[method][0].items() if key != "groups"}
    members = [learner_of(12, method, 24, device="cpu", **EVENTFUL | own | each) for each in differences]
    return members[0].begin(members, Start(torch.from_numpy(FEW), moments(ArrayRows(FEW)), len(FEW)))


def follow(run: Run, first: int = 0, last: int = STEPS) -> Run:
    batches = torch.from_numpy(FEW).split(64)
    for step in range(first, last):
        run.step(batches[step % len(batches)], step / STEPS)
    return run


def same(a: Dictionary, b: Dictionary) -> bool:
    return all(torch.equal(tensor, b.tensors()[name]) for name, tensor in a.tensors().items())


@pytest.mark.parametrize("method", METHODS)
def test_what_is_learned_does_not_depend_on_who_else_is_in_the_stack(method):
    varied = {"penalty": 0.5} if "penalty" in FOUND[method][0] else {"learning_rate": 0.003}
    differences = [{"seed": 0}, {"seed": 1, **varied}, {"seed": 2}]
    together = follow(run_of(method, *differences)).dictionaries()
    for stacked, difference in zip(together, differences, strict=True):
        assert same(stacked, follow(run_of(method, difference)).dictionaries()[0])
    assert not same(together[0], together[2])


@pytest.mark.parametrize("method", METHODS)
def test_a_run_goes_on_from_its_state_as_if_nothing_had_happened(method):
    members = {"seed": 0}, {"seed": 1}
    begun, file = follow(run_of(method, *members), last=17), io.BytesIO()
    torch.save([begun.state(0), begun.state(1)], file)
    file.seek(0)
    states = torch.load(file, weights_only=True)
    continued = run_of(method, *members)
    for member, state in enumerate(states):
        continued.restore(member, state)
    expected = follow(run_of(method, *members)).dictionaries()
    for found, wanted in zip(follow(continued, first=17).dictionaries(), expected, strict=True):
        assert same(found, wanted)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["few", "equal", "constant"])
def test_rows_that_hold_little_give_finite_dictionaries(method, kind):
    x = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)
    if kind == "few":
        x[4:] = 0
    elif kind == "equal":
        x[:] = x[0]
    else:
        x[:, :3] = (0, 1, 1e-30)
    dictionary = learn(x, method, atoms=20, device="cpu", epochs=20, batch_size=20, dead_after=30, auxiliary=0.1)
    assert np.isfinite(dictionary.atoms).all()
    assert np.isfinite(dictionary.decode(dictionary.encode(x))).all()
    assert np.linalg.norm(dictionary.atoms, axis=1) == pytest.approx(1, abs=1e-5)


def drowned(method: str, resample_every: int | None) -> Dictionary:
    """From a start at which half of the latents are silent for good."""
    planted = apart()
    learner = learner_of(
        24, method, 16, device="cpu", batch_size=100, dead_after=1000, learning_rate=0.01, resample_every=resample_every
    )
    x = torch.from_numpy(planted.rows)
    run = learner.begin([learner], Start(x, moments(ArrayRows(planted.rows)), len(x)))
    with torch.no_grad():
        run.stack.b_enc[:, :8] = -100
        for name, value in (("b_mag", -100), ("r_mag", -100), ("log_threshold", 10)):
            if hasattr(run.stack, name):
                getattr(run.stack, name)[:, :8] = value
    for step in range(800):
        run.step(x[step % 50 * 100 :][:100], step / 800)
    return run.dictionaries()[0]


@pytest.mark.parametrize("method", ["relu", "gated", "jumprelu"])
def test_dead_latents_find_features_after_they_are_placed_anew(method):
    directions = apart().directions
    assert matched_cosine(drowned(method, None).atoms, directions) < 0.8
    assert matched_cosine(drowned(method, 50).atoms, directions) > 0.93
