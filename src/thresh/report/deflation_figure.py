"""The deflation figure: what superposition does to the score of planted pairs, and what codes make good."""

import altair as alt
import pandas as pd

from thresh.report.figures import TWO_LINES, finished, records
from thresh.report.words import number

PAIR_COLOURS = [f"var(--pair-{index})" for index in range(1, 7)]


def deflation_chart(table: pd.DataFrame, measures: list[str], labels: dict[str, str]) -> dict:
    """Scores of planted pairs, a row a representation: measured, predicted, and the true overlap.

    Parameters
    ----------
    table
        Rows of `planted.deflation` of one metric, with column `measure`.
    measures
        Values of `measure` from top to bottom.
    labels
        Pair -> label in the legend, in the order of the pairs.
    """
    table = table.assign(label=table["pair"].map(labels), text=[number(value) for value in table["score"]])
    data = records(table, ["measure", "label", "score", "expected", "truth", "low", "high", "role", "text", "error"])
    order = [labels[pair] for pair in labels]
    base = alt.Chart(data).encode(
        y=alt.Y(
            "measure:N",
            sort=measures,
            title=None,
            scale=alt.Scale(paddingInner=0.25, paddingOuter=0.1),
            axis=alt.Axis(labelExpr=TWO_LINES),
        ),
        yOffset=alt.YOffset("label:N", sort=order),
        color=alt.Color(
            "label:N",
            sort=order,
            scale=alt.Scale(domain=order, range=PAIR_COLOURS),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("label:N", title="pair"),
            alt.Tooltip("measure:N", title="of"),
            alt.Tooltip("score:Q", format=".3f", title="measured"),
            alt.Tooltip("low:Q", format=".3f", title="interval from"),
            alt.Tooltip("high:Q", format=".3f", title="to"),
            alt.Tooltip("expected:Q", format=".3f", title="theory"),
            alt.Tooltip("truth:Q", format=".3f", title="true overlap"),
        ],
    )
    axis = alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1], format=".1f")
    lowest = min([0.0, *table["score"].dropna()])
    x = alt.X("score:Q", title=None, scale=alt.Scale(domain=[lowest, 1.03], nice=False), axis=axis)
    defined = "isValid(datum.score)"
    gap = base.transform_filter(defined).mark_rule(strokeWidth=1.5, opacity=0.35).encode(x=x, x2="truth:Q")
    truth = base.mark_tick(thickness=3, size=15).encode(x=alt.X("truth:Q"))
    theory = (
        base.transform_filter("isValid(datum.expected) && datum.role == 'raw'")
        .mark_point(filled=False, shape="circle", size=190, strokeWidth=1.5, opacity=1)
        .encode(x=alt.X("expected:Q"))
    )
    known = base.transform_filter("isValid(datum.low)")
    spread = known.mark_rule(strokeWidth=4, opacity=0.45, clip=True).encode(x="low:Q", x2="high:Q")
    measured = base.transform_filter(defined).mark_point(filled=True, size=75, opacity=1).encode(x=x)
    # The number stands on the side that has room.
    texts = []
    for condition, look in (
        ("datum.score <= 0.6", {"align": "left", "dx": 12}),
        ("datum.score > 0.6", {"align": "right", "dx": -12}),
    ):
        side = base.transform_filter(f"{defined} && {condition}").encode(x=x, text="text:N")
        halo = side.mark_text(fontSize=12, stroke="var(--surface)", strokeWidth=4, **look)
        texts += [halo.encode(color=alt.value("var(--surface)")), side.mark_text(fontSize=12, **look)]
    undefined = (
        base.transform_filter("!isValid(datum.score)")
        .mark_text(align="left", fontStyle="italic", text="not defined")
        .encode(x=alt.value(4), tooltip="error:N")
    )
    layers = alt.layer(gap, truth, theory, spread, *texts, measured, undefined)
    return finished(layers.properties(width="container", height=32 * len(measures) * len(order)))
