"""From documents to tokens: by the tokenizer of a transformers model, or as the stimuli hold them."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np

from thresh.errors import HarvestError
from thresh.stimuli.base import Stimuli
from thresh.systems.feeds.token_source import TOKEN
from thresh.systems.telling import first_line

PLACE = "{text}"


class Tokeniser(ABC):
    """Makes tokens of documents.

    Attributes
    ----------
    modality
        What it reads of the stimuli: 'text' or 'tokens'.
    padding_id
        Id with which short items are padded.
    sees_padding
        Whether the model was trained without a mask, so that padding is input like any other: items are then always
        padded to the full length.
    knows_characters
        Whether tokens know the characters that they stand for.
    """

    modality: str = "text"
    padding_id: int = 0
    sees_padding: bool = False
    knows_characters: bool = False

    @abstractmethod
    def __call__(
        self, stimuli: Stimuli, index: Iterable[int], *, length: int | None, special_tokens: bool
    ) -> list[np.ndarray]:
        """Tokens, of dtype `TOKEN`, of some documents; at most `length` of each."""

    @abstractmethod
    def recipe(self) -> dict:
        """All that tokens depend on, as plain JSON values."""


class GivenTokens(Tokeniser):
    """Token ids as the stimuli hold them.

    Parameters
    ----------
    vocabulary
        Number of ids that the model knows; None where that is not known.
    bos
        Id to put in front of each document, a special token; None for none.
    """

    modality = "tokens"

    def __init__(self, name: str, vocabulary: int | None, bos: int | None):
        self.name = name
        self.vocabulary = vocabulary
        self.bos = bos

    def __call__(self, stimuli, index, *, length, special_tokens):
        """See `Tokeniser.__call__`."""
        front = [self.bos] if self.bos is not None and special_tokens else []
        index = list(index)
        found = []
        for number, ids in zip(index, stimuli.token_ids(index), strict=True):
            self.check(stimuli, number, ids)
            found.append(tokens_of(np.r_[front, ids][:length], special=len(front)))
        return found

    def check(self, stimuli: Stimuli, number: int, ids: np.ndarray) -> None:
        limit = np.iinfo(np.int32).max if self.vocabulary is None else self.vocabulary
        if len(ids) and not (ids.min() >= 0 and ids.max() < limit):
            raise HarvestError(
                f"systems.{self.name}: found the token id {ids.max() if ids.min() >= 0 else ids.min()} in"
                f" {str(stimuli.ids[number])!r} of the stimuli {stimuli.name!r}, expected 0 to {limit - 1}."
            )

    def recipe(self) -> dict:
        """See `Tokeniser.recipe`."""
        return {"ids": "given", "bos": self.bos}


def tokens_of(ids: np.ndarray, special: int) -> np.ndarray:
    """Ids, the first `special` of which are special tokens, without characters."""
    tokens = np.zeros(len(ids), TOKEN)
    tokens["token"] = ids
    tokens["start"] = tokens["end"] = -1
    tokens["special"][:special] = True
    return tokens


class ModelTokeniser(Tokeniser):
    """The tokenizer that was saved with a transformers model.

    Parameters
    ----------
    model, revision
        Hub name and branch, tag or commit; or a local folder.
    template
        Text around each document; `{text}` stands for the document.
    prepend_bos
        Put the BOS token in front where the tokenizer does not do so itself.
    """

    def __init__(self, name: str, model: str, revision: str, *, template: str = PLACE, prepend_bos: bool = False):
        from transformers import AutoTokenizer

        self.name = name
        if template.count(PLACE) != 1:
            raise HarvestError(f"systems.{name}.text.template: found {template!r}, expected {PLACE} once in it.")
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(model, revision=revision)
        # The loaders of sentencepiece and tiktoken files raise errors of their own kinds.
        except Exception as error:
            raise HarvestError(
                f"systems.{name}.model: {model}: found no tokenizer ({first_line(error)}), expected one beside the"
                " weights, or stimuli of kind tokens."
            ) from error
        # Positions count from the beginning of a document.
        self.tokenizer.truncation_side = "right"
        self.before, self.after = template.split(PLACE)
        self.sees_padding = "attention_mask" not in self.tokenizer.model_input_names
        self.knows_characters = bool(self.tokenizer.is_fast)
        self.padding_id = next(
            (one for one in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id) if one is not None), 0
        )
        self.bos = self.missing_bos() if prepend_bos else None

    def missing_bos(self) -> int | None:
        bos = self.tokenizer.bos_token_id
        if bos is None:
            raise HarvestError(f"systems.{self.name}.text.prepend_bos: found true, but the tokenizer has no BOS token.")
        return None if self.tokenizer("a")["input_ids"][:1] == [bos] else bos

    def __call__(self, stimuli, index, *, length, special_tokens):
        """See `Tokeniser.__call__`."""
        texts = [self.before + text + self.after for text in stimuli.texts(list(index))]
        bos = self.bos if special_tokens else None
        encoded = self.tokenizer(
            texts,
            add_special_tokens=special_tokens,
            truncation=length is not None,
            max_length=None if length is None else length - (bos is not None),
            return_special_tokens_mask=True,
            return_offsets_mapping=self.knows_characters,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        found = []
        for number, text in enumerate(texts):
            tokens = tokens_of(np.array(encoded["input_ids"][number], np.int64), special=0)
            tokens["special"] = np.array(encoded["special_tokens_mask"][number], bool)
            if self.knows_characters:
                self.place(tokens, np.array(encoded["offset_mapping"][number]).reshape(-1, 2), len(text))
            found.append(tokens if bos is None else np.concatenate([tokens_of(np.array([bos]), special=1), tokens]))
        return found

    def place(self, tokens: np.ndarray, characters: np.ndarray, length: int) -> None:
        """Fill in the characters of the document; those of the template around it are none of it.

        A token that begins in the white space before the document, or ends in that behind it, has the document's part.
        """
        start, end = (characters - len(self.before)).T
        length -= len(self.before) + len(self.after)
        before = len(self.before) - len(self.before.rstrip())
        after = len(self.after) - len(self.after.lstrip())
        start = np.where((start >= -before) & (end > 0), np.maximum(start, 0), start)
        end = np.where((end <= length + after) & (start < length), np.minimum(end, length), end)
        within = ~tokens["special"] & (start >= 0) & (end <= length)
        tokens["start"] = np.where(within, start, -1)
        tokens["end"] = np.where(within, end, -1)

    def recipe(self) -> dict:
        """See `Tokeniser.recipe`."""
        return {
            "class": type(self.tokenizer).__name__,
            "digest": digest_of_tokenizer(self.tokenizer),
            "template": self.before + PLACE + self.after,
            "prepended_bos": self.bos,
        }


def digest_of_tokenizer(tokenizer) -> str:
    """SHA-256 of all that a tokenizer does: the fast one's own description, or vocabulary and settings."""
    if tokenizer.is_fast:
        # An earlier call leaves its own settings behind; they are no part of what the tokenizer is.
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
        text = tokenizer.backend_tokenizer.to_str()
    else:
        text = json.dumps([tokenizer.get_vocab(), {key: str(value) for key, value in tokenizer.init_kwargs.items()}])
    special = json.dumps({key: str(value) for key, value in tokenizer.special_tokens_map.items()}, sort_keys=True)
    return hashlib.sha256((text + special).encode()).hexdigest()
