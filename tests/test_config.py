"""Every error of a config is told at once, each on one line that names its key; schema and pages follow the models."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from thresh.config_reference import reference_markdown, schema_json
from thresh.study import StudyError, load_study

ROOT = Path(__file__).parents[1]
STUDIES = sorted((ROOT / "config").glob("*.yaml"))

SMALL = {
    "stimuli": {
        "digits": {"kind": "digits"},
        "latents": {"kind": "features", "samples": 99, "features": 9, "probability": 0.1},
    },
    "systems": {
        "net": {"kind": "transformers", "model": "some/name", "stimuli": "digits", "layers": ["encoder.stages.0"]},
        "raw": {"kind": "pixels", "stimuli": "digits"},
        "planted": {"kind": "planted", "units": 4, "stimuli": "latents"},
    },
    "dictionaries": {"online": {"method": "online", "systems": ["net"]}, "random": {"method": "random"}},
    "inference": {"fista": {"params": {"penalty": 0.1}}},
    "alignment": {
        "all": {
            "systems": ["net", "raw"],
            "metrics": ["linear_cka"],
            "representations": {"learned": {"dictionary": "online", "inference": "fista"}},
        }
    },
}


def changed(path, value):
    config = copy.deepcopy(SMALL)
    place = config
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return config


def errors_of(config):
    with pytest.raises(StudyError) as caught:
        load_study(config, "study.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["systems", "net", "modle"], 1, "systems.net.modle: unknown key here; nearest: module, model"),
        (["resuls"], "x", "resuls: unknown key here; nearest: results"),
        (["systems", "net", "layers"], [], "systems.net.layers: value should have at least 1 item"),
        (["systems", "net", "kind"], "transformer", "systems.net.kind: found 'transformer', expected "),
        (
            ["systems", "net", "stimuli"],
            "digit",
            "systems.net.stimuli: found 'digit', expected a key of `stimuli`; nearest: digits",
        ),
        (
            ["dictionaries", "online", "atoms"],
            "four",
            "dictionaries.online.atoms: found 'four', expected a number of atoms, or a multiple",
        ),
        (
            ["dictionaries", "online", "systems"],
            ["ne"],
            "dictionaries.online.systems: found 'ne', expected a key of `systems`",
        ),
        (
            ["stimuli", "latents", "probability"],
            1.5,
            "stimuli.latents.probability: found 1.5, input should be less than 1",
        ),
        (["alignment", "all", "metrics"], [], "alignment.all.metrics: "),
        (
            ["alignment", "all", "systems"],
            ["net", "planted"],
            "alignment.all: net answers to stimuli 'digits' and planted to 'latents'",
        ),
        (["alignment", "all", "systems"], [], "alignment.all: found neither systems nor pairs"),
        (
            ["alignment", "all", "layers"],
            {"net": ["stage"]},
            "alignment.all.layers.net: found 'stage', expected a key of `systems.net.layers`",
        ),
        (
            ["alignment", "all", "representations", "learned", "inference"],
            "omp",
            "alignment.all.representations.learned.inference: found 'omp'",
        ),
        (["systems", "a/b"], SMALL["systems"]["raw"], "systems.a/b: "),
    ],
)
def test_an_error_names_its_key(path, value, message):
    lines = errors_of(changed(path, value))
    assert any(line.startswith(f"study.yaml: {message}") for line in lines), lines


def test_all_errors_are_told_at_once():
    config = changed(["systems", "net", "modle"], 1)
    config["stimuli"]["latents"]["probability"] = 2
    config["dictionaries"]["online"]["systems"] = ["nothing"]
    assert len(errors_of(config)) == 3


def test_a_study_is_spread_out_into_its_jobs():
    study = load_study(SMALL)
    assert study.layers() == [("net", "encoder.stages.0"), ("raw", "pixels"), ("planted", "units")]
    assert study.dictionaries(("net", "encoder.stages.0")) == ["online", "random"]
    assert study.dictionaries(("raw", "pixels")) == ["random"]
    assert len(study.codes()) == 4
    (pair,) = study.alignments()
    assert (pair.a, pair.b) == (("net", "encoder.stages.0"), ("raw", "pixels"))
    assert study.representations("all", pair.a) == {"learned": ("online", "fista")}
    assert study.representations("all", pair.b) == {}


def test_limits_on_layers_hold_for_the_systems_they_name():
    config = changed(["dictionaries", "random", "layers"], {"net": []})
    study = load_study(config)
    assert study.dictionaries(("net", "encoder.stages.0")) == ["online"]
    assert study.dictionaries(("raw", "pixels")) == ["random"]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_configs_of_the_project_are_valid_by_models_and_by_schema(path):
    config = yaml.safe_load(path.read_text())
    load_study(config, path.name)
    jsonschema.validate(config, json.loads(schema_json()))


def test_schema_and_reference_page_are_those_of_the_models():
    assert (ROOT / "workflow" / "schemas" / "config.schema.json").read_text() == schema_json(), "run: make docs"
    assert (ROOT / "config" / "README.md").read_text() == reference_markdown(), "run: make docs"


def test_every_key_is_documented():
    for line in reference_markdown().splitlines():
        if line.startswith("| `"):
            assert len(line.replace("\\|", "").split("|")[-2].strip()) > 3, line
