"""The page of evaluations beyond reconstruction: probes, codes put back into models, stability across seeds."""

import pandas as pd

from thresh.report import figures
from thresh.report.groups import Drawing
from thresh.report.outline import Outline
from thresh.report.site import Page
from thresh.report.words import NOTABLE, Sentence, listed, number

UNITS = "raw units"
PLACES = {"in": "in distribution", "out": "held out"}
SPLICES = {
    "predictions": "Predictions",
    "ce_original": "CE as it is",
    "ce_spliced": "CE, spliced",
    "ce_zero": "CE, zeros",
    "ce_mean": "CE, mean",
    "recovered_zero": "Recovered, zeros",
    "recovered_mean": "Recovered, mean",
    "accuracy_original": "Accuracy as it is",
    "accuracy_spliced": "Accuracy, spliced",
    "accuracy_zero": "Accuracy, zeros",
    "accuracy_mean": "Accuracy, mean",
}
STABILITY = {
    "dictionaries": "Seeds",
    "stability_cosine": "Cosine of atoms",
    "stability_cosine_least": "of the worst pair",
    "random_stability_cosine": "random null",
    "lookalike_stability_cosine": "lookalike null",
    "stability_fraction": "Share above .9",
    "stability_correlation": "Correlation of codes",
    "random_stability_correlation": "random null",
}
QUANTITIES = {
    "quantity_correlation_in": "r in",
    "quantity_r2_in": "R2 in",
    "quantity_correlation_out": "r out",
    "quantity_r2_out": "R2 out",
}
COUNTS = {"columns": "Columns", "train": "Train", "in": "Test", "out": "Held out"}
OF_DICTIONARIES = {
    "plausibility": "Plausibility",
    "random_plausibility": "random null",
    "identifiability_held_out": "Identifiability",
    "identifiability_chance": "chance",
}
WHOLE = ("predictions", "dictionaries", *COUNTS)


def evaluation_page(probes: pd.DataFrame, splices: pd.DataFrame, stability: pd.DataFrame, outline: Outline) -> Page:
    context = {
        "probes": [about_probe(name, probes, outline) for name in outline.config["evaluation"]["probes"]],
        "splices": table(splices, SPLICES),
        "unread": [
            f"{one.system} {one.layer}"
            for one in splices.drop_duplicates(["system", "layer"]).itertuples()
            if one.ce_zero == one.ce_original
        ],
        "stability": table(stability, STABILITY),
    }
    return Page("evaluation.html", "evaluation.html", context)


def table(found: pd.DataFrame, columns: dict[str, str]) -> dict:
    """Headings of the columns that have a value, and rows of names and texts."""
    shown = {key: label for key, label in columns.items() if key in found and found[key].notna().any()}
    rows = [record | {"values": [text(record, key) for key in shown]} for record in found.to_dict("records")]
    return {"columns": list(shown.values()), "rows": rows}


def text(record: dict, key: str) -> str:
    value = record.get(key)
    if value is None or pd.isna(value):
        return "–"
    return f"{int(value):,}" if key in WHOLE else number(float(value))


def about_probe(name: str, probes: pd.DataFrame, outline: Outline) -> dict:
    """What one probe reads: sentences, charts of labels, and its whole table."""
    content = outline.config["evaluation"]["probes"][name]
    mine = probes[probes["probe"] == name]
    mine = mine.assign(of=[representation(one) for one in mine.to_dict("records")])
    colours = colours_of(mine, outline)
    about = {
        "name": name,
        "content": content,
        "seen_in_training": "learned_on_out" in mine and mine["learned_on_out"].eq(True).any(),
        "told": [],
        "drawings": [],
        "legend": list(colours.items()),
    }
    if content["kind"] == "quantity":
        return about | {"table": table(mine, COUNTS | QUANTITIES)}
    sizes = content["sizes"]
    about["told"] = [] if mine.empty else [few_columns(mine, min(sizes), content["attribute"], outline)]
    about["drawings"] = [
        Drawing(
            f"{outline.label(system)} · {layer}",
            figures.probe_panel(accuracies(of_layer, sizes), [*map(str, sizes), "all"], colours),
            f"Balanced accuracy of probes of {name} on {system}, {layer}",
        )
        for (system, layer), of_layer in mine.groupby(["system", "layer"], sort=False)
    ]
    keys = {f"probe_{size}_{place}": f"{size} {place}" for place in PLACES for size in [*sizes, "all"]}
    return about | {"table": table(mine, COUNTS | keys | OF_DICTIONARIES)}


def representation(record: dict) -> str:
    return f"{record['dictionary']} · {record['inference']}" if record["dictionary"] else UNITS


def colours_of(probes: pd.DataFrame, outline: Outline) -> dict[str, str]:
    """Colour of each representation: controls are grey, as everywhere in the report."""
    found, codes, controls = {}, 0, 0
    for record in probes.drop_duplicates("of").to_dict("records"):
        if not record["dictionary"]:
            colour = "var(--raw)"
        elif outline.is_control(record["dictionary"]):
            colour, controls = f"var(--control-{controls % 2 + 1})", controls + 1
        else:
            colour, codes = f"var(--codes-{codes % 4 + 1})", codes + 1
        found[record["of"]] = colour
    return found


def accuracies(probes: pd.DataFrame, sizes: list[int]) -> pd.DataFrame:
    """One row for each representation, place and number of columns: of, place, size, score."""
    return pd.DataFrame(
        [
            {"of": record["of"], "place": word, "size": str(size), "score": record[key]}
            for record in probes.to_dict("records")
            for place, word in PLACES.items()
            for size in [*sizes, "all"]
            if pd.notna(record.get(key := f"probe_{size}_{place}"))
        ]
    )


def few_columns(probes: pd.DataFrame, size: int, attribute: str, outline: Outline) -> Sentence:
    """Whether few atoms of the best dictionary tell more than as few units, on the layers that all of them have."""
    trained = probes[[not outline.is_untrained(system) for system in probes["system"]]]
    shown = trained if len(trained) else probes
    scores = shown.pivot(index=["system", "layer"], columns="of", values=f"probe_{size}_in")
    scores = scores[[name for name in probes["of"].unique() if name in scores]]
    learned = [name for name in scores if name != UNITS and not outline.is_control(name.partition(" · ")[0])]
    # Those that were probed on fewer layers than others are for the table alone.
    reach = scores[learned].notna().sum()
    learned = [name for name in learned if reach[name] == reach.max()]
    common = scores.dropna(subset=[UNITS, *learned])
    if common.empty or not learned:
        return Sentence(f"Probes of {attribute}", "No layer has codes of every dictionary; see the table.")
    means = common.dropna(axis="columns").mean()
    best = max(learned, key=means.get)
    gain = means[best] - means[UNITS]
    word = "more" if gain > NOTABLE else "less" if gain < -NOTABLE else "as much"
    atoms, units, tells = ("One atom", "one unit", "tells") if size == 1 else (f"{size} atoms", f"{size} units", "tell")
    claim = f"{atoms} of {best} {tells} {word} of {attribute} {'as' if word == 'as much' else 'than'} {units}"
    numbers = listed([f"{name} {number(value)}" for name, value in means.items()])
    layers = f"{len(common)} layer{'' if len(common) == 1 else 's'} of trained systems"
    return Sentence(claim, f"Balanced accuracy on test stimuli, mean over {layers} (chance .5): {numbers}.")
