"""A run with its place in the stream of rows: it cuts its own batches, counts, and keeps checkpoints."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.learner import Start
from thresh.dictionaries.training.checkpoint import write_checkpoint
from thresh.dictionaries.training.curves import POINTS, Curves
from thresh.dictionaries.training.job import Job
from thresh.dictionaries.training.ranks import rank_and_size
from thresh.errors import DictionaryError

CHECK_EVERY = 50  # steps between two looks at the loss: each look waits for the device
LOG_LINES = 20  # of a dictionary in a log, about

Watch = Callable[[Job, list[dict]], None]


class Trainee:
    """Dictionaries that are learned as one run.

    Parameters
    ----------
    jobs
        Whose learners are alike.
    states
        What `save` wrote of each, all at the same step; None for a new beginning.
    common
        Goes into every checkpoint beside the state.

    Attributes
    ----------
    epoch, step
        Epochs that are done, and batches of the present one.
    lost : dict of str
        By place in the run, what is to be said of a dictionary whose loss is no number any more, or whose method
        refuses the rows.
    """

    def __init__(
        self,
        jobs: list[Job],
        start: Start,
        states: list[dict | None],
        common: dict[str, Any],
        log: Callable[[str], None] | None,
        watch: Watch | None,
    ):
        self.jobs, self.common, self.log, self.watch = jobs, common, log, watch
        learner = jobs[0].learner
        self.run = learner.begin([job.learner for job in jobs], start)
        self.parts = rank_and_size()[1] if learner.sums_over_ranks else 1
        self.batch_size, self.normalise = math.ceil(learner.rows_of_step(start.rows) / self.parts), jobs[0].normalise
        # No part is smaller. What a larger one has beyond that is left out of the epoch: batches of all processes have
        # the same size, so that the mean of their gradients is that of the whole batch.
        self.rows = start.rows // self.parts
        self.batches = math.ceil(self.rows / self.batch_size)
        self.epochs = learner.passes(start.rows)
        shape, variance = (len(jobs), learner.atoms), start.moments.variance
        steps, rows = self.epochs * self.batches, self.rows * self.parts
        self.curves = Curves(shape, steps, rows, variance, learner.device)
        self.epoch = self.step = 0
        self.carried: Tensor | None = None
        self.numbers: Tensor | None = None
        self.lost: dict[int, str] = {}
        for member, state in enumerate(states):
            if state is not None:
                self.restore(member, state)

    @property
    def steps(self) -> int:
        """Steps taken in all."""
        return self.epoch * self.batches + self.step

    @property
    def taken(self) -> int:
        """Rows of the present epoch that went into batches."""
        return self.step * self.batch_size

    @property
    def over(self) -> bool:
        return self.epoch >= self.epochs or len(self.lost) == len(self.jobs)

    def begin_epoch(self, numbers: Tensor | None) -> None:
        """Numbers of all rows of the epoch in their order, where the run wants them."""
        self.numbers = numbers if self.run.wants_numbers else None

    def feed(self, begin: int, rows: Tensor) -> None:
        """Take rows of the present epoch, of which the first is number `begin`; those already taken are passed over."""
        carried = 0 if self.carried is None else len(self.carried)
        rows = rows[self.taken + carried - begin :] if self.taken + carried > begin else rows
        if self.carried is not None:
            missing = self.batch_size - carried
            self.carried, rows = torch.cat([self.carried, rows[:missing]]), rows[missing:]
            if len(self.carried) < self.batch_size:
                return
            self.learn(self.carried)
        whole = len(rows) // self.batch_size * self.batch_size
        for first in range(0, whole, self.batch_size):
            self.learn(rows[first : first + self.batch_size])
        self.carried = rows[whole:].clone() if whole < len(rows) else None

    def end_epoch(self) -> None:
        if self.carried is not None:
            self.learn(self.carried)
            self.carried = None
        if len(self.lost) < len(self.jobs):
            self.run.end_epoch()
        self.epoch, self.step = self.epoch + 1, 0
        if self.over:
            self.check()

    def learn(self, batch: Tensor) -> None:
        batch = batch[: self.rows - self.taken]
        if len(batch) == 0 or self.over:
            return
        if self.numbers is not None:
            self.run.numbers = self.numbers[self.taken : self.taken + len(batch)]
        try:
            found = self.run.step(batch, self.steps / (self.epochs * self.batches))
        except DictionaryError as error:
            self.lost = {member: f"{job.label}: {error}" for member, job in enumerate(self.jobs)}
            return
        self.step += 1
        complete = self.curves.add(found, len(batch) * self.parts)
        if complete or self.curves.step % CHECK_EVERY == 0:
            self.check()
        if complete:
            self.tell()

    def check(self) -> None:
        for member, finite in enumerate(self.curves.finite()):
            if not finite and member not in self.lost:
                self.lost[member] = (
                    f"{self.jobs[member].label}: the loss is not finite at step {self.steps}; lower the learning rate "
                    "or check the input."
                )

    def tell(self) -> None:
        """Hand the curves on, and a line now and then to the log."""
        for member, job in enumerate(self.jobs):
            points = self.curves.points[member]
            if self.watch is not None:
                self.watch(job, points)
            last = self.curves.step == self.curves.steps
            if self.log is not None and (last or len(points) % (POINTS // LOG_LINES) == 0):
                point = points[-1]
                self.log(
                    f"{job.label}: epoch {point['epoch']:.4g}/{self.epochs}, loss {point['loss']:.4g}, explained "
                    f"variance {point['explained_variance']:.4f}, l0 {point['l0']:.2f}, dead {point['dead']:.3f}"
                )

    def results(self) -> list[tuple[Job, Any, list[dict]]]:
        """Job, dictionary for rows as the run saw them, and curve, of those that were not lost."""
        kept = [member for member in range(len(self.jobs)) if member not in self.lost]
        learned = self.run.dictionaries() if kept else []
        return [(self.jobs[member], learned[member], self.curves.points[member]) for member in kept]

    def save(self) -> None:
        """Write a checkpoint of each dictionary that is not lost."""
        # What is lost is noted by `check`, which all processes call at the same steps; this the first calls alone.
        for member, (job, finite) in enumerate(zip(self.jobs, self.curves.finite(), strict=True)):
            if job.folder is not None and finite and member not in self.lost:
                state = {"run": self.run.state(member), "curve": self.curves.state(member)}
                place = {"epoch": self.epoch, "step": self.step}
                write_checkpoint(job.folder, {"spec": job.spec} | place | self.common | state)

    def restore(self, member: int, state: dict) -> None:
        self.epoch, self.step = state["epoch"], state["step"]
        self.run.restore(member, state["run"])
        self.curves.restore(member, state["curve"])
        if self.watch is not None:
            self.watch(self.jobs[member], self.curves.points[member])
