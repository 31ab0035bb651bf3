"""What the report reads from a config beside the lists of jobs."""

import pandas as pd

from thresh.report.outline import Outline, Pair

from . import fabricated


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


def test_models_of_every_kind_are_networks():
    config = fabricated.study_config()
    config["systems"]["vit"] |= {"kind": "timm"}
    assert Outline(config).networks == Outline(fabricated.study_config()).networks
    assert "vit" in Outline(config).networks


def test_words_are_counted_beside_the_texts_they_are_of():
    config = fabricated.study_config()
    config["alignment"]["networks"]["pooling"] = "words"
    scores = pd.DataFrame({"stimuli": [450, 440], "rows": [5200, 5100]})
    assert Outline(config).shown_stimuli("networks", scores) == "450 test stimuli of digits, 5,200 words of them"
