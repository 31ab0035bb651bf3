"""Pages tell the numbers of the tables, mark what has to be marked, and need nothing from outside."""

import json
import re
from math import isnan

import numpy as np
import pandas as pd
import pytest
import vl_convert
import yaml

from thresh.report import build_report, figures
from thresh.report.evaluation import few_columns
from thresh.report.halves import drawn_words, fallback_words
from thresh.report.outline import Outline
from thresh.report.tables import convergence_table

from . import fabricated
from .reading import charts, plain, table_with, tables, texts


def scores_of(built, comparison: str) -> pd.DataFrame:
    return pd.concat(
        [pd.read_parquet(path) for path in sorted((built.results / "alignment" / comparison).rglob("*.parquet"))]
    )


def pages(built) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in built.folder.glob("*.html")}


def test_deflation_table_puts_each_score_beside_its_expectation(built):
    rows = [texts(row)[-7:] for row in table_with(built.page("index.html"), "True overlap")[2:]]
    # of, true overlap, CKA measured and expected, matched fraction measured and expected, stimuli
    expected = [
        ("raw", "1.000", 0.270, "0.274", 0.0, "–"),
        ("learned", "1.000", 0.990, "1.000", 0.980, "1.000"),
        ("random control", "1.000", 0.420, "–", 0.010, "–"),
        ("raw", "0.667", 0.344, "0.337", 0.0, "–"),
        ("learned", "0.667", 0.667, "0.667", 0.657, "0.667"),
        ("random control", "0.667", 0.240, "–", 0.010, "–"),
    ]
    assert rows == [
        [of, truth, with_interval(cka), theory, with_interval(matched), of_codes, "1,000"]
        for of, truth, cka, theory, matched, of_codes in expected
    ]


def with_interval(score: float) -> str:
    """A score of the fabricated study, -+ .04."""
    return f"{score:.3f}{score - 0.04:.3f} to {score + 0.04:.3f}".replace("-", "−")


def test_deflation_chart_draws_the_same_numbers(built):
    cka, matched = charts(built.page("index.html"))
    drawn = {(row["label"].split(":")[0], row["measure"].split(" ")[0]): row for row in cka["data"]["values"]}
    for comparison, (raw, theory, learned, random) in fabricated.PLANTED.items():
        assert drawn[comparison, "raw"]["score"] == raw
        assert drawn[comparison, "raw"]["expected"] == theory
        assert drawn[comparison, "learned"]["score"] == learned
        assert drawn[comparison, "random"]["score"] == random
        assert drawn[comparison, "random"]["expected"] is None
        assert drawn[comparison, "raw"]["truth"] == pytest.approx(fabricated.TRUTH[comparison])
    assert {row["score"] for row in matched["data"]["values"]} == {0.0, 0.98, 0.657, 0.01}


def test_table_and_csv_of_a_comparison_hold_every_score(built):
    scores = scores_of(built, "networks")
    table = table_with(built.page("comparison-networks.html"), "Metric")
    names = texts(table[0])[3:-1]
    assert names == ["raw", "learned", "random", "raw shuffled"]
    shown = [(cell["data-value"], name) for row in table[1:] for cell, name in zip(row[3:-1], names, strict=True)]
    for name in names:
        expected = scores.loc[scores["representation"] == name, "score"].dropna()
        assert sorted(float(value) for value, of in shown if of == name and value) == sorted(expected)
    csv = pd.read_csv(built.folder / "data" / "networks.csv")
    assert sorted(csv["score"].dropna()) == pytest.approx(sorted(scores["score"].dropna()), abs=0)
    assert (csv["comparison"] == "networks").all()
    parquet = pd.read_parquet(built.folder / "data" / "networks.parquet")
    assert list(parquet.columns) == list(csv.columns)
    assert parquet["score"].tolist() == pytest.approx(csv["score"].tolist(), nan_ok=True, abs=0)


