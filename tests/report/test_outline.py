"""The report's view of a config agrees with the workflow's."""

from thresh.report.outline import Outline, Pair
from thresh.study import load_study

from . import fabricated


def test_pairs_and_codes_are_those_that_the_workflow_computes():
    config = fabricated.study_config()
    config["dictionaries"]["topk"] |= {"systems": ["vit", "brain"], "layers": {"vit": ["stage2"]}}
    config["alignment"]["networks"]["layers"] = {"vit": ["stage3"]}
    for comparison in config["alignment"].values():
        comparison["representations"] = {}
    config["report"]["galleries"] = []
    study, outline = load_study(config), Outline(config)
    assert outline.code_sources() == study.codes()
    found = [
        (name, (pair.a, a_layer), (pair.b, b_layer))
        for name in outline.comparisons
        for pair in outline.pairs(name)
        for a_layer in outline.compared_layers(name, pair.a)
        for b_layer in outline.compared_layers(name, pair.b)
    ]
    assert found == [(one.comparison, one.a, one.b) for one in study.alignments()]


def test_features_that_planted_systems_share():
    outline = Outline(fabricated.study_config())
    assert outline.features(Pair("planted_partial", "partial_a", "partial_b")) == (48, 48, 32)
    assert outline.shares(Pair("planted_full", "full_a", "full_b")) == "128 of 128 features"


def test_marks_come_from_the_config_and_from_the_stores():
    outline = Outline(fabricated.study_config(), facts={"vit": {"simulated": True}})
    assert outline.label("brain") == "brain (simulated)"
    assert outline.label("vit") == "vit (simulated)"
    assert outline.label("resnet_untrained") == "resnet_untrained"  # the name tells it
    assert outline.marks("resnet_untrained") == ["untrained"]
