"""What superposition does to alignment, and what codes make good: theory beside measurement.

    python benchmarks/superposition.py --figures docs
    python benchmarks/superposition.py --quick
    python benchmarks/superposition.py --parts toy_models

Three parts, each a table in Markdown and a figure (docs/superposition.md):

- deflation: the same 512 features in fewer and fewer units (Liu et al. 2026);
- inversion: pairs of systems of 128 and of 48 features that share more and more of them, in 48 units (the same);
- toy_models: networks trained by gradient descent to hold 64 features in 8, 16 and 32 units (Elhage et al. 2022),
  compared by units, by codes and across (Longon, Klindt & Khosla 2025).

Learning sees activations only; the number of features is given to it as the number of atoms.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import altair as alt
import pandas as pd

import superposition_figures as figures
from deflation import SCORES, UNITS, deflation
from inversion import SHARED, inversion
from machine import machine, table
from toy_arms import ARMS
from toy_arms import SCORES as ARM_SCORES
from toy_pairs import ACTIVE, SIZES, toy_pairs


def deflation_part(quick: bool) -> tuple[list[str], alt.TopLevelMixin]:
    size = {"seeds": 1, "rows": 3000, "rdm": 1000} if quick else {"seeds": 4, "rows": 6000, "rdm": 2000}
    found = pd.DataFrame(deflation((32, 128, 512) if quick else UNITS, **size))
    means = found.groupby(["kind", "units", "score"], sort=False)[["measured", "expected"]].mean()
    lines = []
    for (kind, units), rows in means.groupby(["kind", "units"], sort=False):
        cells = [rows.loc[(kind, units, score)] for score in SCORES]
        lines.append([kind, str(units), *(f"{cell.measured:.3f} ({cell.expected:.3f})" for cell in cells)])
    largest = (means["measured"] - means["expected"]).abs().groupby(["kind", "score"], sort=False).max()
    gaps = [[kind, *(f"{largest[kind, score]:.3f}" for score in SCORES)] for kind in found["kind"].unique()]
    tables = [
        table(["features", "units", *(f"{score} (expected)" for score in SCORES)], lines),
        table(["largest difference of means", *SCORES], gaps),
    ]
    return tables, figures.deflation_figure(found, size["rows"])


def inversion_part(quick: bool) -> tuple[list[str], alt.TopLevelMixin]:
    shared = {128: (128,), 48: (32,)} if quick else SHARED
    found = pd.DataFrame(inversion(shared, seeds=1 if quick else 3))
    means = found.drop(columns="seed").groupby(["features", "shared"], sort=False).mean()
    return [numbers(means)], figures.inversion_figure(found)


def toy_models_part(quick: bool) -> tuple[list[str], alt.TopLevelMixin]:
    size = {"models": 2, "steps": 2000} if quick else {"models": 3, "steps": 4000}
    models, pairs = map(pd.DataFrame, toy_pairs((16,) if quick else SIZES, (0.03,) if quick else ACTIVE, **size))
    held = models.drop(columns="seed").groupby(["active", "units"]).mean()
    return [numbers(held), *arm_tables(pairs)], figures.toy_models_figure(pairs)


def arm_tables(pairs: pd.DataFrame) -> list[str]:
    """A table for each score with a column for each arm, and one of what is expected where theory says something."""
    means = pairs.groupby(["active", "units", "arm"], sort=False).mean(numeric_only=True)
    beside = {"matched": "overlap", "CKA": "expected CKA", "R2": "expected R2"}
    tables = []
    for score in ARM_SCORES:
        arms = means[score].unstack("arm")[list(ARMS)]
        if score in beside:
            arms[beside[score]] = means[beside[score]].groupby(["active", "units"], sort=False).first()
        tables.append(f"{score}\n\n{numbers(arms)}")
    return tables


def numbers(means: pd.DataFrame) -> str:
    """A table of means with the keys of each row before them."""
    lines = [[*(f"{one:g}" for one in key), *(f"{value:.3f}" for value in row)] for key, *row in means.itertuples()]
    return table([*means.index.names, *means.columns], lines)


PARTS: dict[str, Callable[[bool], tuple[list[str], alt.TopLevelMixin]]] = {
    "deflation": deflation_part,
    "inversion": inversion_part,
    "toy_models": toy_models_part,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="one seed and few sizes: about a minute")
    parser.add_argument("--figures", type=Path, help="folder for deflation.svg, inversion.svg and toy_models.svg")
    arguments = parser.parse_args()
    print(machine("torch", "numpy"), flush=True)
    for name in arguments.parts:
        tables, figure = PARTS[name](arguments.quick)
        print("\n" + "\n\n".join([name, *tables]) + "\n", flush=True)
        if arguments.figures:
            figure.save(arguments.figures / f"{name}.svg")


if __name__ == "__main__":
    main()
