"""Rows that are positions or words of stimuli: which there are, what they hold, and what chance means for them."""

import json
import re
import unicodedata
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from thresh.alignment import METRICS, align_pair, linear_cka, linear_predictivity
from thresh.alignment.places import positions
from thresh.alignment.population import Population
from thresh.alignment.statistics import equally_long, permutations, permutations_of_groups
from thresh.alignment.uncertainty import Uncertainty, selections
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


def test_places_of_no_known_grid_are_the_same_only_where_there_are_as_many():
    def numbered(count):
        table = pd.DataFrame({"stimulus": 0, "position": np.arange(count), "token": np.arange(count)})
        return positions(table, np.ones(count, bool), "vit/block")

    assert numbered(196).contents[5] == "one of 196 places"
    assert numbered(576).contents[5] == "one of 576 places"


@pytest.mark.parametrize("word", ["cafe\u0301", "\u2764\ufe0f", "x\u00ad", "\ufeffbom", "\u0928\u0940", "e\u0301"])
def test_marks_that_a_tokeniser_strips_cost_no_word(word):
    kept = [place for place, letter in enumerate(word) if unicodedata.category(letter) not in ("Mn", "Me", "Cf")]
    # Tokens of one character, of those that are not stripped.
    start = np.array([place + 2 for place in kept])
    assert whole_words(f"a {word} b", np.r_[0, start], np.r_[1, start + 1])[0].tolist() == [[0, 1], [2, 2 + len(word)]]


def test_words_that_are_left_out_are_counted():
    rows = token_table(["seventeen cats", "a b"], 3)
    rows = rows[~((rows["stimulus"] == 0) & (rows["start"] > 6))].reset_index(drop=True)
    texts = {0: "seventeen cats", 1: "a b"}
    places = words(rows, np.ones(len(rows), bool), "gpt2/block", lambda index: [texts[i] for i in index])
    assert (len(places.names), places.left_out) == (3, 1)
    x = normal(3, 3)
    a = side("a", {"raw": x}, places.names, groups=places.stimulus, words_left_out=places.left_out)
    b = side("b", {"raw": x}, places.names, groups=places.stimulus)
    assert json.loads(align_pair(a, b, {"linear_cka": {}}).iloc[0].detail)["words_left_out"] == [1, 0]


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


@given(st.lists(st.integers(0, 5), min_size=1, max_size=25))
def test_rows_that_are_exchanged_are_the_first_of_half_of_the_stimuli_at_least(labels):
    groups = np.array(labels)
    kept = equally_long(groups)
    sizes = {label: int((groups == label).sum()) for label in set(labels)}
    of_kept = {label: np.flatnonzero(groups[kept] == label) for label in set(groups[kept])}
    (length,) = {len(rows) for rows in of_kept.values()}
    assert set(of_kept) == {label for label, size in sizes.items() if size >= length}
    assert 2 * len(of_kept) >= len(sizes)
    for label, rows in of_kept.items():
        assert kept[rows].tolist() == np.flatnonzero(groups == label)[:length].tolist()
    if len(set(sizes.values())) == 1:
        assert len(kept) == len(groups)


def test_most_rows_are_kept():
    # Where less than half of the texts have ten rows, the first four of all are exchanged.
    assert len(equally_long(np.repeat(np.arange(7), [10, 4, 10, 4, 10, 4, 4]))) == 28
    assert len(equally_long(np.repeat(np.arange(5), [9, 9, 1, 9, 1]))) == 27


def test_texts_of_one_and_two_words_hold_the_level_too():
    """A loud first word makes scores of all rows high, and those of the rows that change places are nothing special."""
    found = []
    for seed in range(100):
        generator = np.random.default_rng(seed)
        groups = np.repeat(np.arange(24), np.r_[np.ones(10, int), np.full(14, 2)])
        first = np.r_[True, groups[1:] != groups[:-1]][:, None]
        x, y = (generator.standard_normal((len(groups), 3)) + 20 * first for _ in "xy")
        found.append(p_of(groups, x, y, metric="linear_cka", permutations=19, seed=seed))
    table = pd.DataFrame(found)
    assert (table["p"] <= 0.05).mean() <= 0.11
    assert table["calibrated"].between(0, 1).all()
    assert table["score"].median() > 0.9


def test_stimuli_of_other_lengths_do_not_change_places():
    with pytest.raises(AlignmentError, match="groups: found 1 to 2 rows a stimulus, expected equally many"):
        next(permutations_of_groups([0, 0, 1], 1))


def test_halves_hold_whole_stimuli():
    groups = np.repeat(np.arange(9), np.arange(1, 10))
    population = Population(len(groups), (4, 4), groups=groups)
    for half in selections(Uncertainty(resamples=12), population)["stimuli"]:
        taken = set(groups[half.rows])
        assert len(half.rows) == np.isin(groups, list(taken)).sum()
        assert len(taken) in (4, 5)
    assert population.fewest(["stimuli"]) == 9


