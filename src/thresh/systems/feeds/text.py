"""Documents as sequences of tokens: one document an item, or packed end to end into windows of one length."""

from collections.abc import Iterator

import numpy as np
import torch

from thresh.bar import Bar
from thresh.errors import HarvestError
from thresh.pieces import pieces
from thresh.stimuli.base import Stimuli
from thresh.systems.feeds.base import Batch, Sequences
from thresh.systems.feeds.token_plan import PADDING, tokens_kept
from thresh.systems.feeds.tokenising import PLACE, Tokeniser

# How text becomes tokens, if the config does not say it. A longer item than LONGEST is cut although a model could read
# more: few studies need it, and memory is finite.
TEXT = {"length": None, "packing": False, "special_tokens": "drop", "prepend_bos": False, "template": PLACE}
LONGEST = 1024

# Bytes of text, or ids, that are made into tokens together: tokenizers hold many times as much meanwhile.
BLOCK = 2**20

# A check counts the rows of sets up to this size; it has seconds.
QUICK_DOCUMENTS = 20_000


class TextFeed(Sequences):
    """Text, or token ids, as `input_ids` and `attention_mask`, padded on the right.

    Parameters
    ----------
    tokeniser
        Makes tokens of documents.
    length
        Most tokens of an item: a longer document is cut, or, packed, goes on in the next window.
    packing
        Windows of exactly `length` tokens (the last one is padded) that begin and end anywhere in a document. A token
        attends to documents before its own in the window, as in pre-training.
    special_tokens
        'drop': they are fed, and have no rows; 'keep': they have rows too; 'omit': they are not fed.
    """

    def __init__(
        self, name: str, stimuli: Stimuli, tokeniser: Tokeniser, *, length: int, packing: bool, special_tokens: str
    ):
        self.name = name
        self.stimuli = stimuli
        self.tokeniser = tokeniser
        self.length = length
        self.packed = packing
        self.window = length if packing else None
        self.fixed_length = length if packing or tokeniser.sees_padding else None
        self.special_tokens = special_tokens
        self.keep_special = special_tokens == "keep"

    def documents(self) -> Iterator[np.ndarray]:
        """See `Sequences.documents`."""
        contents = self.stimuli.content(self.tokeniser.modality)
        with Bar(total=len(contents), desc=f"tokenise {self.name}", unit="documents") as bar:
            for start, stop in pieces(contents.offsets, BLOCK):
                index = list(range(start, stop))
                for number, tokens in zip(index, self.tokenised(index), strict=True):
                    self.check_document(number, tokens)
                    yield tokens
                    bar.update()

    def tokenised(self, documents: list[int]) -> list[np.ndarray]:
        """See `Sequences.tokenised`."""
        return self.tokeniser(
            self.stimuli,
            documents,
            length=None if self.packed else self.length,
            special_tokens=self.special_tokens != "omit",
        )

    def check_document(self, index: int, tokens: np.ndarray) -> None:
        if not len(tokens) or (self.special_tokens == "drop" and tokens["special"].all()):
            raise HarvestError(
                f"systems.{self.name}: found no token in {str(self.stimuli.ids[index])!r} of the stimuli"
                f" {self.stimuli.name!r} beside special tokens, expected some (text.length is {self.length})."
            )

    def check(self) -> None:
        """See `Feed.check`; looks at the first documents."""
        for index, tokens in enumerate(self.tokenised(list(range(min(64, len(self.stimuli)))))):
            self.check_document(index, tokens)

    def sample(self) -> Batch:
        """See `Feed.sample`."""
        (tokens,) = self.tokenised([0])
        return self.padded([tokens[: self.length]])

    def token_columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """See `Sequences.token_columns`."""
        columns = self.plan.columns(start, stop)
        columns = {"stimulus": columns.pop("document"), **columns}
        if not self.tokeniser.knows_characters:
            del columns["start"], columns["end"]
        return columns

    def rows_of_stimuli(self) -> np.ndarray | None:
        """See `Sequences.rows_of_stimuli`."""
        if not self.planned and len(self.stimuli) > QUICK_DOCUMENTS:
            return None
        return self.plan.kept_of_documents()

    def batch(self, start: int, size: int) -> Batch:
        """See `Feed.batch`; as long as its longest item."""
        return self.padded(self.plan.tokens(start, min(start + size, self.count)))

    def padded(self, items: list[np.ndarray]) -> Batch:
        shape = (len(items), self.fixed_length or max(map(len, items)))
        ids = torch.full(shape, self.tokeniser.padding_id)
        mask = torch.zeros(shape, dtype=torch.long)
        kept = torch.zeros(shape, dtype=torch.bool)
        for entry, tokens in enumerate(items):
            ids[entry, : len(tokens)] = torch.from_numpy(tokens["token"].astype(np.int64))
            mask[entry, : len(tokens)] = 1
            kept[entry, : len(tokens)] = torch.from_numpy(tokens_kept(tokens, self.keep_special))
        inputs = {"input_ids": ids} | ({} if self.tokeniser.sees_padding else {"attention_mask": mask})
        return Batch(inputs, len(items), kept)

    def recipe(self) -> dict:
        """See `Feed.recipe`."""
        return {
            "items": "windows" if self.packed else "documents",
            "length": self.length,
            "special_tokens": self.special_tokens,
            "padding": {
                "side": "right",
                "id": self.tokeniser.padding_id,
                "masked": not self.tokeniser.sees_padding,
                "most": PADDING,
            },
            "tokeniser": self.tokeniser.recipe(),
        }

    def facts(self) -> dict:
        """See `Feed.facts`."""
        first, last = self.plan.spans
        return {"documents": len(self.stimuli), "tokens": int((last - first).sum())}
