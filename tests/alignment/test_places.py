"""Rows that are positions or words of stimuli: which there are, what they hold, and what chance means for them."""

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from thresh.alignment import align_pair, linear_cka, linear_predictivity
from thresh.alignment.places import positions
from thresh.alignment.statistics import permutations, permutations_of_groups
from thresh.alignment.uncertainty import Population, Uncertainty, selections
from thresh.alignment.words import whole_words, words
from thresh.errors import AlignmentError

from .simulate import normal, orthogonal
from .test_compare import row, side

TEXTS = ["the cat sat on\n the mat", "", "a b", "  dogs ran   after seventeen cats "]


class InMemory:
    """Rows as a store has them."""

    def __init__(self, values):
        self.values = values

    def read(self, start, stop):
        return self.values[start:stop]


def cut(text, pieces):
    """Spans of words that are cut into so many characters each, in order."""
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    return [(at, min(at + pieces, end)) for start, end in spans for at in range(start, end, pieces)]


def token_table(texts, pieces):
    """A row a token, the texts in another order than they are numbered in; each begins with a token of no character."""
    tokens = []
    for number in reversed(range(len(texts))):
        spans = [(-1, -1), *cut(texts[number], pieces)]
        tokens += [(number, place, *span) for place, span in enumerate(spans)]
    return pd.DataFrame(tokens, columns=["stimulus", "position", "start", "end"])


def words_with_rows(texts, pieces, keep=None):
    rows = token_table(texts, pieces)
    keep = np.ones(len(rows), bool) if keep is None else keep[rows["stimulus"]]
    return rows, words(rows, keep, "gpt2/block", lambda index: [texts[i] for i in index])


@given(st.text(alphabet="ab \n", max_size=30), st.data())
def test_words_and_their_tokens_are_those_that_share_characters(text, data):
    edges = sorted(data.draw(st.sets(st.integers(0, len(text)))) | {0, len(text)})
    spans = [span for span in pairwise(edges) if data.draw(st.booleans())] + [(-1, -1), (0, 0)]
    start, end = np.array(spans).T
    found, sizes, members = whole_words(text, start, end)
    expected = []
    for match in re.finditer(r"\S+", text):
        characters = set(range(*match.span()))
        some = [number for number, span in enumerate(spans) if characters & set(range(*span))]
        covered = set().union(*(range(*spans[number]) for number in some))
        if {match.start(), match.end() - 1} <= covered:
            expected.append((match.span(), some))
    assert list(map(tuple, found.tolist())) == [span for span, _ in expected]
    parts = np.split(members, np.cumsum(sizes))[: len(sizes)]
    assert [part.tolist() for part in parts] == [some for _, some in expected]


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_a_word_is_the_mean_of_its_tokens(kind):
    rows, places = words_with_rows(TEXTS, 2)
    values = normal(len(rows), 5).astype(np.float32)
    values *= values > 0.5
    found = places.read(InMemory(kind(values)), block_rows=4)
    found = found.toarray() if sparse.issparse(found) else found
    assert len(found) == sum(len(text.split()) for text in TEXTS)
    for line, stimulus, name in zip(found, places.stimulus, places.names, strict=True):
        first, last = map(int, name[1:].split(":"))
        own = (rows["stimulus"] == stimulus) & (rows["start"] >= first) & (rows["end"] <= last) & (rows["start"] >= 0)
        np.testing.assert_allclose(line, values[own].mean(axis=0), atol=1e-6)


def test_words_are_the_same_for_every_tokeniser_and_tokens_are_not():
    features = normal(len(" ".join(TEXTS).split()), 6)
    sides = []
    for pieces, seed in ((2, 1), (3, 2), (99, 3)):
        _, places = words_with_rows(TEXTS, pieces)
        # Each token responds as the word does that it is a part of, in units of its system's own.
        tokens = (places.weights > 0).T @ features @ orthogonal(6, seed)
        table = {"raw": places.read(InMemory(tokens))}
        ids = np.char.add(np.char.mod("text%d", places.stimulus), places.names)
        sides.append(side(f"by {pieces}", table, ids, groups=places.stimulus))
    for a, b in ((0, 1), (0, 2), (1, 2)):
        scores = align_pair(sides[a], sides[b], {"linear_cka": {}})
        assert row(scores, representation="raw").score == pytest.approx(1, abs=1e-6)
        assert (row(scores, representation="raw").stimuli, row(scores, representation="raw").rows) == (3, 13)
    tables = [token_table(TEXTS, pieces) for pieces in (2, 3)]
    grids = [positions(rows, np.ones(len(rows), bool), "gpt2/block") for rows in tables]
    same = dict(zip(grids[0].names[grids[0].stimulus == 0], grids[0].contents[grids[0].stimulus == 0], strict=True))
    other = dict(zip(grids[1].names[grids[1].stimulus == 0], grids[1].contents[grids[1].stimulus == 0], strict=True))
    assert same["@000001"] == "characters 0 to 2"
    assert other["@000001"] == "characters 0 to 3"


def test_a_word_at_which_a_system_breaks_off_is_not_there_for_it():
    start, end = np.array(cut("seventeen cats", 3)[:4]).T
    assert whole_words("seventeen cats", start, end)[0].tolist() == [[0, 9]]


def test_other_tokenisers_and_other_grids_have_no_positions_in_common():
    def grid(size):
        y, x = np.divmod(np.arange(size * size), size)
        table = pd.DataFrame({"stimulus": 0, "position": np.arange(size * size), "y": y, "x": x})
        return positions(table, np.ones(size * size, bool), "vit/block")

    sides = []
    for places in (grid(3), grid(4)):
        made = side("vit", {"raw": normal(len(places.names), 3)}, places.names, groups=places.stimulus)
        made.hashes = places.contents
        sides.append(made)
    with pytest.raises(
        AlignmentError,
        match=r"content a grid of 3 x 3 in vit and a grid of 4 x 4 in vit .*compared by words or as whole",
    ):
        align_pair(*sides, {"linear_cka": {}})


