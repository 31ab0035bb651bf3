"""The amortisation gap: what codes of an encoder, of few steps and of a solver are worth, and what they cost.

    python benchmarks/amortisation.py
    python benchmarks/amortisation.py --quick
    python benchmarks/amortisation.py --figure docs/amortisation.svg

The set-up is that of O'Neill et al. (`three_of_sixteen.py`), with the dictionary known and with a learned one. All is
fitted to training rows, and chosen among restarts and learning rates by its own training objective; scores are those of
test rows. Every arm but top-k and OMP minimises 0.5 |x - z D|^2 + penalty |z|_1 at the same penalty, so that its gap is
the share by which the objective on test rows lies above the optimum under the same dictionary. Operations are those of
`flops.py`. Prints tables in Markdown. `--quick` is one seed with short fits.
"""

import argparse
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

import flops
from amortisation_figure import figure
from amortisation_problem import PENALTY, Known, Problem, learned
from amortised_encoders import codes_by_adam, fitted, linear, mlp
from machine import machine, table
from three_of_sixteen import ACTIVE, FEATURES, PUBLISHED, UNITS, three_of_sixteen
from thresh.dictionaries import learn
from thresh.inference import infer, prepare

HIDDEN = 256
STEPS = (1, 3, 10, 30, 100, 300)
LAYERS = (1, 2, 4, 8, 16)
ADAM_STEPS = (10, 100, 1000)
SIZE = (FEATURES, UNITS)
# What has to be reached in every seed: code MCC, and matched cosine of a learned dictionary.
REQUIRED = {"known": (0.97, None), "learned": (0.95, 0.99)}


def under(problem: Problem, dictionary, effort: float) -> Iterator[tuple]:
    """Every arm under a dictionary that stays: family, its setting, codes of the test rows, operations a row."""
    x, penalty, atoms = problem.test, problem.penalty, dictionary.atoms
    fit = partial(fitted, problem.train, penalty=penalty, atoms=atoms, steps=round(4000 * effort))
    encoder = fit(linear)
    yield "linear encoder", "ReLU", infer(x, encoder, "encoder"), flops.linear(*SIZE)
    yield "top-k encoder", f"k = {ACTIVE}", infer(x, fit(linear, k=ACTIVE), "encoder"), flops.linear(*SIZE)
    network = fit(partial(mlp, hidden=HIDDEN))
    yield "MLP encoder", f"{HIDDEN} hidden", infer(x, network, "encoder"), flops.mlp(*SIZE, HIDDEN)
    for layers in LAYERS:
        solver = prepare(problem.train, dictionary, "lista", penalty=penalty, layers=layers, epochs=round(500 * effort))
        yield "LISTA", f"T = {layers}", infer(x, dictionary, solver), flops.lista(*SIZE, layers)
    warm = encoder.encode(torch.from_numpy(x)).numpy()
    nothing = np.zeros_like(warm)
    for steps in STEPS:
        improve = partial(infer, x, dictionary, "ito", penalty=penalty, steps=steps)
        yield "encoder + ITO", f"T = {steps}", improve(warm=warm), flops.ito(*SIZE, steps)
        yield "FISTA", f"T = {steps}", improve(warm=nothing), flops.fista(*SIZE, steps)
    for steps in ADAM_STEPS:
        codes = codes_by_adam(x, encoder, penalty, steps, chosen_on=problem.train)
        yield "encoder + Adam", f"T = {steps}", codes, flops.adam(*SIZE, steps)
    for tolerance in (1e-2, 1e-4, 1e-6):
        with FlopCounterMode(display=False) as counter:
            codes = infer(x, dictionary, "fista", penalty=penalty, tolerance=tolerance)
        count = flops.counted_fista(*SIZE, counter.get_total_flops() / len(x))
        yield "FISTA", f"gap {tolerance:.0e}", codes, count
    yield "coordinate descent", "gap 1e-06", infer(x, dictionary, "coordinate_descent", penalty=penalty), None
    codes = infer(x, dictionary, "omp", k=ACTIVE, nonnegative=True)
    yield "OMP", f"k = {ACTIVE}", codes, flops.omp(*SIZE, ACTIVE)


