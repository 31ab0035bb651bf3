"""What splits promise, for any attributes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.errors import ConfigError, StimuliError
from thresh.evaluation import compositional_split, range_split
from thresh.evaluation.splits import study_split
from thresh.stimuli.held_out import held_out_combinations, held_out_range


def pairs(first, second, rows):
    return set(zip(first[rows].tolist(), second[rows].tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000),
    values=st.tuples(st.integers(2, 6), st.integers(2, 6)),
    stimuli=st.integers(40, 120),
    held_out=st.sampled_from([0.1, 0.25, 0.6]),
)
def test_every_value_is_seen_and_held_out_pairs_never_are(seed, values, stimuli, held_out):
    random = np.random.default_rng(seed)
    first = random.choice(["red", "green", "blue", "grey", "pink", "white"][: values[0]], stimuli)
    second = random.integers(values[1], size=stimuli)
    split = compositional_split(first, second, held_out=held_out, test=0.3, seed=seed)
    train, seen, out = (split == place for place in ("train", "in", "out"))
    assert (train | seen | out).all()
    assert out.any()
    assert set(first[train]) == set(first)
    assert set(second[train]) == set(second)
    assert not pairs(first, second, out) & pairs(first, second, train | seen)
    assert len(pairs(first, second, out)) <= max(held_out * len(pairs(first, second, slice(None))), 1)
    # Rows are taken back from 'in' where a value would be lost, so that there are at most as many as asked for.
    assert seen.sum() <= 0.3 * (~out).sum()


def test_shares_are_as_asked_where_there_is_room():
    first, second = np.repeat(np.arange(8), 80), np.tile(np.arange(8), 80)
    split = compositional_split(first, second, held_out=0.25, test=0.25)
    assert len(pairs(first, second, split == "out")) == 16
    assert (split == "out").sum() == 160
    assert (split == "in").sum() == 120
    assert np.array_equal(split, compositional_split(first, second, held_out=0.25, test=0.25))
    assert not np.array_equal(split, compositional_split(first, second, held_out=0.25, test=0.25, seed=1))


def test_a_value_with_one_stimulus_is_trained_on():
    first = np.array([0] * 50 + [1] * 50 + [2])
    second = np.array([0, 1] * 50 + [0])
    for seed in range(20):
        split = compositional_split(first, second, test=0.9, seed=seed)
        assert split[-1] == "train"
        assert set(first[split == "train"]) == {0, 1, 2}


def test_attributes_that_always_come_together_cannot_be_composed():
    with pytest.raises(StimuliError, match="found 3 combinations of 3 and 3 values"):
        compositional_split([0, 1, 2] * 2, ["a", "b", "c"] * 2)
    with pytest.raises(StimuliError, match="found 4 values in 4 stimuli to combine"):
        compositional_split([0.1, 0.2, 0.3, 0.4], ["a", "b"] * 2)
    with pytest.raises(ConfigError, match="held_out"):
        compositional_split([0, 1], [0, 1], held_out=1.0)


@pytest.mark.parametrize("side", ["above", "below"])
def test_what_is_out_lies_beyond_all_that_is_seen(side):
    values = np.random.default_rng(0).normal(size=200)
    split = range_split(values, held_out=0.2, side=side, test=0.25)
    out, seen = values[split == "out"], values[split != "out"]
    assert out.min() > seen.max() if side == "above" else out.max() < seen.min()
    assert len(out) == 40
    assert (split == "in").sum() == 40


def test_equal_values_are_never_parted_from_each_other():
    values = np.array([1, 1, 2, 2, 3, 3, 3, 9])
    assert (range_split(values, held_out=0.4)[values == 9] == "out").all()
    assert (range_split(values, held_out=0.4)[values == 3] != "out").all()
    with pytest.raises(StimuliError, match="no values above"):
        range_split([1, 1, 1, 1])


def test_stimuli_without_a_value_are_not_held_out():
    values = np.array([1.0, 2, 3, 4, np.nan, np.nan])
    assert held_out_range(values, 0.25).tolist() == [False, False, False, True, False, False]
    shape, colour = np.array(["a", "a", "b", "b", ""]), np.array(["x", "y", "x", "y", "z"])
    for seed in range(8):
        assert not held_out_combinations(shape, colour, 0.4, seed)[4]
    with pytest.raises(StimuliError, match="expected numbers"):
        held_out_range(shape)


def test_what_a_study_holds_out_is_neither_trained_nor_scored_among_the_rest():
    split = np.array(["train", "test", "train", "test"])
    assert study_split(split).tolist() == ["train", "in", "train", "in"]
    assert study_split(split, np.array([True, True, False, False])).tolist() == ["", "out", "train", "in"]
