"""Pieces hold what they may, in order, and lose nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from thresh.pieces import pieces


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(0, 12))
def test_pieces_join_to_the_whole_and_are_as_large_as_they_may_be(sizes, most):
    edges = np.r_[0, np.cumsum(sizes, dtype=int)]
    found = list(pieces(edges, most))
    assert [item for start, stop in found for item in range(start, stop)] == list(range(len(sizes)))
    for start, stop in found:
        assert stop == start + 1 or sum(sizes[start:stop]) <= most
        if stop < len(sizes):
            assert sum(sizes[start : stop + 1]) > most
