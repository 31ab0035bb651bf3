"""What planted pairs show, in sentences: each claim is made where the numbers bear it out, its opposite where not."""

import pandas as pd

from thresh.report.planted import by_pair, cka_of, orders_rightly
from thresh.report.words import CLOSE, NOTABLE, Sentence, codes_named, inside, listed, metric_label, number


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
    gap = max(abs(value - truth[pair]) for pair, value in codes.items())
    reached = f"come within {CLOSE} of the true overlap" if gap <= CLOSE else f"miss the true overlap by {number(gap)}"
    raw = by_pair(table, metric, "raw")
    was_right = orders_rightly({pair: raw[pair] for pair in codes if pair in raw}, truth)
    right = orders_rightly(codes, truth)
    if right is None:
        claim = f"{codes_named(name)} {reached}"
    elif right:
        joined = "and" if gap <= CLOSE else "but"
        claim = f"{codes_named(name)} {'keep' if was_right else 'restore'} the order {joined} {reached}"
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
