"""Progress of long work: a bar on a terminal, plain lines in a log."""

import io
import sys

from tqdm import tqdm

EVERY = 30.0  # seconds between two lines in a log
LINE = "{desc}: {n_fmt} of {total_fmt} {unit}, {elapsed} so far, {remaining} left"


class Bar(tqdm):
    """As tqdm; where no terminal looks on, a line each half minute, and none of work that is done sooner.

    Parameters
    ----------
    every
        Seconds between two lines in a log.
    """

    def __init__(self, *arguments, every: float = EVERY, **options):
        self.terminal = sys.stderr.isatty()
        self.lines = 0
        if not self.terminal:
            # What tqdm writes of its own, the end of a line that it never began, goes nowhere.
            options |= {"mininterval": every, "bar_format": LINE, "miniters": 1, "file": io.StringIO()}
        super().__init__(*arguments, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Show how far the work is."""
        if self.terminal:
            super().display(msg, pos)
        elif self.n and (self.n < (self.total or 0) or self.lines):
            self.lines += 1
            print(msg or str(self), file=sys.stderr, flush=True)
