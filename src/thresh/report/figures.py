"""Charts, as Vega-Lite specifications. Colours are CSS variables, so that one chart serves light and dark pages."""

from math import isfinite, pi

import altair as alt
import pandas as pd

from thresh.alignment import METRICS
from thresh.report.words import interval_text, number

SERIES_COLOURS = [f"var(--series-{index})" for index in range(1, 9)]
LOWEST = -0.25  # scores below it stop at the edge of bars and dots
TWO_LINES = "split(datum.label, ' · ')"  # labels such as 'vit · layer3', for which phones have no room in one line
UNTESTED = "°"
LABELLED_CELLS = 10  # across; narrower cells are left without their number


# What a score is worth, in tooltips: with the columns of `significance.judged`.
WORTH = ["interval", "calibrated", "p_layers", "beats_chance", "ceiling"]
WORTH_TOOLTIPS = [
    alt.Tooltip("interval:N", title="interval"),
    alt.Tooltip("calibrated:Q", format=".3f", title="calibrated"),
    alt.Tooltip("p_layers:Q", format=".3f", title="p across layers"),
    alt.Tooltip("ceiling:Q", format=".3f", title="noise ceiling"),
]


def intervals(table: pd.DataFrame) -> list[str]:
    return [interval_text(*ends) for ends in zip(table["low"], table["high"], strict=True)]


def marked(table: pd.DataFrame, undefined: str = "") -> list[str]:
    """Scores as text; with a ring behind those that were asked for and not tested against chance."""
    untested = table["beats_chance"].isna() & (table["role"] != "shuffled")
    texts = [number(value, 2) for value in table["score"]]
    return [text + UNTESTED * ring if text else undefined for text, ring in zip(texts, untested, strict=True)]


def strength(table: pd.DataFrame) -> pd.Series:
    """How alike, 0 to 1: the score, of a distance what is left of a right angle."""
    distance = table["metric"].map(lambda name: name in METRICS and not METRICS[name].higher_is_closer)
    return table["score"].where(~distance.astype(bool), 1 - table["score"] / (pi / 2))


def whiskers(base: alt.Chart) -> alt.Chart:
    """Confidence intervals; the scale is that of the layer of scores beside it."""
    return (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=1, opacity=0.8, clip=True)
        .encode(x=alt.X("low:Q", title=None), x2="high:Q", color=alt.value("var(--ink)"))
    )


def ceilings(base: alt.Chart, groups: list[str]) -> alt.Chart:
    """A dashed line, or a mark for each of the groups, at the noise ceiling that scores are relative to."""
    known = base.transform_filter("isValid(datum.ceiling)").transform_aggregate(scores="count()", groupby=groups)
    line = {"strokeDash": [4, 3], "strokeWidth": 1, "color": "var(--muted)"}
    drawn = known.mark_tick(thickness=1.5, size=20, color="var(--muted)") if groups else known.mark_rule(**line)
    return drawn.encode(x=alt.datum(1.0, type="quantitative"))


def records(table: pd.DataFrame, columns: list[str]) -> alt.Data:
    """Rows as plain values; what is not a finite number becomes null."""
    rows = table[columns].to_dict("records")
    return alt.Data(values=[{key: plain(value) for key, value in row.items()} for row in rows])


def plain(value: object) -> object:
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not isfinite(value) else value


def finished(chart: alt.TopLevelMixin) -> dict:
    """Specification without addresses and without altair's theme; report.js adds the page's own."""
    spec = chart.to_dict()
    return {key: value for key, value in spec.items() if key not in ("$schema", "config")}


def heat_panel(table: pd.DataFrame, rows: list[str], columns: list[str], titles: tuple[str, str], shown: str) -> dict:
    """One representation of one pair of systems: rows a's layers, columns b's; the page's control sets `shown`.

    Parameters
    ----------
    table
        Columns view, a_layer, b_layer, score, expected, error.
    titles
        Of rows and columns.
    """
    table = table.assign(text=marked(table, "n. d."), interval=intervals(table), strength=strength(table))
    data = records(table, ["view", "a_layer", "b_layer", "score", "strength", "text", "error", *WORTH])
    base = (
        alt.Chart(data)
        .transform_filter("datum.view == shown")
        .encode(
            y=alt.Y("a_layer:N", sort=rows, scale=alt.Scale(domain=rows), title=titles[0]),
            x=alt.X("b_layer:N", sort=columns, scale=alt.Scale(domain=columns), title=titles[1]),
            tooltip=[
                alt.Tooltip("a_layer:N", title=titles[0]),
                alt.Tooltip("b_layer:N", title=titles[1]),
                alt.Tooltip("score:Q", format=".4f", title="score"),
                *WORTH_TOOLTIPS,
                alt.Tooltip("error:N", title="not defined"),
            ],
        )
    )
    opacity = alt.FillOpacity("strength:Q", scale=alt.Scale(domain=[0, 1], range=[0.05, 1], clamp=True), legend=None)
    cells = base.transform_filter("isValid(datum.score)").mark_rect(fill="var(--heat)").encode(fillOpacity=opacity)
    holes = base.transform_filter("!isValid(datum.score)").mark_rect(
        fill="transparent", stroke="var(--muted)", strokeDash=[3, 3]
    )
    # The pattern stands in every page; see base.html.
    by_chance = base.transform_filter("datum.beats_chance === false").mark_rect(fill="url(#hatched)")
    layers = [cells, holes, by_chance]
    if len(columns) <= LABELLED_CELLS:
        colour = alt.condition("datum.strength > 0.72", alt.value("var(--on-heat)"), alt.value("var(--ink)"))
        layers.append(base.mark_text(fontSize=12).encode(text="text:N", color=colour))
    chosen = alt.param(name="shown", value=shown)
    return finished(alt.layer(*layers).add_params(chosen).properties(width="container", height=34 * len(rows)))