def test_scores_that_chance_explains_are_marked_in_tables_and_hatched_in_maps(built):
    page = built.page("comparison-networks.html")
    scores = pd.read_csv(built.folder / "data" / "networks.csv")
    # Of shuffled stimuli nothing was drawn; fabricated chance is .01 to .03, and all other scores are above it.
    assert set(scores.loc[scores["role"] == "shuffled", "beats_chance"].isna()) == {True}
    defined = scores[(scores["role"] != "shuffled") & scores["score"].notna()]
    assert (defined["beats_chance"] == (defined["score"] > 0.03)).all()
    assert (defined["p_layers"] >= defined["p"]).all()
    assert page.count('<span class="chance">') == (defined["score"] <= 0.03).sum() + 1  # and the note below
    hatched = [layer for chart in charts(page) for layer in chart["layer"] if "hatched" in str(layer["mark"])]
    assert len(hatched) == 6 * 4
    planted = built.page("comparison-planted_full.html")
    assert '<span class="chance">0.000</span>' in planted  # the matched fraction of raw units
    assert 'id="hatched"' in planted


def test_scores_at_size_stand_without_statistics_beside_those_that_have_them(built, tmp_path):
    """Codes of one pair of layers did not fit in memory: nothing was drawn, and one metric has no score."""
    note = "too many for memory have neither interval nor chance"
    assert note not in plain(built.page("comparison-networks.html"))
    config = fabricated.write_results(tmp_path / "results")
    path = tmp_path / "results" / "alignment" / "networks" / "resnet_a" / "stage1" / "vit" / "stage1" / "scores.parquet"
    scores = pd.read_parquet(path)
    scores = scores[scores["role"] != "shuffled"].reset_index(drop=True)
    large = scores.index[scores["representation"] == "learned"]
    for column, value in (fabricated.worth(0.0, "shuffled") | {"detail": '{"statistics": "none at size"}'}).items():
        scores[column] = [value if place in large else old for place, old in enumerate(scores[column])]
    reason = "found 9 stimuli x 9 units, too many for memory; expected one of linear_cka, or a smaller split."
    scores.loc[large[0], ["score", "error"]] = [float("nan"), reason]
    scores.to_parquet(path, index=False)
    build_report(config, tmp_path / "results", made(tmp_path / "report"))
    page = (tmp_path / "report" / "comparison-networks.html").read_text()
    assert note in plain(page)
    assert f"1 × {reason}" in page
    judged = pd.read_csv(tmp_path / "report" / "data" / "networks.csv")
    nothing = judged[(judged["representation"] == "learned") & judged["p"].isna() & judged["score"].notna()]
    assert len(nothing) == len(large) - 1
    assert nothing[["p_layers", "q", "beats_chance", "low", "calibrated"]].isna().all(axis=None)
    drawn = [cell for chart in charts(page) for cell in chart["data"]["values"] if cell["score"] is not None]
    unjudged = judged[judged["beats_chance"].isna()]["score"].dropna()
    assert sorted(cell["score"] for cell in drawn if cell["beats_chance"] is None) == pytest.approx(sorted(unjudged))


def test_intervals_are_drawn_and_told(built):
    (chart,) = charts(built.page("comparison-brain.html"))
    for row in chart["data"]["values"]:
        if row["representation"] != "raw shuffled":
            assert (row["low"], row["high"]) == pytest.approx((row["score"] - 0.04, row["score"] + 0.04))
    assert any("x2" in layer["encoding"] for layer in chart["layer"])


