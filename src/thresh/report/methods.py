"""What was computed, in sentences for a paper, with the references they cite."""

import re
from dataclasses import dataclass
from importlib.resources import files

import pandas as pd

from thresh.alignment import METRICS
from thresh.report.outline import Outline
from thresh.report.statistics_words import at_size_sentences, statistics_sentences
from thresh.report.words import listed

FOLDED = "chosen on training stimuli and scored on held-out ones"
UNFOLDED = "chosen and scored on the same stimuli"

# Metric -> what it is, and the sources.
METRIC_WORDS: dict[str, tuple[str, list[str]]] = {
    "linear_cka": ("linear centred kernel alignment", ["kornblith2019"]),
    "linear_cka_debiased": (
        "linear centred kernel alignment with unbiased estimators of each term",
        ["kornblith2019", "song2012"],
    ),
    "minibatch_cka": ("linear centred kernel alignment, averaged over minibatches", ["nguyen2021"]),
    "kernel_cka": ("centred kernel alignment", ["kornblith2019"]),
    "rsa": ("representational similarity analysis", ["kriegeskorte2008"]),
    "rsa_unbiased": (
        "similarity of squared Euclidean distances, which for the raw responses of recordings are products of"
        " differences in two repeats, averaged over all pairs of repeats, so that noise does not inflate them",
        ["kriegeskorte2008", "walther2016"],
    ),
    "linear_predictivity": (
        "Pearson correlation of ridge predictions with held-out responses, the median over predicted units, relative to"
        " their noise ceilings where they have some; the penalty minimises generalised cross-validation",
        ["yamins2014", "golub1979"],
    ),
    "linear_predictivity_r2": (
        "variance of held-out responses explained by ridge regression, the mean over predicted units; the penalty"
        " minimises generalised cross-validation",
        ["yamins2014", "golub1979"],
    ),
    "semi_matching": (f"mean correlation of each unit with its best partner, {FOLDED}", ["li2015"]),
    "one_to_one_matching": (f"mean correlation of units matched one to one, {FOLDED}", ["li2015"]),
    "soft_matching": (f"correlation under the optimal transport of units, {FOLDED}", ["khosla2024"]),
    "matched_fraction": (
        f"share of units matched one to one whose correlation exceeds a threshold, {FOLDED}",
        ["li2015"],
    ),
    "procrustes": (f"cosine after the best rotation, {FOLDED}", ["williams2021"]),
    "shape_distance": (f"angle after the best rotation, {FOLDED}", ["williams2021"]),
    "cca": (f"mean canonical correlation of the first pairs, {FOLDED}", ["hotelling1936"]),
    "svcca": (f"mean canonical correlation of principal components, {FOLDED}", ["raghu2017"]),
    "pwcca": (f"projection-weighted canonical correlation, {FOLDED}", ["morcos2018"]),
    "mutual_knn": ("share of nearest neighbours in common", ["huh2024"]),
}
POOLED = "layers with several rows a stimulus were pooled by "
TOGETHER = "rows of one stimulus were held out, drawn and exchanged together"
# Pooling -> what was compared.
ROWS = {
    "mean": f"{POOLED}the mean",
    "max": f"{POOLED}the maximum",
    "sum": f"{POOLED}the sum",
    "flatten": f"{POOLED}laying them side by side",
    "positions": f"they were compared position by position, {TOGETHER}",
    "words": f"they were compared word by word, a word the mean of the tokens that have a character of it; {TOGETHER}",
}
WHITENED = "diedrichsen2020"
LEARNED_BY = {"online": "mairal2009", "auto": "mairal2009", "topk": "gao2024"}
SOLVED_BY = {"fista": "beck2009", "omp": "pati1993"}


@dataclass(frozen=True)
class Paragraph:
    """What was done for one comparison, and the keys of what it cites."""

    title: str
    text: str
    keys: list[str]


def paragraphs(outline: Outline, scores: pd.DataFrame) -> list[Paragraph]:
    """One for each comparison, from the scores of all of them."""
    return [paragraph(name, outline, scores[scores["comparison"] == name]) for name in outline.comparisons]


