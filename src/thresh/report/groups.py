"""How a comparison is drawn: heat maps of layers, bars towards one layer, or dots where there is one pair."""

from dataclasses import dataclass

import pandas as pd

from thresh.report import figures, tables
from thresh.report.data import in_order, towards, view_key
from thresh.report.outline import Outline, Pair

ROLE_WORDS = {"raw": "activations", "codes": "codes", "control": "control codes", "shuffled": "control"}


@dataclass(frozen=True)
class Drawing:
    """A chart with its title and its alternative text."""

    title: str
    spec: dict
    alternative: str


@dataclass(frozen=True)
class Group:
    """Charts that one control steers and one caption explains.

    Attributes
    ----------
    kind
        'heat', 'bars' or 'dots'.
    views
        View -> label for the control; empty where all metrics are shown at once.
    """

    kind: str
    title: str
    views: dict[str, str]
    shown: str
    drawings: list[Drawing]
    stimuli: str
    legend: list[tuple[str, str]]
    rows: str = ""
    columns: str = ""


def colours(outline: Outline, scores: pd.DataFrame) -> dict[str, str]:
    """Representation -> colour, the same on every page, in the order raw, codes, controls, shuffled stimuli."""
    codes, controls = outline.representations("codes"), outline.representations("control")
    found = {"raw": "var(--raw)"}
    found |= {name: f"var(--codes-{place % 4 + 1})" for place, name in enumerate(codes)}
    found |= {name: f"var(--control-{place % 2 + 1})" for place, name in enumerate(controls)}
    for name in in_order(scores):
        found.setdefault(name, "var(--shuffled)")
    return found


def groups(scores: pd.DataFrame, comparison: str, outline: Outline) -> list[Group]:
    """All charts of one comparison; recordings first, for they are what models are held against."""
    stimuli = outline.shown_stimuli(comparison, scores) if len(scores) else ""
    scores = scores.assign(view=[view_key(*one) for one in zip(scores["metric"], scores["direction"], strict=True)])
    shades = colours(outline, scores)
    targets: dict[tuple[str, str], None] = {}
    heat, dots = [], []
    for pair in outline.pairs(comparison):
        mine = scores[(scores["a_system"] == pair.a) & (scores["b_system"] == pair.b)]
        layers = [outline.compared_layers(comparison, name) for name in (pair.a, pair.b)]
        if pair.a == pair.b:  # each two of its layers once
            layers = [layers[0][:-1], layers[1][1:]]
        recorded = [outline.is_recording(name) for name in (pair.a, pair.b)]
        if mine.empty:
            continue
        if sum(recorded) == 1 or (len(layers[0]) == 1) != (len(layers[1]) == 1):
            side = recorded.index(True) if sum(recorded) == 1 else (0 if len(layers[0]) == 1 else 1)
            targets |= dict.fromkeys(((pair.a, pair.b)[side], layer) for layer in layers[side])
        if min(map(len, layers)) > 1:
            heat.append(heat_group(mine, pair, layers, outline, stimuli))
        elif max(map(len, layers)) == 1 and sum(recorded) != 1:
            dots.append(dots_group(mine, pair, outline, shades, stimuli))
    bars = [bars_group(scores, target, comparison, outline, shades, stimuli) for target in targets]
    return [*bars, *heat, *dots]


def heat_group(scores: pd.DataFrame, pair: Pair, layers: list, outline: Outline, stimuli: str) -> Group:
    views = tables.views(scores, "columns from rows", "rows from columns")
    shown = first_view(views, ("linear_cka_debiased", "linear_cka"))
    titles = outline.label(pair.a), outline.label(pair.b)
    drawings = []
    for name in in_order(scores):
        mine = scores[scores["representation"] == name]
        spec = figures.heat_panel(mine, *layers, titles, shown)
        drawings.append(Drawing(panel_title(mine), spec, f"{titles[0]} against {titles[1]}, {name}"))
    return Group("heat", f"{titles[0]} and {titles[1]}", views, shown, drawings, stimuli, [], *titles)


def bars_group(
    scores: pd.DataFrame, target: tuple[str, str], comparison: str, outline: Outline, shades: dict, stimuli: str
) -> Group:
    """All layers of all other systems against one layer, in the order of the config."""
    system, layer = target
    facing = towards(scores, system)
    facing = facing[facing["b_layer"] == layer]
    facing = facing.assign(view=[view_key(*one) for one in zip(facing["metric"], facing["direction"], strict=True)])
    label = outline.label(system)
    name = label if len(outline.compared_layers(comparison, system)) == 1 else f"{label} {layer}"
    places = {
        (other, one): f"{outline.label(other)} · {one}"
        for other in outline.systems_of(comparison)
        for one in outline.compared_layers(comparison, other)
        if ((facing["a_system"] == other) & (facing["a_layer"] == one)).any()
    }
    facing = facing.assign(place=[places[one] for one in zip(facing["a_system"], facing["a_layer"], strict=True)])
    views = tables.views(facing, f"{system} from the layer", f"the layer from {system}")
    shown = first_view(views, ("linear_predictivity a_to_b", "linear_cka_debiased", "linear_cka"))
    spec = figures.layer_bars(facing, list(places.values()), shades, shown)
    return Group(
        "bars",
        f"Layers and {name}",
        views,
        shown,
        [Drawing("", spec, f"Scores with {name}")],
        stimuli,
        used(shades, facing),
    )


def dots_group(scores: pd.DataFrame, pair: Pair, outline: Outline, shades: dict, stimuli: str) -> Group:
    a, b, title = pair.a, pair.b, f"{outline.label(pair.a)} and {outline.label(pair.b)}"
    if a == b:  # two layers of one system, which only their names tell apart
        a, b = scores.iloc[0][["a_layer", "b_layer"]]
        title = f"{outline.label(pair.a)}: {a} and {b}"
    views = tables.views(scores, f"{b} from {a}", f"{a} from {b}")
    table = scores.assign(label=scores["view"].map(views))
    spec = figures.metric_dots(table, list(views.values()), shades)
    return Group("dots", title, {}, "", [Drawing("", spec, f"All metrics of {title}")], stimuli, used(shades, scores))


def used(shades: dict[str, str], scores: pd.DataFrame) -> list[tuple[str, str]]:
    """Legend of the representations that are shown."""
    shown = set(scores["representation"])
    return [(name, colour) for name, colour in shades.items() if name in shown]


def first_view(views: dict[str, str], wanted: tuple[str, ...]) -> str:
    return next((view for view in wanted if view in views), next(iter(views)))


def panel_title(scores: pd.DataFrame) -> str:
    name, role = scores.iloc[0]["representation"], scores.iloc[0]["role"]
    return f"{name} · {ROLE_WORDS.get(role, role)}"
