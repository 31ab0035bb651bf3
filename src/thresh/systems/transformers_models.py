"""Models of the transformers library, by hub name or local folder."""

import inspect
from functools import cached_property
from importlib.metadata import version

import torch
from PIL import Image

from thresh.errors import HarvestError
from thresh.systems.model import ModelSystem
from thresh.systems.positions import Tokens, prefix_tokens
from thresh.systems.preprocessing import ProcessorPreprocessing
from thresh.systems.telling import first_line
from thresh.systems.transformers_loading import empty_transformer, model_config, quiet, refuse_random_parts
from thresh.systems.weights import digest_of_files, folder_weights, hub_weights, is_folder


class TransformersSystem(ModelSystem):
    """A vision model that AutoModel and AutoImageProcessor can load.

    Parameters
    ----------
    model, revision
        Hub name and branch, tag or commit; or a local folder.
    dtype
        float32, float16 or bfloat16: type in which the model computes; responses are float32.
    batch_size
        Stimuli in a forward pass.
    image_size
        Side in pixels that images are resized to; default: the model's own. Position embeddings are interpolated
        where the model can.
    untrained, seed
        The same architecture with random weights.
    layers
        Layer name -> module, pooling ('mean', 'cls', 'positions', 'flatten'), output, call. Class, distillation and
        register tokens stand for no place: the poolings other than cls leave them out.
    """

    def __init__(
        self,
        name,
        stimuli,
        *,
        layers,
        model: str,
        revision: str = "main",
        dtype: str = "float32",
        batch_size: int = 64,
        image_size: int | None = None,
        untrained: bool = False,
        seed: int = 0,
        device=None,
    ):
        super().__init__(name, stimuli, layers=layers, device=device, batch_size=batch_size)
        self.model_name = model
        self.revision = revision
        self.dtype = dtype
        self.image_size = image_size
        self.untrained = untrained
        self.seed = seed

    @property
    def source(self) -> str:
        return self.model_name

    @property
    def listing(self) -> list[str]:
        """See `ModelSystem.listing`."""
        return [self.model_name, *(["--revision", self.revision] if self.revision != "main" else [])]

    @cached_property
    def config(self):
        return model_config(f"systems.{self.name}", self.model_name, self.revision)

    @cached_property
    def processor(self) -> ProcessorPreprocessing:
        channels = getattr(self.config, "num_channels", 3)
        with quiet():
            return ProcessorPreprocessing(self.name, self.model_name, self.revision, channels, self.image_size)

    def empty_model(self) -> torch.nn.Module:
        model = empty_transformer(self.config)
        if model.main_input_name != "pixel_values":
            raise HarvestError(
                f"systems.{self.name}.model: {self.model_name} takes {model.main_input_name}, expected pixel_values."
            )
        return model

    def check_weights(self) -> None:
        if is_folder(f"systems.{self.name}", self.model_name) and not self.untrained:
            folder_weights(f"systems.{self.name}", self.model_name)
        self.processor.recipe()

    def load_model(self) -> torch.nn.Module:
        from transformers import AutoModel

        self.check_weights()
        dtype = getattr(torch, self.dtype)
        if self.untrained:
            with torch.random.fork_rng(devices=[]), quiet():
                torch.manual_seed(self.seed)
                return AutoModel.from_config(self.config, dtype=dtype)
        try:
            with quiet():
                model, found = AutoModel.from_pretrained(
                    self.model_name, revision=self.revision, dtype=dtype, output_loading_info=True
                )
        except (OSError, ValueError, RuntimeError) as error:
            raise HarvestError(
                f"systems.{self.name}.model: {self.model_name}: weights cannot be loaded ({first_line(error)})."
            ) from error
        refuse_random_parts(model, found["missing_keys"], f"systems.{self.name}.model: {self.model_name}")
        return model

    def preprocess(self, images: list[Image.Image]) -> torch.Tensor:
        return self.processor(images).to(getattr(torch, self.dtype))

    def forward(self, model: torch.nn.Module, batch: torch.Tensor) -> object:
        own = square(getattr(self.config, "image_size", None))
        if own not in (None, tuple(batch.shape[2:])) and takes_interpolation(model):
            return model(pixel_values=batch, interpolate_pos_encoding=True)
        return model(pixel_values=batch)

    def tokens(self, model: torch.nn.Module) -> Tokens:
        patch = square(getattr(self.config, "patch_size", None))
        size = square(self.image_size or getattr(self.config, "image_size", None))
        grid = (size[0] // patch[0], size[1] // patch[1]) if patch and size else None
        return Tokens(prefix_tokens(model), grid)

    @cached_property
    def weights_digest(self) -> str | None:
        if self.untrained:
            return None
        if is_folder(f"systems.{self.name}", self.model_name):
            return digest_of_files(folder_weights(f"systems.{self.name}", self.model_name))
        return digest_of_files(hub_weights(self.model_name, self.revision))

    def model_recipe(self) -> dict:
        settings = self.config.to_diff_dict()
        settings.pop("_name_or_path", None)
        return {
            "kind": "transformers",
            "weights": self.weights_digest,
            "untrained_seed": self.seed if self.untrained else None,
            "config": settings,
            "attention": self.skeleton.config._attn_implementation,
            "dtype": self.dtype,
            "image_size": self.image_size,
            "preprocessing": self.processor.recipe(),
            "transformers": version("transformers"),
            "torch": torch.__version__,
        }

    def facts(self, layer: str) -> dict:
        """See `System.facts`."""
        return {**super().facts(layer), "model_type": self.config.model_type, "untrained": self.untrained}


def takes_interpolation(model: torch.nn.Module) -> bool:
    return "interpolate_pos_encoding" in inspect.signature(model.forward).parameters


def square(size: int | list | tuple | None) -> tuple[int, int] | None:
    """Height and width from a size that may be one number."""
    return (size, size) if isinstance(size, int) else None if size is None else (size[0], size[1])