def test_pages_say_what_halves_were_drawn_of_where_subjects_were_asked_for_and_some_sides_have_none(tmp_path):
    config = fabricated.study_config()
    config["alignment"] = {"brain": config["alignment"]["brain"]}
    config["alignment"]["brain"]["statistics"]["over"] = "stimuli and subjects"
    fabricated.write_brain(tmp_path / "results")
    for path in sorted((tmp_path / "results").rglob("scores.parquet")):
        scores = pd.read_parquet(path)
        of_subjects = (scores["representation"] == "raw") & scores["low"].notna()
        scores.assign(over=scores["over"].where(~of_subjects, "stimuli and subjects")).to_parquet(path)
    (tmp_path / "report").mkdir()
    build_report(config | {"report": {"title": "t", "galleries": []}}, tmp_path / "results", tmp_path / "report")
    told = "of stimuli alone for 72 of 108 scores, where no side has two subjects"
    page = plain((tmp_path / "report" / "comparison-brain.html").read_text(encoding="utf-8"))
    assert f"its 95 % interval, from random halves of stimuli and of subjects ({told};" in page
    methods = plain((tmp_path / "report" / "methods.html").read_text(encoding="utf-8"))
    assert f"halves of stimuli and of subjects drawn without replacement [shao1989] ({told})" in methods
    counts = pd.read_csv(tmp_path / "report" / "data" / "brain.csv")["over"].value_counts(dropna=False).to_dict()
    assert counts == {"stimuli": 72, "stimuli and subjects": 36, np.nan: 36}


@pytest.mark.parametrize(
    ("asked", "halves", "drawn", "fallback"),
    [
        ("stimuli and units", {"stimuli and units": 9}, "stimuli and of units", ""),
        ("subjects", {"subjects": 9}, "subjects", ""),
        ("subjects", {"stimuli": 9}, "stimuli", "subjects were asked for, but no side has two subjects"),
        ("subjects", {}, "subjects", "of stimuli alone where no side has two subjects"),
    ],
)
def test_words_for_halves_follow_what_was_drawn(asked, halves, drawn, fallback):
    assert drawn_words(asked, halves) == drawn
    assert fallback_words(asked, halves) == fallback


def test_a_table_tells_whether_more_stimuli_would_change_scores(built):
    scores = scores_of(built, "networks")
    table = table_with(built.page("comparison-networks.html"), "Of")
    assert texts(table[0]) == ["Metric", "Of", "56", "112", "225", "450"]
    mean = scores.query("metric == 'linear_cka' and representation == 'raw'")["score"].mean()
    assert texts(table[1]) == ["Linear CKA", "raw", *(f"{mean - less:.3f}" for less in (0.02, 0.01, 0, 0))]


def test_pairs_whose_subsets_have_other_sizes_are_left_out_of_the_means(built):
    def scored(metric, points):
        return {"metric": metric, "direction": "both", "representation": "raw", "stimuli": 450, "score": 0.9} | {
            "convergence": json.dumps([[size, mean, 0.1] for size, mean in points])
        }

    scores = [scored("rsa", [(55.5, 0.1), (112.0, 0.2)]), scored("rsa", [(55.5, 0.3), (112.0, 0.4)])]
    scores += [scored("rsa", [(57.0, 0.8), (113.0, 0.8)]), scored("cca", [(112.0, 0.5)]), scored("cca", [(113.0, 0.8)])]
    header, rows = convergence_table(pd.DataFrame(scores))
    assert header == [56, 112, 450]
    assert [one["values"] for one in rows] == [["0.200", "0.300", "0.900"], ["–", "0.500", "0.900"]]


def test_methods_say_what_was_computed_and_cite_it(built):
    page = plain(built.page("methods.html"))
    assert "450 test stimuli of digits" in page
    assert "Linear CKA, debiased: linear centred kernel alignment with unbiased estimators of each term" in page
    assert "100 permutations of the stimuli, the same for all layers [phipson2010]" in page
    assert "(folds 5, seed 0) [li2015]" in page
    assert (
        "The codes learned: of dictionaries learned on training stimuli by topk (atoms 4x, k 8, seed 0) [gao2024]"
        in page
    )
    assert "The codes random, a control: of dictionaries with random" in page
    bibtex = (built.folder / "data" / "references.bib").read_text(encoding="utf-8")
    cited = set(re.findall(r"\[((?:[a-z]+\d{4}(?:; )?)+)\]", page))
    keys = {key for group in cited for key in group.split("; ")}
    assert keys == set(re.findall(r"@\w+\{(\w+),", bibtex))
    assert bibtex.count("{") == bibtex.count("}")


