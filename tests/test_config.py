"""Every error of a config is told at once, each on one line that names its key; schema and pages follow the models."""

import copy
import datetime
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.config_reference import reference_markdown, schema_json
from thresh.stage_params import (
    alignment_params,
    attributes_params,
    check_params,
    dictionary_params,
    pairs_params,
    probe_params,
)
from thresh.stages import canonical
from thresh.study_loading import StudyError, load_study

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
        (["alignment", "all", "systems"], ["net"], "alignment.all: found neither two systems nor pairs"),
        (["alignment", "all", "pairs"], ["net"], "alignment.all.pairs[0]: found 'net', expected a list."),
        (["alignment", "all", "pairs"], [["net"]], "alignment.all.pairs[0][1]: this key is missing."),
        (["alignment", "all", "pairs"], 3, "alignment.all.pairs: found 3, expected a list."),
        (["alignment", "all", "pairs"], [["net", "rw"]], "alignment.all.pairs[0]: found 'rw', expected a key of"),
        (["alignment", "all", "metrics"], ["rsa", {"cca": {}}], "alignment.all.metrics: expected a list of names"),
        (["alignment", "all", "metrics"], {"rsa": 0}, "alignment.all.metrics.rsa: found 0, expected a mapping."),
        (["alignment", "all", "representations"], ["learned"], "alignment.all.representations: expected a mapping."),
        (
            ["alignment", "all", "representations", "learned"],
            "online",
            "alignment.all.representations.learned: found 'online', expected a mapping.",
        ),
        (["report"], {"galleries": {"a": 1}}, "report.galleries: expected a list."),
        (["report"], {"galleries": ["x"]}, "report.galleries[0]: found 'x', expected a mapping."),
        (["systems", "net", "layers"], [{"module": "a"}], "systems.net.layers: expected a list of names alone"),
        (["systems", "raw", "pixels"], 3, "systems.raw.pixels: unknown key here"),
        (["systems"], {"raw": {"stimuli": "digits"}}, "systems.raw.kind: this key is missing."),
        (["dictionaries", "online", "k"], 3, "dictionaries.online.k: unknown key here; parameters of a method"),
        (["dictionaries", "online", "atoms"], "infx", "dictionaries.online.atoms: found 'infx', expected a number"),
        (["dictionaries", "online", "atoms"], True, "dictionaries.online.atoms: found True, expected a number"),
        (["dictionaries", "online", "atoms"], 0, "dictionaries.online.atoms: found 0, expected a number"),
        (["dictionaries", "online", "atoms"], 0.5, "dictionaries.online.atoms: found 0.5, expected a number"),
        (["dictionaries", "online", "params"], {"a": float("nan")}, "dictionaries.online.params: expected numbers"),
        (["dictionaries", "online", "params"], {"a": datetime.date(2020, 1, 1)}, "dictionaries.online.params: "),
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
        (
            ["inference", "fista", "dictionaries"],
            ["random"],
            "alignment.all.representations.learned: found no codes online/fista (dictionary/inference) of any compared"
            " layer, expected some; nearest: random/fista.",
        ),
        (
            ["alignment", "all", "layers"],
            {"net": []},
            "alignment.all.representations.learned: found no codes online/fista (dictionary/inference) of any compared"
            " layer, expected some; it has none.",
        ),
        (["systems", "a/b"], SMALL["systems"]["raw"], "systems.a/b: "),
        (["dictionaries", "online", "repeats"], 0, "dictionaries.online.repeats: found 0, input should be greater"),
        # Each is a job: a study of a million of them would fill memory before it is refused.
        (
            ["dictionaries", "online", "repeats"],
            10**6,
            "dictionaries.online.repeats: found 1000000, input should be less",
        ),
        (
            ["dictionaries", "online"],
            {"source": {"path": "x"}, "repeats": 2},
            "dictionaries.online: expected no `repeats` beside `source`",
        ),
        (
            ["stimuli", "digits", "split"],
            {"held_out": {"share": 0.2}},
            "stimuli.digits.split.held_out: expected either `combinations` or `range`",
        ),
        (
            ["evaluation"],
            {"probes": {"a": {"stimuli": "digit", "attribute": "label"}}},
            "evaluation.probes.a.stimuli: found 'digit', expected a key of `stimuli`; nearest: digits",
        ),
        (
            ["evaluation"],
            {"probes": {"a": {"stimuli": "digits", "attribute": "label", "kind": "quantity", "sizes": [2]}}},
            "evaluation.probes.a: expected no `sizes` beside `kind: quantity`",
        ),
        (
            ["evaluation"],
            {"probes": {"a": {"stimuli": "digits", "attribute": "label", "layers": {"net": ["x"]}}}},
            "evaluation.probes.a.layers.net: found 'x', expected a key of `systems.net.layers`",
        ),
        (
            ["evaluation"],
            {"splices": {"a": {"systems": ["raw"]}}},
            "evaluation.splices.a: raw is of kind 'pixels', expected a transformers model.",
        ),
        (
            ["evaluation"],
            {"splices": {"a": {"systems": ["net"]}}},
            "evaluation.splices.a: net/encoder.stages.0 has the pooling 'mean', expected positions or cls.",
        ),
        (
            ["alignment", "all", "pooling"],
            "positions",
            "alignment.all.pooling: found 'positions', but net/encoder.stages.0 has the pooling 'mean', expected",
        ),
        (
            ["alignment", "all", "pooling"],
            "words",
            "alignment.all.pooling: found 'words', but net answers to stimuli of kind 'digits', expected text.",
        ),
    ],
)
def test_an_error_names_its_key(path, value, message):
    lines = errors_of(changed(path, value))
    assert any(line.startswith(f"study.yaml: {message}") for line in lines), lines


