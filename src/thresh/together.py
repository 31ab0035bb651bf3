"""A stage whose work several processes do together, where torchrun starts them."""

import argparse
import os
from collections.abc import Callable
from functools import partial

from thresh.stages import run_stage


def run_together(stage: str, arguments: argparse.Namespace, work: Callable[..., dict[str, dict]]) -> None:
    """Run a stage that goes on from checkpoints, alone or as one of the processes that torchrun started.

    Parameters
    ----------
    work
        Called with the job and `device`, where this process computes.
    """
    if "WORLD_SIZE" not in os.environ:
        # Nothing slow is imported before it is known that there is work.
        run_stage(stage, arguments, partial(work, device=arguments.device), resumes=True)
        return
    from thresh.dictionaries.training.ranks import ranks

    with ranks(arguments.device) as group:
        device = group.device if group else arguments.device
        run_stage(stage, arguments, partial(work, device=device), resumes=True, group=group)
