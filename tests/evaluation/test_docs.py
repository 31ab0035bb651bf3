"""The configs of docs/evaluation.md are configs, and its sections name functions that are there."""

import re
from pathlib import Path

import yaml

import thresh.evaluation
from thresh.study_loading import load_study

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")


def test_the_study_of_the_page_can_be_loaded():
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    config = yaml.safe_load(block)
    layers = {"late": {"module": "layers.10", "pooling": "positions"}}
    config["systems"] = {"vit": {"kind": "transformers", "model": "a/vit", "stimuli": "scenes", "layers": layers}}
    config["inference"] = {"encoder": {"solver": "encoder"}}
    study = load_study(config)
    assert study.repeated() == [("vit", "late", "topk")]
    assert study.probes() == [
        ("shape", "vit", "late", ()),
        ("shape", "vit", "late", ("topk", "encoder")),
        ("distance", "vit", "late", ()),
        ("distance", "vit", "late", ("topk", "encoder")),
    ]
    assert study.splices() == [("class", "vit", "late", "topk", "encoder")]


def test_the_example_in_python_runs_and_finds_what_it_planted(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    found = {}
    exec(code, found)
    assert thresh.evaluation.matched_cosine(found["dictionaries"][0], found["directions"]) > 0.99
    assert "identifiability_held_out" in capsys.readouterr().out


def test_functions_that_sections_name_are_there():
    headings = re.findall(r"^### ([\w., ]+):", PAGE.partition("## From Python")[2], re.MULTILINE)
    names = {name for heading in headings for name in heading.split(", ")} - {"thresh.evaluation.splicing"}
    assert names <= set(thresh.evaluation.__all__)
    assert len(names) > 8