def gallery(a, b, dictionary="random"):
    shown = {"a": a, "b": b, "representation": {"dictionary": dictionary, "inference": "fista"}}
    return changed(["report"], {"galleries": [shown]})


def test_a_gallery_is_of_layers_that_have_its_codes():
    net, raw = ["net", "encoder.stages.0"], ["raw", "pixels"]
    load_study(gallery(net, raw))
    assert errors_of(gallery(["nosuch", "x"], ["net", "encoder.stages.1"], "rondom")) == [
        "study.yaml: report.galleries[0].representation.dictionary: found 'rondom', expected a key of `dictionaries`;"
        " nearest: random.",
        "study.yaml: report.galleries[0].a: found 'nosuch', expected a key of `systems`; known: net, raw, planted.",
        "study.yaml: report.galleries[0].b: found 'encoder.stages.1', expected a key of `systems.net.layers`;"
        " nearest: encoder.stages.0.",
    ]
    assert errors_of(gallery(net, raw, "online")) == [
        "study.yaml: report.galleries[0].b: found no codes online/fista (dictionary/inference) of raw/pixels,"
        " expected some; nearest: random/fista."
    ]
    (line,) = errors_of(gallery(net, ["planted", "units"]))
    assert line.startswith("study.yaml: report.galleries[0]: net answers to stimuli 'digits' and planted to 'latents'")


def test_all_errors_are_told_at_once():
    config = changed(["systems", "net", "modle"], 1)
    config["stimuli"]["latents"]["probability"] = 2
    config["dictionaries"]["online"]["systems"] = ["nothing"]
    assert len(errors_of(config)) == 3


