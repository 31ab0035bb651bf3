"""Code MCC against operations a row, with the front that no arm is above and left of."""

import altair as alt
import pandas as pd

TITLES = {"known": "dictionary known", "learned": "dictionary learned from 1024 rows"}
# Arms whose settings are steps on one path.
PATHS = ("FISTA", "encoder + ITO", "encoder + Adam", "LISTA")
# Colour and shape of each arm, in the order of the legend.
LOOKS = {
    "linear encoder": ("#0072b2", "circle"),
    "top-k encoder": ("#0072b2", "square"),
    "SAE relu": ("#999999", "circle"),
    "SAE topk": ("#999999", "square"),
    "MLP encoder": ("#56b4e9", "diamond"),
    "OMP": ("#e69f00", "triangle-down"),
    "LISTA": ("#009e73", "triangle-up"),
    "encoder + ITO": ("#d55e00", "cross"),
    "FISTA": ("#222222", "circle"),
    "encoder + Adam": ("#cc79a7", "diamond"),
}
ORDER = list(LOOKS)


def front(arms: pd.DataFrame) -> pd.DataFrame:
    """Those arms (columns FLOPs, MCC) that are better than every cheaper one."""
    arms = arms.sort_values(["FLOPs", "MCC"], ascending=[True, False])
    return arms[arms["MCC"] > arms["MCC"].cummax().shift(fill_value=-1)]


def figure(found: pd.DataFrame) -> alt.TopLevelMixin:
    """One panel with the dictionary known, one with it unknown: means over seeds."""
    found = found[found["FLOPs"].notna() & found["family"].isin(ORDER)]
    means = found.groupby(["case", "family", "setting"], as_index=False)[["FLOPs", "MCC"]].mean()
    own = means[(means["case"] == "own") & means["family"].str.startswith("SAE")].assign(case="learned")
    means = pd.concat([means[means["case"] != "own"], own])
    panels = [panel(means[means["case"] == case], title) for case, title in TITLES.items()]
    return alt.hconcat(*panels).configure_view(stroke="#cccccc").configure_axis(gridColor="#eeeeee")


def panel(arms: pd.DataFrame, title: str) -> alt.TopLevelMixin:
    colours, shapes = (alt.Scale(domain=ORDER, range=list(looks)) for looks in zip(*LOOKS.values(), strict=True))
    x = alt.X(
        "FLOPs:Q", scale=alt.Scale(type="log", nice=False, padding=12), title="FLOPs a row, codes and reconstruction"
    )
    y = alt.Y("MCC:Q", scale=alt.Scale(domain=[0.5, 1], clamp=True), title="code MCC on test rows")
    base = alt.Chart(arms).encode(x=x, y=y)
    colour = alt.Color("family:N", scale=colours, sort=ORDER, title=None)
    edge = alt.Chart(front(arms)).mark_line(interpolate="step-after", color="#bbbbbb", strokeWidth=6, opacity=0.6)
    fixed = base.transform_filter("!test(/gap/, datum.setting)")
    lines = fixed.transform_filter(alt.FieldOneOfPredicate("family", PATHS)).mark_line(strokeWidth=1)
    points = base.mark_point(filled=True, size=55, opacity=1)
    shape = alt.Shape("family:N", scale=shapes, sort=ORDER, title=None)
    return (edge.encode(x=x, y=y) + lines.encode(color=colour) + points.encode(color=colour, shape=shape)).properties(
        title=title, width=380, height=320
    )
