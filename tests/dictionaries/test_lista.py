"""Unrolled sparse coding: shrinkage steps before training, nearly the lasso's optimum after it."""

import numpy as np
import pytest
import torch

from thresh.dictionaries import learn
from thresh.evaluation import matched_correlation, matched_cosine
from thresh.inference import fista

from .by_hand import (
    RESTLESS,
    begin,
    comes_back_from_its_file,
    drive,
    goes_on_as_if_uninterrupted,
    learned_in_a_stack_is_learned_alone,
)
from .planted import plant

PENALTY = 0.05


@pytest.fixture(scope="module")
def planted():
    return plant(rows=4000, features=32, units=24, active=2.5)


def ista(x, atoms, penalty, steps):
    largest = np.linalg.eigvalsh(atoms @ atoms.T)[-1]
    codes = np.zeros((len(x), len(atoms)))
    for _ in range(steps):
        codes = np.maximum(codes + ((x - codes @ atoms) @ atoms.T - penalty) / largest, 0)
    return codes


def objective(x, codes, atoms, penalty):
    return float((0.5 * np.square(x - codes @ atoms).sum(axis=1) + penalty * np.abs(codes).sum(axis=1)).mean())


def absolute_penalty(x):
    return PENALTY * float(np.sqrt(np.square(x - x.mean(axis=0)).sum(axis=1).mean()))


@pytest.mark.parametrize("layers", [1, 5])
def test_before_training_its_codes_are_steps_of_ista(planted, layers):
    x = planted.rows[:300].astype(np.float64)
    run = begin("lista", planted.rows[:300], 40, layers=layers, penalty=PENALTY)
    dictionary = run.dictionaries()[0]
    expected = ista(x - dictionary.bias, dictionary.atoms.astype(np.float64), absolute_penalty(x), layers)
    assert (expected > 0).mean() > 0.05
    assert np.abs(dictionary.encode(x) - expected).max() < 1e-5


def test_its_loss_is_the_lasso_over_the_variance(planted):
    x = planted.rows[:300]
    run = begin("lista", x, 40, layers=4, penalty=PENALTY)
    dictionary = drive(run, x, last=5).dictionaries()[0]
    found = run.recipe.forward(run.stack, torch.from_numpy(x), 0.5)
    x, atoms = x.astype(np.float64) - dictionary.bias, dictionary.atoms.astype(np.float64)
    codes = dictionary.encode(planted.rows[:300].astype(np.float64))
    variance = np.square(x - x.mean(axis=0)).sum(axis=1).mean()
    expected = 2 * objective(x, codes, atoms, absolute_penalty(x)) / variance
    assert found.loss.item() == pytest.approx(expected, rel=1e-4)


def test_it_learns_the_planted_dictionary_and_codes_close_to_the_optimum(planted):
    """Beside as many steps of ISTA on the same dictionary, the lasso solved exactly, and random atoms."""
    dictionary = learn(planted.rows, "lista", atoms=32, layers=4, penalty=PENALTY, epochs=50, device="cpu")
    random = learn(planted.rows, "random", atoms=32, device="cpu")
    assert matched_cosine(dictionary.atoms, planted.directions) > 0.985
    assert matched_cosine(random.atoms, planted.directions) < 0.6
    x, atoms = planted.rows.astype(np.float64) - dictionary.bias, dictionary.atoms.astype(np.float64)
    penalty = absolute_penalty(x)
    codes = dictionary.encode(planted.rows.astype(np.float64))
    solved, stepped = fista(x, atoms, penalty), ista(x, atoms, penalty, 4)
    found, least, by_ista = (objective(x, each, atoms, penalty) for each in (codes, solved, stepped))
    assert least <= found < 1.03 * least
    assert found < 0.8 * by_ista
    correlation, by_ista = (matched_correlation(each, planted.features) for each in (codes, stepped))
    assert correlation > 0.98
    assert correlation > by_ista + 0.04


def test_it_is_learned_and_kept_as_others_are(planted, tmp_path):
    x = planted.rows[:700]
    assert learned_in_a_stack_is_learned_alone("lista", x, 80, layers=3, penalty=0.8, **RESTLESS)
    assert goes_on_as_if_uninterrupted("lista", x, 80, layers=3, penalty=0.8, **RESTLESS)
    for normalise in ("none", "scale", "whiten"):
        dictionary = learn(x, "lista", atoms=40, layers=3, epochs=1, normalise=normalise, device="cpu")
        assert comes_back_from_its_file(dictionary, x, tmp_path / normalise)