FULL = changed(["report"], gallery(["net", "encoder.stages.0"], ["raw", "pixels"])["report"])
FULL["alignment"]["all"] |= {
    "pairs": [["raw", "net"]],
    "layers": {"net": ["encoder.stages.0"]},
    "metrics": {"linear_cka": None, "rsa": {"distance": "cosine"}},
}
FULL["dictionaries"]["online"] |= {"layers": {"net": ["encoder.stages.0"]}, "params": {"penalty": 0.1}, "atoms": "4x"}
FULL["inference"]["fista"]["dictionaries"] = ["online", "random"]
FULL["stimuli"]["digits"]["split"] = {"by": ["one", "two"], "held_out": {"combinations": ["shape", "size"]}}
FULL["dictionaries"]["random"]["repeats"] = 2
FULL["systems"]["net"]["layers"] = {"encoder.stages.0": {"module": "encoder.stages.0", "pooling": "positions"}}
FULL["evaluation"] = {
    "probes": {"shape": {"stimuli": "digits", "attribute": "shape", "sizes": [1, 2], "dictionaries": ["online"]}},
    "splices": {"all": {"systems": ["net"], "layers": {"net": ["encoder.stages.0"]}, "labels": "label"}},
}


def nodes(content, path=()):
    """Paths of all that stands in a config."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from nodes(value, (*path, key))


NODES = list(nodes(FULL))
# Keys and names of the config itself lead deeper than what nobody would write.
WORDS = sorted({str(value) for path in NODES for value in path})
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS) | st.dates()
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | leaves, inner, max_size=3),
    max_leaves=5,
)


@given(path=st.sampled_from(NODES), value=values)
@settings(max_examples=400, deadline=None)
def test_whatever_stands_in_a_config_it_is_a_study_or_lines_that_say_why_not(path, value):
    config = copy.deepcopy(FULL)
    place = config
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    try:
        study, told = load_study(config, "study.yaml"), ""
    except StudyError as error:
        study, told = None, str(error)
    assert (study is None) == bool(told)
    assert all(line.startswith("study.yaml: ") for line in told.splitlines())
    if study is not None:
        # What is accepted can be handed to jobs.
        canonical([check_params(study), pairs_params(study)])
        canonical([alignment_params(study, pair.comparison, pair.a, pair.b) for pair in study.alignments()])
        canonical([attributes_params(study), *(probe_params(study, one[0]) for one in study.probes())])


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


def test_repeats_are_learned_from_further_seeds_and_have_neither_codes_nor_a_key_of_their_number():
    study = load_study(changed(["dictionaries", "online", "repeats"], 3))
    layer = ("net", "encoder.stages.0")
    assert study.dictionaries(layer) == ["online", "online@1", "online@2", "random"]
    assert [study.learned[name].seed for name in study.repeats("online")] == [0, 1, 2]
    assert study.codes() == load_study(SMALL).codes()
    assert study.repeated() == [(*layer, "online")]
    place = "/".join(layer)
    fewer = dictionary_params(load_study(SMALL), place, ("online",))["products"]["online"]
    assert dictionary_params(study, place, ("online", "online@1"))["products"]["online"] == fewer


def test_probes_are_of_the_systems_that_answer_to_their_stimuli():
    study = load_study(FULL)
    assert study.probes() == [
        ("shape", "net", "encoder.stages.0", ()),
        ("shape", "net", "encoder.stages.0", ("online", "fista")),
        ("shape", "raw", "pixels", ()),
    ]
    held_out = probe_params(study, "shape")["held_out"]
    assert held_out["combinations"] == ["shape", "size"]  # of the split, for the probe says nothing
    assert study.splices() == [
        ("all", "net", "encoder.stages.0", dictionary, "fista") for dictionary in ("online", "random")
    ]


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


def test_weights_of_an_untrained_network_contradict_each_other():
    network = {"kind": "torch", "factory": "a:b", "image_size": 8, "stimuli": "digits", "layers": ["c"]}
    load_study(changed(["systems", "net"], network | {"untrained": True}))
    load_study(changed(["systems", "net"], network | {"weights": "w.pt"}))
    assert errors_of(changed(["systems", "net"], network | {"weights": "w.pt", "untrained": True})) == [
        "study.yaml: systems.net.untrained: found True, expected false, or no `weights` (found w.pt)."
    ]
