"""Small words that all sentences and tables are made of: numbers, names, lists."""

from dataclasses import dataclass
from math import isfinite

from thresh.alignment import METRICS

# Differences of scores below this are not worth a claim.
NOTABLE = 0.02
# Codes count as right within this distance of the true overlap, theory within this distance of what is measured.
CLOSE = 0.05


@dataclass(frozen=True)
class Sentence:
    """A claim in a few words, and the numbers that it rests on."""

    claim: str
    numbers: str


def number(value: float | None, digits: int = 3) -> str:
    """A score as it is printed everywhere, '' where there is none."""
    if value is None or not isfinite(value):
        return ""
    return f"{value:.{digits}f}".replace("-", "−") if abs(value) >= 0.5 * 10**-digits else f"{0:.{digits}f}"


def interval_text(low: float, high: float) -> str:
    """'0.310 to 0.450', '' where there is none."""
    ends = number(low), number(high)
    return f"{ends[0]} to {ends[1]}" if all(ends) else ""


def metric_label(metric: str) -> str:
    return METRICS[metric].label if metric in METRICS else metric


def inside(label: str) -> str:
    """A metric's label in the middle of a sentence: 'Linear CKA, debiased' -> 'debiased linear CKA'; 'RSA' as it is."""
    if label.endswith(", debiased"):
        return "debiased " + inside(label.removesuffix(", debiased"))
    return label if label[:2].isupper() else label[0].lower() + label[1:]


def codes_named(name: str) -> str:
    """The codes of a representation at the beginning of a sentence: 'Learned codes'."""
    return f"{name[0].upper()}{name[1:]}{'' if name.endswith('codes') else ' codes'}"


def listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