def paragraph(comparison: str, outline: Outline, scores: pd.DataFrame) -> Paragraph:
    content = outline.config["alignment"][comparison]
    systems = listed([outline.label(name) for name in outline.systems_of(comparison)])
    parts = [f"{systems} were compared on {outline.shown_stimuli(comparison, scores)}; {ROWS[content['pooling']]}."]
    parts += [metric_sentence(name, params or {}, content["seed"]) for name, params in content["metrics"].items()]
    parts += [codes_sentence(name, used, outline) for name, used in content["representations"].items()]
    if content["representations"] and content["active"] > 1:
        parts.append(f"Atoms that were active on fewer than {content['active']} of these stimuli were left out.")
    recordings = [name for name in outline.systems_of(comparison) if outline.is_recording(name)]
    if recordings and any(METRICS[name].takes_ceiling for name in content["metrics"]):
        parts.append(
            "Noise ceilings are the square roots of split-half reliabilities after the Spearman-Brown formula"
            " [spearman1910]; units without a positive one were left out."
        )
    parts += at_size_sentences(scores)
    parts += statistics_sentences(content["statistics"], scores)
    text = " ".join(parts)
    return Paragraph(comparison, text, cited(text))


def metric_sentence(name: str, given: dict, seed: int) -> str:
    """A metric with every parameter that it had."""
    metric = METRICS[name]
    params = metric.parameters | ({"seed": seed} if "seed" in metric.parameters else {}) | given
    words, keys = METRIC_WORDS[name]
    if "folds" in params and params["folds"] is None:
        words = words.replace(FOLDED, UNFOLDED)
    if str(params.get("compare", "")).startswith("whitened"):
        keys = [*keys, WHITENED]
    if params.get("bands") is not None:
        keys = [*keys, "duprelatour2022"]
    unused = {"draws"} if params.get("bands") is None else set()
    told = {key: value for key, value in params.items() if key not in unused}
    if params.get("bands") is not None:  # a label a unit
        told["bands"] = listed([str(label) for label in dict.fromkeys(params["bands"])])
    shown = [setting(key, value) for key, value in told.items() if value is not None and value is not False]
    settings = f" ({', '.join(shown)})" if shown else ""
    return f"{metric.label}: {words}{settings} [{'; '.join(keys)}]."


def setting(key: str, value: object) -> str:
    """'seed 0'; of what is switched on the name alone."""
    name = key.replace("_", " ")
    return name if value is True else f"{name} {value_text(value)}"


def value_text(value: object) -> str:
    """A parameter; a long list by its ends."""
    if isinstance(value, list | tuple):
        ends = [value_text(one) for one in (value if len(value) <= 4 else (value[0], value[-1]))]
        return " ".join(ends) if len(value) <= 4 else f"{ends[0]} to {ends[1]} in {len(value)} steps"
    return f"{value:g}" if isinstance(value, float) else str(value)


def codes_sentence(name: str, used: dict, outline: Outline) -> str:
    """A representation: how its dictionary came about, and its codes."""
    dictionary = outline.config["dictionaries"][used["dictionary"]]
    inference = outline.config["inference"][used["inference"]]
    solver = with_settings(inference["solver"], inference["params"], SOLVED_BY.get(inference["solver"]))
    control = ", a control" if used["role"] == "control" else ""
    if dictionary["source"] is not None:
        return f"The codes {name}{control}: of an imported dictionary, inferred by {solver}."
    settings = {"atoms": dictionary["atoms"], **dictionary["params"], "seed": dictionary["seed"]}
    method = with_settings(dictionary["method"], settings, LEARNED_BY.get(dictionary["method"]))
    made = "with" if outline.is_control(used["dictionary"]) else "learned on training stimuli by"
    return f"The codes {name}{control}: of dictionaries {made} {method}, inferred by {solver}."


def with_settings(name: str, settings: dict, key: str | None) -> str:
    shown = ", ".join(setting(key, value) for key, value in settings.items())
    return f"{name}{f' ({shown})' if shown else ''}{f' [{key}]' if key else ''}"


def cited(text: str) -> list[str]:
    """Keys in square brackets, in the order of the text."""
    groups = re.findall(r"\[([a-z0-9; ]+)\]", text)
    return list(dict.fromkeys(key for group in groups for key in group.split("; ")))


def bibliography(keys: list[str]) -> str:
    """BibTeX of these keys."""
    lines = (files("thresh.report") / "assets" / "references.bib").read_text(encoding="utf-8").splitlines()
    entries = {re.match(r"@\w+\{(\w+),", line)[1]: line for line in lines if line}
    return "\n".join(re.sub(r", (\w+ = \{)", r",\n  \1", entries[key][:-1]) + "\n}" for key in keys)