def together(problem: Problem, effort: float) -> Iterator[tuple]:
    """Encoders that are learned with a dictionary of their own: as `under`, and that dictionary."""
    x, train, penalty = problem.test, problem.train, problem.penalty
    fit = partial(learn, train, atoms=FEATURES, device="cpu", epochs=round(1000 * effort))
    for name, setting, given in (
        ("relu", "penalty 0.01", {"penalty": PENALTY}),
        ("relu", "penalty 0.1", {"penalty": 0.1}),
        ("topk", f"k = {ACTIVE}", {"k": ACTIVE}),
    ):
        dictionary = fit(method=name, **given)
        yield f"SAE {name}", setting, infer(x, dictionary, "encoder"), flops.linear(*SIZE), dictionary
        codes = infer(x, dictionary, "ito", penalty=penalty, steps=100)
        yield f"SAE {name} + ITO", f"{setting}, T = 100", codes, flops.ito(*SIZE, 100), dictionary
    network = fitted(train, partial(mlp, hidden=HIDDEN), penalty, count=FEATURES, steps=round(4000 * effort))
    yield "MLP encoder", f"{HIDDEN} hidden", infer(x, network, "encoder"), flops.mlp(*SIZE, HIDDEN), network
    dictionary = fit(method="lista", penalty=PENALTY, layers=8)
    yield "LISTA", "T = 8", infer(x, dictionary, "encoder"), flops.lista(*SIZE, 8), dictionary


def measured(seed: int, effort: float) -> list[dict]:
    """One row an arm: case, family, setting, operations, and its scores."""
    problem = Problem(three_of_sixteen(seed))
    cases = {
        "known": Known(problem.directions),
        "learned": learned(problem, restarts=8 if effort == 1 else 4, epochs=round(150 * effort)),
    }
    arms = [(case, *arm, one) for case, one in cases.items() for arm in under(problem, one, effort)]
    arms += [("own", *arm) for arm in together(problem, effort)]
    return [
        {"case": case, "family": family, "setting": setting, "FLOPs": count, **problem.scores(codes, one)}
        for case, family, setting, codes, count, one in arms
    ]


def report(found: pd.DataFrame) -> None:
    """A table a case, and whether what is required was reached in every seed."""
    keys = ["family", "setting"]
    for case, rows in found.groupby("case", sort=False):
        lines = []
        for (family, setting), arm in rows.groupby(keys, sort=False):
            count = f"{arm['FLOPs'].mean():,.0f}" if arm["FLOPs"].notna().all() else ""
            seeds = " ".join(f"{score:.3f}" for score in arm["MCC"])
            lines.append([family, setting, count, f"{arm['MCC'].mean():.3f}", seeds, f"{arm['gap'].mean():.1%}"])
            if case == "own":
                lines[-1].append(f"{arm['cosine'].mean():.3f}")
        extra = ["cosine"] if case == "own" else []
        print(f"\n{case}\n")
        print(table(["arm", "", "FLOPs a row", "MCC", "of each seed", "gap", *extra], lines))
    print()
    for case, (least, cosine) in REQUIRED.items():
        rows = found[(found["case"] == case) & (found["setting"] == "gap 1e-06") & (found["family"] == "FISTA")]
        reached = bool((rows["MCC"] >= least).all() and (cosine is None or (rows["cosine"] >= cosine).all()))
        cosines = " ".join(f"{value:.4f}" for value in rows["cosine"])
        print(
            f"{case}: MCC {rows['MCC'].min():.3f} or more, cosines {cosines}: {'reached' if reached else 'not reached'}"
        )
    print("\npublished (known, unknown):", "; ".join(f"{name} {scores}" for name, scores in PUBLISHED.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one seed, fits of a fifth of the steps")
    parser.add_argument("--figure", type=Path, help="where the Pareto front goes (.svg, .png or .html)")
    arguments = parser.parse_args()
    # Few steps are what is looked at: that they do not end at the optimum is known.
    warnings.filterwarnings("ignore", message="fista: ")
    seeds, effort = (1, 0.2) if arguments.quick else (arguments.seeds, 1.0)
    print(machine("torch", "numpy"))
    rows = []
    for seed in range(seeds):
        rows += [{"seed": seed} | row for row in measured(seed, effort)]
        print(f"seed {seed} is done", flush=True)
    found = pd.DataFrame(rows)
    report(found)
    if arguments.figure:
        figure(found).save(arguments.figure)


if __name__ == "__main__":
    main()