def test_heat_maps_show_each_pair_of_layers_in_each_representation(built):
    scores = scores_of(built, "networks")
    drawn = charts(built.page("comparison-networks.html"))
    assert len(drawn) == 6 * 4  # pairs of systems, representations
    values = [cell["score"] for chart in drawn for cell in chart["data"]["values"]]
    assert sorted(value for value in values if value is not None) == sorted(scores["score"].dropna())
    assert (
        len({str(layer["encoding"].get("fillOpacity")) for chart in drawn for layer in chart["layer"]}) == 2
    )  # one scale


def test_a_distance_is_drawn_the_stronger_the_smaller_and_what_was_not_tested_has_a_ring():
    table = pd.DataFrame(
        {
            "metric": ["linear_cka", "shape_distance", "shape_distance", "shape_distance"],
            "score": [0.3, 0.0, np.pi / 4, np.nan],
            "beats_chance": [True, None, False, None],
            "role": "raw",
        }
    )
    assert figures.strength(table).tolist()[:3] == [0.3, 1.0, 0.5]
    assert figures.marked(table, "n. d.") == ["0.30", "0.00°", "0.79", "n. d."]
    assert figures.marked(table.assign(role="shuffled"))[1] == "0.00"


def test_scores_that_are_not_defined_say_so_and_are_never_zero(built):
    page = built.page("comparison-networks.html")
    holes = [cell for row in table_with(page, "Metric") for cell in row if cell["text"].startswith("not defined")]
    assert [hole["titles"] for hole in holes] == [["resnet_a/stage1 (learned): found 64 constant units."]]
    assert holes[0]["data-value"] is None
    drawn = [cell for chart in charts(page) for cell in chart["data"]["values"] if cell["score"] is None]
    assert [cell["text"] for cell in drawn] == ["n. d."]
    assert "1 × resnet_a/stage1 (learned): found 64 constant units." in page
    assert built.facts["undefined_scores"] == 1


def test_bars_turn_every_layer_towards_the_recording(built):
    (chart,) = charts(built.page("comparison-brain.html"))
    shown = [
        row
        for row in chart["data"]["values"]
        if row["view"] == "linear_predictivity a_to_b" and row["representation"] == "raw"
    ]
    expected = scores_of(built, "brain").query("metric == 'linear_predictivity' and direction == 'a_to_b'")
    assert sorted(row["score"] for row in shown) == sorted(expected.loc[expected["representation"] == "raw", "score"])
    assert [param["value"] for param in chart["params"]] == ["linear_predictivity a_to_b"]


def test_noise_ceilings_are_drawn_where_scores_are_relative_to_them_and_told_in_the_table(built):
    (chart,) = charts(built.page("comparison-brain.html"))
    relative = {row["view"] for row in chart["data"]["values"] if row["ceiling"] is not None}
    assert relative == {"linear_predictivity a_to_b"}
    (line,) = [layer for layer in chart["layer"] if layer["encoding"].get("x", {}).get("datum") == 1.0]
    assert {"filter": "isValid(datum.ceiling)"} in line["transform"]
    rows = table_with(built.page("comparison-brain.html"), "raw")[1:]
    assert {"noise ceiling 0.850" in " ".join(texts(row)) for row in rows if "a → b" in " ".join(texts(row))} == {True}
    assert not any("noise ceiling" in " ".join(texts(row)) for row in rows if "a → b" not in " ".join(texts(row)))