def test_positions_are_compared_one_by_one():
    x, y = normal(60, 5), normal(60, 4, 1)
    rows = pd.DataFrame({"stimulus": np.repeat(np.arange(12), 5), "position": np.tile(np.arange(5), 12)})
    keep = rows["stimulus"].to_numpy() % 3 > 0
    places = positions(rows, keep, "vit/block")
    ids = np.char.add(np.char.mod("image%02d", places.stimulus), places.names)
    a, b = (
        side(name, {"raw": places.read(InMemory(values))}, ids, groups=places.stimulus)
        for name, values in (("a", x), ("b", y))
    )
    table = align_pair(a, b, {"linear_cka_debiased": {}, "linear_predictivity": {"folds": 4}}, seed=2)
    expected = linear_cka(x[keep].astype(np.float32), y[keep].astype(np.float32), debiased=True)
    assert row(table, representation="raw", metric="linear_cka_debiased").score == pytest.approx(expected, abs=1e-9)
    r = linear_predictivity(
        *(values[keep].astype(np.float32) for values in (x, y)), folds=4, seed=2, groups=places.stimulus
    ).r
    found = row(table, representation="raw", metric="linear_predictivity", direction="a_to_b")
    assert found.score == pytest.approx(np.median(r), abs=1e-9)


def test_frames_are_positions_of_a_clip():
    rows = pd.DataFrame({"stimulus": [0, 0, 1], "position": -1, "frame": [0, 1, 0], "time": [0.0, 0.1, 0.0]})
    assert positions(rows, np.ones(3, bool), "pixels/pixels").names.tolist() == ["@000000", "@000001", "@000000"]


def test_what_has_no_places_is_refused():
    whole = pd.DataFrame({"stimulus": [0, 1], "position": [-1, -1]})
    keep = np.ones(2, bool)
    with pytest.raises(AlignmentError, match=r"v4/responses: found 2 rows that stand for whole stimuli"):
        positions(whole, keep, "v4/responses")
    with pytest.raises(AlignmentError, match=r"v4/responses: found rows that know no characters"):
        words(whole, keep, "v4/responses", lambda index: ["a"] * len(index))
    with pytest.raises(AlignmentError, match=r"v4/responses: found stimuli without text"):
        words(whole, keep, "v4/responses", None)
    with pytest.raises(AlignmentError, match=r"gpt2/block: found no whole word in 2 texts"):
        words_with_rows(["", " "], 2)


def test_stimuli_of_equal_length_change_places_position_by_position():
    groups, labels = np.repeat([4, 1, 7], 2), np.array([1, 4, 7])
    for found, order in zip(permutations_of_groups(groups, 5, seed=3), permutations(3, 5, seed=3), strict=True):
        for label, other in zip(labels, labels[order], strict=True):
            assert found[groups == label].tolist() == np.flatnonzero(groups == other).tolist()


@given(st.lists(st.integers(0, 4), min_size=2, max_size=12).filter(lambda labels: len(set(labels)) > 1))
def test_rows_of_a_stimulus_stand_for_those_of_one_other_in_their_order(labels):
    groups = np.array(labels)
    for order in permutations_of_groups(groups, 3, seed=1):
        for label in set(labels):
            taken = order[groups == label]
            (other,) = set(groups[taken])
            own = np.flatnonzero(groups == other)
            assert taken.tolist() == np.resize(own, len(taken)).tolist()


def test_halves_hold_whole_stimuli():
    groups = np.repeat(np.arange(9), np.arange(1, 10))
    population = Population(len(groups), (4, 4), groups=groups)
    for half in selections(Uncertainty(resamples=12), population)["stimuli"]:
        taken = set(groups[half.rows])
        assert len(half.rows) == np.isin(groups, list(taken)).sum()
        assert len(taken) in (4, 5)
    assert population.fewest(["stimuli"]) == 9


def test_what_words_of_a_document_share_is_chance_for_systems_that_do_not():
    """Sixteen documents of 6 to 14 words with an effect of their own: few stimuli, though many words."""
    by_document, by_word = [], []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        groups = np.repeat(np.arange(16), generator.integers(6, 15, 16))
        x, y = (generator.standard_normal((16, 3))[groups] + generator.standard_normal((len(groups), 3)) for _ in "xy")
        for found, own in ((by_document, groups), (by_word, None)):
            plan = Uncertainty(permutations=39, seed=seed)
            pair = [side(name, {"raw": values}, groups=own) for name, values in (("a", x), ("b", y))]
            found.append(row(align_pair(*pair, {"linear_cka_debiased": {}}, uncertainty=plan), representation="raw").p)
    assert np.mean(np.array(by_document) <= 0.05) <= 0.1
    assert np.mean(np.array(by_word) <= 0.05) > 0.3


def test_an_atom_has_to_be_active_on_several_stimuli_not_words():
    groups = np.repeat(np.arange(6), 5)
    codes = np.zeros((30, 3))
    codes[:, 0] = np.abs(normal(30, 1)[:, 0])
    codes[:5, 1] = 1.0  # five words of one text
    codes[[0, 7], 2] = 1.0
    a, b = (side(name, {"raw": normal(30, 4), "sae": codes}, groups=groups) for name in "ab")
    found = row(align_pair(a, b, {"linear_cka": {}}, active=2), representation="sae")
    assert found.units_a == 2
