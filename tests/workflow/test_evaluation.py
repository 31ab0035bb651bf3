"""Evaluation as part of a real study: probes, stability over seeds, codes put back into the model; and its refusals."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from transformers import ViTConfig, ViTForImageClassification
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from thresh.dictionaries import load
from thresh.evaluation import matched_cosine, stability_across_seeds

SHAPES = np.array(["round", "line", "hook", "hook", "line", "hook", "knot", "line", "knot", "knot"])
VIT = {"image_size": 8, "patch_size": 4, "num_channels": 3, "hidden_size": 16, "num_hidden_layers": 2}
STUDY = {
    "device": "cpu",
    "stimuli": {
        "digits": {
            "kind": "digits",
            "attributes": "inputs/attributes.csv",
            "split": {"held_out": {"combinations": ["shape", "size"], "share": 0.25}},
        },
        "latents": {"kind": "features", "samples": 2000, "features": 16, "probability": 0.1},
    },
    "systems": {
        "vit": {
            "kind": "transformers",
            "model": "inputs/vit",
            "stimuli": "digits",
            "layers": {"first": {"module": "layers.0", "pooling": "positions"}},
        },
        "planted": {"kind": "planted", "stimuli": "latents", "units": 12},
    },
    "dictionaries": {
        "online": {"method": "online", "atoms": 16, "repeats": 3, "params": {"epochs": 8}},
        "pca": {"method": "pca", "atoms": 16, "systems": ["vit"]},
        "few": {"method": "pca", "atoms": 2, "systems": ["vit"]},
    },
    "inference": {"own": {"solver": "encoder"}},
    "evaluation": {
        "probes": {
            "shape": {"stimuli": "digits", "attribute": "shape", "sizes": [1, 4]},
            "ink": {"stimuli": "digits", "attribute": "ink", "kind": "quantity", "dictionaries": ["few"]},
        },
        "splices": {"digit": {"dictionaries": ["pca", "few"], "labels": "label"}},
    },
}


def write_inputs(folder):
    digits = load_digits()
    table = {
        "id": [f"digit{index:04d}" for index in range(1797)],
        "shape": SHAPES[digits.target],
        "size": np.digitize(digits.data.sum(axis=1), [285, 312, 340]),
        "ink": digits.data.sum(axis=1),
        "darkness": digits.data.sum(axis=1) + np.arange(1797) / 1797,
    }
    pd.DataFrame(table).to_csv(folder / "attributes.csv", index=False)
    torch.manual_seed(0)
    model = ViTForImageClassification(ViTConfig(**VIT, num_attention_heads=2, intermediate_size=32, num_labels=10))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    model.save_pretrained(folder / "vit")
    ViTImageProcessorPil(size={"height": 8, "width": 8}).save_pretrained(folder / "vit")


def facts(project, *place):
    return json.loads(project.folder.joinpath("results", *place).with_suffix(".json").read_text())["facts"]


@pytest.fixture
def study(fresh):
    write_inputs(fresh.folder / "inputs")
    fresh.write_config(STUDY)
    return fresh


def test_a_study_is_evaluated_and_only_what_changed_again(study):
    computed = study.computed()
    repeats_are_learned_and_have_no_codes(computed)
    stability_is_that_of_the_dictionaries_beside_it(study)
    probes_score_what_was_held_out_apart(study)
    codes_that_keep_everything_cost_the_model_nothing(study)
    the_report_shows_what_the_manifests_say(study)
    assert study.computed() == set()
    config = study.config()
    config["evaluation"]["probes"]["ink"]["seed"] = 3
    config["evaluation"]["probes"]["ink"]["at_most"] = 900
    config["dictionaries"]["online"]["repeats"] = 2
    study.write_config(config)
    assert study.computed() == {
        "probe probes/ink/vit/first/activations",
        "probe probes/ink/vit/first/codes/few/own",
        "stability stability/vit/first/online",
        "stability stability/planted/units/online",
        "report report",
    }
    the_report_shows_what_the_manifests_say(study)
    a_changed_attribute_concerns_those_alone_that_read_it(study)


def the_report_shows_what_the_manifests_say(study):
    data = study.folder / "results" / "report" / "data"
    probes, splices = (pd.read_csv(data / f"{name}.csv", keep_default_na=False) for name in ("probes", "splices"))
    assert len(probes) == 6
    (ink,) = probes[(probes["probe"] == "ink") & (probes["dictionary"] == "few")].itertuples()
    known = facts(study, "probes", "ink", "vit", "first", "codes", "few", "own")
    assert float(ink.quantity_r2_in) == pytest.approx(known["quantity_r2_in"])
    assert int(ink.train) == known["train"]
    for row in splices.itertuples():
        known = facts(study, "splices", "digit", "vit", "first", row.dictionary, "own")
        assert float(row.ce_spliced) == pytest.approx(known["ce_spliced"])


def a_changed_attribute_concerns_those_alone_that_read_it(study):
    path = study.folder / "inputs" / "attributes.csv"
    table = pd.read_csv(path)
    table.assign(ink=table["ink"] + 1).to_csv(path, index=False)
    computed = study.computed("evaluations")
    assert {job for job in computed if not job.startswith(("prepare_stimuli", "check_"))} == {
        "probe probes/ink/vit/first/activations",
        "probe probes/ink/vit/first/codes/few/own",
    }


def repeats_are_learned_and_have_no_codes(computed):
    learned = {f"learn_dictionaries dictionaries/planted/units/online{repeat}" for repeat in ("", "@1", "@2")}
    assert learned <= computed
    assert not any("@" in job for job in computed if not job.startswith("learn_dictionaries"))


def stability_is_that_of_the_dictionaries_beside_it(study):
    folder = study.folder / "results" / "dictionaries" / "planted" / "units"
    dictionaries = [load(folder / name) for name in ("online", "online@1", "online@2")]
    found, known = facts(study, "stability", "planted", "units", "online"), stability_across_seeds(dictionaries)
    assert found["stability_cosine"] == pytest.approx(known["stability_cosine"])
    assert found["stability_correlation"] > found["random_stability_correlation"]
    # Not one dictionary three times.
    assert matched_cosine(dictionaries[0].atoms, dictionaries[1].atoms) < 1 - 1e-6


def probes_score_what_was_held_out_apart(study):
    digits = load_digits()
    units = facts(study, "probes", "shape", "vit", "first", "activations")
    codes = facts(study, "probes", "shape", "vit", "first", "codes", "online", "own")
    assert units["columns"] == codes["columns"] == 16
    assert units["train"] + units["in"] + units["out"] == len(digits.target)
    # Four of sixteen combinations, about a quarter of the stimuli; the dictionary has not seen them.
    assert units["out"] > 200
    assert codes["learned_on_out"] is False
    assert "learned_on_out" not in units
    # What a linear head reads, more columns read better.
    assert units["probe_all_in"] > units["probe_1_in"] > 0.5
    assert 0.5 < codes["probe_all_out"] <= 1
    assert 0 < codes["random_plausibility"] < 1
    assert codes["identifiability_held_out"] >= codes["identifiability_chance"] - 0.05
    ink = facts(study, "probes", "ink", "vit", "first", "activations")
    assert ink["quantity_correlation_in"] > 0.5


def codes_that_keep_everything_cost_the_model_nothing(study):
    whole = facts(study, "splices", "digit", "vit", "first", "pca", "own")
    part = facts(study, "splices", "digit", "vit", "first", "few", "own")
    assert whole["stimuli"] == part["stimuli"]
    assert whole["recovered_mean"] == pytest.approx(1, abs=1e-3)
    assert whole["accuracy_spliced"] == pytest.approx(whole["accuracy_original"], abs=0.01)
    assert part["ce_spliced"] != pytest.approx(part["ce_original"], abs=1e-3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"probes": {"a": {"stimuli": "digits", "attribute": "shpe"}}},
            "evaluation.probes.a: found no attribute 'shpe'",
        ),
        (
            {"probes": {"a": {"stimuli": "digits", "attribute": "darkness"}}},
            "`kind: quantity` reads a number by its size",
        ),
        (
            {"splices": {"a": {"labels": "shape"}}},
            "evaluation.splices.a: found values of 'shape' such as ['round'], expected numbers of the model's classes",
        ),
        (
            {"splices": {"a": {"systems": ["planted"]}}},
            "evaluation.splices.a: planted is of kind 'planted', expected a transformers model",
        ),
        (
            {"probes": {"a": {"stimuli": "latents", "attribute": "label", "systems": ["vit"]}}},
            "evaluation.probes.a: found no system among these that answers to 'latents'",
        ),
        ({"probes": {"a": {"stimuli": "digits", "attribute": "label", "dictionaries": ["none"]}}}, "found 'none'"),
    ],
)
def test_what_cannot_be_evaluated_is_told_by_the_checks(study, change, told):
    config = study.config() | {"evaluation": change}
    study.write_config(config)
    done = study.snakemake("results/attributes.json")
    assert done.returncode != 0
    assert told in done.stdout + done.stderr