def layer_bars(table: pd.DataFrame, places: list[str], roles: dict[str, str], shown: str) -> dict:
    """Scores of several layers with one target, a group of bars a layer, a bar a representation.

    Parameters
    ----------
    table
        Columns view, place, representation, score, error.
    places
        Layers from top to bottom.
    roles
        Representation -> colour, from top to bottom.
    """
    table = table.assign(text=marked(table), interval=intervals(table))
    data = records(table, ["view", "place", "representation", "score", "text", "error", "low", "high", *WORTH])
    names = [name for name in roles if name in set(table["representation"])]
    base = (
        alt.Chart(data)
        .transform_filter("datum.view == shown")
        .encode(
            y=alt.Y(
                "place:N",
                sort=places,
                title=None,
                scale=alt.Scale(paddingInner=0.3),
                axis=alt.Axis(labelExpr=TWO_LINES),
            ),
            yOffset=alt.YOffset("representation:N", sort=names, scale=alt.Scale(domain=names)),
            color=role_colour(roles, names),
            tooltip=[
                alt.Tooltip("place:N", title="layer"),
                alt.Tooltip("representation:N", title="of"),
                alt.Tooltip("score:Q", format=".4f", title="score"),
                *WORTH_TOOLTIPS,
                alt.Tooltip("error:N", title="not defined"),
            ],
        )
    )
    # Scores far below zero stay at the edge, so that the others can be read; tooltip and table tell them.
    lowest = table["score"].min()
    scale = alt.Scale(domainMin=float(max(lowest, LOWEST)) if lowest < 0 else 0.0, clamp=True, nice=True)
    x = alt.X("score:Q", title=None, scale=scale, axis=alt.Axis(format=".1f", tickCount=5))
    bars = base.transform_filter("isValid(datum.score)").mark_bar(cornerRadiusEnd=1.5).encode(x=x)
    by_chance = (
        base.transform_filter("isValid(datum.score) && datum.beats_chance === false")
        .mark_bar(fill="url(#hatched)")
        .encode(x=x)
    )
    text = (
        base.transform_filter("isValid(datum.score)")
        .mark_text(align="left", dx=3, fontSize=10)
        .encode(x=alt.X("at:Q"), text="text:N", color=alt.value("var(--muted)"))
        .transform_calculate(at="max(datum.score, isValid(datum.high) ? datum.high : 0, 0)")
    )
    holes = (
        base.transform_filter("!isValid(datum.score)")
        .mark_text(align="left", fontStyle="italic", fontSize=10, text="not defined")
        .encode(x=alt.datum(0))
    )
    chosen = alt.param(name="shown", value=shown)
    ceiling = ceilings(alt.Chart(data).transform_filter("datum.view == shown"), [])
    layers = alt.layer(bars, ceiling, by_chance, whiskers(base), text, holes).add_params(chosen)
    return finished(layers.properties(width="container", height=len(places) * max(18 * len(names), 40)))


