"""What each stage reads of a study's config: its parameters, and with them a part of its key."""

from itertools import chain

from thresh.dictionary_methods import METHODS, module_of
from thresh.sources import versions
from thresh.stages.code import module_digest
from thresh.study import Layer, Study

# What a probe reads of the stimuli themselves.
READ_OF_STIMULI = ("attribute", "kind", "held_out", "left_out")


def system_params(study: Study, system: str) -> dict:
    """Of the check of a system: its part of the config; where codes are put back into it, with which labels."""
    content = study.params("systems", system)
    splices = sorted({one[0] for one in study.splices() if one[1] == system})
    labels = [study.config.evaluation.splices[name].labels for name in splices]
    return content | {"spliced": [name for name in labels if name is not None]} if splices else content


def harvest_params(study: Study, system: str) -> dict:
    """Of a harvest: the system, how it is stored, versions of what computes it; layers are products of their own."""
    content = study.params("systems", system, ("constant_units",))
    layers = content.pop("layers")
    store = study.config.harvest.model_dump(exclude={"parts", "threads"})
    return {"system": content, "store": store, "versions": versions(study, system), "products": layers}


def dictionary_params(study: Study, place: str, names: tuple[str, ...]) -> dict:
    """Of the dictionaries of one layer; where a dictionary applies is no part of what it is."""
    system, _, layer = place.partition("/")
    params = {"place": place, "products": {name: made_of(study, name, (system, layer)) for name in names}}
    return params | processes(study)


def processes(study: Study) -> dict:
    """Of several processes that share the rows of a batch: which rows meet in one depends on their number."""
    number = study.config.training.processes
    return {} if number == 1 else {"processes": number}


def made_of(study: Study, dictionary: str, layer: Layer) -> dict:
    """How a dictionary is learned, or where it is imported from."""
    source = study.source(dictionary, layer)
    learned = study.learned[dictionary].model_dump(mode="json", exclude={"source", "systems", "layers", "repeats"})
    return learned | {"code": method_code(learned["method"])} if source is None else {"source": source}


def joint_params(study: Study, dictionary: str) -> dict:
    """Of a dictionary of several layers; each of them is a product."""
    layers = ["/".join(layer) for layer in study.joint_dictionaries()[dictionary]]
    params = {"dictionary": dictionary, "places": layers, "content": made_of(study, dictionary, layers[0].split("/"))}
    return params | {"products": {place: {} for place in layers}} | processes(study)


def method_code(method: str) -> str:
    """Digest of the code of a method alone; what all methods share is part of the stage's code."""
    return module_digest(module_of(method)) if method in METHODS else ""  # An unknown one is told by a check.


def alignment_params(study: Study, comparison: str, a: Layer, b: Layer) -> dict:
    """Of the scores of one pair of layers: each side with the names and roles of its codes."""
    content = study.params("alignment", comparison, ("systems", "pairs", "layers"))
    roles = {name: used["role"] for name, used in content.pop("representations").items()}
    for side, layer in (("a", a), ("b", b)):
        codes = {name: roles[name] for name in study.representations(comparison, layer)}
        content[side] = {"system": layer[0], "layer": layer[1], "codes": codes}
    return content


def parts_of_comparison(study: Study, comparison: str) -> list[str]:
    """What a comparison reads of the stimuli beside their split."""
    content = study.config.alignment[comparison]
    blocks, texts = content.statistics.blocks, content.pooling == "words"
    return [*([] if blocks is None else [f"attribute:{blocks}"]), *(["content"] if texts else [])]


def probe_params(study: Study, probe: str) -> dict:
    """Of what heads read of one layer: the probe, and what its stimulus set holds out if it does not say so itself."""
    content = study.config.evaluation.probes[probe]
    split = study.config.stimuli[content.stimuli].split
    found = content.model_dump(mode="json", exclude={"stimuli", "systems", "layers", "dictionaries"})
    of_split = None if split.held_out is None else split.held_out.model_dump(mode="json")
    if content.held_out is None:
        return found | {"held_out": of_split, "left_out": None}
    return found | {"left_out": of_split}


def attributes_of_probe(study: Study, probe: str) -> list[str]:
    """Attributes of the stimuli that a probe reads."""
    params = probe_params(study, probe)
    found = {params["attribute"]}
    for held_out in filter(None, (params["held_out"], params["left_out"])):
        found.update(held_out["combinations"] or [held_out["range"]])
    return sorted(found)


def parts_of_splice(study: Study, splice: str) -> list[str]:
    """What a splice reads of the stimuli beside their content."""
    labels = study.config.evaluation.splices[splice].labels
    return ["split", *([] if labels is None else [f"attribute:{labels}"])]


def splice_params(study: Study, splice: str, system: str, layer: str, inference: str) -> dict:
    """Of a layer whose codes are put back: the splice, the system with this layer alone, and how codes are inferred."""
    content = study.config.evaluation.splices[splice]
    harvested = harvest_params(study, system)
    return {
        "splice": content.model_dump(mode="json", exclude={"systems", "layers", "dictionaries"}),
        "system": harvested["system"],
        "versions": harvested["versions"],
        "layers": {layer: harvested["products"][layer]},
        "inference": study.params("inference", inference, ("dictionaries",)),
    }


def attributes_params(study: Study) -> dict:
    """Of the check of attributes: stimulus set -> probe or splice -> what it reads of them."""
    found: dict[str, dict] = {}
    for name, probe in study.config.evaluation.probes.items():
        read = {key: value for key, value in probe_params(study, name).items() if key in READ_OF_STIMULI}
        found.setdefault(probe.stimuli, {})[f"evaluation.probes.{name}"] = read
    for splice, system, *_ in study.splices():
        labels = study.config.evaluation.splices[splice].labels
        if labels is not None:
            key = f"evaluation.splices.{splice}"
            found.setdefault(study.config.systems[system].stimuli, {})[key] = {"attribute": labels, "kind": "classes"}
    for name, pairs in study.compared_pairs().items():
        attribute = study.config.alignment[name].statistics.blocks
        for system in chain(*pairs) if attribute is not None else ():
            of_set = found.setdefault(study.config.systems[system].stimuli, {})
            of_set[f"alignment.{name}.statistics.blocks"] = {"attribute": attribute, "kind": "blocks"}
    return {"stimuli": found}


def pairs_params(study: Study) -> dict:
    """Of the check of pairs: who is compared, and what says how many stimuli that takes."""
    found = {}
    for name, pairs in study.compared_pairs().items():
        comparison = study.config.alignment[name]
        layers = {system: study.compared_layers(comparison, system) for system in sorted(set(chain(*pairs)))}
        found[name] = {"pairs": pairs, "layers": layers, "split": comparison.split, "metrics": comparison.metrics}
    return {"comparisons": found}


def check_params(study: Study) -> dict:
    """Of the check of methods, solvers and metrics; dictionaries that are imported have no method."""
    learned = [name for name, content in study.config.dictionaries.items() if content.source is None]
    return {
        "dictionaries": {
            name: study.params("dictionaries", name, ("source", "repeats"))
            | {"code": method_code(study.config.dictionaries[name].method)}
            for name in learned
        },
        "inference": {name: study.params("inference", name) for name in study.config.inference},
        "metrics": {name: content.metrics for name, content in study.config.alignment.items()},
    }
