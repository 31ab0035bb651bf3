"""All tokens of a stimulus set, one document after the other, and the items that they are cut into."""

import tempfile
from collections.abc import Iterable
from functools import cached_property

import numpy as np

# start and end: characters of the document that the token stands for; -1 where it stands for none.
TOKEN = np.dtype([("token", "<i4"), ("start", "<i4"), ("end", "<i4"), ("special", "?")])
BLOCK = 4096

# Largest share of padding in any item of a batch.
PADDING = 0.05


class TokenPlan:
    """Tokens in a temporary file, cut into items: documents, longest first, or windows of one length.

    Documents of similar length come together, so that batches hold little padding; the first batch is the largest.

    Parameters
    ----------
    documents
        Tokens (n,) of dtype `TOKEN` of each document.
    window
        Join the documents end to end and cut them into windows of so many tokens; None for a document an item.
    keep_special
        Whether special tokens have rows.

    Attributes
    ----------
    document_edges : (documents + 1,) int64
        First token of each document, and the number of all tokens.
    """

    def __init__(self, documents: Iterable[np.ndarray], *, window: int | None, keep_special: bool):
        # A file and not an array: the tokens of a large corpus need not be in memory.
        self.file = tempfile.TemporaryFile(prefix="thresh-tokens-")  # noqa: SIM115, it lasts as long as the plan
        lengths = [0]
        for tokens in documents:
            self.file.write(tokens.tobytes())
            lengths.append(len(tokens))
        self.file.flush()
        self.document_edges = np.cumsum(lengths, dtype=np.int64)
        self.window = window
        self.keep_special = keep_special

    @cached_property
    def stream(self) -> np.ndarray:
        """(tokens,) of dtype `TOKEN`, mapped from the file."""
        return np.memmap(self.file, TOKEN, mode="r") if self.document_edges[-1] else np.empty(0, TOKEN)

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

    def batch_edges(self, size: int) -> np.ndarray:
        """First item of each batch, and the number of items.

        A batch holds at most `size` items, and none that is more than `PADDING` shorter than its longest.
        """
        first, last = self.spans
        lengths = last - first
        if self.window is not None:
            return np.append(np.arange(0, self.count, size), self.count)
        edges = [0]
        while edges[-1] < self.count:
            start = edges[-1]
            shortest = np.ceil((1 - PADDING) * lengths[start])
            stop = int(np.searchsorted(-lengths, -shortest, side="right"))
            edges.append(min(start + size, stop))
        return np.array(edges)

    def tokens(self, item: int) -> np.ndarray:
        """Tokens of one item, dtype `TOKEN`."""
        first, last = self.spans
        return np.array(self.stream[first[item] : last[item]])

    @cached_property
    def edges(self) -> np.ndarray:
        """(items + 1,) int64: first row of each item, and the number of rows."""
        return np.r_[0, np.cumsum(self.kept_within(*self.spans))]

    def kept_within(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Number of kept tokens in each of some spans of the stream."""
        if self.keep_special:
            return last - first
        counts = np.empty(len(first), np.int64)
        for start in range(0, len(first), BLOCK):
            block = slice(start, start + BLOCK)
            index, owner = ranges(first[block], last[block])
            kept = tokens_kept(self.stream[index], self.keep_special)
            counts[block] = np.bincount(owner[kept], minlength=len(first[block]))
        return counts

    def kept_of_documents(self) -> np.ndarray:
        """(documents,) number of kept tokens."""
        return self.kept_within(self.document_edges[:-1], self.document_edges[1:])

    def columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Of the kept tokens of the items start to stop: document, position in it, token, start and end in its text."""
        first, last = self.spans
        index, _ = ranges(first[start:stop], last[start:stop])
        tokens = self.stream[index]
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


def ranges(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All numbers of some ranges, one range after the other, and the range that each is of."""
    lengths = last - first
    owner = np.repeat(np.arange(len(first)), lengths)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return first[owner] + within, owner
