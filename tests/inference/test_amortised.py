"""Codes by a few steps: from an encoder, or learned. Beside plain steps from zeros, and the optimum."""

import numpy as np
import pytest
import torch

from thresh.dictionaries.kinds.relu import ReLUDictionary
from thresh.errors import ConfigError, DictionaryError
from thresh.inference import fista, infer, ito, lista, prepare
from thresh.inference.lista import Layers, fit_layers

from .problems import ista_by_hand, objective, planted

PENALTY = 0.05


@pytest.mark.parametrize("nonnegative", [True, False])
def test_from_the_optimum_steps_stay_and_from_elsewhere_they_lead_to_it(nonnegative):
    x, _, atoms = planted(signed=not nonnegative)
    best = fista(x, atoms, PENALTY, nonnegative, tolerance=1e-14, max_steps=50_000)
    assert np.abs(ito(x, atoms, PENALTY, best, nonnegative, steps=5) - best).max() < 1e-9
    elsewhere = np.random.default_rng(0).normal(size=best.shape)
    assert np.abs(ito(x, atoms, PENALTY, elsewhere, nonnegative, steps=5000) - best).max() < 1e-6


def test_one_step_is_one_of_proximal_gradient():
    x, _, atoms = planted()
    assert (
        np.abs(ito(x, atoms, PENALTY, np.zeros((200, 60)), steps=1) - ista_by_hand(x, atoms, PENALTY, 1)).max() < 1e-6
    )


def test_steps_bring_an_encoder_s_codes_closer_to_the_optimum():
    x, _, atoms = planted()
    dictionary = ReLUDictionary(atoms, 0.8 * atoms.T, -0.2 * np.ones(60))
    encoded = infer(x, dictionary, "encoder", device="cpu").toarray()
    least = objective(x, fista(x, atoms, PENALTY), atoms, PENALTY)
    last = objective(x, encoded, atoms, PENALTY) - least
    for steps in (2, 10, 50):
        codes = infer(x, dictionary, "ito", penalty=PENALTY, steps=steps, device="cpu").toarray()
        excess = objective(x, codes, atoms, PENALTY) - least
        assert excess.mean() < 0.6 * last.mean()
        last = excess
    assert (last / least).mean() < 1e-3


def test_what_has_no_encoder_is_refused():
    x, _, atoms = planted()

    class Bare:
        pass

    bare = Bare()
    bare.atoms = atoms
    with pytest.raises(DictionaryError, match="no encoder"):
        infer(x, bare, "ito", penalty=PENALTY, device="cpu")
    codes = infer(x, bare, "ito", penalty=PENALTY, warm=np.zeros((200, 60)), device="cpu")
    assert codes.nnz


@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("layers", [1, 4])
def test_without_training_layers_are_steps_of_proximal_gradient(layers, nonnegative):
    x, _, atoms = planted(signed=not nonnegative)
    rows, d = torch.from_numpy(x), torch.from_numpy(atoms)
    codes = fit_layers(rows, d, PENALTY, nonnegative, layers, 0, 0)(rows).numpy()
    assert np.abs(codes - ista_by_hand(x, atoms, PENALTY, layers, nonnegative)).max() < 1e-5


@pytest.mark.parametrize("nonnegative", [True, False])
def test_trained_layers_are_nearer_the_optimum_on_rows_that_they_have_not_seen(nonnegative):
    x, _, atoms = planted(rows=6000, signed=not nonnegative)
    x = x.astype(np.float32)
    seen, unseen = torch.from_numpy(x[:5000]), x[5000:]
    d = torch.from_numpy(atoms.astype(np.float32))
    codes = fit_layers(seen, d, PENALTY, nonnegative, 6, 10, 0)(torch.from_numpy(unseen)).numpy()
    least = objective(unseen, fista(unseen, atoms, PENALTY, nonnegative), atoms, PENALTY).mean()
    plain = objective(unseen, ista_by_hand(unseen, atoms, PENALTY, 6, nonnegative), atoms, PENALTY).mean()
    found = objective(unseen, codes, atoms, PENALTY).mean()
    assert least <= found < least + 0.15 * (plain - least)
    assert found < 1.06 * least


