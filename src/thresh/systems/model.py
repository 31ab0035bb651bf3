"""What all models share: fixed batches, one forward pass for all layers, the checks that need no weights."""

import contextlib
import itertools
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from thresh.devices import pick_device
from thresh.errors import HarvestError
from thresh.stimuli.base import Stimuli
from thresh.systems.base import LayerShape, System
from thresh.systems.capture import Site, capture
from thresh.systems.feeds.base import Batch, Feed
from thresh.systems.pipeline import WAITING
from thresh.systems.positions import Tokens, pooled, shape_of
from thresh.systems.sequences import check_sequences, sequence_rows
from thresh.systems.telling import first_line, unknown_module
from thresh.systems.transfer import on_the_way

# Parts of models of images and text that see the image; layers within them have rows for places, not for tokens.
SIGHT = ("vision", "visual", "image", "multi_modal")


class ModelSystem(System):
    """A torch module that looks at images or reads text.

    Responses are computed in batches that are cut once, by the feed, and never otherwise: the last digits of a result
    depend on the shape of the batch.
    """

    def __init__(
        self, name: str, stimuli: Stimuli, *, layers: dict[str, dict], device: str | None = None, batch_size: int = 64
    ):
        super().__init__(name, stimuli, layers=layers, device=device)
        self.batch_size = batch_size
        self.frozen = False
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
        """The model with its weights, on the CPU or where it was spread over devices."""

    @abstractmethod
    def check_weights(self) -> None:
        """Raise HarvestError where weights are missing or do not fit."""

    @abstractmethod
    def make_feed(self) -> Feed:
        """What turns the stimuli into batches; raises HarvestError where the model cannot take them."""

    @abstractmethod
    def model_recipe(self) -> dict:
        """What the responses of every layer depend on."""

    @abstractmethod
    def forward(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> object:
        """A forward pass, by the names of the feed's inputs."""

    def tokens(self, model: torch.nn.Module) -> Tokens:
        """Tokens of the model that stand for no place in an image."""
        return Tokens()

    def placed(self, model: torch.nn.Module) -> torch.nn.Module:
        """A model that was loaded, on its device."""
        return model.to(pick_device(self.device))

    # --- what follows from it ---

    @cached_property
    def feed(self) -> Feed:
        return self.make_feed()

    @cached_property
    def skeleton(self) -> torch.nn.Module:
        return self.empty_model().eval()

    @cached_property
    def model(self) -> torch.nn.Module:
        self.check_layers()
        return self.placed(self.load_model().eval().requires_grad_(False))

    def check(self) -> None:
        """See `System.check`."""
        self.check_layers()
        self.check_weights()
        self.feed.check()

    def check_layers(self) -> None:
        known = [path for path, _ in self.skeleton.named_modules() if path]
        unknown = [
            unknown_module(self.name, layer, site.module, known, self.listing)
            for layer, site in self.sites.items()
            if site.module not in known
        ]
        if unknown:
            raise HarvestError("\n".join(unknown))
        for layer, pooling in self.poolings.items():
            if self.feed.packed and pooling != "positions":
                raise HarvestError(
                    f"{self.key(layer)}.pooling: found {pooling!r}, expected positions: a packed window holds parts of"
                    " several documents."
                )

    def layout(self) -> dict[str, np.ndarray]:
        """See `System.layout`."""
        return super().layout() | self.feed.layout()

    def freeze(self, recipe: dict, layout: dict[str, np.ndarray]) -> None:
        """See `System.freeze`: responses depend on sizes of batches and numbers of threads in the last digits."""
        super().freeze(recipe, layout)
        self.feed.follow(layout)
        if recipe.get("threads") is not None:
            torch.set_num_threads(recipe["threads"])
        self.frozen = True

    def fit(self, dtype: str) -> None:
        """See `System.fit`: batches are halved until the largest ones fit into memory."""
        while not self.frozen:
            told = self.tried_out(dtype)
            if told is None:
                self.frozen = True
            else:
                self.halve(told)

    def tried_out(self, dtype: str) -> str | None:
        """Compute the batches that need the most memory as a harvest does, others waiting to be written.

        Returns
        -------
        What was told where memory did not suffice; None where it did.
        """
        waiting = deque(maxlen=WAITING)
        try:
            for span in sorted(self.feed.largest_batches(self.batch_size)):
                for _ in range(WAITING + 1):
                    waiting.append(self.computed(self.prepared(*span), list(self.layers), dtype))
            for rows in waiting:
                rows()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return first_line(error)
        return None

    def halve(self, told: str) -> None:
        place = f"systems.{self.name}.batch_size"
        if self.batch_size == 1:
            raise HarvestError(f"{place}: a single item does not fit into memory ({told}).")
        self.batch_size //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        print(f"{place}: out of memory, going on with {self.batch_size}", flush=True)

    @contextlib.contextmanager
    def memory_expected(self) -> Iterator[None]:
        """Tell of missing memory where it sufficed when the size of batches was settled."""
        try:
            yield
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise HarvestError(
                f"systems.{self.name}.batch_size: a batch of {self.batch_size}, with which this harvest was begun, does"
                f" not fit into memory now ({first_line(error)}); free memory, or remove the stores of {self.name} and"
                " run again."
            ) from error

    @cached_property
    def shapes(self) -> dict[str, LayerShape]:
        """Shapes from a forward pass of the first two items, for one alone could hide what is wrong with a shape."""
        batch = self.feed.batch(0, min(2, self.item_count, self.batch_size))
        return self.shapes_of(self.model, batch, pick_device(self.device))

    @cached_property
    def planned_shapes(self) -> dict[str, LayerShape]:
        """Shapes from a forward pass of one item without weights and values; empty where the model looks at values."""
        batch = self.feed.sample()
        # transformers looks at the values of masks and positions, and not at those of fake tensors.
        try:
            with FakeTensorMode(allow_non_fake_inputs=True) as mode:
                batch.inputs = {name: mode.from_tensor(tensor) for name, tensor in batch.inputs.items()}
                return self.shapes_of(self.skeleton, batch, place_of(self.skeleton))
        except (NotImplementedError, RuntimeError) as error:
            # Models that look at values are no mistake; what is one comes again in the pass that has values.
            print(
                f"systems.{self.name}: the rows of its layers are known once the model is loaded: a pass without values"
                f" ends in {first_line(error)}",
                flush=True,
            )
            return {}

    def shapes_of(self, model: torch.nn.Module, batch: Batch, device: torch.device) -> dict[str, LayerShape]:
        tokens = self.tokens(model)

        def shape(layer: str, output: torch.Tensor) -> LayerShape:
            if not self.reads_tokens(layer):
                self.check_entries(layer, output, batch)
                return shape_of(output, self.poolings[layer], tokens, self.key(layer))
            check_sequences(output, self.poolings[layer], batch, self.key(layer))
            positions = None if self.poolings[layer] == "positions" and output.ndim == 3 else 1
            return LayerShape(positions, output.shape[-1], {"channel": np.arange(output.shape[-1])})

        found = self.captured(model, batch.moved(device), list(self.layers), shape)
        return {layer: found[layer] for layer in self.layers}

    def check_entries(self, layer: str, output: torch.Tensor, batch: Batch) -> None:
        """Windows or crops side by side in the first dimension would be taken for images."""
        entries = len(next(iter(batch.inputs.values())))
        if len(output) != entries:
            raise HarvestError(
                f"{self.key(layer)}: found an output of shape {tuple(output.shape)} for {entries} images, expected one"
                " entry an image; take a module around it."
            )

    def reads_tokens(self, layer: str) -> bool:
        """Whether the rows of a layer stand for tokens, not for places in an image."""
        path = self.sites[layer].module.split(".")
        return self.feed.tokens and not any(word in part for part in path for word in SIGHT)

    def layer_shape(self, layer: str) -> LayerShape:
        """See `System.layer_shape`; found by one forward pass of one batch, for all layers."""
        return self.shapes[layer]

    def planned_shape(self, layer: str) -> LayerShape | None:
        """See `System.planned_shape`; found with tensors that have shapes and no values."""
        return self.planned_shapes.get(layer)

    def key(self, layer: str) -> str:
        return f"systems.{self.name}.layers.{layer}"

    # --- items and their rows ---

    @property
    def item_count(self) -> int:
        """See `System.item_count`."""
        return self.feed.count

    def item_columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """See `System.item_columns`."""
        return self.feed.columns(start, stop)

    def batch_edges(self) -> np.ndarray:
        """See `System.batch_edges`."""
        return self.feed.batch_edges(self.batch_size)

    def edges(self, layer: str) -> np.ndarray:
        """See `System.edges`."""
        return self.feed.edges() if self.layer_shape(layer).positions is None else super().edges(layer)

    def row_columns(self, layer: str, start: int, stop: int) -> dict[str, np.ndarray]:
        """See `System.row_columns`."""
        if self.layer_shape(layer).positions is None:
            return self.feed.token_columns(start, stop)
        return super().row_columns(layer, start, stop)

    def rows_of_stimuli(self, layer: str) -> np.ndarray | None:
        """See `System.rows_of_stimuli`."""
        shape = self.planned_shape(layer)
        if shape is None:
            return None
        if shape.positions is None:
            return self.feed.rows_of_stimuli()
        return self.feed.items_of_stimuli() * shape.positions

    # --- responses ---

    def captured(self, model: torch.nn.Module, batch: Batch, layers: list[str], keep: Callable) -> dict:
        sites = {layer: self.sites[layer] for layer in layers}
        with torch.inference_mode(), exact_arithmetic():
            return capture(model, sites, lambda: self.forward(model, batch.inputs), self.name, keep)

    def prepared(self, start: int, stop: int) -> Batch:
        """See `System.prepared`."""
        return self.feed.batch(start, self.batch_size if self.feed.fills else stop - start)

    def begun(self, prepared: Batch, layers: list[str], dtype: str = "float32") -> Callable[[], dict[str, np.ndarray]]:
        """See `System.begun`."""
        with self.memory_expected():
            return self.computed(prepared, layers, dtype)

    def computed(self, prepared: Batch, layers: list[str], dtype: str) -> Callable[[], dict[str, np.ndarray]]:
        tokens = self.tokens(self.model)
        batch = prepared.moved(pick_device(self.device))

        def rows(layer: str, output: torch.Tensor) -> torch.Tensor:
            if self.reads_tokens(layer):
                found = sequence_rows(output, self.poolings[layer], batch, self.key(layer))
            else:
                self.check_entries(layer, output, batch)
                found = pooled(output, self.poolings[layer], tokens, self.key(layer))[: batch.filled].flatten(0, 1)
            # A copy, if it was none: what the model does to its output later must not reach it.
            own = found.to(getattr(torch, dtype))
            return own.clone() if own.untyped_storage().data_ptr() == output.untyped_storage().data_ptr() else own

        return on_the_way(self.captured(self.model, batch, layers, rows))

    def responses(self, start: int, stop: int, layers: list[str]) -> dict[str, np.ndarray]:
        """See `System.responses`."""
        found = {layer: [np.empty((0, self.shapes[layer].units), np.float32)] for layer in layers}
        batches = self.batch_edges()
        begin = max(int(np.searchsorted(batches, start, side="right")) - 1, 0)
        for first, last in itertools.pairwise(batches[begin:].tolist()):
            if first >= stop:
                break
            for layer, rows in self.begun(self.prepared(first, last), layers)().items():
                edges = self.edges(layer)
                low, high = max(start, first), min(stop, last)
                found[layer].append(rows[edges[low] - edges[first] : edges[high] - edges[first]])
        return {layer: np.concatenate(blocks) for layer, blocks in found.items()}

    def recipe(self, layer: str) -> dict:
        """See `System.recipe`."""
        site = self.sites[layer]
        return {
            **self.model_recipe(),
            "feed": self.feed.recipe(),
            "module": site.module,
            "output": site.output,
            "call": site.call,
            "pooling": self.poolings[layer],
            "prefix_tokens": self.tokens(self.skeleton).prefix,
            "batch_size": self.batch_size,
            "device": pick_device(self.device).type,
            "threads": torch.get_num_threads() if pick_device(self.device).type == "cpu" else None,
        }

    def facts(self, layer: str) -> dict:
        """See `System.facts`."""
        return {"simulated": False, "source": self.source, "module": self.sites[layer].module, **self.feed.facts()}


def place_of(model: torch.nn.Module) -> torch.device:
    """Where the weights of a model are."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def is_out_of_memory(error: BaseException) -> bool:
    """CUDA and NumPy have a class for it, other backends have messages."""
    told = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(one in str(error).lower() for one in told)


def exact_arithmetic():
    """Convolutions in full float32 and by the same algorithm each time; CUDA would take TF32 by default."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