def test_probes_are_told_drawn_and_tabled_with_the_same_numbers(built):
    page = built.page("evaluation.html")
    shown = plain(page)
    assert "One atom of topk · encoder tells more of label than one unit" in shown
    assert "mean over 9 layers of trained systems" in shown
    assert "raw units 0.710, topk · encoder 0.830 and random · omp 0.640" in shown
    assert "Dictionaries were learned on stimuli of the held-out kinds too" in shown
    drawn = charts(page)
    assert len(drawn) == len(fabricated.NETWORKS) * len(fabricated.LAYERS)
    values = next(layer["data"]["values"] for layer in drawn[0]["layer"] if len(layer["data"]["values"]) > 1)
    found = {(row["of"], row["place"], row["size"]): row["score"] for row in values}
    assert found["topk · encoder", "in distribution", "1"] == 0.83
    assert found["raw units", "held out", "4"] == pytest.approx(0.66)
    assert ("raw units", "held out", "all") not in found
    table = table_with(page, "4 out")
    assert texts(table[0])[3:] == [
        *("Columns", "Train", "Test", "Held out", "1 in", "4 in", "all in", "1 out", "4 out"),
        *("Plausibility", "random null"),
    ]
    row = next(texts(row) for row in table if texts(row)[:3] == ["vit", "stage2", "topk · encoder"])
    assert row[3:7] == ["48", "1,347", "400", "50"]
    assert row[7:] == ["0.830", "0.910", "0.970", "0.730", "0.780", "0.610", "0.420"]
    csv = pd.read_csv(built.folder / "data" / "probes.csv")
    assert len(csv) == len(fabricated.ONE_COLUMN) * (len(fabricated.NETWORKS) + 1) * len(fabricated.LAYERS)


def test_splices_and_stability_have_their_tables(built):
    page = built.page("evaluation.html")
    rows = [texts(row) for row in table_with(page, "CE, spliced")[1:]]
    assert rows == [
        ["classes", "vit", "stage2", "topk", "encoder", "450", "0.200", "0.400", "2.200", "2.000", "0.900"],
        ["classes", "vit", "stage2", "random control", "omp", "450", "0.200", "1.900", "2.200", "2.000", "0.150"],
    ]
    stability = [texts(row) for row in table_with(page, "Cosine of atoms")[1:]]
    assert ["vit", "stage1", "topk", "2", "0.870", "0.310"] in stability
    # A page of observations says where something was intervened on, and only then.
    assert "but for codes that were put back into models" in plain(built.page("index.html"))


def test_a_splice_that_reaches_nothing_is_told(tmp_path):
    config = fabricated.write_results(tmp_path / "results")
    for path in (tmp_path / "results" / "splices").rglob("*.json"):
        content = json.loads(path.read_text())
        content["facts"] |= dict.fromkeys(("ce_original", "ce_spliced", "ce_zero", "ce_mean"), 0.2)
        path.write_text(json.dumps(content))
    build_report(config, tmp_path / "results", made(tmp_path / "report"))
    page = plain((tmp_path / "report" / "evaluation.html").read_text())
    assert "Not read: nothing that is replaced in vit stage2 reaches the model's answer." in page


def test_probes_are_compared_on_the_layers_that_all_dictionaries_have(built):
    """One that was probed on the easiest layer alone does not win by it, and takes no layer from the others."""
    outline = Outline(built.config)
    rows = [
        {"system": "vit", "layer": layer, "of": of, "probe_1_in": score}
        for layer, of, score in [
            *(("stage1", "raw units", 0.6), ("stage1", "topk · encoder", 0.7)),
            *(("stage2", "raw units", 0.9), ("stage2", "topk · encoder", 0.95), ("stage2", "topk · omp", 0.94)),
        ]
    ]
    told = few_columns(pd.DataFrame(rows), 1, "label", outline)
    assert told.claim == "One atom of topk · encoder tells more of label than one unit"
    assert "mean over 2 layers of trained systems (chance .5): raw units 0.750 and topk · encoder 0.825" in told.numbers


def test_a_study_without_evaluations_has_no_page_of_them(tmp_path):
    config = fabricated.study_config()
    config["evaluation"] = {"probes": {}, "splices": {}}
    config["dictionaries"]["topk"]["repeats"] = 1
    config["report"]["galleries"] = []
    build_report(config, tmp_path / "results", made(tmp_path / "report"))
    assert not (tmp_path / "report" / "evaluation.html").exists()
    index = (tmp_path / "report" / "index.html").read_text()
    assert "evaluation.html" not in index
    assert "nothing was intervened on." in plain(index)


