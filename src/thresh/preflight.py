"""A quick look at the methods that a study names, so that a mistake is told before hours of work and not after."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, product

from thresh.alignment import METRICS
from thresh.dictionaries.imported import check_source
from thresh.dictionaries.registry import check_atoms
from thresh.dictionaries.specs import BESIDE_PARAMS, atoms_of, check_method
from thresh.errors import ConfigError, StimuliError, ThreshError
from thresh.evaluation.attributes import probe_plan
from thresh.inference.solvers import check_solver
from thresh.parameters import named
from thresh.stimuli import Stimuli


class PreflightError(ThreshError):
    """Some methods, solvers or metrics cannot be used; the message has one line for each finding."""


def check_methods(
    *, dictionaries: dict[str, dict], inference: dict[str, dict], metrics: dict[str, dict[str, dict]]
) -> dict:
    """Check methods, solvers and metrics: their names, and names and values of their parameters.

    Parameters
    ----------
    dictionaries, inference
        Those parts of the config.
    metrics
        Comparison -> metric -> parameters.

    Returns
    -------
    facts: how many of each there are.

    Raises
    ------
    PreflightError
        All findings, one a line.
    """
    findings = Findings()
    for name, content in dictionaries.items():
        with findings.kept(), named(f"dictionaries.{name}", BESIDE_PARAMS):
            check_method(content["method"], content["atoms"], content["params"])
    for name, content in inference.items():
        with findings.kept(), named(f"inference.{name}", ["solver"]):
            check_solver(content["solver"], content["params"])
    for comparison, wanted in metrics.items():
        for name, params in wanted.items():
            with findings.kept():
                check_metric(comparison, name, params)
    findings.tell()
    return {"dictionaries": len(dictionaries), "inference": len(inference), "comparisons": len(metrics)}


def check_widths(layers: dict[str, dict[str, dict]], wanted: dict[str, dict[str, dict[str, int | str | dict]]]) -> dict:
    """Check that no dictionary has more atoms than there are rows to learn from, and that imported ones fit.

    Parameters
    ----------
    layers
        System -> layer -> what `check_system` found: `units` and `train_rows`, None where only the harvest can tell.
    wanted
        System -> layer -> dictionary -> atoms, a number or a multiple of the units such as '4x'; or the source that
        it is imported from, of which no more than the config is read.

    Returns
    -------
    facts: system/layer -> most atoms that are learned for the layer, None where that is not known yet.

    Raises
    ------
    PreflightError
        All findings, one a line.
    """
    findings, widest = Findings(), {}
    for system, of_layer in wanted.items():
        for layer, dictionaries in of_layer.items():
            units, rows = layers[system][layer]["units"], layers[system][layer]["train_rows"]
            widest[f"{system}/{layer}"] = None
            sources = {name: atoms for name, atoms in dictionaries.items() if isinstance(atoms, dict)}
            for name, source in sources.items():
                with findings.kept():
                    check_source(name, f"{system}/{layer}", source, units)
            if units is None:
                continue
            learned = {name: atoms for name, atoms in dictionaries.items() if name not in sources}
            numbers = {name: atoms_of(atoms, units) for name, atoms in learned.items()}
            widest[f"{system}/{layer}"] = max(numbers.values(), default=None)
            for name, atoms in numbers.items():
                with findings.kept():
                    check_atoms(f"dictionaries.{name}: {system}/{layer}", atoms, rows)
    findings.tell()
    return widest


def check_pairs(answered: dict[str, dict[str, dict[str, list[str]]]], comparisons: dict[str, dict]) -> dict:
    """Check that systems which are to be compared share as many stimuli as their metrics need.

    Parameters
    ----------
    answered
        System -> layer -> split -> ids of the stimuli that it answers to.
    comparisons
        Comparison -> `pairs` of systems, compared `layers` by system, `split` ('all' for all stimuli), and `metrics`
        with their parameters.

    Returns
    -------
    facts: comparison -> smallest number of stimuli that two of its layers share.

    Raises
    ------
    PreflightError
        One line for each pair of systems with too few stimuli: its layers that share the fewest, an id of each side.
        Metrics that cannot be used, as `check_methods`.
    """
    findings, smallest = Findings(), {}
    for comparison, content in comparisons.items():
        needed = {}
        for metric, params in content["metrics"].items():
            with findings.kept():
                check_metric(comparison, metric, params)
                needed[metric] = METRICS[metric].stimuli_needed(params)
        for pair in content["pairs"]:
            sides = [answers(system, answered[system], content) for system in pair]
            a, b = min(product(*sides), key=shared, default=(None, None))
            if a is None:
                continue
            smallest[comparison] = min(shared((a, b)), smallest.get(comparison, sys.maxsize))
            if shared((a, b)) < max(needed.values(), default=0):
                findings.lines.append(too_few(comparison, content["split"], a, b, needed))
    findings.tell()
    return smallest


def check_attributes(stimuli: dict[str, Stimuli], wanted: dict[str, dict[str, dict]]) -> dict:
    """Check that attributes of stimuli can be read as probes and splices want to read them.

    Parameters
    ----------
    stimuli
        Stimulus sets by name.
    wanted
        Stimulus set -> key of the config that asks -> attribute, kind ('labels', 'quantity', 'classes' or 'blocks')
        and what is held out.

    Returns
    -------
    facts: probe or splice -> stimulus set -> number of stimuli in each of 'train', 'in', 'out'.

    Raises
    ------
    PreflightError
        All findings, one a line.
    """
    findings, counts = Findings(), {}
    for name, read in wanted.items():
        for key, params in read.items():
            if params["kind"] == "blocks":
                with findings.kept():
                    check_blocks(key, params["attribute"], stimuli[name])
                continue
            with findings.kept(), told_of(key):
                places = probe_plan(stimuli[name].attributes, stimuli[name].split, **params)[1]
                counts.setdefault(key, {})[name] = {one: int((places == one).sum()) for one in ("train", "in", "out")}
    findings.tell()
    return counts


def check_blocks(key: str, attribute: str, stimuli: Stimuli) -> None:
    """Raise ConfigError where stimuli have no such attribute, or no two of them the same value."""
    known = stimuli.attributes.get(attribute)
    if known is None:
        raise ConfigError(key, attribute, f"an attribute of the stimuli: {', '.join(stimuli.attributes) or 'none'}")
    if len(set(known.tolist())) == len(known):
        raise ConfigError(key, attribute, "an attribute of which several stimuli have the same value")


@contextmanager
def told_of(key: str) -> Iterator[None]:
    """Begin the message of an error about stimuli with the key that asks for them."""
    try:
        yield
    except StimuliError as error:
        raise StimuliError(f"{key}: {error}") from None


@dataclass(frozen=True)
class Answer:
    """A layer, as system/layer, and the stimuli of a split that it answers to."""

    layer: str
    ids: frozenset[str]

    def __str__(self) -> str:
        return f"{self.layer} (e.g. {min(self.ids)!r})" if self.ids else f"{self.layer} (to none)"


def answers(system: str, layers: dict[str, dict[str, list[str]]], comparison: dict) -> list[Answer]:
    """What the compared layers of a system answer to, once for all layers that answer to the same."""
    found = {}
    for layer in comparison["layers"][system]:
        splits = [ids for split, ids in layers[layer].items() if comparison["split"] in (split, "all")]
        ids = frozenset(chain.from_iterable(splits))
        found.setdefault(ids, Answer(f"{system}/{layer}", ids))
    return list(found.values())


def shared(pair: tuple[Answer, Answer]) -> int:
    return len(pair[0].ids & pair[1].ids)


def too_few(comparison: str, split: str, a: Answer, b: Answer, needed: dict[str, int]) -> str:
    metric = max(needed, key=needed.get)
    of = "" if split == "all" else f"{split} "
    return (
        f"alignment.{comparison}: found {shared((a, b))} {of}stimuli that both {a} and {b} answer to,"
        f" expected at least {needed[metric]}, as {metric} needs."
    )


def check_metric(comparison: str, name: str, params: dict) -> None:
    """Raise ConfigError, with its key in the config, where a metric or one of its parameters cannot be used."""
    try:
        METRICS[name].split_parameters(params)
    except ConfigError as error:
        key = name if error.key == "metric" else f"{name}.{error.key}"
        raise ConfigError(f"alignment.{comparison}.metrics.{key}", error.found, error.expected) from None


class Findings:
    """Errors that are collected and told together."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the error that ends the block, and go on behind it."""
        try:
            yield
        except ThreshError as error:
            self.lines.append(str(error))

    def tell(self) -> None:
        if self.lines:
            raise PreflightError("\n" + "\n".join(self.lines))