def metric_dots(table: pd.DataFrame, views: list[str], roles: dict[str, str]) -> dict:
    """All metrics of one pair of layers: a row a metric, a dot a representation, a ring for theory.

    Parameters
    ----------
    table
        Columns label (of the metric), representation, score, expected.
    """
    table = table.assign(interval=intervals(table))
    data = records(table, ["label", "representation", "score", "expected", "low", "high", *WORTH])
    names = [name for name in roles if name in set(table["representation"])]
    base = alt.Chart(data).encode(
        y=alt.Y(
            "label:N",
            sort=views,
            title=None,
            scale=alt.Scale(domain=views),
            axis=alt.Axis(labelExpr="split(datum.label, ': ')", labelLimit=150, grid=True),
        ),
        color=role_colour(roles, names),
        tooltip=[
            alt.Tooltip("label:N", title="metric"),
            alt.Tooltip("representation:N", title="of"),
            alt.Tooltip("score:Q", format=".4f", title="score"),
            *WORTH_TOOLTIPS,
            alt.Tooltip("expected:Q", format=".4f", title="theory"),
        ],
    )
    lowest = table["score"].min()
    highest = table[["score", "high"]].max().max()
    domain = [float(max(lowest, LOWEST)) if lowest < 0 else 0.0, float(max(1.0, highest))]
    x = alt.X(
        "score:Q",
        title=None,
        scale=alt.Scale(domain=domain, clamp=True, nice=False),
        axis=alt.Axis(format=".1f", tickCount=5),
    )
    defined = base.transform_filter("isValid(datum.score)")
    dots = [
        defined.transform_filter(f"datum.beats_chance {is_not} false")
        .mark_point(filled=filled, size=75, opacity=0.9, strokeWidth=1.5)
        .encode(x=x)
        for is_not, filled in (("!==", True), ("===", False))
    ]
    rings = (
        base.transform_filter("isValid(datum.expected)")
        .mark_point(filled=False, size=190, strokeWidth=1.5, opacity=1)
        .encode(x=alt.X("expected:Q"))
    )
    ceiling = ceilings(alt.Chart(data).encode(y=alt.Y("label:N", sort=views, title=None)), ["label"])
    layers = alt.layer(rings, ceiling, whiskers(base), *dots)
    return finished(layers.properties(width="container", height=30 * len(views)))


def legend(names: list[str], colours: list[str]) -> list[tuple[str, str]]:
    """(label, colour) for the page to print above a chart, where it wraps; colours repeat as those of charts do."""
    return [(name, colours[place % len(colours)]) for place, name in enumerate(names)]


def role_colour(roles: dict[str, str], names: list[str]) -> alt.Color:
    scale = alt.Scale(domain=names, range=[roles[name] for name in names])
    return alt.Color("representation:N", sort=names, scale=scale, legend=None)


def curve_panel(table: pd.DataFrame, measure: str, layers: list[str]) -> dict:
    """One measure of training against the step, a line a layer."""
    data = records(table.dropna(subset=[measure]), ["step", "layer", measure])
    colour = alt.Color(
        "layer:N",
        sort=layers,
        scale=alt.Scale(domain=layers, range=SERIES_COLOURS),
        legend=None,
    )
    # A share of dead atoms that stays at 0 is a line at the bottom, not in the middle of nowhere.
    scale = (
        alt.Scale(domain=[0, max(0.1, table[measure].max())])
        if measure == "dead"
        else alt.Scale(zero=measure != "loss")
    )
    chart = (
        alt.Chart(data)
        .mark_line(strokeWidth=1.75, interpolate="linear", point=len(table) <= 4 * len(layers))
        .encode(
            x=alt.X("step:Q", title=None, axis=alt.Axis(tickCount=3, format="~s", grid=False)),
            y=alt.Y(f"{measure}:Q", title=None, scale=scale, axis=alt.Axis(tickCount=4)),
            color=colour,
            tooltip=["layer:N", "step:Q", alt.Tooltip(f"{measure}:Q", format=".4g")],
        )
    )
    return finished(chart.properties(width="container", height=130))


def probe_panel(table: pd.DataFrame, sizes: list[str], colours: dict[str, str]) -> dict:
    """Balanced accuracy against the number of columns, a line a representation; dashed where stimuli were held out.

    Parameters
    ----------
    table
        Columns of, place, size, score.
    sizes
        Numbers of columns from left to right.
    colours
        Representation -> colour.
    """
    scale = alt.Scale(domain=[0.4, 1], clamp=True)
    lines = (
        alt.Chart(records(table, ["of", "place", "size", "score"]))
        .mark_line(strokeWidth=1.75, point=alt.OverlayMarkDef(size=22))
        .encode(
            x=alt.X("size:O", sort=sizes, scale=alt.Scale(domain=sizes), title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("score:Q", title=None, scale=scale, axis=alt.Axis(tickCount=4)),
            color=alt.Color("of:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None),
            strokeDash=alt.StrokeDash(
                "place:N",
                scale=alt.Scale(domain=["in distribution", "held out"], range=[[1, 0], [4, 3]]),
                legend=None,
            ),
            tooltip=["of:N", "place:N", alt.Tooltip("size:O", title="columns"), alt.Tooltip("score:Q", format=".4f")],
        )
    )
    chance = alt.Chart(alt.Data(values=[{"chance": 0.5}])).mark_rule(stroke="var(--muted)", strokeDash=[2, 2])
    return finished(
        alt.layer(chance.encode(y=alt.Y("chance:Q", scale=scale)), lines).properties(width="container", height=150)
    )