def test_recording_as_side_a_is_turned_too(tmp_path):
    config = fabricated.study_config()
    config["alignment"] = {"brain": config["alignment"]["brain"] | {"pairs": [["brain", "vit"]]}}
    config["report"]["galleries"] = []
    rows = [
        fabricated.score("raw", "raw", "linear_predictivity", value, direction=direction)
        for direction, value in (("a_to_b", 0.1), ("b_to_a", 0.7))
    ]
    for layer in fabricated.LAYERS:
        fabricated.write_scores(tmp_path / "results", "brain", ("brain", "responses"), ("vit", layer), rows)
    facts = build_report(config, tmp_path / "results", made(tmp_path / "report"))
    (chart,) = charts((tmp_path / "report" / "comparison-brain.html").read_text())
    towards = [row["score"] for row in chart["data"]["values"] if row["view"] == "linear_predictivity a_to_b"]
    assert towards == [0.7, 0.7, 0.7]
    assert facts["summary"] == ["brain (simulated) is predicted best by vit stage1, 0.700"]


def made(folder):
    folder.mkdir()
    return folder


def test_simulated_and_untrained_systems_are_marked_wherever_they_are_shown(built):
    systems = {
        row[0]["text"].split(" ")[0]: row[0]["text"] for row in table_with(built.page("index.html"), "System")[1:]
    }
    for name in ("brain", "full_a", "full_b", "partial_a", "partial_b"):
        assert systems[name] == f"{name} simulated"
    assert systems["resnet_a"] == "resnet_a"
    assert systems["resnet_untrained"] == "resnet_untrained untrained"
    for name in ("index.html", "dictionaries.html", *(name for name in pages(built) if name.startswith("comparison"))):
        for row in (row for table in tables(built.page(name)) for row in table):
            for cell in texts(row):
                # A cell of prose may name several systems; one that begins with a system's name is about it.
                if re.match(r"(brain|(full|partial)_[ab])( |$)", cell):
                    assert "simulated" in " ".join(texts(row)), (name, cell)
    assert "Layers and brain (simulated)" in built.page("comparison-brain.html")
    assert "full_a (simulated) and full_b (simulated)" in built.page("comparison-planted_full.html")


def test_evidence_level_is_on_every_page(built):
    assert len(pages(built)) == built.facts["pages"] == 10
    for page in pages(built).values():
        assert "Evidence level: observation" in plain(page)
    assert "Evidence level: observation, not intervention." in plain(built.page("index.html"))


def test_pages_ask_nothing_of_the_network_and_their_links_lead_somewhere(built):
    for name, page in pages(built).items():
        targets = re.findall(r'(?:href|src)="([^"]+)"', page)
        assert len(targets) > 5
        for target in targets:
            assert not re.match(r"(https?:)?//", target), (name, target)
            assert target.startswith("data:") or (built.folder / target).is_file(), (name, target)
        assert not re.search(r"https?://", " ".join(map(str, charts(page))))
    for asset in ("report.css", "report.js"):
        assert not re.search(r"https?:|//[a-z]+\.|@import|fetch\(", (built.folder / "assets" / asset).read_text())
    assert "window.vegaEmbed" in (built.folder / "assets" / "vega.js").read_text()


def test_every_chart_compiles_and_the_deflation_prints_its_numbers(built):
    drawn = [chart for page in pages(built).values() for chart in charts(page)]
    assert len(drawn) > 50
    # One of each kind is rendered by Vega itself; compiling all of them would take long.
    kinds = {str(sorted(chart)) + str(chart.get("params")) + str(len(chart.get("layer", []))): chart for chart in drawn}
    for chart in kinds.values():
        svg = vl_convert.vegalite_to_svg({**chart, "width": 300}, vl_version="6.4")
        assert "NaN" not in svg
    svg = vl_convert.vegalite_to_svg({**charts(built.page("index.html"))[0], "width": 300}, vl_version="6.4")
    for printed in ("0.270", "0.344", "0.990", "0.667", "0.420", "0.240"):
        assert f">{printed}<" in svg


