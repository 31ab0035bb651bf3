"""The schema and the reference page of the config, both made from `thresh.config`."""

import json
import types
import typing
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from thresh.config import Config

HEAD = """# Every key of a study's config

Made from `src/thresh/config/` by `make docs`; a test fails when it differs. `config.yaml` is a documented study to
begin from, `quickstart.yaml` the one that `make quickstart` runs. Names (of stimuli, systems, layers ...) are yours:
letters, digits, `_ . + -`.
"""


def schema_json() -> str:
    """JSON schema of the config, for editors and validators."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
    return json.dumps(schema, indent=2) + "\n"


def reference_markdown() -> str:
    """A table of keys for each section of the config, from the outside in."""
    return "\n".join([HEAD, *section_lines(Config, "A study", "", set())])


def section_lines(model: type[BaseModel], title: str, path: str, told: set) -> Iterator[str]:
    if (path, model) in told:  # kinds of a section may share an inner one
        return
    told.add((path, model))
    yield f"## {title}\n"
    if path and model.__doc__:
        yield f"{model.__doc__.strip()}\n"
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    for name, field in model.model_fields.items():
        meaning = field.description or (next(iter(sections(field.annotation)), model).__doc__ or "").strip()
        yield f"| `{name}` | {spelled(field.annotation)} | {default(field)} | {escaped(meaning)} |"
    yield ""
    for name, field in model.model_fields.items():
        inner = list(sections(field.annotation))
        named = "." + "<name>" if origin(field.annotation) is dict else ""
        for section in inner:
            kind = f" (kind: {kind_of(section)})" if kind_of(section) else ""
            place = f"{path}.{name}{named}".lstrip(".")
            yield from section_lines(section, f"`{place}`{kind}", place, told)


def kind_of(model: type[BaseModel]) -> str:
    field = model.model_fields.get("kind")
    return typing.get_args(field.annotation)[0] if field else ""


def origin(annotation: object) -> object:
    return typing.get_origin(bare(annotation))


def bare(annotation: object) -> object:
    """A type without the constraints that stand around it."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    return annotation


def sections(annotation: object) -> Iterator[type[BaseModel]]:
    """Sections of the config inside a type."""
    annotation = bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        if not isinstance(argument, str):
            yield from sections(argument)


def spelled(annotation: object) -> str:
    """A type in words."""
    annotation = bare(annotation)
    kind, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is type(None):
        return "nothing"
    if kind is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if kind in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(spelled(argument) for argument in arguments if argument is not type(None)))
    if kind is dict:
        return f"names of {spelled(arguments[1])}" if list(sections(arguments[1])) else "mapping"
    if kind is list:
        return f"list of {spelled(arguments[0])}"
    if kind is tuple:
        return ", ".join(spelled(argument) for argument in arguments)
    words = {str: "text", int: "integer", float: "number", bool: "true or false", typing.Any: "any"}
    return words.get(annotation, "section")


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default if field.default is not PydanticUndefined else field.default_factory()
    if isinstance(value, BaseModel):
        return "see below"
    if value is None:
        return "none"
    return f"`{json.dumps(value, default=lambda section: {})}`"


def escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
