"""Reading what a study left on disk into tidy tables."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import zarr

from thresh.alignment.compare import COLUMNS
from thresh.report.outline import Outline
from thresh.report.significance import judged
from thresh.stimuli import open_stimuli

ROLES = ("raw", "codes", "control", "shuffled")
SCORE_COLUMNS = ["comparison", *COLUMNS]


def read_scores(results: Path, outline: Outline) -> tuple[pd.DataFrame, int]:
    """Scores of all comparisons of the config, judged, and how many pairs of layers have no scores yet."""
    tables, missing = [], 0
    for comparison in outline.comparisons:
        for pair in outline.pairs(comparison):
            for a_layer, b_layer in outline.pairs_of_layers(pair):
                folder = results / "alignment" / comparison / pair.a / a_layer / pair.b / b_layer
                if (folder / "scores.parquet").is_file():
                    tables.append(pd.read_parquet(folder / "scores.parquet").assign(comparison=comparison))
                else:
                    missing += 1
    scores = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=SCORE_COLUMNS)
    levels = {name: content["statistics"]["level"] for name, content in outline.config["alignment"].items()}
    return judged(scores[SCORE_COLUMNS], levels), missing


def read_facts(results: Path, outline: Outline) -> dict[str, dict]:
    """System -> facts of its first layer's activations, with the number of units of each layer."""
    found = {}
    for system, content in outline.config["systems"].items():
        units = {}
        for layer in content["layers"]:
            path = results / "activations" / system / f"{layer}.zarr"
            if (path / "zarr.json").is_file():
                group = zarr.open_group(path, mode="r")
                units[layer] = int(group["values"].shape[1])
                found.setdefault(system, dict(group.attrs.get("facts") or {}))
        if system in found:
            found[system]["units"] = units
    return found


def read_splits(results: Path, outline: Outline) -> dict[str, dict[str, int]]:
    """Stimulus set -> how many of its stimuli are in each split."""
    found = {}
    for name in outline.config["stimuli"]:
        path = results / "stimuli" / f"{name}.zarr"
        if (path / "zarr.json").is_file():
            split, count = np.unique(open_stimuli(path).split, return_counts=True)
            found[name] = dict(zip(split.tolist(), count.tolist(), strict=True))
    return found


def read_evaluations(results: Path, outline: Outline) -> pd.DataFrame:
    """One row for each (system, layer, dictionary, inference) that was evaluated; a column for each fact."""
    rows = []
    for source in outline.code_sources():
        content = read_json(results.joinpath("evaluation", *source[:3], f"{source[3]}.json"))
        if content is not None:
            names = dict(zip(("system", "layer", "dictionary", "inference"), source, strict=True))
            # Histograms among the facts have no place in a table.
            rows.append(names | {key: fact for key, fact in content["facts"].items() if not isinstance(fact, list)})
    return pd.DataFrame(rows)


def read_probes(results: Path, outline: Outline) -> pd.DataFrame:
    """One row for each (probe, system, layer, dictionary, inference); the last two are '' for raw activations."""
    rows = []
    for probe, system, layer, codes in outline.study.probes():
        place = ("codes", *codes[:-1], f"{codes[-1]}.json") if codes else ("activations.json",)
        names = (probe, system, layer, *(codes or ("", "")))
        rows.append((names, results.joinpath("probes", probe, system, layer, *place)))
    return facts_table(("probe", "system", "layer", "dictionary", "inference"), rows)


def read_splices(results: Path, outline: Outline) -> pd.DataFrame:
    """One row for each (splice, system, layer, dictionary, inference)."""
    rows = [(one, results.joinpath("splices", *one[:4], f"{one[4]}.json")) for one in outline.study.splices()]
    return facts_table(("splice", "system", "layer", "dictionary", "inference"), rows)


def read_stability(results: Path, outline: Outline) -> pd.DataFrame:
    """One row for each (system, layer, dictionary) that was learned from several seeds."""
    rows = [(one, results.joinpath("stability", *one[:2], f"{one[2]}.json")) for one in outline.study.repeated()]
    return facts_table(("system", "layer", "dictionary"), rows)


def facts_table(columns: tuple[str, ...], rows: list[tuple[tuple, Path]]) -> pd.DataFrame:
    """Names and facts of the manifests that are there."""
    found = [(names, read_json(path)) for names, path in rows]
    made = [
        dict(zip(columns, names, strict=True)) | content["facts"] for names, content in found if content is not None
    ]
    return pd.DataFrame(made) if made else pd.DataFrame(columns=list(columns))


def read_curves(results: Path, outline: Outline) -> pd.DataFrame:
    """Training curves, one row a recorded step; dictionaries that were not trained have none."""
    tables = []
    for system, content in outline.config["systems"].items():
        for layer in content["layers"]:
            for dictionary in outline.dictionaries(system, layer):
                path = results / "dictionaries" / system / layer / dictionary / "curves.jsonl"
                lines = path.read_text().splitlines() if path.is_file() else []
                table = pd.DataFrame([json.loads(line) for line in lines if line.strip()])
                if len(table):
                    tables.append(table.assign(system=system, layer=layer, dictionary=dictionary))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def read_models(results: Path, outline: Outline) -> dict[str, dict]:
    """Small model -> facts of its training."""
    manifests = {name: read_json(results / "models" / f"{name}.json") for name in outline.config["small_models"]}
    return {name: content["facts"] for name, content in manifests.items() if content is not None}


def read_provenance(results: Path, outline: Outline) -> pd.DataFrame:
    """One row a product of this config: what was finished, with which key, in which time.

    Products of earlier configs may still lie beside, and the report's own record is of its last time: both are left
    out.
    """
    rows = []
    for path in sorted(results.rglob("*.provenance")):
        product = path.relative_to(results).with_suffix("").as_posix()
        content = read_json(path)
        if content is not None and outline.asks_for(product):
            rows.append(content | {"product": product})
    return pd.DataFrame(rows)


def read_json(path: Path) -> dict | None:
    return json.loads(path.read_text()) if path.is_file() else None


def in_order(scores: pd.DataFrame) -> list[str]:
    """Representations: raw, codes, controls, shuffled stimuli; roles that are not known last."""
    role_of = scores.drop_duplicates("representation").set_index("representation")["role"]
    rank = {role: place for place, role in enumerate(ROLES)}
    return sorted(role_of.index, key=lambda name: rank.get(role_of[name], len(rank)))


def view_key(metric: str, direction: str) -> str:
    """Names one score of a pair in one representation: a metric, and its direction where it has two."""
    return metric if direction == "both" else f"{metric} {direction}"


def flipped(scores: pd.DataFrame) -> pd.DataFrame:
    """The same scores with sides a and b exchanged."""
    other = {name: name.replace("a_", "b_", 1) for name in ("a_system", "a_layer")}
    names = other | {new: old for old, new in other.items()} | {"units_a": "units_b", "units_b": "units_a"}
    turned = scores["direction"].replace({"a_to_b": "b_to_a", "b_to_a": "a_to_b"})
    return scores.rename(columns=names).assign(direction=turned)


def towards(scores: pd.DataFrame, system: str) -> pd.DataFrame:
    """All scores in which a system takes part, turned so that it is side b."""
    parts = [scores[scores["b_system"] == system], flipped(scores[scores["a_system"] == system])]
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
