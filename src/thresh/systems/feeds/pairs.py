"""An image with a text an item, for models that take both."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch

from thresh.bar import Bar
from thresh.errors import HarvestError
from thresh.stimuli.base import Stimuli
from thresh.systems.feeds.base import Batch, Sequences
from thresh.systems.feeds.tokenising import PLACE, digest_of_tokenizer, tokens_of
from thresh.systems.telling import first_line

BLOCK = 16


class PairFeed(Sequences):
    """Images and texts as the processor of a transformers model puts them together.

    Tokens that stand for parts of the image are tokens like others, with the id that the processor gives them.

    Parameters
    ----------
    model, revision
        Hub name and branch, tag or commit; or a local folder.
    length
        Most tokens of an item.
    special_tokens
        'drop': special tokens are fed, and have no rows; 'keep': they have rows too.
    template
        Text around each text; `{text}` stands for it. Many models want a token for the image in it.
    image_options
        Arguments of the image processor that change its size.
    """

    def __init__(
        self,
        name: str,
        stimuli: Stimuli,
        model: str,
        revision: str,
        *,
        length: int,
        special_tokens: str,
        template: str,
        image_options: dict,
    ):
        from transformers import AutoProcessor

        self.name = name
        self.stimuli = stimuli
        self.length = length
        self.keep_special = special_tokens == "keep"
        self.template = template
        self.image_options = image_options
        try:
            self.processor = AutoProcessor.from_pretrained(model, revision=revision)
        # The loaders of the parts of a processor raise errors of their own kinds.
        except Exception as error:
            raise HarvestError(
                f"systems.{name}.model: {model}: found no processor of images and text ({first_line(error)})."
            ) from error
        if not hasattr(self.processor, "tokenizer"):
            raise HarvestError(
                f"systems.{name}.model: {model}: found a {type(self.processor).__name__}, expected a processor of"
                " images and text."
            )
        self.processor.tokenizer.padding_side = self.processor.tokenizer.truncation_side = "right"
        self.sees_padding = "attention_mask" not in self.processor.tokenizer.model_input_names
        self.fixed_length = length if self.sees_padding else None

    @cached_property
    def framing(self) -> list[int]:
        """Ids of special tokens; one that stands for the image is like those of text."""
        image = getattr(self.processor, "image_token_id", None)
        return [one for one in self.processor.tokenizer.all_special_ids if one != image]

    def documents(self) -> Iterator[np.ndarray]:
        """See `Sequences.documents`; images are processed, because they say how many tokens an image has."""
        with Bar(total=len(self.stimuli), desc=f"tokenise {self.name}", unit="pairs") as bar:
            for start in range(0, len(self.stimuli), BLOCK):
                index = list(range(start, min(start + BLOCK, len(self.stimuli))))
                yield from self.tokenised(index)
                bar.update(len(index))

    def tokenised(self, documents: list[int]) -> list[np.ndarray]:
        """See `Sequences.tokenised`."""
        found = self.processed(documents)
        made = []
        for ids, mask in zip(found["input_ids"], found["attention_mask"].bool(), strict=True):
            tokens = tokens_of(ids[mask].numpy(), special=0)
            tokens["special"] = np.isin(tokens["token"], self.framing)
            made.append(tokens)
        return made

    def processed(self, index: list[int]) -> dict[str, torch.Tensor]:
        texts = [self.template.replace(PLACE, text) for text in self.stimuli.texts(index)]
        images = [self.stimuli.image(one).convert("RGB") for one in index]
        try:
            found = dict(
                self.processor(
                    images=images,
                    text=texts,
                    padding="max_length" if self.sees_padding else "longest",
                    max_length=self.length,
                    truncation=True,
                    return_tensors="pt",
                    # Asked for even where the model takes none: it tells tokens from padding.
                    return_attention_mask=True,
                    **self.image_options,
                )
            )
        except (ValueError, TypeError) as error:
            raise HarvestError(
                f"systems.{self.name}: the processor cannot take these images and texts ({first_line(error)});"
                f" text.template is {self.template!r}."
            ) from error
        # Labels are for training.
        found.pop("labels", None)
        return found

    def fed(self, found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What the model takes of what the processor made."""
        return {key: one for key, one in found.items() if key != "attention_mask" or not self.sees_padding}

    def sample(self) -> Batch:
        """See `Feed.sample`."""
        inputs = self.processed([0])
        return Batch(self.fed(inputs), 1, torch.ones(inputs["input_ids"].shape, dtype=torch.bool))

    def items_of_stimuli(self) -> np.ndarray:
        """See `Feed.items_of_stimuli`."""
        return np.ones(len(self.stimuli), np.int64)

    def token_columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """See `Sequences.token_columns`."""
        columns = self.plan.columns(start, stop)
        return {"stimulus": columns["document"], "position": columns["position"], "token": columns["token"]}

    def rows_of_stimuli(self) -> np.ndarray | None:
        """See `Sequences.rows_of_stimuli`."""
        return self.plan.kept_of_documents() if self.planned else None

    def batch(self, start: int, size: int) -> Batch:
        """See `Feed.batch`."""
        stimulus = self.plan.documents(start, start + size)
        inputs = self.processed(stimulus.tolist())
        kept = inputs["attention_mask"].bool()
        if not self.keep_special:
            kept &= ~torch.isin(inputs["input_ids"], torch.tensor(self.framing, dtype=torch.long))
        return Batch(self.fed(inputs), len(stimulus), kept)

    def recipe(self) -> dict:
        """See `Feed.recipe`."""
        return {
            "items": "images with text",
            "length": self.length,
            "special_tokens": "keep" if self.keep_special else "drop",
            "processor": type(self.processor).__name__,
            "tokeniser": {"digest": digest_of_tokenizer(self.processor.tokenizer), "template": self.template},
        }