def test_dictionaries_without_curves_and_without_planted_truth(built):
    page = built.page("dictionaries.html")
    assert "Has no training curves" in page
    titles = re.findall(r"<h3>(\w+)", page)
    assert "resnet_a" in titles
    assert "brain" not in titles  # the fabricated brain has no curves
    truth = [texts(row) for row in table_with(page, "Code MCC")[1:]]
    assert truth[0] == ["full_a simulated", "topk", "encoder", "0.970", "0.190", "0.980", "0.310"]
    assert {row[0] for row in truth} == {f"{one} simulated" for one in ("full_a", "full_b", "partial_a", "partial_b")}
    evaluated = [texts(row) for row in table_with(page, "Explained variance")[1:]]
    assert ["resnet_a", "stage3", "topk", "encoder", "450", "192", "0.830", "0.960", "8.0", "0.020"] in evaluated


def test_provenance_tells_versions_keys_time_and_the_whole_config(built):
    page = built.page("provenance.html")
    facts = {row[0]["text"]: row[1]["text"] for row in table_with(page, "Commit")}
    assert facts["Commit"] == "c0ffee" * 6 + "beef"
    assert facts["torch"] == "2.13.0"
    assert "2 products, 10 s (0.2 min)" in plain(page)
    assert {row[2]["text"] for row in table_with(page, "Key")[1:]} == {"align".ljust(16, "0"), "harvest".ljust(16, "0")}
    assert yaml.safe_load((built.folder / "data" / "config.yaml").read_text()) == built.config


def test_same_results_make_the_same_pages(built, tmp_path):
    build_report(built.config, built.results, made(tmp_path / "again"))
    files = sorted(path.relative_to(built.folder) for path in built.folder.rglob("*") if path.is_file())
    assert files == sorted(
        path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*") if path.is_file()
    )
    for path in files:
        assert (built.folder / path).read_bytes() == (tmp_path / "again" / path).read_bytes(), path


def test_an_unfinished_study_has_pages_that_say_what_is_missing(tmp_path):
    config = fabricated.study_config()
    config["report"] |= {"galleries": [], "title": "A & <script>"}
    facts = build_report(config, tmp_path / "results", made(tmp_path / "report"))
    assert facts["scores"] == 0
    assert facts["missing_pairs_of_layers"] == 2 + 6 * 9 + 12
    index = (tmp_path / "report" / "index.html").read_text()
    assert "68 pairs of layers have no scores yet" in plain(index)
    assert "A &amp; &lt;script&gt;" in index
    assert "<script>" not in index.replace('<script type="application/json">', "")


def test_headline_numbers_are_facts(built):
    headline = built.facts["headline"]["planted_partial"]
    assert headline["linear_cka_debiased"]["raw"] == {"score": 0.344, "expected": 0.337}
    assert headline["true_overlap"] == pytest.approx(2 / 3)
    assert headline["linear_cka_debiased"]["random"]["expected"] is None
    assert not any(isnan(value) for value in (headline["true_overlap"], built.facts["scores"]))


def test_layers_of_one_system_are_told_apart_by_their_names(tmp_path):
    config = fabricated.study_config()
    config["alignment"] = {"brain": config["alignment"]["brain"] | {"pairs": [["brain", "brain"]], "systems": []}}
    config["systems"]["brain"]["layers"] = {"m1": {"where": {"subject": "m1"}}, "m2": {"where": {"subject": "m2"}}}
    rows = [
        fabricated.score("raw", "raw", "linear_predictivity", value, direction=direction)
        for direction, value in (("a_to_b", 0.5), ("b_to_a", 0.6))
    ]
    fabricated.write_scores(tmp_path / "results", "brain", ("brain", "m1"), ("brain", "m2"), rows)
    (tmp_path / "report").mkdir()
    build_report(config | {"report": {"title": "t", "galleries": []}}, tmp_path / "results", tmp_path / "report")
    page = (tmp_path / "report" / "comparison-brain.html").read_text(encoding="utf-8")
    (chart,) = charts(page)
    labels = {row["label"]: row["score"] for row in chart["data"]["values"]}
    assert labels == {"Linear predictivity, r: m2 from m1": 0.5, "Linear predictivity, r: m1 from m2": 0.6}
    assert "brain (simulated) m1 is predicted best by brain m2, 0.600" in plain(page)