def documents(seed, lengths, first=0.0):
    """Sixteen documents with an effect of their own, and a first word that is loud; x and y are independent."""
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(16), generator.integers(*lengths, 16))
    begins = np.r_[True, groups[1:] != groups[:-1]]
    x, y = (generator.standard_normal((16, 3))[groups] + generator.standard_normal((len(groups), 3)) for _ in "xy")
    return groups, x + first * begins[:, None], y + first * begins[:, None]


def p_of(groups, x, y, metric="linear_cka_debiased", **plan):
    pair = [side(name, {"raw": values}, groups=groups) for name, values in (("a", x), ("b", y))]
    table = align_pair(*pair, {metric: {}}, uncertainty=Uncertainty(**plan))
    return table[(table["representation"] == "raw") & (table["direction"] != "b_to_a")].iloc[0]


@pytest.mark.parametrize(("lengths", "first"), [((10, 11), 0.0), ((6, 15), 0.0), ((6, 15), 8.0)])
def test_what_words_of_documents_have_by_themselves_is_chance(lengths, first):
    """A loud first word, as an attention sink is, stands in the same places of unrelated systems."""
    drawn = [documents(seed, lengths, first) for seed in range(100)]
    found = [p_of(*one, permutations=19, seed=seed).p for seed, one in enumerate(drawn)]
    assert np.mean(np.array(found) <= 0.05) <= 0.11  # .05 and three standard errors
    if first == 0 and lengths == (6, 15):  # words that are taken for new stimuli
        by_word = [p_of(None, *one[1:], permutations=19, seed=seed).p for seed, one in enumerate(drawn)]
        assert np.mean(np.array(by_word) <= 0.05) > 0.3


@pytest.mark.parametrize("metric", ["linear_cka_debiased", "rsa", "linear_predictivity", "one_to_one_matching", "cca"])
def test_chance_is_that_of_the_rows_that_change_places(metric):
    groups, x, y = documents(3, (6, 15), 2.0)
    y = y + 0.5 * x
    kept = equally_long(groups)
    of_all, of_kept = (
        p_of(*(values[rows] for values in (groups, x, y)), metric=metric, permutations=19, seed=1)
        for rows in (np.arange(len(groups)), kept)
    )
    assert len(kept) < len(groups)
    worth = ["p", "chance", "critical", "calibrated", "tested", "tested_rows"]
    assert of_all[worth].tolist() == of_kept[worth].tolist()
    np.testing.assert_array_equal(of_all.null, of_kept.null)
    assert (of_all.tested, of_all.tested_rows, of_all.rows) == (of_kept.score, len(kept), len(groups))
    assert of_all.score != of_all.tested
    # The same the long way, for metrics that keep what a permutation leaves as it is.
    orders = permutations_of_groups(groups[kept], 19, seed=1)
    params = {"groups": groups[kept]} if "groups" in METRICS[metric].facts else {}
    params |= {"seed": 0} if "seed" in METRICS[metric].parameters else {}
    long = [METRICS[metric].measure(x[kept], y[kept][order], **params) for order in orders]
    long = [METRICS[metric].summarise(one)[0] for one in long]
    np.testing.assert_allclose(of_kept.null, long, atol=1e-9)


def test_of_one_common_text_there_is_a_score_and_no_chance():
    groups = np.zeros(30, int)
    x = normal(30, 4)
    pair = [side(name, {"raw": values}, groups=groups) for name, values in (("a", x), ("b", x[:, :3]))]
    table = align_pair(*pair, {"linear_cka": {}}, uncertainty=Uncertainty(permutations=19))
    found = row(table, representation="raw")
    assert found.score > 0.5
    assert np.isnan(found.p)
    assert "found no two stimuli that may change places" in row(table, representation="raw shuffled").error


def test_parts_of_stimuli_and_whole_ones_are_not_compared():
    x = normal(12, 3)
    parts, whole = side("a", {"raw": x}, groups=np.repeat(np.arange(4), 3)), side("b", {"raw": x})
    for pair in ((parts, whole), (whole, parts)):
        with pytest.raises(AlignmentError, match="found parts of stimuli in a and whole stimuli in b"):
            align_pair(*pair, {"linear_cka": {}})
    parts.blocks = np.arange(12)
    with pytest.raises(AlignmentError, match="a/layer1: found rows of one stimulus in several blocks"):
        align_pair(parts, parts, {"linear_cka": {}})


def test_an_atom_has_to_be_active_on_several_stimuli_not_words():
    groups = np.repeat(np.arange(6), 5)
    codes = np.zeros((30, 3))
    codes[:, 0] = np.abs(normal(30, 1)[:, 0])
    codes[:5, 1] = 1.0  # five words of one text
    codes[[0, 7], 2] = 1.0
    a, b = (side(name, {"raw": normal(30, 4), "sae": codes}, groups=groups) for name in "ab")
    found = row(align_pair(a, b, {"linear_cka": {}}, active=2), representation="sae")
    assert found.units_a == 2
