"""What each page shows."""

import json

import pandas as pd
import yaml

from thresh.alignment.comparison_at_size import NO_STATISTICS
from thresh.report import figures, methods, planted, tables
from thresh.report.data import in_order
from thresh.report.deflation_figure import PAIR_COLOURS, deflation_chart
from thresh.report.groups import ROLE_WORDS, Drawing, groups
from thresh.report.halves import drawn_words, fallback_words, halves_of
from thresh.report.outline import Outline
from thresh.report.site import Page, Site, comparison_file
from thresh.report.words import Sentence, metric_label


def overview_page(
    scores: pd.DataFrame,
    missing: int,
    deflation: pd.DataFrame,
    of_planted: list[Sentence],
    told_by: dict[str, list[Sentence]],
    models: dict[str, dict],
    outline: Outline,
) -> Page:
    """What was compared, what came out, on what evidence; the planted pairs; everything else one click away."""
    metric = planted.cka_of(deflation)
    context = {
        "missing": missing,
        "of_planted": of_planted,
        "told_by": {name: told for name, told in told_by.items() if not outline.is_planted_comparison(name)},
        "deflation": deflation_drawings(deflation, metric),
        "pair_legend": figures.legend(list(pair_labels(deflation).values()), PAIR_COLOURS),
        "deflation_rows": tables.deflation_table(deflation, metric),
        "cka": metric_label(metric),
        "planted_stimuli": planted_stimuli(deflation, outline),
        "comparisons": [about_comparison(scores, name, outline) for name in outline.comparisons],
        "systems": [about_system(name, models, outline) for name in outline.config["systems"]],
        "simulated": [name for name in outline.config["systems"] if "simulated" in outline.marks(name)],
    }
    return Page("index.html", "index.html", context)


def pair_labels(deflation: pd.DataFrame) -> dict[str, str]:
    pairs = deflation.drop_duplicates("pair")
    return {row.pair: f"{row.pair}: shares {row.shares}" for row in pairs.itertuples()}


def deflation_drawings(deflation: pd.DataFrame, metric: str) -> list[Drawing]:
    labels = pair_labels(deflation)
    drawings = []
    for name in (metric, "matched_fraction"):
        table = deflation[deflation["metric"] == name]
        if len(table):
            names = in_order(table)
            roles = table.drop_duplicates("representation").set_index("representation")["role"]
            titles = {one: measure_title(one, roles[one]) for one in names}
            table = table.assign(measure=table["representation"].map(titles))
            spec = deflation_chart(table, list(titles.values()), labels)
            drawings.append(Drawing(metric_label(name), spec, f"{metric_label(name)} of planted pairs"))
    return drawings


def measure_title(name: str, role: str) -> str:
    return f"{name} · {ROLE_WORDS.get(role, role)}"


def planted_stimuli(deflation: pd.DataFrame, outline: Outline) -> list[str]:
    found = deflation.groupby("comparison", sort=False)
    return [f"{name}: {outline.shown_stimuli(name, mine)}" for name, mine in found]


def about_comparison(scores: pd.DataFrame, comparison: str, outline: Outline) -> dict:
    mine = scores[scores["comparison"] == comparison]
    return {
        "name": comparison,
        "systems": outline.systems_of(comparison),
        "pairs": len(mine[["a_system", "a_layer", "b_system", "b_layer"]].drop_duplicates()),
        "stimuli": outline.shown_stimuli(comparison, mine) if len(mine) else "",
        "representations": in_order(mine),
        "metrics": [metric_label(one) for one in mine["metric"].unique()],
    }


KINDS = {
    "transformers": "transformers model",
    "torch": "torch model",
    "nwb": "recording (NWB)",
    "arrays": "recording (arrays)",
    "pixels": "pixels",
    "planted": "planted superposition",
}


def about_system(name: str, models: dict[str, dict], outline: Outline) -> dict:
    content, facts = outline.system(name), outline.facts.get(name, {})
    trained = {} if outline.is_untrained(name) else models.get(content.get("model"), {})
    units = facts.get("units", {})
    kind, source = KINDS[content["kind"]], facts.get("source", "")
    return {
        "name": name,
        "kind": kind,
        "marks": outline.marks(name),
        "layers": [(layer, units.get(layer)) for layer in content["layers"]],
        "stimuli": content["stimuli"],
        "source": source if source != kind else "",
        "accuracy": trained.get("test_accuracy"),
    }


def comparison_page(scores: pd.DataFrame, comparison: str, told: list[Sentence], outline: Outline) -> Page:
    """One comparison: its charts, and every score."""
    names, rows = tables.score_table(scores, outline)
    details = [json.loads(detail) for detail in scores["detail"].replace("", "{}")]
    sided = [detail.get("views", ["", ""]) for detail in details]
    statistics, halves = outline.config["alignment"][comparison]["statistics"], halves_of(scores)
    context = {
        "comparison": comparison,
        "told": told,
        "about": about_comparison(scores, comparison, outline),
        "groups": groups(scores, comparison, outline),
        "representations": names,
        "rows": rows,
        "metrics": list(dict.fromkeys(row["metric"].split(",")[0] for row in rows)),
        "undefined": tables.undefined(scores),
        "converging": tables.convergence_table(scores),
        "level": statistics["level"],
        "halves": drawn_words(statistics["over"], halves) if halves else "",
        "fallback": fallback_words(statistics["over"], halves),
        "one_sided": any((a == "raw") != (b == "raw") for a, b in sided),
        "at_size": any(detail.get("statistics") == NO_STATISTICS for detail in details),
        "parts": outline.parts(comparison),
        "has_ceilings": bool(scores["ceiling"].notna().any()),
        "has_theory": bool(scores["expected"].notna().any()),
    }
    return Page(comparison_file(comparison), "comparison.html", context)


