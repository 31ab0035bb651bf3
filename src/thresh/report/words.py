"""Sentences that follow from the numbers: each claim is made where they bear it out, and its opposite where not."""

from dataclasses import dataclass
from math import isfinite

import pandas as pd

from thresh.alignment import METRICS
from thresh.report.data import towards
from thresh.report.outline import Outline
from thresh.report.planted import by_pair, cka_of, orders_rightly

# Differences of scores below this are not worth a claim.
NOTABLE = 0.02
# Codes count as right within this distance of the true overlap, theory within this distance of what is measured.
CLOSE = 0.05


@dataclass(frozen=True)
class Sentence:
    """A claim in a few words, and the numbers that it rests on."""

    claim: str
    numbers: str


def number(value: float | None, digits: int = 3) -> str:
    """A score as it is printed everywhere, '' where there is none."""
    if value is None or not isfinite(value):
        return ""
    return f"{value:.{digits}f}".replace("-", "−") if abs(value) >= 0.5 * 10**-digits else f"{0:.{digits}f}"


def metric_label(metric: str) -> str:
    return METRICS[metric].label if metric in METRICS else metric


def inside(label: str) -> str:
    """A metric's label in the middle of a sentence: 'Linear CKA, debiased' -> 'debiased linear CKA'; 'RSA' as it is."""
    if label.endswith(", debiased"):
        return "debiased " + inside(label.removesuffix(", debiased"))
    return label if label[:2].isupper() else label[0].lower() + label[1:]


def codes_named(name: str) -> str:
    """The codes of a representation at the beginning of a sentence: 'Learned codes'."""
    return f"{name[0].upper()}{name[1:]}{'' if name.endswith('codes') else ' codes'}"


def listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def planted_sentences(table: pd.DataFrame) -> list[Sentence]:
    """What planted pairs show: raw scores against the truth and theory, codes against the truth, the control."""
    if table.empty:
        return []
    metric = cka_of(table)
    truth = dict(zip(table["pair"], table["truth"], strict=True))
    shares = dict(zip(table["pair"], table["shares"], strict=True))
    found = [raw_sentence(table, metric, truth, shares), theory_sentence(table, metric)]
    codes = table.loc[table["role"] == "codes", "representation"].drop_duplicates()
    found += [codes_sentence(table, metric, name, truth) for name in codes]
    controls = table.loc[table["role"] == "control", "representation"].drop_duplicates()
    found += [control_sentence(table, name, codes) for name in controls]
    return [sentence for sentence in found if sentence is not None]


def raw_sentence(table: pd.DataFrame, metric: str, truth: dict, shares: dict) -> Sentence | None:
    raw = by_pair(table, metric, "raw")
    if not raw:
        return None
    name = inside(metric_label(metric))
    right = orders_rightly(raw, truth)
    if right is None:
        told = [f"{number(value)} for {pair}, true overlap {number(truth[pair])}" for pair, value in raw.items()]
        lowered = all(truth[pair] - value > CLOSE for pair, value in raw.items())
        claim = "falls short of the true overlap" if lowered else "does not fall short of the true overlap"
        return Sentence(f"Raw {name} {claim}", f"{'; '.join(told)}.")
    high, low = contrast(raw, truth, right)
    numbers = (
        f"The pair that shares {shares[high]} gets {number(raw[high])}, the pair that shares {shares[low]} gets"
        f" {number(raw[low])}; the true overlaps are {number(truth[high])} and {number(truth[low])}."
    )
    if right:
        return Sentence(f"Raw {name} puts the planted pairs in the order of their true overlap", numbers)
    return Sentence(f"Raw {name} puts the pair that shares more below the pair that shares less", numbers)


def contrast(values: dict, truth: dict, right: bool) -> tuple[str, str]:
    """The two pairs that show the order: the worst misordered ones, or those of largest and smallest overlap."""
    pairs = [(one, other) for one in values for other in values if truth[one] > truth[other]]
    by_gap = sorted(pairs, key=lambda pair: values[pair[0]] - values[pair[1]])
    return by_gap[-1] if right else by_gap[0]


