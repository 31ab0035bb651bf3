"""Texts as a page shows them: the token that drives an atom most, and the words around it."""

import numpy as np
import pandas as pd

from thresh.stimuli import Stimuli
from thresh.store.codes import Codes

EXCERPT = 120  # characters


class DrivingTokens:
    """Where in a text an atom has its largest code.

    Parameters
    ----------
    codes
        Codes of a layer, a row a token.
    rows
        The table of those rows; texts whose tokens know no characters (`start`, `end`) have no such place.
    """

    def __init__(self, codes: Codes, rows: pd.DataFrame):
        self.codes = codes
        self.rows = rows

    def span(self, stimulus: int, atom: int) -> tuple[int, int] | None:
        """First character of the token, and the one after its last; None where it stands for none."""
        if "start" not in self.rows:
            return None
        own = np.flatnonzero(self.rows["stimulus"] == stimulus)
        codes = self.codes.read(int(own[0]), int(own[-1]) + 1)[:, [atom]].toarray()[own - own[0], 0]
        row = self.rows.iloc[own[codes.argmax()]]
        return (int(row["start"]), int(row["end"])) if row["start"] >= 0 else None


def passage(stimuli: Stimuli, index: int, span: tuple[int, int] | None = None) -> dict[str, str]:
    """What stands `before` a part of a text, the part that is `driving`, and what comes `after`, together an excerpt.

    Without a part it is the beginning of the text, of a stimulus that has none its id.
    """
    if "text" not in stimuli.modalities:
        return {"before": str(stimuli.ids[index]), "driving": "", "after": ""}
    (text,) = stimuli.texts([index])
    start, end = span or (0, 0)
    first = max(min(start - EXCERPT // 2, len(text) - EXCERPT), 0)
    last = max(first + EXCERPT, end)
    # Whole words at both ends, where there are any.
    first += text[first:start].find(" ") + 1 if first else 0
    last = text.rfind(" ", end, last) if last < len(text) and " " in text[end:last] else last
    return {
        "before": ("… " if first else "") + text[first:start],
        "driving": text[start:end],
        "after": text[end:last] + (" …" if last < len(text) else ""),
    }
