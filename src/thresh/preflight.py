"""A quick look at everything that a study names, so that a mistake is told before hours of work and not after."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from thresh.alignment import METRICS
from thresh.dictionaries.specs import check_method
from thresh.errors import ThreshError
from thresh.inference.parameters import check_solver
from thresh.stimuli import open_stimuli
from thresh.systems.configured import configured_system


class PreflightError(ThreshError):
    """Some systems, methods or metrics cannot be used; the message has one line for each finding."""


def check_study(
    stimuli: dict[str, Path],
    *,
    systems: dict[str, dict],
    dictionaries: dict[str, dict],
    inference: dict[str, dict],
    metrics: dict[str, dict[str, dict]],
    made: dict[str, list[Path]],
) -> dict:
    """Check systems without a forward pass, and the parameters of methods, solvers and metrics.

    Parameters
    ----------
    stimuli
        Name -> store of a stimulus set.
    systems, dictionaries, inference
        Those parts of the config.
    metrics
        Comparison -> metric -> parameters.
    made
        System -> where the study made its model or recording.

    Returns
    -------
    facts: names of the systems.

    Raises
    ------
    PreflightError
        All findings, one a line.
    """
    findings = Findings()
    for name, content in systems.items():
        with findings.gathered():
            answered = open_stimuli(stimuli[content["stimuli"]])
            configured_system(
                name, answered, content, layers=content["layers"], made=made.get(name, []), device="cpu"
            ).check()
    for name, content in dictionaries.items():
        findings.of(f"dictionaries.{name}", check_method, content["method"], content["params"])
    for name, content in inference.items():
        findings.of(f"inference.{name}", check_solver, content["solver"], content["params"])
    for comparison, wanted in metrics.items():
        for name, params in wanted.items():
            findings.of(f"alignment.{comparison}.metrics.{name}", check_metric, name, params)
    findings.tell()
    return {"systems": sorted(systems)}


def check_metric(name: str, params: dict) -> None:
    METRICS[name].split_parameters(params)


class Findings:
    """Errors that are collected and told together."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def gathered(self, place: str = "") -> Iterator[None]:
        try:
            yield
        except ThreshError as error:
            self.lines.append(f"{place}: {error}" if place else str(error))

    def of(self, place: str, check: Callable[..., None], *arguments: Iterable) -> None:
        with self.gathered(place):
            check(*arguments)

    def tell(self) -> None:
        if self.lines:
            raise PreflightError("\n" + "\n".join(self.lines))
