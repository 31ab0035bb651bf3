"""Tokens of documents: from a file that holds all of them, or made again for the few that are asked for."""

import tempfile
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Protocol

import numpy as np

# start and end: characters of the document that the token stands for; -1 where it stands for none.
TOKEN = np.dtype([("token", "<i4"), ("start", "<i4"), ("end", "<i4"), ("special", "?")])


class TokenSource(Protocol):
    """Where tokens of documents come from.

    Attributes
    ----------
    lengths : (documents,) int64
        Number of tokens of each document.
    """

    lengths: np.ndarray

    def documents(self, indices: list[int]) -> dict[int, np.ndarray]:
        """Tokens, of dtype `TOKEN`, of some documents."""


class TokenFile:
    """All tokens in a temporary file, one document after the other: those of a large corpus need not be in memory.

    Parameters
    ----------
    documents
        Tokens (n,) of dtype `TOKEN` of each document.
    """

    def __init__(self, documents: Iterable[np.ndarray]):
        self.file = tempfile.TemporaryFile(prefix="thresh-tokens-")  # noqa: SIM115, it lasts as long as its reader
        lengths = []
        for tokens in documents:
            self.file.write(tokens.tobytes())
            lengths.append(len(tokens))
        self.file.flush()
        self.lengths = np.array(lengths, np.int64)
        self.edges = np.r_[0, np.cumsum(self.lengths)]

    @cached_property
    def stream(self) -> np.ndarray:
        """(tokens,) of dtype `TOKEN`, mapped from the file."""
        return np.memmap(self.file, TOKEN, mode="r") if self.edges[-1] else np.empty(0, TOKEN)

    def documents(self, indices: list[int]) -> dict[int, np.ndarray]:
        """See `TokenSource.documents`."""
        return {index: np.array(self.stream[self.edges[index] : self.edges[index + 1]]) for index in indices}


class TokensAgain:
    """Tokens made again from the documents that are asked for, for jobs that need a part of a corpus.

    Parameters
    ----------
    lengths : (documents,) int64
        As they were when all documents were made into tokens.
    tokenise
        Makes tokens, of dtype `TOKEN`, of some documents.
    """

    def __init__(self, lengths: np.ndarray, tokenise: Callable[[list[int]], list[np.ndarray]]):
        self.lengths = lengths.astype(np.int64)
        self.tokenise = tokenise
        self.held: dict[int, np.ndarray] = {}

    def documents(self, indices: list[int]) -> dict[int, np.ndarray]:
        """See `TokenSource.documents`; a document that goes on from the last call's is not made again."""
        missing = [index for index in indices if index not in self.held]
        made = dict(zip(missing, self.tokenise(missing) if missing else [], strict=True))
        self.held = {index: made[index] if index in made else self.held[index] for index in indices}
        return self.held
