"""Rows and scores of 'Stop Probing, Start Coding' are the authors'."""

import math
import warnings

import numpy as np
import pytest

from compositional import compositional, mean_correlation, scores
from thresh.inference import fista


def test_the_oracle_has_the_published_scores_of_its_seed():
    data = compositional(100, seed=0)
    codes = [fista(split.rows, data.directions, 0.1, tolerance=1e-5) for split in (data.validation, data.ood)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of logistic regression without a penalty
        found = scores(*codes, data)
    # results/exp_vary_latents.json of the authors' repository: fista_oracle, 100 latents, seed 0.
    assert found["mcc_in"] == pytest.approx(0.98632, abs=2e-4)
    assert found["mcc_out"] == pytest.approx(0.98567, abs=2e-4)
    assert found["auc_in"] == pytest.approx(0.99810, abs=2e-4)
    assert found["auc_out"] == pytest.approx(0.99257, abs=2e-4)
    assert found["accuracy_in"] == pytest.approx(0.9964, abs=2e-3)
    assert found["accuracy_out"] == pytest.approx(0.9272, abs=5e-3)


def test_combinations_out_of_distribution_were_never_trained_on():
    data = compositional(60, samples=400, seed=1)
    assert data.directions.shape == (60, math.ceil(20 * math.log(6)))
    for split in (data.train, data.validation, data.ood):
        assert (split.latents > 0).sum(axis=1) == pytest.approx(10)
        assert split.rows == pytest.approx(split.latents @ data.directions, abs=1e-5)
    train, ood = data.train.latents, data.ood.latents
    assert (ood[:, 0] > 0).all()
    assert not ood[:, 1:30].any()
    with_first = train[:, 0] > 0
    assert 0.4 < with_first.mean() < 0.6
    assert not train[with_first][:, 30:].any()
    assert train[~with_first][:, 30:].any(axis=0).all()


def test_a_latent_without_a_partner_is_matched_with_noise_and_one_that_never_varies_does_not_count():
    random = np.random.default_rng(0)
    latents = random.random((500, 4))
    assert mean_correlation(-latents[:, ::-1], latents) == pytest.approx(1)
    constant = np.hstack([latents, np.ones((500, 2))])
    assert mean_correlation(latents, constant) == pytest.approx(1)
    # Three of four at 1, and noise of 500 rows, whose correlation is about 1 / sqrt(500).
    assert 0.75 < mean_correlation(latents[:, :3], latents) < 0.75 + 0.2 / 4
