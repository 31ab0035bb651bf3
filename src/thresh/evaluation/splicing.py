"""What becomes of a model's answers if a layer is replaced by what a dictionary makes of it."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from thresh.dictionaries import Dictionary
from thresh.errors import HarvestError
from thresh.evaluation.splice import Change, Rows, changed_rows, modules_matching, rows_of, spliced
from thresh.inference import infer, prepare
from thresh.systems.capture import Site, capture
from thresh.systems.feeds.base import Batch
from thresh.systems.model import exact_arithmetic
from thresh.systems.positions import Tokens

__all__ = ["Site", "by_dictionary", "image_splicing", "language_splicing", "modules_matching", "spliced"]

# The same batches again each time that it is called.
Batches = Callable[[], Iterable[Batch]]
Forward = Callable[[dict[str, Tensor]], object]

# No token stands for anything but a place.
PLACES_ONLY = Tokens()

CONDITIONS = ("original", "spliced", "zero", "mean")


def by_dictionary(dictionary: Dictionary, solver: str = "encoder", batch_rows: int = 4096, **params) -> Change:
    """What a dictionary makes of rows: its codes, decoded.

    Parameters
    ----------
    solver, **params
        As for `infer`. The encoder's codes stay on the device of the rows. A solver that is fitted first is fitted to
        the rows of the first call.
    """
    prepared = None

    def change(rows: Tensor) -> Tensor:
        nonlocal prepared
        prepared = prepared or prepare(rows, dictionary, solver, str(rows.device), **params)
        made = []
        for block in rows.split(batch_rows):
            if solver == "encoder":
                made.append(dictionary.decode(dictionary.encode(block.float())))
            else:
                codes = infer(block, dictionary, prepared, batch_rows, device=str(block.device))
                made.append(torch.from_numpy(dictionary.decode(codes)).to(block.device))
        return torch.cat(made)

    return change


def language_splicing(
    model: torch.nn.Module,
    site: Site,
    change: Change,
    batches: Batches,
    *,
    forward: Forward | None = None,
) -> dict[str, float]:
    """Cross-entropy of the next token with a layer as it is, spliced, and ablated.

    recovered = (CE_ablated - CE_spliced) / (CE_ablated - CE_original): 1 where nothing of what the layer does is lost,
    0 where it is as bad as without the layer ('loss recovered' of Bricken et al. 2023; SAEBench, Karvonen et al. 2025,
    ablates by zeros). It can pass 1 where the model is bad at these tokens and the splice leads it to better guesses.
    All take the place of the same rows: those of the tokens that a harvest keeps.

    Parameters
    ----------
    model
        With a head for the next token; in evaluation mode.
    site
        Where the layer is, in this model; most often the path in the model without a head, below the name of that.
    change
        Rows (rows, units) to rows: `by_dictionary(dictionary)`.
    batches
        Gives the batches, the same each time that it is called: twice, for the mean of the layer has to be known first.
        They are as a feed makes them, on the device of the model, with `input_ids` and perhaps `attention_mask`.
    forward
        Does a forward pass, given inputs by name; by default the model's own.

    Returns
    -------
    ce_original, ce_spliced, ce_zero, ce_mean
        Mean over predicted tokens, in nats: with the layer as it is, spliced, and with zeros or the layer's mean over
        these batches in its place.
    recovered_zero, recovered_mean
        NaN where the ablation changes nothing.
    predictions
        Number of tokens that were predicted.
    """
    check_model(model, site)
    refuse_sight_of_the_next(model, batches, forward or (lambda inputs: model(**inputs)))
    return measured(model, site, change, batches, Rows(), forward, next_tokens).cross_entropies()


def refuse_sight_of_the_next(model: torch.nn.Module, batches: Batches, forward: Forward) -> None:
    """Raise HarvestError where what a model says of a token depends on that token: it then predicts nothing."""
    batch = next((batch for batch in batches() if seen_tokens(batch)[0].sum() > 1), None)
    if batch is None:
        return
    last = int(seen_tokens(batch)[0].nonzero().max())
    with torch.inference_mode(), exact_arithmetic():
        usual = logits_of(forward(batch.inputs))
        changed = batch.inputs["input_ids"].clone()
        changed[0, last] = (changed[0, last] + 1) % usual.shape[-1]
        other = logits_of(forward(batch.inputs | {"input_ids": changed}))
    usual, other = usual[0, :last].float(), other[0, :last].float()
    if not torch.allclose(usual, other, rtol=1e-3, atol=1e-3 * float(usual.std())):
        raise HarvestError(
            f"{type(model).__name__} sees the token that it should say: what it says of a token changes with it;"
            " expected a model of next tokens."
        )


def image_splicing(
    model: torch.nn.Module,
    site: Site,
    change: Change,
    batches: Batches,
    labels=None,
    *,
    tokens: Tokens = PLACES_ONLY,
    pooling: str = "positions",
    forward: Forward | None = None,
) -> dict[str, float]:
    """Accuracy and cross-entropy of a classifier of images with a layer as it is, spliced, and ablated.

    As `language_splicing`; the rows that are replaced are those of all places, and not those of class tokens, or with
    the pooling 'cls' those of class tokens alone.

    Parameters
    ----------
    labels : (images,) int, optional
        The right one of the model's classes for each image, in the order of the batches. Without, what the model says
        when nothing is spliced counts as right.
    tokens
        Tokens of the model that stand for no place: `system.tokens(system.model)`.

    Returns
    -------
    accuracy_original, accuracy_spliced, accuracy_zero, accuracy_mean
    accuracy_recovered_zero, accuracy_recovered_mean
        (spliced - ablated) / (original - ablated); NaN where the ablation changes nothing.
    ce_original, ..., recovered_mean, predictions
        As of `language_splicing`, of the labels.
    """
    given = None if labels is None else iter(np.asarray(labels).tolist())
    tally = measured(model, site, change, batches, Rows(tokens, pooling), forward, partial(classes, given=given))
    return tally.accuracies() | tally.cross_entropies()


@dataclass
class Tally:
    """Sums over predictions, for each condition."""

    predictions: int = 0
    loss: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CONDITIONS, 0.0))
    right: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CONDITIONS, 0))

    def add(self, condition: str, logits: Tensor, targets: Tensor) -> None:
        logits = logits.float()
        self.loss[condition] += float(cross_entropy(logits, targets, reduction="none").cpu().double().sum())
        self.right[condition] += int((logits.argmax(dim=-1) == targets).sum())

    def cross_entropies(self) -> dict[str, float]:
        means = {condition: loss / self.predictions for condition, loss in self.loss.items()}
        named = {f"ce_{condition}": mean for condition, mean in means.items()}
        return named | recovered("recovered", means) | {"predictions": self.predictions}

    def accuracies(self) -> dict[str, float]:
        means = {condition: right / self.predictions for condition, right in self.right.items()}
        return {f"accuracy_{condition}": mean for condition, mean in means.items()} | recovered(
            "accuracy_recovered", means
        )


def recovered(name: str, means: dict[str, float]) -> dict[str, float]:
    """(ablated - spliced) / (ablated - original), for either ablation; the same for losses and for accuracies."""
    found = {}
    for ablation in ("zero", "mean"):
        lost = means[ablation] - means["original"]
        found[f"{name}_{ablation}"] = (means[ablation] - means["spliced"]) / lost if lost else float("nan")
    return found


def measured(
    model: torch.nn.Module,
    site: Site,
    change: Change,
    batches: Batches,
    rows: Rows,
    forward: Forward | None,
    predictions: Callable[[Batch, Tensor], tuple[Callable[[Tensor], Tensor], Tensor]],
) -> Tally:
    """Sums over all batches, under each condition.

    Parameters
    ----------
    predictions
        Of a batch and of its logits when nothing is spliced: how the logits of all its predictions are taken from those
        of the model, and what is right.
    """
    check_model(model, site)
    forward = forward or (lambda inputs: model(**inputs))
    with torch.inference_mode(), exact_arithmetic():
        mean = mean_row(model, site, batches, rows, forward)
        changes = {"spliced": change, "zero": torch.zeros_like, "mean": lambda rows: mean.to(rows).expand_as(rows)}
        tally = Tally()
        for batch in batches():
            original = logits_of(forward(batch.inputs))
            taken, targets = predictions(batch, original)
            tally.predictions += len(targets)
            tally.add("original", taken(original), targets)
            for condition, one in changes.items():
                with spliced(model, site, partial(changed_rows, change=one, batch=batch, rows=rows)):
                    logits = logits_of(forward(batch.inputs))
                tally.add(condition, taken(logits), targets)
    if not tally.predictions:
        raise HarvestError("the batches hold nothing to predict, expected at least one image, or two tokens in a row.")
    return tally


def check_model(model: torch.nn.Module, site: Site) -> None:
    if model.training:
        raise HarvestError(f"{type(model).__name__} is in training mode, expected evaluation mode: call its eval().")
    modules_matching(model, site.module)


def mean_row(model: torch.nn.Module, site: Site, batches: Batches, rows: Rows, forward: Forward) -> Tensor:
    """Mean (units,) float64 of the rows of a layer over all batches."""
    total, count = torch.zeros(1, dtype=torch.float64), 0
    for batch in batches():

        def summed(layer: str, output: Tensor, batch: Batch = batch) -> tuple[Tensor, int]:
            found = rows_of(output, batch, rows)
            return found.float().sum(dim=0).cpu().double(), len(found)

        found = capture(model, {site.module: site}, partial(forward, batch.inputs), "splicing", summed)
        total, count = total + found[site.module][0], count + found[site.module][1]
    return total / max(count, 1)


def logits_of(output: object) -> Tensor:
    logits = getattr(output, "logits", None)
    if logits is None:
        raise HarvestError(
            f"the model gives {type(output).__name__} without logits, expected one with a head: AutoModelForCausalLM,"
            " or AutoModelForImageClassification."
        )
    return logits


def next_tokens(batch: Batch, original: Tensor) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """Every token of the items of a batch but the first, each to be said from the one before it."""
    ids, seen = batch.inputs["input_ids"][: batch.filled], seen_tokens(batch)
    both = seen[:, 1:] & seen[:, :-1]
    return lambda logits: logits[: batch.filled, :-1][both], ids[:, 1:][both]


def seen_tokens(batch: Batch) -> Tensor:
    """(items, length) boolean: all tokens but padding."""
    ids, mask = batch.inputs["input_ids"][: batch.filled], batch.inputs.get("attention_mask")
    return torch.ones_like(ids, dtype=torch.bool) if mask is None else mask[: batch.filled].bool()


def classes(batch: Batch, original: Tensor, given: Iterator[int] | None) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """The class of each image of a batch: the one that was given, else the one that the model says."""
    if given is None:
        targets = original[: batch.filled].argmax(dim=-1)
    else:
        targets = torch.tensor(list(itertools.islice(given, batch.filled)), device=original.device)
    if len(targets) != batch.filled:
        raise HarvestError("there are fewer labels than images, expected one an image.")
    return lambda logits: logits[: batch.filled], targets
