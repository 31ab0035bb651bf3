"""Folds of whole groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thresh.alignment import METRICS, linear_predictivity
from thresh.alignment.folds import split
from thresh.errors import AlignmentError, ConfigError


@given(sizes=st.lists(st.integers(3, 9), min_size=5, max_size=20), seed=st.integers(0, 99))
def test_a_group_is_on_one_side_of_every_fold_and_each_row_is_held_out_once(sizes, seed):
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    parts = split(len(groups), 5, seed, groups)
    assert all(not set(groups[train]) & set(groups[test]) for train, test in parts)
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(len(groups)))
    assert all(sorted([*train, *test]) == list(range(len(groups))) for train, test in parts)


def test_tokens_of_a_document_are_no_new_stimuli():
    """Two systems, each with document effects of its own: nothing is shared, but a document is recognised."""
    random = np.random.default_rng(0)
    documents = np.repeat(np.arange(40), 10)
    x, y = (random.normal(size=(40, 30))[documents] + 0.1 * random.normal(size=(400, 30)) for _ in range(2))
    assert linear_predictivity(x, y).r.mean() > 0.5
    assert abs(linear_predictivity(x, y, groups=documents).r.mean()) < 0.1


@pytest.mark.parametrize(
    ("groups", "found"),
    [(np.arange(9), "shape"), (np.repeat([0, 1], 15), "2 groups"), ([0] * 26 + [1, 2, 3, 4], "fold of 1")],
)
def test_groups_that_cannot_be_dealt_are_refused(groups, found):
    with pytest.raises(AlignmentError, match=found):
        split(30, 5, 0, groups)


@pytest.mark.parametrize("name", METRICS)
def test_a_study_cannot_set_groups(name):
    with pytest.raises(ConfigError, match="groups"):
        METRICS[name].split_parameters({"groups": [0, 1]})