def theory_sentence(table: pd.DataFrame, metric: str) -> Sentence | None:
    raw, expected = by_pair(table, metric, "raw"), by_pair(table, metric, "raw", "expected")
    both = [pair for pair in raw if pair in expected]
    if not both:
        return None
    told = listed([f"{number(raw[pair])} against {number(expected[pair])} predicted for {pair}" for pair in both])
    close = max(abs(raw[pair] - expected[pair]) for pair in both) <= CLOSE
    claim = (
        "Superposition theory predicts these raw values" if close else "These raw values are not what theory predicts"
    )
    return Sentence(claim, f"{told[0].upper()}{told[1:]}.")


def codes_sentence(table: pd.DataFrame, metric: str, name: str, truth: dict) -> Sentence | None:
    codes = by_pair(table, metric, name)
    if not codes:
        return None
    told = listed([f"{number(value)} for {pair} (true overlap {number(truth[pair])})" for pair, value in codes.items()])
    close = max(abs(value - truth[pair]) for pair, value in codes.items()) <= CLOSE
    right = orders_rightly(codes, truth)
    raw = by_pair(table, metric, "raw")
    was_right = orders_rightly({pair: raw[pair] for pair in codes if pair in raw}, truth)
    if right is None:
        claim = f"{codes_named(name)} {'reach' if close else 'miss'} the true overlap"
    elif right:
        order = "keep the order" if was_right else "restore the order"
        claim = (
            f"{codes_named(name)} {order}{' and reach the true overlap' if close else ', but miss the true overlap'}"
        )
    else:
        claim = f"{codes_named(name)} do not {'keep' if was_right else 'restore'} the order"
    return Sentence(claim, f"{told}.")


def control_sentence(table: pd.DataFrame, name: str, codes: pd.Series) -> Sentence | None:
    matched = by_pair(table, "matched_fraction", name)
    if not matched:
        return None
    told = "Matched fraction " + listed([f"{number(value)} for {pair}" for pair, value in matched.items()])
    if len(codes) and (learned := by_pair(table, "matched_fraction", codes.iloc[0])):
        reached = listed([number(value) for value in learned.values()])
        told += f", where {codes_named(codes.iloc[0]).lower()} reach {reached}"
    nothing = max(matched.values()) <= NOTABLE
    does = "match nothing" if nothing else "match too, by chance or by the dictionary"
    claim = f"{codes_named(name)}, the control, {does}"
    return Sentence(claim, f"{told}.")


def comparison_sentences(scores: pd.DataFrame, comparison: str, outline: Outline) -> list[Sentence]:
    """What one comparison of systems shows: averages over layers, matched atoms, who predicts a recording."""
    mine = scores[scores["comparison"] == comparison]
    recordings = [name for name in outline.systems_of(comparison) if outline.is_recording(name)]
    found = [prediction_sentence(mine, name, outline) for name in recordings]
    others = mine[~mine["a_system"].isin(recordings) & ~mine["b_system"].isin(recordings)]
    found += [average_sentence(others, outline), untrained_sentence(others, outline), atoms_sentence(others)]
    return [sentence for sentence in found if sentence is not None]


def means(scores: pd.DataFrame, metric: str) -> pd.Series:
    """Representation -> mean score of a metric over layers and directions, raw first, shuffled stimuli last."""
    mine = scores[scores["metric"] == metric].dropna(subset=["score"])
    return mine.groupby("representation", sort=False)["score"].mean()


