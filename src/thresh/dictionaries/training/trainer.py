"""One pass over the rows for all dictionaries of a layer: each block is read and moved to the device once."""

from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
import torch
from torch import Tensor

from thresh.ahead import ahead
from thresh.bar import Bar
from thresh.dictionaries.inputs import Transform, transform_of
from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.learner import Start
from thresh.dictionaries.moments import Moments, moments
from thresh.dictionaries.rows import Rows
from thresh.dictionaries.training.checkpoint import Rhythm, drop_checkpoint, read_checkpoint
from thresh.dictionaries.training.job import Job, Learned
from thresh.dictionaries.training.ranks import rank_and_size
from thresh.dictionaries.training.trainee import Trainee, Watch
from thresh.errors import DictionaryError
from thresh.freed_memory import keep_freed_memory

BLOCK_ROWS = 8192  # read and moved at once; batches are cut from blocks on the device
SAMPLE_ROWS = 65536  # from which runs take their first state


def train(
    jobs: list[Job],
    rows: Rows,
    *,
    order: int = 0,
    rhythm: Rhythm | None = None,
    log: Callable[[str], None] | None = None,
    watch: Watch | None = None,
    finished: Callable[[Job, Learned], None],
) -> None:
    """Learn dictionaries from rows, all in one pass an epoch.

    Each is learned from its own batches of one common order of the rows, with its own random numbers: it does not
    depend on the others. Dictionaries that are alike share their steps (stacked matrices).

    Under torchrun, processes share the rows of methods that can sum over them, and the first learns the rest alone.

    Parameters
    ----------
    order
        Seed of the order of the rows.
    rhythm
        When checkpoints are written; None for never.
    watch
        Called with a job and all points of its curve so far, whenever one was added, and when a checkpoint was read.
    finished
        Called with each dictionary as soon as it is learned; its checkpoint goes after that.

    Raises
    ------
    DictionaryError
        Values are not finite or all rows are zero; or the loss of some dictionaries was lost, or the method of some
        refuses the rows: it names these, after the others were learned.
    """
    keep_freed_memory()
    rank, size = rank_and_size()
    log, watch = (log, watch) if rank == 0 else (None, None)
    # A place in another stream of rows is none in this one.
    read = {"rows": rows.shape[0], "units": rows.shape[1], "order": order, "processes": size}
    states = {job.label: read_checkpoint(job.folder, job.spec, read) for job in jobs if job.folder is not None}
    whiten = any(job.normalise == "whiten" for job in jobs)
    raw = known_moments(states, whiten) or moments(rows, covariance=whiten)
    transforms = {job.normalise: transform_of(job.normalise, raw) for job in jobs}
    sample = first_rows(rows, order)
    lost: list[str] = []
    for together in (True, False):
        chosen = [job for job in jobs if (size == 1 or job.learner.sums_over_ranks) == together]
        if chosen and (together or rank == 0):
            common = {"moments": kept_moments(raw), "stream": read}
            trainees, refused = begin(chosen, states, common, sample, rows, raw, transforms, log, watch)
            lost += refused
            stream = Stream(rows, order, chosen[0].learner.device, *((rank, size) if together else (0, 1)))

            def hand_over(job: Job, learned: Dictionary, curve: list[dict]) -> None:
                if rank == 0:
                    finished(job, Learned(learned.folded(transforms[job.normalise]), curve, raw))
                    if job.folder is not None:
                        drop_checkpoint(job.folder)

            lost += pass_by_pass(trainees, stream, transforms, rhythm if rank == 0 else None, log, hand_over)
    if lost:
        raise DictionaryError("\n".join(lost))


def known_moments(states: dict[str, dict | None], covariance: bool) -> Moments | None:
    """Moments that stand in a checkpoint, so that a job which goes on need not read all rows for them."""
    for state in states.values():
        if state is not None and not (covariance and state["moments"]["covariance"] is None):
            kept = {name: None if value is None else value.numpy() for name, value in state["moments"].items()}
            return Moments(kept["mean"], float(kept["energy"]), kept["covariance"])
    return None


def kept_moments(raw: Moments) -> dict[str, Tensor | None]:
    covariance = None if raw.covariance is None else torch.from_numpy(raw.covariance)
    return {
        "mean": torch.from_numpy(raw.mean),
        "energy": torch.tensor(raw.energy, dtype=torch.float64),
        "covariance": covariance,
    }


