"""Any torch module: a factory of the user's, and a state dict."""

import inspect
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import torch

from thresh.errors import HarvestError
from thresh.systems.factories import empty_module, imported_factory, source_digest
from thresh.systems.feeds.base import Feed
from thresh.systems.feeds.frames import FrameFeed
from thresh.systems.feeds.images import ImageFeed
from thresh.systems.feeds.text import LONGEST, TEXT, TextFeed
from thresh.systems.feeds.tokenising import GivenTokens, ModelTokeniser, Tokeniser
from thresh.systems.model import ModelSystem
from thresh.systems.positions import Tokens, prefix_tokens
from thresh.systems.preprocessing import PlainPreprocessing
from thresh.systems.telling import first_line, listing_of
from thresh.systems.weights import digest_of_files


class TorchSystem(ModelSystem):
    """A module that `package.module:callable` returns.

    Parameters
    ----------
    factory, arguments, search_path
        The callable, its keyword arguments, and a folder in which its package is found.
    weights
        File of the state dict, .safetensors or of torch.save (loaded with weights_only); a checkpoint that holds it
        under `state_dict` or `model` will do.
    strip_prefix
        Prefix to remove from keys, e.g. 'module.' of DataParallel.
    image_size, mean, std
        Images are resized to a square, scaled to [0, 1] and normalised; one value of mean makes them grey.
    tokenizer, text
        Text becomes tokens by the tokenizer of a transformers model (hub name or folder), as `text` says: `length`,
        `packing`, `special_tokens`, `prepend_bos`, `template` (see `TextFeed`). The module is called with the ids,
        and with `attention_mask` where it takes one.
    batch_size
        Stimuli in a forward pass.
    untrained, seed
        Random weights: the factory is called after torch.manual_seed(seed).
    layers
        As for `TransformersSystem`.
    """

    def __init__(
        self,
        name,
        stimuli,
        *,
        layers,
        factory: str,
        image_size: int | None = None,
        tokenizer: str | None = None,
        text: dict | None = None,
        arguments: dict | None = None,
        search_path: str | None = None,
        weights: str | None = None,
        strip_prefix: str = "",
        mean: list[float] = (0.0, 0.0, 0.0),
        std: list[float] = (1.0, 1.0, 1.0),
        batch_size: int = 64,
        untrained: bool = False,
        seed: int = 0,
        device=None,
    ):
        super().__init__(name, stimuli, layers=layers, device=device, batch_size=batch_size)
        self.factory = factory
        self.arguments = dict(arguments or {})
        self.search_path = search_path
        self.weights = weights
        self.strip_prefix = strip_prefix
        self.preprocessing = None if image_size is None else PlainPreprocessing(name, image_size, list(mean), list(std))
        self.tokenizer = tokenizer
        self.text = TEXT | (text or {})
        self.untrained = untrained
        self.seed = seed

    @property
    def source(self) -> str:
        return self.factory

    @property
    def listing(self) -> list[str]:
        """See `ModelSystem.listing`."""
        return listing_of(self.factory, "torch", search_path=self.search_path, arguments=self.arguments)

    @cached_property
    def make(self) -> Callable[..., torch.nn.Module]:
        return imported_factory(f"systems.{self.name}", self.factory, self.search_path)

    def empty_model(self) -> torch.nn.Module:
        return empty_module(self.make, self.arguments, f"systems.{self.name}.factory: {self.factory}")

    def check_weights(self) -> None:
        if not self.untrained:
            # On the meta device keys and shapes are read, values are not.
            self.check_fit(self.read_state("meta"))

    def load_model(self) -> torch.nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = self.make(**self.arguments)
        if not self.untrained:
            state = self.read_state("cpu")
            self.check_fit(state)
            model.load_state_dict(state, strict=False)
        return model

    def read_state(self, device: str) -> dict[str, torch.Tensor]:
        """State dict of the weights file, without the prefix."""
        where = f"systems.{self.name}.weights"
        if self.weights is None:
            raise HarvestError(f"{where}: found none, expected a file, or `untrained: true`.")
        if not Path(self.weights).is_file():
            raise HarvestError(f"{where}: {self.weights}: found no file, expected a state dict.")
        try:
            found = read_file(self.weights, device)
        # torch.load raises most kinds of errors on files that are cut off or hold more than tensors.
        except Exception as error:
            raise HarvestError(
                f"{where}: {self.weights}: found no readable state dict ({first_line(error)})."
            ) from error
        if not isinstance(found, dict):
            raise HarvestError(f"{where}: {self.weights}: found a {type(found).__name__}, expected a state dict.")
        state = next((found[key] for key in ("state_dict", "model") if isinstance(found.get(key), dict)), found)
        return {
            key.removeprefix(self.strip_prefix): value
            for key, value in state.items()
            if isinstance(value, torch.Tensor)
        }

    def check_fit(self, state: dict[str, torch.Tensor]) -> None:
        """Every weight of the model is in the state dict with its shape, and nothing else is."""
        wanted = self.skeleton.state_dict()
        # Old checkpoints have no num_batches_tracked; it is not used in evaluation.
        missing = [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
        unexpected = [key for key in state if key not in wanted]
        where = f"systems.{self.name}.weights: {self.weights}"
        if missing or unexpected:
            hint = prefix_hint(missing, unexpected)
            raise HarvestError(
                f"{where}: found {shortened(unexpected)} that the model does not have,"
                f" and missed {shortened(missing)}{hint}."
            )
        for key, value in state.items():
            if value.shape != wanted[key].shape:
                raise HarvestError(
                    f"{where}: found {key} of shape {tuple(value.shape)}, expected {tuple(wanted[key].shape)}."
                )

    def make_feed(self) -> Feed:
        """See `ModelSystem.make_feed`."""
        self.require("image", "video", "text", "tokens")
        shown = self.stimuli.modalities
        if "image" in shown or "video" in shown:
            if self.preprocessing is None:
                raise HarvestError(f"systems.{self.name}.image_size: found none, expected a size for images.")
            return (ImageFeed if "image" in shown else FrameFeed)(self.stimuli, self.preprocessing)
        options = {key: self.text[key] for key in ("packing", "special_tokens")}
        length = self.text["length"] or LONGEST
        return TextFeed(self.name, self.stimuli, self.tokeniser(shown), length=length, **options)

    def tokeniser(self, shown: tuple[str, ...]) -> Tokeniser:
        own = {key: self.text[key] for key in ("template", "prepend_bos")}
        if "text" in shown:
            if self.tokenizer is None:
                raise HarvestError(f"systems.{self.name}.tokenizer: found none, expected one for text.")
            return ModelTokeniser(self.name, self.tokenizer, "main", **own)
        if own["prepend_bos"]:
            raise HarvestError(f"systems.{self.name}.text.prepend_bos: found true, expected false for token ids.")
        return GivenTokens(self.name, None, None)

    def forward(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> object:
        first, *others = inputs
        known = inspect.signature(model.forward).parameters
        return model(inputs[first], **{name: inputs[name] for name in others if name in known})

    def tokens(self, model: torch.nn.Module) -> Tokens:
        return Tokens(prefix_tokens(model))

    @cached_property
    def weights_digest(self) -> str | None:
        self.check_weights()
        return None if self.untrained else digest_of_files([Path(self.weights)])

    def model_recipe(self) -> dict:
        return {
            "kind": "torch",
            "factory": self.factory,
            "factory_source": source_digest(self.make),
            "arguments": self.arguments,
            "weights": self.weights_digest,
            "strip_prefix": self.strip_prefix,
            "untrained_seed": self.seed if self.untrained else None,
            "preprocessing": self.preprocessing and self.preprocessing.recipe(),
            "torch": torch.__version__,
        }

    def facts(self, layer: str) -> dict:
        """See `System.facts`."""
        return {**super().facts(layer), "untrained": self.untrained}


def read_file(path: str, device: str) -> object:
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(path, device="cpu")
    return torch.load(path, map_location=device, weights_only=True)


def prefix_hint(missing: list[str], unexpected: list[str]) -> str:
    """Advice where keys would fit but for one prefix."""
    for key in unexpected:
        for wanted in missing:
            if key.endswith(f".{wanted}"):
                return f"; strip_prefix: {key.removesuffix(wanted)!r} may help"
    return ""


def shortened(keys: list[str]) -> str:
    return f"{', '.join(keys[:3])}{f' and {len(keys) - 3} more' if len(keys) > 3 else ''}" if keys else "nothing"