CURVES = {"explained_variance": "Explained variance", "loss": "Loss", "l0": "L0", "dead": "Share of dead atoms"}


def dictionaries_page(
    curves: pd.DataFrame, evaluations: pd.DataFrame, splits: dict[str, dict[str, int]], outline: Outline
) -> Page:
    """How dictionaries were learned and how good they are."""
    context = {
        "dictionaries": [
            about_dictionary(name, content, curves, outline) for name, content in outline.config["dictionaries"].items()
        ],
        "splits": splits,
        "evaluations": tables.evaluation_rows(evaluations, outline),
        "columns": {key: label for key, (label, _) in tables.EVALUATION.items()},
        "truth_columns": {key: label for key, (label, _) in tables.TRUTH.items()},
    }
    return Page("dictionaries.html", "dictionaries.html", context)


def about_dictionary(name: str, content: dict, curves: pd.DataFrame, outline: Outline) -> dict:
    systems = []
    mine = curves[curves["dictionary"] == name] if len(curves) else curves
    for system, described in outline.config["systems"].items():
        own = mine[mine["system"] == system] if len(mine) else mine
        layers = [layer for layer in described["layers"] if len(own) and (own["layer"] == layer).any()]
        if layers:
            shown = [key for key in CURVES if key in own and own[key].notna().any()]
            drawings = [
                Drawing(CURVES[key], figures.curve_panel(own, key, layers), f"{CURVES[key]}, {system}") for key in shown
            ]
            legend = figures.legend(layers, figures.SERIES_COLOURS)
            systems.append({"name": system, "drawings": drawings, "legend": legend})
    return {"name": name, "made": how_made(content), "systems": systems}


def how_made(dictionary: dict) -> str:
    """How a dictionary was learned, or where it was imported from, in words."""
    source = dictionary["source"]
    if source is None:
        params = [f"{key} {value}" for key, value in dictionary["params"].items()]
        return ", ".join([f"Method {dictionary['method']}", f"{dictionary['atoms']} atoms", *params])
    places = [source] if "path" in source else source.values()
    return f"Imported from {', '.join(place['path'] for place in places)}"


def gallery_page(galleries: list[dict], outline: Outline) -> Page:
    return Page("gallery.html", "gallery.html", {"galleries": galleries})


def methods_page(scores: pd.DataFrame, outline: Outline, site: Site) -> Page:
    """What was computed, in the words of a paper, and what it cites."""
    found = methods.paragraphs(outline, scores)
    bibtex = methods.bibliography(list(dict.fromkeys(key for one in found for key in one.keys)))
    site.data_file("references.bib").write_text(bibtex + "\n", encoding="utf-8")
    return Page("methods.html", "methods.html", {"paragraphs": found, "bibtex": bibtex})


def provenance_page(provenance: pd.DataFrame, outline: Outline, site: Site) -> Page:
    """Versions, commits, machines, keys and times; the config in full."""
    config = yaml.safe_dump(outline.config, sort_keys=False, allow_unicode=True, width=100)
    site.data_file("config.yaml").write_text(config, encoding="utf-8")
    context = {"config": config, "products": provenance.to_dict("records"), "stages": [], "facts": {}, "seconds": 0.0}
    if len(provenance):
        by_stage = provenance.groupby("stage", sort=False)["seconds"].agg(["size", "sum", "max"]).reset_index()
        context["stages"] = by_stage.sort_values("sum", ascending=False).to_dict("records")
        context["seconds"] = float(provenance["seconds"].sum())
        context["facts"] = machine_facts(provenance)
    return Page("provenance.html", "provenance.html", context)


def machine_facts(provenance: pd.DataFrame) -> dict[str, list[str]]:
    """What all products share, or every value where they differ."""
    columns = {
        "Commit": "commit",
        "Python": "python",
        "Host": "host",
        "Processor": "processor",
        "Cores": "cores",
        "Accelerator": "accelerator",
    }
    found = {label: distinct(provenance[column]) for label, column in columns.items() if column in provenance}
    packages: dict[str, list] = {}
    for versions in provenance["versions"]:
        for package, version in versions.items():
            packages.setdefault(package, []).append(version)
    found |= {package: distinct(pd.Series(versions)) for package, versions in packages.items()}
    return {label: values for label, values in found.items() if values}


def distinct(values: pd.Series) -> list[str]:
    return [str(value) for value in dict.fromkeys(values) if value not in ("", None)]
