"""Atoms that stand for no feature: which they are, and what they begin anew as."""

import io
from itertools import pairwise

import pytest
import torch
from torch.nn.functional import normalize

from thresh.dictionaries.renewal import FROM, LOOKS, SPACING, UNTIL, Renewal
from thresh.dictionaries.statistics import Statistics

EPOCHS = 4 * LOOKS


def remembered(strong: int = 36, faint: int = 4) -> Statistics:
    """Atoms that are seldom active and uniform on [0, 1], and some that are often active below a twentieth."""
    generator = torch.Generator().manual_seed(0)
    atoms = normalize(torch.randn(strong + faint, 12, generator=generator))
    codes = torch.rand(20_000, strong + faint, generator=generator)
    codes[:, :strong] *= torch.rand(20_000, strong, generator=generator) < 0.05
    codes[:, strong:] *= 0.05
    state = Statistics(atoms, generator)
    state.remember(codes, codes @ atoms, 1.0)
    return state


def at_a_look(state: Statistics) -> Renewal:
    renewal = Renewal(EPOCHS, state)
    while not renewal.looking:
        renewal.end_epoch()
    return renewal


def test_strength_is_that_of_a_uniform_code_however_often_it_is_active():
    strength = remembered().strength()
    # Of u uniform on [0, 1]: mean u^4 / mean u^2 is .6.
    assert strength[:36] == pytest.approx(0.6**0.5, abs=0.03)
    assert strength[36:] == pytest.approx(0.6**0.5 * 0.05, rel=0.03)


def test_the_usual_strength_is_that_of_atoms_in_use():
    state = remembered(36, 4)
    state.fourth[:30] = 0
    state.A[:30] = 0
    assert state.usual_strength() == pytest.approx(float(state.strength()[30:].median()), rel=0.5)
    assert state.usual_strength() > 0
    state.A.zero_()
    state.fourth.zero_()
    assert state.usual_strength() == 0


def test_faint_atoms_are_left_out_and_no_others():
    state = remembered()
    renewal = at_a_look(state)
    assert sorted(renewal.faint.tolist()) == [36, 37, 38, 39]
    assert torch.equal(renewal.others()[:36], state.atoms[:36])
    assert not renewal.others()[36:].any()


def test_atoms_begin_anew_as_what_is_missed_most():
    state = remembered()
    before = state.atoms.clone()
    renewal = at_a_look(state)
    missed = normalize(torch.eye(12)[:3] + 0.1)
    sizes = torch.tensor([1.0, 3.0, 2.0, 2.5])
    # The last row misses nearly the same as the second, and less of it.
    renewal.add(sizes.unsqueeze(1) * torch.stack([*missed, normalize(missed[1] + 0.1 * missed[2], dim=0)]))
    faint = renewal.faint.clone()
    renewal.end_epoch()
    assert torch.allclose(state.atoms[faint[:3]], missed[[1, 2, 0]], atol=1e-6)
    assert torch.equal(state.atoms[:36], before[:36])
    assert torch.equal(state.atoms[faint[3]], before[faint[3]])
    assert not state.A[faint[:3]].any()
    assert not state.fourth[faint[:3]].any()


def test_there_is_no_look_where_nothing_is_faint_nor_in_a_short_run():
    for renewal in (Renewal(EPOCHS, remembered(40, 0)), Renewal(LOOKS - 1, remembered())):
        for _ in range(renewal.epochs):
            renewal.end_epoch()
            assert not renewal.looking


@pytest.mark.parametrize("epochs", [LOOKS, 30, 60, 400])
def test_between_looks_there_is_time_to_learn(epochs):
    renewal, looks = Renewal(epochs, remembered()), []
    for epoch in range(1, epochs):
        renewal.end_epoch()
        looks += [epoch] if renewal.looking else []
    assert looks
    assert all(later - earlier >= SPACING for earlier, later in pairwise(looks))
    assert FROM * epochs <= looks[0]
    assert looks[-1] + 1 <= UNTIL * epochs


def test_opposite_residuals_are_one_atom_where_codes_are_signed():
    row = torch.randn(1, 12, generator=torch.Generator().manual_seed(2))
    for signed, count in ((False, 2), (True, 1)):
        state = remembered()
        before = state.atoms.clone()
        renewal = Renewal(EPOCHS, state, signed=signed)
        while not renewal.looking:
            renewal.end_epoch()
        renewal.add(torch.cat([2 * row, -row]))
        renewal.end_epoch()
        assert int((state.atoms != before).any(dim=1).sum()) == count


def test_a_look_goes_on_from_a_file_as_if_uninterrupted():
    rows = torch.randn(6, 12, generator=torch.Generator().manual_seed(1))
    whole = at_a_look(remembered())
    whole.add(rows[:3])
    file = io.BytesIO()
    torch.save(whole.state(), file)
    file.seek(0)
    resumed = Renewal(EPOCHS, remembered())
    resumed.restore(torch.load(file, weights_only=True))
    for renewal in (whole, resumed):
        renewal.add(rows[3:])
        renewal.end_epoch()
    assert torch.equal(whole.statistics.atoms, resumed.statistics.atoms)
    assert whole.done == resumed.done
