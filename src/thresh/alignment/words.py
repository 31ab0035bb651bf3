"""Words of texts as places to compare: they are the same for every tokeniser."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import sparse

from thresh.alignment.places import Places, numbered
from thresh.errors import AlignmentError
from thresh.store.pooling import first_rows

WORD = re.compile(r"\S+")
UNSEEN = ("Mn", "Me", "Cf")  # Unicode's categories of combining and enclosing marks, and of format characters


def words(
    rows: pd.DataFrame, keep: np.ndarray, layer: str, texts: Callable[[Sequence[int]], list[str]] | None
) -> Places:
    """What stands between white space. A word is the mean of all tokens that have a character of it.

    Words whose first or last character no token has are left out: those at which a system that reads only so many
    tokens breaks off. Marks and invisible characters at the ends of a word do not count, for some tokenisers strip
    them. Tokens that stand for no character, and those of white space alone, belong to no word; a token
    that reaches over several words counts for each.

    Parameters
    ----------
    rows
        Table of the rows of a store (`thresh.store.row_table`).
    keep : (rows,) boolean
        Rows to compare, all of a stimulus or none.
    layer
        As system/layer, for messages.
    texts
        Indices of stimuli -> their texts; None where they have none.

    Raises
    ------
    AlignmentError
        The stimuli are no texts, rows know no characters, or there is no whole word.
    """
    if texts is None:
        raise AlignmentError(f"{layer}: found stimuli without text, expected texts to compare word by word.")
    if "start" not in rows:
        raise AlignmentError(
            f"{layer}: found rows that know no characters, expected tokens of a text to compare word by word"
            " (`pooling: positions` of the layer, and a tokeniser that knows characters)."
        )
    owner, start, end = (rows[name].to_numpy() for name in ("stimulus", "start", "end"))
    edges = np.r_[first_rows(owner), len(owner)]
    stimuli, spans, sizes, members, counted = [], [], [], [], 0
    for first, last in pairwise(edges.tolist()):
        if keep[first]:
            (text,) = texts([owner[first]])
            found, counts, tokens = whole_words(text, start[first:last], end[first:last])
            counted += len(WORD.findall(text))
            stimuli.append(np.full(len(found), owner[first]))
            spans.append(found)
            sizes.append(counts)
            members.append(first + tokens)
    if not sum(map(len, spans)):
        raise AlignmentError(f"{layer}: found no whole word in {len(spans)} texts, expected some.")
    spans, sizes = np.concatenate(spans), np.concatenate(sizes)
    return Places(
        stimulus=np.concatenate(stimuli),
        names=numbered(spans.T),
        contents=np.full(len(spans), "a word"),
        weights=means_of(sizes, np.concatenate(members), len(owner)),
        owner=owner,
        left_out=counted - len(spans),
    )


def whole_words(text: str, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The words that tokens hold whole.

    Parameters
    ----------
    start, end : (tokens,)
        First character of each token, and the one after its last.

    Returns
    -------
    first characters and those after the last (words, 2), numbers of tokens (words,), and the tokens word by word.
    """
    spans = np.array([match.span() for match in WORD.finditer(text)], int).reshape(-1, 2)
    needed = np.array([visible(text, *span) for span in spans.tolist()], int).reshape(-1, 2)
    real = np.flatnonzero((start >= 0) & (end > start))
    first = np.searchsorted(spans[:, 1], start[real], side="right")
    counts = np.maximum(np.searchsorted(spans[:, 0], end[real], side="left") - first, 0)
    token = np.repeat(real, counts)
    word = np.arange(len(token)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    begins, ends = np.full(len(spans), len(text)), np.zeros(len(spans), int)
    np.minimum.at(begins, word, start[token])
    np.maximum.at(ends, word, end[token])
    whole = (begins <= needed[:, 0]) & (ends >= needed[:, 1])
    token, word = token[whole[word]], word[whole[word]]
    return spans[whole], np.bincount(word, minlength=len(spans))[whole], token[np.lexsort((token, word))]


def visible(text: str, start: int, end: int) -> tuple[int, int]:
    """A word without marks and invisible characters at its ends; the whole of it where it has nothing else."""
    kept = [place for place in range(start, end) if unicodedata.category(text[place]) not in UNSEEN]
    return (kept[0], kept[-1] + 1) if kept else (start, end)


def means_of(sizes: np.ndarray, members: np.ndarray, rows: int) -> sparse.csr_array:
    """(places, rows): the mean of each place's rows."""
    weights = np.repeat(1 / sizes, sizes)
    return sparse.csr_array((weights, members, np.r_[0, np.cumsum(sizes)]), shape=(len(sizes), rows))
