"""Cutting documents into items loses no token, doubles none, and knows where each one came from."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thresh.systems.feeds import token_plan
from thresh.systems.feeds.token_plan import TokenPlan
from thresh.systems.feeds.token_source import TOKEN, TokenFile, TokensAgain

lengths = st.lists(st.integers(1, 12), min_size=1, max_size=30)


def documents_of(lengths, seed=0):
    """Documents whose tokens are numbered through, some of them special."""
    random = np.random.default_rng(seed)
    stream = np.zeros(sum(lengths), TOKEN)
    stream["token"] = np.arange(len(stream))
    stream["special"] = random.random(len(stream)) < 0.3
    return np.split(stream, np.cumsum(lengths)[:-1])


@given(lengths, st.sampled_from([None, 1, 5, 40]), st.booleans())
def test_rows_are_the_kept_tokens_each_once(lengths, window, keep_special):
    documents = documents_of(lengths)
    plan = TokenPlan(TokenFile(iter(documents)), window=window, keep_special=keep_special)
    known = np.concatenate([d if keep_special else d[~d["special"]] for d in documents])["token"]
    columns = plan.columns(0, plan.count)
    assert sorted(columns["token"]) == known.tolist()
    assert plan.edges[-1] == len(known)
    for token, document, position in zip(*(columns[key] for key in ("token", "document", "position")), strict=True):
        assert documents[document]["token"][position] == token
    kept = [len(d) if keep_special else int((~d["special"]).sum()) for d in documents]
    np.testing.assert_array_equal(plan.kept_of_documents(), kept)


@given(lengths, st.integers(1, 20))
def test_windows_hold_the_documents_end_to_end(lengths, window):
    documents = documents_of(lengths)
    plan = TokenPlan(TokenFile(iter(documents)), window=window, keep_special=True)
    items = [item["token"] for item in plan.tokens(0, plan.count)]
    assert [len(item) for item in items[:-1]] == [window] * (len(items) - 1)
    np.testing.assert_array_equal(np.concatenate(items), np.arange(sum(lengths)))


@given(lengths)
def test_documents_come_longest_first_and_each_once(lengths):
    plan = TokenPlan(TokenFile(documents_of(lengths)), window=None, keep_special=True)
    found = [len(item) for item in plan.tokens(0, plan.count)]
    assert found == sorted(lengths, reverse=True)
    assert sorted(plan.documents(0, plan.count)) == list(range(len(lengths)))


@pytest.mark.parametrize("window", [None, 6])
def test_any_range_of_items_has_the_rows_that_the_edges_tell(window):
    plan = TokenPlan(TokenFile(documents_of([3, 1, 9, 4, 4, 7, 2], seed=1)), window=window, keep_special=False)
    whole = plan.columns(0, plan.count)
    for start, stop in ((0, 2), (1, 4), (3, plan.count), (2, 2)):
        part = plan.columns(start, stop)
        for name, values in part.items():
            np.testing.assert_array_equal(values, whole[name][plan.edges[start] : plan.edges[stop]])


@given(lengths, st.sampled_from([None, 1, 5, 40]), st.booleans(), st.integers(1, 7))
def test_a_plan_that_is_followed_gives_the_same_items_and_asks_for_no_other_documents(
    lengths, window, keep_special, size
):
    documents = documents_of(lengths)
    how = {"window": window, "keep_special": keep_special}
    first = TokenPlan(TokenFile(documents), **how)
    asked = []

    def tokenise(indices):
        asked.extend(indices)
        return [documents[index] for index in indices]

    followed = TokenPlan(TokensAgain(first.source.lengths, tokenise), kept=first.kept, **how)
    np.testing.assert_array_equal(followed.edges, first.edges)
    np.testing.assert_array_equal(followed.batch_edges(3), first.batch_edges(3))
    assert not asked
    for start in range(0, first.count, size):
        for one, other in zip(first.tokens(start, start + size), followed.tokens(start, start + size), strict=True):
            np.testing.assert_array_equal(one, other)
    # A document that two ranges share is made into tokens once.
    assert sorted(asked) == list(range(len(documents)))


def test_counting_rows_holds_no_more_than_a_block_of_tokens(monkeypatch):
    monkeypatch.setattr(token_plan, "BLOCK_TOKENS", 2**14)
    tokens = 400 * 1000
    plan = TokenPlan(TokenFile(documents_of([1000] * 400)), window=None, keep_special=False)
    assert plan.source.lengths.sum() == tokens
    tracemalloc.start()
    known = int((~plan.source.stream["special"]).sum())
    tracemalloc.reset_peak()
    assert plan.edges[-1] == plan.kept_of_documents().sum() == known
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < tokens * TOKEN.itemsize / 3
