"""Work behind the main thread: the last batch is stored while the next is computed."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

WAITING = 2  # batches that are computed and not stored yet, at most


class Behind:
    """A thread that does what it is given, in order, with at most `waiting` calls begun and not done.

    An error of a call is raised by a later `submit`, or at the end of the block; calls after it are not done.
    """

    def __init__(self, waiting: int = WAITING):
        self.waiting = waiting
        self.calls: deque[Future] = deque()
        self.failed = False
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="behind")

    def __enter__(self) -> "Behind":
        return self

    def submit(self, call: Callable, *arguments) -> None:
        """Do a call later; waits while too many are not done."""
        while len(self.calls) >= self.waiting:
            self.calls.popleft().result()
        self.calls.append(self.thread.submit(self.done, call, arguments))

    def done(self, call: Callable, arguments: tuple) -> None:
        """Do a call, unless one before it has failed."""
        if self.failed:
            return
        try:
            call(*arguments)
        except BaseException:
            self.failed = True
            raise

    def __exit__(self, kind, error, traceback) -> None:
        # After an error the calls that have not begun are dropped: their results would come too late.
        self.thread.shutdown(wait=True, cancel_futures=error is not None)
        if error is None:
            for call in self.calls:
                call.result()
