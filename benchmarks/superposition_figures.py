"""Figures of the superposition benchmark."""

import altair as alt
import numpy as np
import pandas as pd

from deflation import FEATURES, KINDS, SCORES, expected
from inversion import UNITS
from thresh.alignment.theory import expected_cka
from toy_arms import ARMS
from toy_arms import SCORES as ARM_SCORES

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#999999"]
# Equal variances give the same CKA and R2 whatever the probability: dashes and open shapes show both.
DASHES = [[1, 0], [4, 6], [1, 0]]
SHAPES = ["circle", "diamond", "square"]
UNIT = alt.Scale(domain=[0, 1], clamp=True)


def looks(chart: alt.TopLevelMixin) -> alt.TopLevelMixin:
    return (
        chart.configure_view(stroke="#cccccc")
        .configure_axis(gridColor="#eeeeee")
        .configure_legend(orient="bottom", title=None, labelLimit=300, symbolOpacity=1)
    )


def deflation_figure(found: pd.DataFrame, rows: int) -> alt.TopLevelMixin:
    """Scores over compression: theory for so many rows as lines, means over seeds as points."""
    counts = np.unique(np.geomspace(found["units"].min(), found["units"].max(), 60).round().astype(int))
    theory = pd.DataFrame(
        {"kind": kind, "compression": FEATURES / count, "score": score, "value": value}
        for kind in KINDS
        for count in counts
        for score, value in expected(kind, int(count), rows).items()
    )
    points = found.groupby(["kind", "units", "score"], as_index=False)["measured"].mean()
    points = points.assign(compression=FEATURES / points["units"], value=points["measured"])
    x = alt.X("compression:Q", scale=alt.Scale(type="log", base=2), title="features a unit", axis=alt.Axis(format="~g"))
    kind = {"sort": list(KINDS), "title": None}
    colour, dashes, shape = (
        channel("kind:N", scale=alt.Scale(domain=list(KINDS), range=looks_of), **kind)
        for channel, looks_of in ((alt.Color, COLOURS[: len(KINDS)]), (alt.StrokeDash, DASHES), (alt.Shape, SHAPES))
    )
    panels = []
    for score in SCORES:
        y = alt.Y("value:Q", scale=UNIT, title=None)
        line = alt.Chart(theory[theory["score"] == score]).mark_line(strokeWidth=2)
        point = alt.Chart(points[points["score"] == score]).mark_point(size=60, opacity=1, strokeWidth=2)
        line, point = (part.encode(x=x, y=y, color=colour) for part in (line, point))
        layers = line.encode(strokeDash=dashes) + point.encode(shape=shape)
        panels.append(layers.properties(title=score, width=230, height=230))
    return looks(alt.hconcat(*panels))


def inversion_figure(found: pd.DataFrame) -> alt.TopLevelMixin:
    """CKA over the true overlap, of units and of codes, for systems of many and of few features."""
    names = {"raw CKA": "units", "learned CKA": "learned codes", "random CKA": "codes of a random dictionary"}
    points = found.melt(["features", "overlap"], list(names), var_name="of", value_name="value")
    points = points.assign(of=points["of"].map(names)).groupby(["features", "overlap", "of"], as_index=False).mean()
    theory = pd.DataFrame(
        {"features": features, "overlap": share, "of": "units", "value": share * full}
        for features in found["features"].unique()
        for full in [expected_cka(UNITS, UNITS, int(features), mixing="unit_norm")]
        for share in (0, 1)
    )
    label = {features: f"{features} features in {UNITS} units" for features in found["features"].unique()}
    points, theory = (part.assign(system=part["features"].map(label)) for part in (points, theory))
    x = alt.X("overlap:Q", scale=UNIT, title="true overlap of features")
    y = alt.Y("value:Q", scale=UNIT, title="CKA")
    colour = alt.Color("of:N", sort=list(names.values()), scale=alt.Scale(domain=list(names.values()), range=COLOURS))
    panels = []
    for system in label.values():
        line = alt.Chart(theory[theory["system"] == system]).mark_line(strokeWidth=2).encode(x=x, y=y, color=colour)
        point = alt.Chart(points[points["system"] == system]).mark_point(filled=True, size=60, opacity=1)
        truth = alt.Chart(pd.DataFrame({"overlap": [0, 1], "value": [0, 1]})).encode(x=x, y=y)
        dashes = truth.mark_line(color="#bbbbbb", strokeDash=[4, 4])
        layers = dashes + line + point.encode(x=x, y=y, color=colour)
        panels.append(layers.properties(title=system, width=300, height=300))
    return looks(alt.hconcat(*panels))


def toy_models_figure(pairs: pd.DataFrame) -> alt.TopLevelMixin:
    """Scores of each arm, a panel for each score and sparsity, a colour for each size."""
    shown = [score for score in ARM_SCORES if score != "matched"]
    means = pairs.groupby(["active", "units", "arm"], as_index=False)[shown].mean()
    sizes = sorted(int(units) for units in means["units"].unique())
    scale = alt.Scale(domain=[f"{units} units" for units in sizes], range=COLOURS[: len(sizes)])
    colour = alt.Color("size:N", sort=None, scale=scale)
    rows = []
    for active, some in means.groupby("active"):
        some = some.assign(size=[f"{n} units" for n in some["units"]])
        panels = []
        for index, score in enumerate(shown):
            y = alt.Y("arm:N", sort=list(ARMS), title=None, axis=alt.Axis(labels=index == 0, grid=True, ticks=False))
            x = alt.X(f"{score}:Q", scale=UNIT, title=None)
            point = alt.Chart(some).mark_point(filled=True, size=70, opacity=0.9).encode(x=x, y=y, color=colour)
            panels.append(point.properties(title=score, width=130, height=170))
        rows.append(alt.hconcat(*panels, title=f"features active with probability {active:g}"))
    return looks(alt.vconcat(*rows))