def average_sentence(scores: pd.DataFrame, outline: Outline) -> Sentence | None:
    metric = next((one for one in ("linear_cka_debiased", "linear_cka", "rsa") if (scores["metric"] == one).any()), "")
    mean = means(scores, metric)
    if "raw" not in mean:
        return None
    layers = len(scores[["a_system", "a_layer", "b_system", "b_layer"]].drop_duplicates())
    systems = len(scores[["a_system", "b_system"]].drop_duplicates())
    told = "".join(f"; {name} {number(value)}" for name, value in mean.items() if name != "raw")
    claim = f"Raw {inside(metric_label(metric))} is {number(mean['raw'])}"
    if layers == 1:
        return Sentence(claim, f"For the one pair of layers{told}.")
    return Sentence(f"{claim} on average", f"Over {layers} pairs of layers of {systems} pairs of systems{told}.")


def untrained_sentence(scores: pd.DataFrame, outline: Outline) -> Sentence | None:
    """Trained networks with each other against trained ones with untrained ones."""
    metric = "linear_cka_debiased" if (scores["metric"] == "linear_cka_debiased").any() else "linear_cka"
    raw = scores[(scores["metric"] == metric) & (scores["representation"] == "raw")].dropna(subset=["score"])
    untrained = [sum(map(outline.is_untrained, pair)) for pair in zip(raw["a_system"], raw["b_system"], strict=True)]
    counts = pd.Series(untrained, index=raw.index, dtype=int)
    if not ((counts == 0).any() and (counts == 1).any()):
        return None
    trained, control = raw.loc[counts == 0, "score"].mean(), raw.loc[counts == 1, "score"].mean()
    verb = "more" if trained - control > NOTABLE else "less" if control - trained > NOTABLE else "no more"
    return Sentence(
        f"Trained networks agree {verb} with each other than with an untrained one",
        f"Raw {inside(metric_label(metric))} is {number(trained)} on average against {number(control)}.",
    )


def atoms_sentence(scores: pd.DataFrame) -> Sentence | None:
    """Atoms matched one to one: the best learned ones against the best of the controls."""
    mean = means(scores, "one_to_one_matching")
    roles = scores.drop_duplicates("representation").set_index("representation")["role"]
    codes, controls = (mean[[name for name in mean.index if roles[name] == role]] for role in ("codes", "control"))
    if codes.empty or controls.empty:
        return None
    gap = codes.max() - controls.max()
    verb = "better than" if gap > NOTABLE else "worse than" if gap < -NOTABLE else "no better than"
    told = [f"{name} {number(value)}" for name, value in codes.items()]
    against = [f"{name} {number(value)}" for name, value in controls.items()]
    return Sentence(
        f"Learned atoms match one to one {verb} those of the control",
        f"Mean correlation of matched atoms on held-out stimuli: {', '.join(told)}; control {', '.join(against)}.",
    )


def prediction_sentence(scores: pd.DataFrame, recording: str, outline: Outline) -> Sentence | None:
    """Which layer predicts a recording best, and what codes and controls of that layer do."""
    facing = towards(scores, recording)
    facing = facing[(facing["metric"] == "linear_predictivity") & (facing["direction"] == "a_to_b")]
    raw = facing[facing["representation"] == "raw"].dropna(subset=["score"])
    if raw.empty:
        return None
    best = raw.loc[raw["score"].idxmax()]
    same = facing[(facing["a_system"] == best["a_system"]) & (facing["a_layer"] == best["a_layer"])]
    same = same[same["b_layer"] == best["b_layer"]].dropna(subset=["score"])
    told = [
        f"{row['representation']} {number(row['score'])}"
        for _, row in same.iterrows()
        if row["representation"] != "raw"
    ]
    codes = same.loc[same["role"] == "codes", "score"]
    verdict = ""
    if len(codes):
        gap = codes.max() - best["score"]
        than = "better than" if gap > NOTABLE else "worse than" if gap < -NOTABLE else "about as well as"
        verdict = f" The best codes of this layer predict it {than} raw activations."
    place = f"{best['a_system']} {best['a_layer']}"
    return Sentence(
        f"{outline.label(recording)} is predicted best by {place}, r = {number(best['score'])}",
        f"The same layer: {', '.join(told)}.{verdict}" if told else "From raw activations; no codes were compared.",
    )
