"""What online learning does at the end of a run, with few rows, and with rows that no code explains."""

import numpy as np
import pytest
import torch

from thresh.dictionaries import learn
from thresh.dictionaries.learner import Start
from thresh.dictionaries.moments import moments
from thresh.dictionaries.registry import learner_of
from thresh.dictionaries.rows import ArrayRows
from thresh.evaluation import matched_cosine

from .planted import plant


def run_of(x: np.ndarray, atoms: int, **params):
    learner = learner_of(x.shape[1], "online", atoms, device="cpu", **params)
    return learner.begin([learner], Start(torch.from_numpy(x), moments(ArrayRows(x)), len(x), numbered=True))


def test_a_code_of_the_level_has_half_the_penalty():
    run = run_of(plant(rows=200, features=20, units=12, active=2).rows, 20)
    codes = torch.rand(1000, 20) * (torch.rand(1000, 20) < 0.1)
    run.statistics.remember(codes, torch.zeros(1000, 12), 1.0)
    level = 0.13 * run.statistics.strength().median()
    weights = run.weights(torch.tensor([0.0, 1.0, 3.0, -3.0]) * level)
    assert weights.numpy() == pytest.approx([1, 1 / 2, 1 / 4, 1 / 4])


def test_penalties_stay_as_they_are_where_no_atom_is_in_use():
    run = run_of(plant(rows=200, features=20, units=12, active=2).rows, 20)
    assert torch.equal(run.weights(torch.rand(5, 20)), torch.ones(5, 20))


def test_rows_that_no_code_explains_are_learned_from():
    x = plant(rows=600, features=30, units=20, active=2).rows
    dictionary = learn(x, "online", atoms=30, penalty=3.0, start_penalty=3.0, epochs=30, device="cpu")
    assert np.isfinite(dictionary.atoms).all()
    assert np.linalg.norm(dictionary.atoms, axis=1) == pytest.approx(1, abs=1e-5)


def test_atoms_are_closer_to_features_for_codes_that_are_hardly_shrunk():
    """Without remembered codes the penalty is the same to the end, and takes strength from what is rare."""
    planted = plant(rows=300, features=60, units=30, active=3)
    kept, plain = (
        learn(planted.rows, "online", atoms=60, epochs=60, steps=40, warm_start=warm, device="cpu")
        for warm in (True, False)
    )
    found = matched_cosine(kept.atoms, planted.directions)
    assert found >= 0.999
    assert 1 - found < 0.5 * (1 - matched_cosine(plain.atoms, planted.directions))


def test_an_epoch_of_few_rows_has_ten_updates_and_one_of_many_has_batches_of_512():
    learner = learner_of(8, "online", 16, device="cpu")
    assert [learner.rows_of_step(rows) for rows in (3, 1001, 5120, 1_000_000)] == [1, 101, 512, 512]
    assert learner_of(8, "online", 16, device="cpu", batch_size=300).rows_of_step(1000) == 300


def test_fewer_rows_for_an_atom_mean_more_steps_up_to_a_limit():
    few, fewer, fewest, many = (
        learner_of(8, "online", atoms, device="cpu").steps_of_run(3000) for atoms in (200, 600, 3000, 1)
    )
    assert few == 2 * 600
    assert fewer == 4 * 600
    assert fewest == 8.5 * 600
    assert many == pytest.approx(600, rel=0.01)
