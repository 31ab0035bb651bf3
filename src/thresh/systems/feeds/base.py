"""The one interface of what is fed to a model."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from thresh.systems.feeds.token_plan import TokenPlan
from thresh.systems.feeds.token_source import TokenFile, TokensAgain, TokenSource


@dataclass
class Batch:
    """Some items as a model takes them.

    Attributes
    ----------
    inputs
        Name of the model's argument -> tensor, whose first dimension counts the batch's entries.
    filled
        Number of entries that are items; further ones, repeated from the last item, fill the batch up.
    kept : (entries, length) bool, optional
        Of sequences: the tokens whose rows are stored. None where there are no tokens.
    """

    inputs: dict[str, torch.Tensor]
    filled: int
    kept: torch.Tensor | None = None

    def moved(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        inputs = {name: tensor.to(device, non_blocking=True) for name, tensor in self.inputs.items()}
        return Batch(inputs, self.filled, self.kept)


class Feed(ABC):
    """Turns stimuli into batches. An item is what makes one entry of a batch: an image, a frame, a document, a window.

    Attributes
    ----------
    tokens
        Whether items are sequences of tokens, of different numbers.
    packed
        Whether an item may hold parts of several stimuli.
    fills
        Whether the last batch is filled up, so that all have one shape.
    """

    tokens: bool = False
    packed: bool = False
    fills: bool = True

    @property
    @abstractmethod
    def count(self) -> int:
        """Number of items, in the order in which they are computed."""

    @abstractmethod
    def columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """`stimulus` of the items start to stop, the index into the set; more where more is known of an item."""

    @abstractmethod
    def batch(self, start: int, size: int) -> Batch:
        """The items from `start` on, `size` of them; where there are fewer, a feed that fills repeats the last one."""

    def batch_edges(self, size: int) -> np.ndarray:
        """First item of each batch, and the number of items; a batch holds at most `size` of them."""
        return np.append(np.arange(0, self.count, size), self.count)

    def largest_batches(self, size: int) -> set[tuple[int, int]]:
        """First item, and the one after the last, of each batch that may be the one that needs the most memory."""
        return {(0, min(size, self.count))}

    def sample(self) -> Batch:
        """A batch of one item, found in seconds, that has the form of all others."""
        return self.batch(0, 1)

    def items_of_stimuli(self) -> np.ndarray:
        """(stimuli,) items of each stimulus."""
        return np.ones(self.count, np.int64)

    @abstractmethod
    def recipe(self) -> dict:
        """All that a batch depends on, apart from the stimuli, as plain JSON values."""

    def layout(self) -> dict[str, np.ndarray]:
        """What a store keeps of how stimuli became items, where it takes long to find."""
        return {}

    def follow(self, layout: dict[str, np.ndarray]) -> None:
        """Take items as the `layout` of a store says, where that saves work."""
        return

    def check(self) -> None:
        """Find in seconds what would stop a harvest."""
        self.sample()

    def facts(self) -> dict:
        """What a report has to say of how stimuli were fed."""
        return {}


class Sequences(Feed):
    """A feed of sequences of tokens, cut into batches of similar length.

    Attributes
    ----------
    window
        Tokens of an item where documents are joined end to end; None for a document an item.
    keep_special
        Whether special tokens have rows.
    fixed_length
        Tokens to which every item is padded; None where a batch is as long as its longest item.
    """

    tokens = True
    fills = False
    window: int | None = None
    fixed_length: int | None = None
    keep_special: bool

    @abstractmethod
    def documents(self) -> Iterator[np.ndarray]:
        """Tokens, of dtype `TOKEN`, of every document."""

    @abstractmethod
    def tokenised(self, documents: list[int]) -> list[np.ndarray]:
        """Tokens of some documents."""

    @cached_property
    def plan(self) -> TokenPlan:
        """The items and their tokens."""
        return self.plan_of(TokenFile(self.documents()))

    def plan_of(self, source: TokenSource, kept: np.ndarray | None = None) -> TokenPlan:
        return TokenPlan(
            source, window=self.window, keep_special=self.keep_special, fixed_length=self.fixed_length, kept=kept
        )

    @property
    def planned(self) -> bool:
        """Whether the plan is there; it takes one look at every document."""
        return "plan" in self.__dict__

    def layout(self) -> dict[str, np.ndarray]:
        """See `Feed.layout`: tokens of each document, and rows of each item where each kept token is a row."""
        return {"tokens": self.plan.source.lengths, "rows": self.plan.kept}

    def follow(self, layout: dict[str, np.ndarray]) -> None:
        """See `Feed.follow`; only the documents of a job's own shards are made into tokens again."""
        if not self.planned:
            self.plan = self.plan_of(TokensAgain(layout["tokens"], self.tokenised), layout["rows"])

    @property
    def count(self) -> int:
        """See `Feed.count`."""
        return self.plan.count

    def columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """See `Feed.columns`; of an item that holds several documents, the first."""
        return {"stimulus": self.plan.documents(start, stop)}

    def batch_edges(self, size: int) -> np.ndarray:
        """See `Feed.batch_edges`."""
        return self.plan.batch_edges(size)

    def largest_batches(self, size: int) -> set[tuple[int, int]]:
        """See `Feed.largest_batches`: the most tokens, the most pairs of tokens (attention), the most items."""
        edges = self.plan.batch_edges(size)
        entries, length = np.diff(edges), self.plan.fed[edges[:-1]]
        found = {int(cost.argmax()) for cost in (entries * length, entries * length**2, entries)}
        return {(int(edges[batch]), int(edges[batch + 1])) for batch in found}

    def edges(self) -> np.ndarray:
        """(items + 1,) int64: first row of each item where each kept token is a row, and the number of rows."""
        return self.plan.edges

    @abstractmethod
    def token_columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Columns of those rows: stimulus, position, token, and start and end in the text where they are known."""

    @abstractmethod
    def rows_of_stimuli(self) -> np.ndarray | None:
        """(stimuli,) kept tokens of each stimulus; None where it takes long to tell."""


def filled_up(tensor: torch.Tensor, size: int) -> torch.Tensor:
    """A tensor whose last entry is repeated until there are `size` of them."""
    return torch.cat([tensor, tensor[-1:].expand(size - len(tensor), *tensor.shape[1:])])
