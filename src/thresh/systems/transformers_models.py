"""Models of the transformers library, by hub name or local folder."""

import copy
import inspect
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec

import torch
from torch._subclasses.fake_tensor import unset_fake_temporarily

from thresh.errors import HarvestError
from thresh.systems.feeds.base import Feed
from thresh.systems.feeds.text import TEXT
from thresh.systems.model import ModelSystem
from thresh.systems.positions import Tokens, prefix_tokens
from thresh.systems.preprocessing import ProcessorPreprocessing
from thresh.systems.telling import first_line, listing_of
from thresh.systems.transformers_feeds import entry, make_feed, way_of_feeding
from thresh.systems.transformers_loading import empty_transformer, model_config, quiet, refuse_random_parts
from thresh.systems.weights import digest_of_files, folder_weights, hub_weights, is_folder


class TransformersSystem(ModelSystem):
    """A model that AutoModel can load, with its own image processor or tokenizer, or its processor of both.

    Of a model of images and text only the part is run that takes what the stimuli show. What depends on the last norm
    or the head of a language model is not in its layers: a layer is what a module puts out.

    Parameters
    ----------
    model, revision
        Hub name and branch, tag or commit; or a local folder.
    dtype
        float32, float16 or bfloat16: type in which the model computes; responses are float32.
    device_map
        How the model is spread over devices, as accelerate takes it ('auto', or module -> device); None for one.
    batch_size
        Items in a forward pass; halved until the first batch, the largest, fits into memory.
    image_size
        Side in pixels that images are resized to; default: the model's own. Position embeddings are interpolated
        where the model can.
    text
        How text becomes tokens: `length`, `packing`, `special_tokens`, `prepend_bos`, `template` (see `TextFeed`).
    untrained, seed
        The same architecture with random weights.
    layers
        Layer name -> module, pooling, output, call. For images the poolings are 'mean', 'cls', 'positions', 'flatten';
        class, distillation and register tokens stand for no place: poolings other than cls leave them out. For text
        they are 'mean', 'cls', 'last', 'positions'.
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
        device_map: str | dict | None = None,
        batch_size: int = 64,
        image_size: int | None = None,
        text: dict | None = None,
        untrained: bool = False,
        seed: int = 0,
        device=None,
    ):
        super().__init__(name, stimuli, layers=layers, device=device, batch_size=batch_size)
        self.model_name = model
        self.revision = revision
        self.dtype = dtype
        self.device_map = device_map
        self.image_size = image_size
        self.text = TEXT | (text or {})
        self.untrained = untrained
        self.seed = seed

    @property
    def source(self) -> str:
        return self.model_name

    @property
    def listing(self) -> list[str]:
        """See `ModelSystem.listing`."""
        return listing_of(self.model_name, "transformers", revision=self.revision)

    @cached_property
    def config(self):
        return model_config(f"systems.{self.name}", self.model_name, self.revision)

    @cached_property
    def sight(self):
        """Configuration of the part that looks at images."""
        return getattr(self.config, "vision_config", self.config)

    @cached_property
    def preprocessing(self) -> ProcessorPreprocessing | None:
        """How images become tensors; None where none are fed."""
        if self.way not in ("image", "video", "pairs"):
            return None
        channels = getattr(self.sight, "num_channels", 3)
        with quiet():
            return ProcessorPreprocessing(
                self.name, self.model_name, self.revision, channels, self.image_size, getattr(torch, self.dtype)
            )

    def empty_model(self) -> torch.nn.Module:
        return empty_transformer(f"systems.{self.name}", self.model_name, self.config)

    @cached_property
    def way(self) -> str:
        """How the model is fed."""
        return way_of_feeding(self.skeleton, self.stimuli, f"systems.{self.name}.model: {self.model_name}")

    def make_feed(self) -> Feed:
        """See `ModelSystem.make_feed`."""
        if self.way in ("text", "tokens") and self.image_size is not None:
            raise HarvestError(
                f"systems.{self.name}.image_size: found {self.image_size}, expected none: the stimuli"
                f" {self.stimuli.name!r} show no images to this model."
            )
        if self.way == "pairs" and self.image_size is not None and not takes(self.skeleton, "interpolate_pos_encoding"):
            raise HarvestError(
                f"systems.{self.name}.image_size: found {self.image_size}, expected none:"
                f" {type(self.skeleton).__name__} has room for images of its own size among the tokens."
            )
        with quiet():
            return make_feed(
                self.way,
                self.name,
                self.stimuli,
                config=self.config,
                model=self.model_name,
                revision=self.revision,
                text=self.text,
                preprocessing=self.preprocessing,
            )

    def check_weights(self) -> None:
        if self.device_map is not None and find_spec("accelerate") is None:
            raise HarvestError(
                f"systems.{self.name}.device_map: needs the package accelerate: pip install 'thresh[large]'."
            )
        if is_folder(f"systems.{self.name}", self.model_name) and not self.untrained:
            folder_weights(f"systems.{self.name}", self.model_name)
        if self.preprocessing is not None:
            self.preprocessing.recipe()

    def load_model(self) -> torch.nn.Module:
        from transformers import AutoModel

        self.check_weights()
        dtype = getattr(torch, self.dtype)
        if self.untrained:
            with torch.random.fork_rng(devices=[]), quiet():
                torch.manual_seed(self.seed)
                # A copy: what is built writes its type into the configuration, which is part of the recipe.
                return AutoModel.from_config(copy.deepcopy(self.config), dtype=dtype)
        try:
            with quiet():
                model, found = AutoModel.from_pretrained(
                    self.model_name,
                    revision=self.revision,
                    dtype=dtype,
                    device_map=self.device_map,
                    output_loading_info=True,
                )
        except (OSError, ValueError, RuntimeError) as error:
            raise HarvestError(
                f"systems.{self.name}.model: {self.model_name}: weights cannot be loaded ({first_line(error)})."
            ) from error
        refuse_random_parts(model, found["missing_keys"], f"systems.{self.name}.model: {self.model_name}")
        return model

    def placed(self, model: torch.nn.Module) -> torch.nn.Module:
        """See `ModelSystem.placed`; accelerate has placed a model with a device map, which it loaded."""
        return model if self.device_map is not None and not self.untrained else super().placed(model)

    def forward(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> object:
        part = entry(model, self.way)
        dtype = getattr(torch, self.dtype)
        inputs = {name: one.to(dtype) if one.is_floating_point() else one for name, one in inputs.items()}
        if self.resized(inputs.get("pixel_values")) and takes(part, "interpolate_pos_encoding"):
            inputs["interpolate_pos_encoding"] = True
        if "input_ids" in inputs and caches(part):
            # The cache is for generation; here it would only hold memory.
            inputs["use_cache"] = False
        return part(**inputs)

    def resized(self, pixels: torch.Tensor | None) -> bool:
        own = square(getattr(self.sight, "image_size", None))
        return pixels is not None and own not in (None, tuple(pixels.shape[-2:]))

    def tokens(self, model: torch.nn.Module) -> Tokens:
        return Tokens(prefix_tokens(model), self.grid)

    @cached_property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of patches.

        Of the images as they are fed: a processor may make other sizes than the one in the config, as DINOv2's does.
        """
        patch = square(getattr(self.sight, "patch_size", None))
        if patch is None or self.preprocessing is None:
            return None
        # This may be asked for while shapes are planned with tensors that have no values.
        with unset_fake_temporarily():
            pixels = self.feed.sample().inputs["pixel_values"]
        if pixels.ndim < 4:
            return None
        height, width = pixels.shape[-2:]
        return height // patch[0], width // patch[1]

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
            "part": self.way,
            "image_size": self.image_size,
            "preprocessing": self.preprocessing and self.preprocessing.recipe(),
            "transformers": version("transformers"),
            "torch": torch.__version__,
        }

    def facts(self, layer: str) -> dict:
        """See `System.facts`."""
        return {**super().facts(layer), "model_type": self.config.model_type, "untrained": self.untrained}


def takes(model: torch.nn.Module, argument: str) -> bool:
    return argument in inspect.signature(model.forward).parameters


def caches(model: torch.nn.Module) -> bool:
    """Whether a model takes `use_cache`: itself, or, as LLaVA does, for the language model within it."""
    return takes(model, "use_cache") or (takes(model, "kwargs") and takes(model.get_decoder(), "use_cache"))


def square(size: int | list | tuple | None) -> tuple[int, int] | None:
    """Height and width from a size that may be one number."""
    return (size, size) if isinstance(size, int) else None if size is None else (size[0], size[1])
