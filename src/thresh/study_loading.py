"""From the content of a config file to a study: read, and checked as a whole."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from thresh.config import Config, Representation
from thresh.dictionary_methods import SEEDLESS
from thresh.errors import ThreshError
from thresh.references import broken_references, nearest
from thresh.study import BY_PLACE, Layer, Study, within

# Findings of pydantic in the words of YAML.
SHAPES = {
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
}


class StudyError(ThreshError):
    """A config cannot be used; the message has one line for each error."""


def load_study(config: dict, source: str = "config") -> Study:
    """Check a config and make a study of it.

    Parameters
    ----------
    config
        Content of the config file.
    source
        Name of the file, for messages.

    Raises
    ------
    StudyError
        Every error of the config, one a line: file, key, what was found, what was expected.
    """
    errors: list[str] = []
    study = None
    try:
        study = Study(Config.model_validate(config))
    except ValidationError as error:
        errors.extend(dict.fromkeys(told(finding, config) for finding in error.errors()))
    errors.extend(broken_references(config))
    if study is not None and not errors:
        # Which codes there will be is known once every name is right.
        errors.extend(codes_of_no_job(study))
        errors.extend(joint_of_few(study))
        errors.extend(repeats_of_the_same(study))
        errors.extend(evaluations_of_nothing(study))
        errors.extend(places_of_none(study))
    if errors:
        raise StudyError("\n".join(" ".join(f"{source}: {line}".splitlines()) for line in errors))
    return study


def told(finding: dict, config: Any) -> str:
    """One line for one finding of pydantic."""
    place, kind = finding["loc"], finding["type"]
    key = key_of(place, config, whole=kind in ("extra_forbidden", "missing"))
    if kind == "extra_forbidden":
        own = place[0] in ("dictionaries", "inference") and len(place) == 3
        hint = "; parameters of a method or solver stand under `params`" if own else ""
        known = [name for name in known_keys() if name != place[-1]]
        return f"{key}: unknown key here{nearest(str(place[-1]), known)}{hint}."
    if kind in ("missing", "union_tag_not_found"):
        return f"{key}{'' if kind == 'missing' else '.kind'}: this key is missing."
    if kind == "union_tag_invalid":
        return f"{key}.kind: found {finding['ctx']['tag']!r}, expected {finding['ctx']['expected_tags']}."
    given = finding.get("input")
    message = SHAPES.get(kind, finding["msg"].removeprefix("Value error, "))
    shown = f" found {given!r}," if isinstance(given, str | int | float) else ""
    return f"{key}:{shown} {message[0].lower()}{message[1:]}."


def key_of(place: tuple[int | str, ...], config: Any, *, whole: bool) -> str:
    """The key as the user wrote it: pydantic adds names of types and of kinds on the way.

    Parameters
    ----------
    whole
        Whether the last step is a key even where the config does not have it.
    """
    key, node = "", config
    for number, step in enumerate(place):
        kind = number == 2 and place[0] in ("stimuli", "systems")
        inside = step in node if isinstance(node, dict) else isinstance(node, list) and step in range(len(node))
        if (inside and not kind) or (whole and number == len(place) - 1):
            key += f"[{step}]" if isinstance(node, list) else f".{step}"
            node = node[step] if inside else None
    return key.lstrip(".") or "the config"


def known_keys() -> list[str]:
    schema = Config.model_json_schema()
    sections = [schema, *schema["$defs"].values()]
    return sorted({key for section in sections for key in section.get("properties", {})})


def codes_of_no_job(study: Study) -> Iterator[str]:
    """Codes that a comparison or a gallery looks at although nothing makes them."""
    made: dict[Layer, list[str]] = {}
    for system, layer, dictionary, inference in study.codes():
        made.setdefault((system, layer), []).append(f"{dictionary}/{inference}")
    pairs = study.alignments()
    for name, comparison in study.config.alignment.items():
        layers = {layer for pair in pairs if pair.comparison == name for layer in (pair.a, pair.b)}
        found = sorted({codes for layer in layers for codes in made.get(layer, [])})
        for key, used in comparison.representations.items():
            yield from absent(f"alignment.{name}.representations.{key}", used, "any compared layer", found)
    for number, gallery in enumerate(study.config.report.galleries):
        for side, layer in (("a", gallery.a), ("b", gallery.b)):
            key = f"report.galleries[{number}].{side}"
            yield from absent(key, gallery.representation, "/".join(layer), made.get(layer, []))


def joint_of_few(study: Study) -> Iterator[str]:
    """Dictionaries of several layers that are asked for one, or for layers of systems with different stimuli."""
    for name, layers in study.joint_dictionaries().items():
        method = study.learned[name].method
        if len(layers) < 2:
            found = f"found {len(layers)} layers that it applies to"
            yield f"dictionaries.{name}: {found}, expected two or more for {method}."
        sets = sorted({study.config.systems[system].stimuli for system, _ in layers})
        if len(sets) > 1:
            yield f"dictionaries.{name}: found systems of the stimuli {', '.join(sets)}, expected one set ({method})."


def absent(key: str, used: Representation, owner: str, found: list[str]) -> Iterator[str]:
    wanted = f"{used.dictionary}/{used.inference}"
    if wanted not in found:
        others = nearest(wanted, found) if found else "; it has none"
        yield f"{key}: found no codes {wanted} (dictionary/inference) of {owner}, expected some{others}."


def places_of_none(study: Study) -> Iterator[str]:
    """Comparisons by position or word of layers whose rows stand for whole stimuli."""
    for name, comparison in study.config.alignment.items():
        if comparison.pooling in BY_PLACE:
            pairs = [pair for pair in study.alignments() if pair.comparison == name]
            layers = dict.fromkeys(layer for pair in pairs for layer in (pair.a, pair.b))
            reasons = filter(None, (study.hinders_places(layer, comparison.pooling) for layer in layers))
            key = f"alignment.{name}.pooling: found {comparison.pooling!r}"
            yield from (f"{key}, but {reason}." for reason in dict.fromkeys(reasons))


def repeats_of_the_same(study: Study) -> Iterator[str]:
    """Dictionaries that are asked for from several seeds and draw nothing."""
    for name, content in study.config.dictionaries.items():
        if content.repeats > 1 and content.method in SEEDLESS:
            yield f"dictionaries.{name}.repeats: found {content.repeats}, expected 1: {content.method} draws nothing."


def evaluations_of_nothing(study: Study) -> Iterator[str]:
    """Probes and splices that no layer or no codes are there for, or that name layers which cannot be spliced."""
    probed, spliced = ({one[0] for one in found} for found in (study.probes(), study.splices()))
    for name, probe in study.config.evaluation.probes.items():
        key = f"evaluation.probes.{name}"
        if name not in probed:
            yield f"{key}: found no system among these that answers to {probe.stimuli!r}, expected one or more."
            continue
        looked_at = {codes[0] for probe_name, _, _, codes in study.probes() if probe_name == name and codes}
        for missing in sorted(set(probe.dictionaries or []) - looked_at):
            yield f"{key}.dictionaries: found no codes of {missing!r} for a layer that is probed, expected some."
    for name, splice in study.config.evaluation.splices.items():
        key = f"evaluation.splices.{name}"
        named = [layer for layer in study.layers() if splice.systems is not None and within(splice, layer)]
        hindrances = [reason for reason in map(study.hinders_splicing, named) if reason]
        yield from (f"{key}: {reason}." for reason in dict.fromkeys(hindrances))
        if name not in spliced and not hindrances:
            yield f"{key}: found no codes of a layer with the pooling positions or cls of a trained transformers model."
