"""What is told of chance and intervals on the page of methods: what was computed, not what was asked for."""

import pandas as pd

from thresh.alignment.comparison_at_size import NO_STATISTICS
from thresh.report.halves import drawn_words, fallback_words, halves_of

UNEQUAL = (
    "Where stimuli have different numbers of rows, first rows alone change places, as many as keep most rows, of the"
    " stimuli that have so many; chance, p-values and calibrated scores are of these rows alone."
)


def at_size_sentences(scores: pd.DataFrame) -> list[str]:
    """What differs where responses were too many for memory."""
    from_stores = scores["detail"].str.contains(NO_STATISTICS, regex=False) if len(scores) else scores["detail"]
    if not from_stores.any():
        return []
    of = "All scores" if from_stores.all() else f"{int(from_stores.sum())} of {len(scores)} scores"
    return [
        f"{of} were computed from stores a block of stimuli at a time, with folds dealt in the order of the stores and"
        " one-to-one matches among the 32 best candidates of each atom; nothing was drawn for these."
    ]


def statistics_sentences(plan: dict, scores: pd.DataFrame) -> list[str]:
    """Chance and intervals: of the scores that have some, or before there are scores what is going to be.

    Parameters
    ----------
    plan
        `statistics` of the comparison.
    scores
        Of the comparison, all representations.
    """
    tested, with_interval = scores["p"].notna(), scores["low"].notna()
    found = []
    if plan["permutations"] and (tested.any() or scores.empty):
        found.append(of_chance(plan, some(tested, scores)))
        if (scores["rows"] != scores["stimuli"]).any():
            found.append(UNEQUAL)
    if plan["resamples"] and (with_interval.any() or scores.empty):
        found.append(of_intervals(plan, halves_of(scores), some(with_interval, scores)))
    return found


def some(known: pd.Series, scores: pd.DataFrame) -> str:
    """' for 3 of 8 scores', '' for all of them; those of shuffled stimuli and undefined ones do not count."""
    asked = scores["score"].notna() & (scores["role"] != "shuffled")
    return "" if (known | ~asked).all() else f" for {int((known & asked).sum())} of {int(asked.sum())} scores"


def of_chance(plan: dict, for_some: str) -> str:
    within = f" within values of {plan['blocks']}" if plan["blocks"] else ""
    return (
        f"Chance was estimated from {plan['permutations']} permutations of the stimuli{within}, the same for all"
        f" layers{for_some} [phipson2010]. Calibrated scores are 0 at the critical value of the permuted scores and 1"
        f" for identical systems, at a level of {1 - plan['level']:.2g} [groger2026]; p-values across layers count the"
        " largest permuted score of all layers [westfall1993]; q-values control false discoveries over all scores of"
        " the comparison [benjamini1995]."
    )


def of_intervals(plan: dict, halves: dict[str, int], for_some: str) -> str:
    apart = f", values of {plan['blocks']} kept together," if plan["blocks"] and plan["keep_blocks"] else ""
    fallback = fallback_words(plan["over"], halves)
    return (
        f"Intervals of {100 * plan['level']:.3g} % are Student's, with standard errors from {plan['resamples']} random"
        f" halves of {drawn_words(plan['over'], halves) + apart} drawn without replacement"
        f" [shao1989]{for_some}{f' ({fallback})' if fallback else ''}; of scores that are fitted to stimuli they are"
        " conservative."
    )
