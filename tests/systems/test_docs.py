import re
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from thresh.config import systems as config
from thresh.system_kinds import MODELS
from thresh.systems import SYSTEMS
from thresh.systems.model import ModelSystem

PAGE = (Path(__file__).parents[2] / "docs" / "systems.md").read_text(encoding="utf-8")
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def test_models_are_the_kinds_that_look_for_modules_and_nothing_else_is():
    assert {kind for kind in SYSTEMS if issubclass(SYSTEMS[kind](), ModelSystem)} == set(MODELS)


def test_every_kind_has_an_example_that_the_config_takes():
    entries = [content for example in EXAMPLES for content in example["systems"].values()]
    # A glob stands for layers of a model that is not here; `thresh.layer_globs` spreads it out.
    entries = yaml.safe_load(yaml.safe_dump(entries).replace("*", "0"))
    for content in entries:
        TypeAdapter(config.System).validate_python(content)
    assert {content["kind"] for content in entries} == set(SYSTEMS)


def test_every_key_of_a_kind_is_a_parameter_of_its_system():
    """What the config takes and the system does not know would be read and ignored, or fail late."""
    import inspect

    sections = {"transformers": config.TransformersSystem, "torch": config.TorchSystem, "nwb": config.NwbSystem}
    sections |= {"timm": config.TimmSystem}
    sections |= {"arrays": config.ArraysSystem, "pixels": config.PixelsSystem, "planted": config.PlantedSystem}
    for kind, section in sections.items():
        keys = set(section.model_fields) - {"kind", "stimuli", "constant_units"}
        parameters = set(inspect.signature(SYSTEMS[kind]().__init__).parameters) - {"self", "name", "stimuli", "device"}
        assert keys == parameters, kind
