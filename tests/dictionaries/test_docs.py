"""docs/dictionaries.md has a section and a config that works for every method."""

import re
from pathlib import Path

import pytest
import yaml

from thresh.config.analysis import Dictionary
from thresh.dictionaries import METHODS
from thresh.dictionaries.autoencoders.sparse_autoencoder import SparseAutoencoder
from thresh.dictionaries.learner import Learner
from thresh.dictionaries.registry import parameters
from thresh.dictionaries.specs import check_method

PAGE = (Path(__file__).parents[2] / "docs" / "dictionaries.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^### ([\w, ]+):", PAGE, re.MULTILINE)
EXAMPLES = {
    content.get("method"): content
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for content in yaml.safe_load(block).get("dictionaries", {}).values()
}
# What all learners and what all sparse autoencoders have, which one table tells for all.
COMMON = set(parameters(Learner)) | set(parameters(SparseAutoencoder))
# What a method takes from a relative and refuses.
REFUSED = {"nmf": {"bias"}}
NAMES = [name for name in METHODS if name != "auto"]


@pytest.mark.parametrize("name", NAMES)
def test_every_method_has_a_section_and_a_config_that_works(name):
    assert name in {each for heading in HEADINGS for each in heading.split(", ")}
    content = Dictionary.model_validate(EXAMPLES[name])
    check_method(content.method, content.atoms, content.params)


@pytest.mark.parametrize("name", NAMES)
def test_a_section_says_what_a_method_assumes_what_it_minimises_and_when_to_choose_it(name):
    section = section_of(name)
    assert "**Assumes**" in section
    assert "**Choose it**" in section
    # Controls minimise nothing.
    assert name in ("random", "shuffled") or re.search(r"\*\*(Minimises|Maximises|Model|Turns)\*\*", section)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_in_the_table_of_a_method_are_its_own_and_all_of_them(name):
    section = section_of(name)
    named = {
        each for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for each in re.findall(r"`(\w+)`", row)
    }
    of_section = [each for each in names_of(section) if each in METHODS]
    assert named <= {"normalise"}.union(*(parameters(METHODS[each]) for each in of_section))
    own = parameters(METHODS[name]).keys() - COMMON
    assert own - REFUSED.get(name, set()) <= named


def section_of(name):
    (section,) = (part for part in re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE) if name in names_of(part))
    return section


def names_of(section):
    """Methods that the heading of a section names."""
    return section.splitlines()[0].split(":")[0].split(", ") if section.strip() else []