def first_rows(rows: Rows, order: int) -> np.ndarray:
    """The first rows of the first epoch, as many as the runs look at before they begin."""
    return next(rows.batches(min(SAMPLE_ROWS, rows.shape[0]), order, 0))


def begin(
    jobs: list[Job],
    states: dict[str, dict | None],
    common: dict[str, dict],
    sample: np.ndarray,
    rows: Rows,
    raw: Moments,
    transforms: dict[str, Transform],
    log: Callable[[str], None] | None,
    watch: Watch | None,
) -> tuple[list[Trainee], list[str]]:
    """Runs of jobs that are alike, and that stand at the same step; and what is to be said of rows that are refused."""
    number = count()
    found: dict[tuple, list[Job]] = {}
    for job in jobs:
        learner, state = job.learner, states.get(job.label) or {"epoch": 0, "step": 0}
        alike = learner.alike() if learner.alike() is not None else next(number)
        shape = (type(learner), alike, learner.atoms, learner.batch_size, learner.epochs, job.normalise)
        found.setdefault((*shape, state["epoch"], state["step"]), []).append(job)
    trainees, refused = [], []
    for group in found.values():
        seen = transforms[group[0].normalise]
        shown = seen(torch.from_numpy(sample).to(group[0].learner.device))
        start = Start(shown, seen.moments(raw), rows.shape[0], numbered=hasattr(rows, "numbers"))
        try:
            trainees.append(Trainee(group, start, [states.get(job.label) for job in group], common, log, watch))
        except DictionaryError as error:
            refused += [f"{job.label}: {error}" for job in group]
    return trainees, refused


class Stream:
    """Blocks of rows on the device, epoch after epoch."""

    def __init__(self, rows: Rows, order: int, device: torch.device, part: int, parts: int):
        self.rows, self.order, self.device, self.part, self.parts = rows, order, device, part, parts

    def blocks(self, epoch: int, first_row: int) -> Iterator[tuple[int, Tensor]]:
        """First row and rows of each block, from the block on that has `first_row`."""
        first = first_row // BLOCK_ROWS
        blocks = self.rows.batches(BLOCK_ROWS, self.order, epoch, first, self.part, self.parts)
        moved = ahead(self.moved(block) for block in blocks)
        return ((number * BLOCK_ROWS, block) for number, block in enumerate(moved, first))

    def numbers(self, epoch: int) -> Tensor:
        """Numbers of all rows in the order of the blocks: 8 bytes a row."""
        return torch.from_numpy(self.rows.numbers(self.order, epoch, self.part, self.parts)).to(self.device)

    def moved(self, block: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(block)
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)


def pass_by_pass(
    trainees: list[Trainee],
    stream: Stream,
    transforms: dict[str, Transform],
    rhythm: Rhythm | None,
    log: Callable[[str], None] | None,
    hand_over: Callable[[Job, Dictionary, list[dict]], None],
) -> list[str]:
    """Let all of them take their epochs; returns what is to be said of those that were lost.

    A dictionary that went on from a later checkpoint than another waits until the stream has come to its place.
    """
    lost = []
    rows = stream.rows.shape[0] // stream.parts
    ahead_of_all = max((each.epochs * rows for each in trainees), default=0) - min(
        (each.epoch * rows + each.taken for each in trainees), default=0
    )
    with Bar(total=ahead_of_all, desc="dictionaries", unit="rows", disable=log is None) as bar:
        while trainees:
            for each in [each for each in trainees if each.over]:
                trainees.remove(each)
                lost += each.lost.values()
                for result in each.results():
                    hand_over(*result)
            epoch = min((each.epoch for each in trainees), default=None)
            present = [each for each in trainees if each.epoch == epoch]
            if not present:
                break
            numbers = stream.numbers(epoch) if any(each.run.wants_numbers for each in present) else None
            for each in present:
                each.begin_epoch(numbers)
            for first, block in stream.blocks(epoch, min(each.taken for each in present)):
                seen = {name: transforms[name](block) for name in {each.normalise for each in present}}
                steps = max(each.steps for each in present)
                for each in present:
                    each.feed(first, seen[each.normalise])
                bar.update(len(block))
                if rhythm is not None and rhythm.due(max(each.steps for each in present) - steps):
                    for each in trainees:
                        each.save()
            for each in present:
                each.end_epoch()
    return lost