def test_rows_that_are_trained_on_are_chosen_by_number_alone():
    x, _, atoms = planted(rows=1200)
    settings = {"penalty": PENALTY, "layers": 3, "epochs": 2, "training_rows": 400}
    third = x.copy()
    third[1::3], third[2::3] = 0, 0  # rows 0, 3, 6, ... are the sample
    whole, same = lista(x, atoms, **settings), lista(third, atoms, **settings)
    assert np.abs(whole[::3] - same[::3]).max() == 0
    assert np.abs(whole - lista(x, atoms, **settings, seed=1)).max() > 1e-6


def test_what_was_fitted_once_solves_in_several_calls():
    x, _, atoms = planted(rows=300)
    dictionary = ReLUDictionary(atoms, atoms.T, np.zeros(60), bias=np.full(40, 0.1))
    settings = {"penalty": PENALTY, "layers": 3, "epochs": 2}
    fitted = prepare(x, dictionary, "lista", "cpu", **settings)
    whole = infer(x, dictionary, "lista", device="cpu", **settings).toarray()
    parts = [infer(x[part], dictionary, fitted, device="cpu").toarray() for part in (slice(0, 7), slice(7, None))]
    assert np.abs(np.concatenate(parts) - whole).max() < 1e-6
    single = infer(x.astype(np.float32), dictionary, fitted, device="cpu").toarray()
    assert np.abs(single - whole).max() < 1e-5
    assert np.abs(whole - lista(x - dictionary.bias, dictionary.atoms.astype(float), **settings)).max() < 1e-6
    with pytest.raises(ConfigError, match="layers: found 3, expected none"):
        infer(x, dictionary, fitted, layers=3)


def test_it_is_fitted_where_gradients_are_switched_off():
    x, _, atoms = planted()
    settings = {"penalty": PENALTY, "layers": 2, "epochs": 1}
    usual = lista(x, atoms, **settings)
    with torch.inference_mode():
        assert np.abs(lista(torch.from_numpy(x), torch.from_numpy(atoms), **settings).numpy() - usual).max() < 1e-12


@pytest.mark.parametrize("seed", range(3))
def test_no_row_explodes_however_far_it_is_from_those_of_training(seed):
    x, _, atoms = planted(rows=3000, seed=seed)
    x, d = torch.from_numpy(x), torch.from_numpy(atoms)
    layers = fit_layers(x[:2000], d, PENALTY, True, 16, 10, seed)
    unseen = x[2000:]
    unseen[:100] *= 20
    unseen[100:200] = torch.randn(100, 40, dtype=x.dtype, generator=torch.Generator().manual_seed(seed)) * 3
    plain = objective(unseen.numpy(), ista_by_hand(unseen.numpy(), atoms, PENALTY, 16), atoms, PENALTY)
    least = objective(unseen.numpy(), fista(unseen.numpy(), atoms, PENALTY), atoms, PENALTY)
    found = objective(unseen.numpy(), layers(unseen).numpy(), atoms, PENALTY)
    assert (found <= 0.5 * unseen.square().sum(dim=1).numpy()).all()
    assert (found / least)[200:].mean() < 1.02
    assert (found / least)[200:].max() < 1.5
    assert np.median(found / plain) < 1


def test_where_a_layer_raises_the_objective_the_step_is_one_of_ista():
    x, _, atoms = planted()
    d = torch.from_numpy(atoms)
    wild = Layers(d, -30 * d.T, torch.ones(3).double(), torch.zeros(3).double())
    assert np.abs(wild.safely(torch.from_numpy(x), PENALTY).numpy() - ista_by_hand(x, atoms, PENALTY, 3)).max() < 1e-5
