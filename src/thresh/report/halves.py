"""What halves the intervals of a comparison came from: those asked for, and stimuli where there are no subjects."""

import pandas as pd

NO_SUBJECTS = "no side has two subjects"


def halves_of(scores: pd.DataFrame) -> dict[str, int]:
    """Column `over` -> how many scores; without those that nothing was drawn for."""
    return scores.loc[scores["over"] != "", "over"].value_counts().to_dict()


def drawn_words(asked: str, halves: dict[str, int]) -> str:
    """'stimuli and of subjects': what was drawn for some score at least, or what is going to be."""
    return (asked if asked in halves or not halves else "stimuli").replace(" and ", " and of ")


def fallback_words(asked: str, halves: dict[str, int]) -> str:
    """For how many scores subjects were asked for in vain, '' where for none."""
    if "subjects" not in asked:
        return ""
    if not halves:
        return f"of stimuli alone where {NO_SUBJECTS}"
    fallen = sum(count for over, count in halves.items() if over != asked)
    if fallen == sum(halves.values()):
        return f"subjects were asked for, but {NO_SUBJECTS}"
    return f"of stimuli alone for {fallen} of {sum(halves.values())} scores, where {NO_SUBJECTS}" if fallen else ""
