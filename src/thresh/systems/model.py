"""What all models share: fixed batches, one forward pass for all layers, the checks that need no weights."""

from abc import abstractmethod
from functools import cached_property

import numpy as np
import torch
from PIL import Image

from thresh.devices import pick_device
from thresh.errors import HarvestError
from thresh.stimuli.base import Stimuli
from thresh.systems.base import LayerShape, System
from thresh.systems.capture import Site, capture
from thresh.systems.positions import Tokens, pooled, shape_of
from thresh.systems.telling import unknown_module


class ModelSystem(System):
    """A torch module that looks at images.

    Responses are computed in batches of one fixed size, cut at multiples of it and padded at the end, because the
    last digits of a result depend on the shape of the batch.
    """

    def __init__(
        self, name: str, stimuli: Stimuli, *, layers: dict[str, dict], device: str | None = None, batch_size: int = 64
    ):
        super().__init__(name, stimuli, layers=layers, device=device)
        self.batch_size = batch_size
        self.sites = {
            layer: Site(params["module"], params.get("output", 0), params.get("call", 0))
            for layer, params in self.layers.items()
        }
        self.poolings = {layer: params.get("pooling", "mean") for layer, params in self.layers.items()}

    # --- what a kind of model has to say ---

    @property
    @abstractmethod
    def source(self) -> str:
        """Hub name, folder or factory."""

    @property
    def listing(self) -> list[str]:
        """Arguments of `scripts/list_layers.py` that list this model's modules; the source comes first."""
        return [self.source]

    @abstractmethod
    def empty_model(self) -> torch.nn.Module:
        """The model without weights, on the meta device where it can be made there."""

    @abstractmethod
    def load_model(self) -> torch.nn.Module:
        """The model with its weights, on the CPU."""

    @abstractmethod
    def check_weights(self) -> None:
        """Raise HarvestError where weights are missing or do not fit."""

    @abstractmethod
    def preprocess(self, images: list[Image.Image]) -> torch.Tensor:
        """Images as the model wants them, (images, channels, height, width)."""

    @abstractmethod
    def model_recipe(self) -> dict:
        """What the responses of every layer depend on."""

    def tokens(self, model: torch.nn.Module) -> Tokens:
        """Tokens of the model that stand for no place."""
        return Tokens()

    def forward(self, model: torch.nn.Module, batch: torch.Tensor) -> object:
        return model(batch)

    # --- what follows from it ---

    @cached_property
    def skeleton(self) -> torch.nn.Module:
        return self.empty_model().eval()

    @cached_property
    def model(self) -> torch.nn.Module:
        self.check_layers()
        return self.load_model().eval().requires_grad_(False).to(pick_device(self.device))

    def check(self) -> None:
        """See `System.check`."""
        if self.stimuli.feature_source is not None:
            raise HarvestError(
                f"systems.{self.name}: the stimuli {self.stimuli.name!r} are of kind {self.stimuli.kind!r},"
                " expected images."
            )
        self.check_layers()
        self.check_weights()

    def check_layers(self) -> None:
        known = [path for path, _ in self.skeleton.named_modules() if path]
        unknown = [
            unknown_module(self.name, layer, site.module, known, self.listing)
            for layer, site in self.sites.items()
            if site.module not in known
        ]
        if unknown:
            raise HarvestError("\n".join(unknown))

    @cached_property
    def shapes(self) -> dict[str, LayerShape]:
        outputs = self.outputs(self.batch(0), list(self.layers))
        return self.shapes_of(outputs, self.tokens(self.model))

    @cached_property
    def planned_shapes(self) -> dict[str, LayerShape]:
        """Shapes from a forward pass of one image without weights and values; empty where the model looks at values."""
        image = self.preprocess(self.stimuli.images(0, 1))
        try:
            outputs = self.captured(self.skeleton, image, list(self.layers), place_of(self.skeleton))
        except (NotImplementedError, RuntimeError):
            return {}
        return self.shapes_of(outputs, self.tokens(self.skeleton))

    def shapes_of(self, outputs: dict[str, torch.Tensor], tokens: Tokens) -> dict[str, LayerShape]:
        return {
            layer: shape_of(output, self.poolings[layer], tokens, self.key(layer)) for layer, output in outputs.items()
        }

    def layer_shape(self, layer: str) -> LayerShape:
        """See `System.layer_shape`; found by one forward pass of one batch, for all layers."""
        return self.shapes[layer]

    def planned_shape(self, layer: str) -> LayerShape | None:
        """See `System.planned_shape`; found on the meta device."""
        return self.planned_shapes.get(layer)

    def key(self, layer: str) -> str:
        return f"systems.{self.name}.layers.{layer}"

    def batch(self, first: int) -> torch.Tensor:
        """Batch whose first stimulus is number `first`; the last stimulus is repeated where too few are left."""
        index = self.stimuli_index[first : first + self.batch_size]
        images = self.stimuli.images(int(index[0]), int(index[-1]) + 1)
        pixels = self.preprocess(images)
        padding = pixels[-1:].expand(self.batch_size - len(pixels), *pixels.shape[1:])
        return torch.cat([pixels, padding])

    def outputs(self, batch: torch.Tensor, layers: list[str]) -> dict[str, torch.Tensor]:
        return self.captured(self.model, batch, layers, pick_device(self.device))

    def captured(
        self, model: torch.nn.Module, batch: torch.Tensor, layers: list[str], device: torch.device
    ) -> dict[str, torch.Tensor]:
        sites = {layer: self.sites[layer] for layer in layers}
        with torch.inference_mode(), exact_arithmetic():
            return capture(model, sites, lambda: self.forward(model, batch.to(device)), self.name)

    def responses(self, start: int, stop: int, layers: list[str]) -> dict[str, np.ndarray]:
        """See `System.responses`."""
        found: dict[str, list[np.ndarray]] = {
            layer: [np.empty((0, self.shapes[layer].positions, self.shapes[layer].units), np.float32)]
            for layer in layers
        }
        tokens = self.tokens(self.model)
        stop = min(stop, len(self.stimuli_index))
        for first in range(start - start % self.batch_size, stop, self.batch_size):
            outputs = self.outputs(self.batch(first), layers)
            low, high = max(start - first, 0), min(stop - first, self.batch_size)
            for layer, output in outputs.items():
                rows = pooled(output, self.poolings[layer], tokens, self.key(layer))
                found[layer].append(rows[low:high].float().cpu().numpy())
        return {layer: np.concatenate(blocks) for layer, blocks in found.items()}

    def recipe(self, layer: str) -> dict:
        """See `System.recipe`."""
        site = self.sites[layer]
        return {
            **self.model_recipe(),
            "module": site.module,
            "output": site.output,
            "call": site.call,
            "pooling": self.poolings[layer],
            "prefix_tokens": self.tokens(self.skeleton).prefix,
            "batch_size": self.batch_size,
        }

    def facts(self, layer: str) -> dict:
        """See `System.facts`."""
        return {"simulated": False, "source": self.source, "module": self.sites[layer].module}


def place_of(model: torch.nn.Module) -> torch.device:
    """Where the weights of a model are."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def exact_arithmetic():
    """Convolutions in full float32 and by the same algorithm each time; CUDA would take TF32 by default."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
