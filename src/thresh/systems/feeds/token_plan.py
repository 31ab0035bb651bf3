"""The items that the tokens of a stimulus set are cut into, and the batches and rows that follow from it."""

from functools import cached_property

import numpy as np

from thresh.pieces import pieces
from thresh.systems.feeds.token_source import TOKEN, TokenSource

# Tokens that are looked at together.
BLOCK_TOKENS = 2**20

# Largest share of padding in any item of a batch.
PADDING = 0.05


class TokenPlan:
    """Items: documents, longest first, or windows of one length.

    Documents of similar length come together, so that batches hold little padding; the first batch is the largest.

    Parameters
    ----------
    source
        The tokens.
    window
        Join the documents end to end and cut them into windows of so many tokens; None for a document an item.
    keep_special
        Whether special tokens have rows.
    fixed_length
        Tokens to which every item is padded; None where a batch is as long as its longest item.
    kept : (items,), optional
        Number of tokens with rows of each item, where it is known; it is counted otherwise.

    Attributes
    ----------
    document_edges : (documents + 1,) int64
        First token of each document, and the number of all tokens.
    """

    def __init__(
        self,
        source: TokenSource,
        *,
        window: int | None,
        keep_special: bool,
        fixed_length: int | None = None,
        kept: np.ndarray | None = None,
    ):
        self.source = source
        self.document_edges = np.r_[0, np.cumsum(source.lengths)]
        self.window = window
        self.keep_special = keep_special
        self.fixed_length = fixed_length
        self.given = kept

    @cached_property
    def spans(self) -> tuple[np.ndarray, np.ndarray]:
        """First token of each item, and the one after its last, in the order of computation."""
        if self.window is None:
            first, last = self.document_edges[:-1], self.document_edges[1:]
            order = np.argsort(first - last, kind="stable")
            return first[order], last[order]
        first = np.arange(0, self.document_edges[-1], self.window)
        return first, np.minimum(first + self.window, self.document_edges[-1])

    @property
    def count(self) -> int:
        """Number of items."""
        return len(self.spans[0])

    @property
    def fed(self) -> np.ndarray:
        """(items,) tokens that are fed for each item, without what pads it to the longest of its batch."""
        first, last = self.spans
        return last - first if self.fixed_length is None else np.full(self.count, self.fixed_length)

    def batch_edges(self, size: int) -> np.ndarray:
        """First item of each batch, and the number of items.

        A batch holds at most `size` items, and none that is more than `PADDING` shorter than its longest.
        """
        if self.window is not None or self.fixed_length is not None:
            return np.append(np.arange(0, self.count, size), self.count)
        lengths, edges = self.fed, [0]
        while edges[-1] < self.count:
            start = edges[-1]
            shortest = np.ceil((1 - PADDING) * lengths[start])
            stop = int(np.searchsorted(-lengths, -shortest, side="right"))
            edges.append(min(start + size, stop))
        return np.array(edges)

    def tokens(self, start: int, stop: int) -> list[np.ndarray]:
        """Tokens, of dtype `TOKEN`, of each of the items start to stop."""
        first, last = (edges[start:stop] for edges in self.spans)
        begin = np.searchsorted(self.document_edges, first, side="right") - 1
        end = np.searchsorted(self.document_edges, last, side="left")
        within = [range(*bounds) for bounds in zip(begin.tolist(), end.tolist(), strict=True)]
        held = self.source.documents(sorted({document for documents in within for document in documents}))
        skipped = first - self.document_edges[begin]
        return [
            np.concatenate([held[document] for document in documents])[skip : skip + length]
            for documents, skip, length in zip(within, skipped, last - first, strict=True)
        ]

    @cached_property
    def kept(self) -> np.ndarray:
        """(items,) int64: tokens with rows of each item."""
        first, last = self.spans
        if self.given is not None or self.keep_special:
            return last - first if self.given is None else self.given.astype(np.int64)
        counts = np.empty(self.count, np.int64)
        for start, stop in pieces(np.r_[0, np.cumsum(last - first)], BLOCK_TOKENS):
            counts[start:stop] = [tokens_kept(tokens, False).sum() for tokens in self.tokens(start, stop)]
        return counts

    @cached_property
    def edges(self) -> np.ndarray:
        """(items + 1,) int64: first row of each item, and the number of rows."""
        return np.r_[0, np.cumsum(self.kept)]

    def kept_of_documents(self) -> np.ndarray:
        """(documents,) number of kept tokens."""
        counts = np.zeros(len(self.document_edges) - 1, np.int64)
        for start, stop in pieces(self.edges, BLOCK_TOKENS):
            documents, times = np.unique(self.columns(start, stop)["document"], return_counts=True)
            counts[documents] += times
        return counts

    def columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Of the kept tokens of the items start to stop: document, position in it, token, start and end in its text."""
        first, last = (edges[start:stop] for edges in self.spans)
        index = ranges(first, last)
        tokens = np.concatenate([np.empty(0, TOKEN), *self.tokens(start, stop)])
        kept = tokens_kept(tokens, self.keep_special)
        index, tokens = index[kept], tokens[kept]
        document = np.searchsorted(self.document_edges, index, side="right") - 1
        position = index - self.document_edges[document]
        return {"document": document, "position": position} | {name: tokens[name] for name in ("token", "start", "end")}

    def documents(self, start: int, stop: int) -> np.ndarray:
        """Document in which each of the items start to stop begins."""
        return np.searchsorted(self.document_edges, self.spans[0][start:stop], side="right") - 1


def tokens_kept(tokens: np.ndarray, keep_special: bool) -> np.ndarray:
    """Which of some tokens, of dtype `TOKEN`, have rows."""
    return np.ones(len(tokens), bool) if keep_special else ~tokens["special"]


def ranges(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """All numbers of some ranges, one range after the other."""
    lengths = last - first
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(first, lengths) + within
