"""What the benchmark of intervals draws anew and what it keeps, and how it counts what intervals hold."""

import numpy as np
import pandas as pd
import pytest

from interval_coverage import error, held
from populations import MANY_SUBJECTS, OF_EACH, SUBJECTS, drawn
from thresh.alignment import linear_cka


def agreement(over):
    """Of two draws of the same system, on what would be the same stimuli."""
    (first, _), _ = drawn(over, 1)
    (second, _), _ = drawn(over, 2)
    return linear_cka(first, second, debiased=True)


def test_only_what_is_named_is_drawn_anew():
    assert agreement("units") > 0.4  # other units, the same stimuli
    assert agreement("stimuli and units") == pytest.approx(0, abs=0.05)
    assert agreement("subjects") == pytest.approx(1)  # a has none
    assert agreement("stimuli and subjects") == pytest.approx(0, abs=0.05)


def test_units_of_a_subject_resemble_each_other():
    (_, y), subject = drawn("subjects", 3, many=True)
    assert np.bincount(subject).tolist() == [OF_EACH] * MANY_SUBJECTS
    assert len(drawn("subjects", 3)[1]) == SUBJECTS * OF_EACH
    similarity = np.abs(np.corrcoef(y.T))
    same = subject[:, None] == subject
    np.fill_diagonal(same, False)
    assert similarity[same].mean() > similarity[subject[:, None] != subject].mean() + 0.02


def test_intervals_that_are_not_there_are_not_counted():
    rows = pd.DataFrame({"score": [0, 1, 2.0], "low": [-1, 0.5, np.nan], "high": [0.4, 3, np.nan]})
    assert held(rows, 0.45) == 0
    assert held(rows, 0.4) == 0.5
    assert error(rows.assign(standard_error=[0.5, 1.5, np.nan])) == "1.00"
