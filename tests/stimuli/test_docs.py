"""The page on stimuli, the config's sections and the functions that make sets name the same kinds and keys."""

import inspect
import re
import typing
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from thresh.config import stimuli as config
from thresh.stimuli import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "stimuli.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ENTRIES = [content for block in BLOCKS for content in yaml.safe_load(block)["stimuli"].values()]
SECTIONS = {
    typing.get_args(section.model_fields["kind"].annotation)[0]: section
    for section in typing.get_args(typing.get_args(config.Stimuli)[0])
}


def test_every_kind_has_a_section_with_an_example_that_the_config_takes():
    for content in ENTRIES:
        TypeAdapter(config.Stimuli).validate_python(content)
    assert {content["kind"] for content in ENTRIES} == set(KINDS) == set(SECTIONS)
    assert set(re.findall(r"^## (\w+): ", PAGE, re.MULTILINE)) == set(KINDS)


def test_every_source_of_images_and_documents_is_shown():
    shown = {(content["kind"], key) for content in ENTRIES for key in content}
    for kind in ("images", "text", "tokens", "video"):
        keys = set(SECTIONS[kind].model_fields) & {"folder", "table", "array", "file", "dataset", "text"}
        missing = {key for key in keys if (kind, key) not in shown}
        assert missing <= ({"dataset"} if kind == "tokens" else set())


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_kind_is_a_parameter_of_its_function(kind):
    """What the config takes and the function does not know would fail late."""
    keys = set(SECTIONS[kind].model_fields) - {"kind", "split", "attributes"}
    assert keys == set(inspect.signature(KINDS[kind]).parameters) - {"name"}


def test_links_of_the_page_lead_to_its_sections():
    headings = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in re.findall(r"^## (.*)$", PAGE, re.M)}
    assert set(re.findall(r"\]\(#([^)]*)\)", PAGE)) <= headings
