"""What comparisons of networks and recordings show, in sentences that follow the numbers."""

import pandas as pd

from thresh.report.data import in_order, towards
from thresh.report.outline import Outline
from thresh.report.words import NOTABLE, Sentence, inside, interval_text, metric_label, number

LAYERS = ["a_system", "a_layer", "b_system", "b_layer"]


def comparison_sentences(scores: pd.DataFrame, comparison: str, outline: Outline) -> list[Sentence]:
    """What one comparison of systems shows: averages over layers, matched atoms, who predicts a recording."""
    mine = scores[scores["comparison"] == comparison]
    recordings = [name for name in outline.systems_of(comparison) if outline.is_recording(name)]
    found = [prediction_sentence(mine, name, outline) for name in recordings]
    others = mine[~mine["a_system"].isin(recordings) & ~mine["b_system"].isin(recordings)]
    found += [average_sentence(others), untrained_sentence(others, outline), atoms_sentence(others)]
    return [sentence for sentence in found if sentence is not None]


def by_layers(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean score over directions: a row for each pair of layers, a column for each representation, in their order."""
    mine = scores[scores["metric"] == metric].dropna(subset=["score"])
    table = mine.pivot_table("score", LAYERS, "representation", sort=False)
    return table[[name for name in in_order(scores) if name in table]]


def average_sentence(scores: pd.DataFrame) -> Sentence | None:
    """Raw scores and all others, each beside raw where it was not computed on every pair of layers."""
    metric = next((one for one in ("linear_cka_debiased", "linear_cka", "rsa") if (scores["metric"] == one).any()), "")
    table = by_layers(scores, metric)
    if "raw" not in table:
        return None
    told = []
    for name in table.columns.drop("raw"):
        both = table[["raw", name]].dropna()
        some = f" on {len(both)} of them, where raw is {number(both['raw'].mean())}" if len(both) < len(table) else ""
        told.append(f"; {name} {number(both[name].mean())}{some}")
    claim = f"Raw {inside(metric_label(metric))} is {number(table['raw'].mean())}"
    if len(table) == 1:
        return Sentence(claim, f"For the one pair of layers{''.join(told)}.")
    return Sentence(f"{claim} on average", f"Over {len(table)} pairs of layers{''.join(told)}.")


def untrained_sentence(scores: pd.DataFrame, outline: Outline) -> Sentence | None:
    """Trained networks with each other against trained ones with untrained ones."""
    metric = "linear_cka_debiased" if (scores["metric"] == "linear_cka_debiased").any() else "linear_cka"
    raw = scores[(scores["metric"] == metric) & (scores["representation"] == "raw")].dropna(subset=["score"])
    raw = raw[raw["a_system"].isin(outline.networks) & raw["b_system"].isin(outline.networks)]
    raw = raw[raw["a_system"] != raw["b_system"]]  # layers of one network agree for another reason
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
    """Atoms matched one to one: each learned dictionary against the control on the same pairs of layers."""
    table = by_layers(scores, "one_to_one_matching")
    roles = scores.drop_duplicates("representation").set_index("representation")["role"]
    control = next((name for name in table if roles[name] == "control"), None)
    codes = [name for name in table if roles[name] == "codes"]
    if control is None or not codes:
        return None
    shared = {name: table[[name, control]].dropna() for name in codes}
    shared = {name: both for name, both in shared.items() if len(both)}
    if not shared:
        return None
    gaps = {name: (both[name] - both[control]).mean() for name, both in shared.items()}
    told = [
        f"{name} {number(both[name].mean())} against {number(both[control].mean())} of {control}, on {len(both)}"
        f" {'pair' if len(both) == 1 else 'pairs'} of layers"
        for name, both in shared.items()
    ]
    claims = [f"{name} {compared(gap)}" for name, gap in gaps.items()]
    return Sentence(
        f"Atoms matched one to one, against those of the control: {', '.join(claims)}",
        f"Mean correlation of matched atoms on held-out stimuli: {'; '.join(told)}.",
    )


def compared(gap: float) -> str:
    return "better" if gap > NOTABLE else "worse" if gap < -NOTABLE else "no different"


def worth(best: pd.Series) -> str:
    """The interval of the best of several scores, and its p-value across all of them, where they were computed."""
    spread, p = interval_text(best["low"], best["high"]), number(best["p_layers"])
    told = [f"the interval of the best is {spread}"] if spread else []
    told += [f"p across layers {p}"] if p else []
    return f"; {', '.join(told)}" if told else ", for which no interval was computed"


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
    # The best of several layers, on the scores that are shown: what a reader has to know before quoting it.
    relative = " over the noise ceiling" if best["ceiling"] > 0 else ""
    caution = f" Median held-out r{relative}; layer and codes were picked by these same scores{worth(best)}."
    place = f"{best['a_system']} {best['a_layer']}"
    target = outline.label(recording)
    if facing["b_layer"].nunique() > 1:
        target += f" {best['b_layer']}"
    return Sentence(
        f"{target} is predicted best by {place}, {number(best['score'])}",
        f"The same layer: {', '.join(told)}.{verdict}{caution}"
        if told
        else "From raw activations; no codes were compared.",
    )
