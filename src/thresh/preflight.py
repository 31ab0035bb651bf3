"""A quick look at the methods that a study names, so that a mistake is told before hours of work and not after."""

from collections.abc import Callable

from thresh.alignment import METRICS
from thresh.dictionaries.learn import check_atoms
from thresh.dictionaries.specs import atoms_of, check_method
from thresh.errors import ThreshError
from thresh.inference.parameters import check_solver


class PreflightError(ThreshError):
    """Some methods, solvers or metrics cannot be used; the message has one line for each finding."""


def check_methods(
    *, dictionaries: dict[str, dict], inference: dict[str, dict], metrics: dict[str, dict[str, dict]]
) -> dict:
    """Check the names and the parameters of methods, solvers and metrics.

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
        findings.of(f"dictionaries.{name}", check_method, content["method"], content["params"])
    for name, content in inference.items():
        findings.of(f"inference.{name}", check_solver, content["solver"], content["params"])
    for comparison, wanted in metrics.items():
        for name, params in wanted.items():
            findings.of(f"alignment.{comparison}.metrics.{name}", check_metric, name, params)
    findings.tell()
    return {"dictionaries": len(dictionaries), "inference": len(inference), "comparisons": len(metrics)}


def check_widths(layers: dict[str, dict[str, dict]], wanted: dict[str, dict[str, dict[str, int | str]]]) -> dict:
    """Check that no dictionary has more atoms than there are rows to learn from.

    Parameters
    ----------
    layers
        System -> layer -> what `check_system` found: `units` and `train_rows`, None where only the harvest can tell.
    wanted
        System -> layer -> dictionary -> atoms, a number or a multiple of the units such as '4x'.

    Returns
    -------
    facts: system/layer -> most atoms that a dictionary of the layer has, None where that is not known yet.

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
            if units is None:
                continue
            numbers = {name: atoms_of(atoms, units) for name, atoms in dictionaries.items()}
            widest[f"{system}/{layer}"] = max(numbers.values())
            for name, atoms in numbers.items():
                findings.of(f"dictionaries.{name}", check_atoms, f"{system}/{layer}", atoms, rows)
    findings.tell()
    return widest


def check_pairs(answered: dict[str, dict[str, list[str]]], comparisons: dict[str, list[list[str]]]) -> dict:
    """Check that systems which are to be compared answer to stimuli in common.

    Parameters
    ----------
    answered
        System -> layer -> ids of the stimuli that it answers to.
    comparisons
        Comparison -> pairs of systems.

    Returns
    -------
    facts: comparison -> smallest number of stimuli that two of its layers share.

    Raises
    ------
    PreflightError
        Pairs without a common stimulus, one a line, with an id of each side.
    """
    findings, smallest = Findings(), {}
    for comparison, pairs in comparisons.items():
        for a, b in pairs:
            for a_layer, a_ids in answered[a].items():
                for b_layer, b_ids in answered[b].items():
                    shared = len(set(a_ids) & set(b_ids))
                    smallest[comparison] = min(shared, smallest.get(comparison, shared))
                    if not shared:
                        findings.lines.append(
                            f"alignment.{comparison}: found no stimulus that both {a}/{a_layer} (e.g. {a_ids[:1]}) and"
                            f" {b}/{b_layer} (e.g. {b_ids[:1]}) answer to, expected some."
                        )
    findings.tell()
    return smallest


def check_metric(name: str, params: dict) -> None:
    METRICS[name].split_parameters(params)


class Findings:
    """Errors that are collected and told together."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def of(self, place: str, check: Callable[..., None], *arguments: object) -> None:
        try:
            check(*arguments)
        except ThreshError as error:
            self.lines.append(f"{place}: {error}")

    def tell(self) -> None:
        if self.lines:
            raise PreflightError("\n" + "\n".join(self.lines))
