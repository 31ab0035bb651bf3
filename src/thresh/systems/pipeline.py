"""Work beside the main thread: the next batch is made ahead, the last one is stored behind."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
NOTHING = object()


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, the next one being made in a thread while one is used."""
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, source, NOTHING)
        while (item := coming.result()) is not NOTHING:
            coming = thread.submit(next, source, NOTHING)
            yield item


class Behind:
    """A thread that does what it is given, in order, with at most `waiting` calls begun and not done.

    An error of a call is raised by a later `submit`, or at the end of the block.
    """

    def __init__(self, waiting: int = 2):
        self.waiting = waiting
        self.calls: deque[Future] = deque()
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="behind")

    def __enter__(self) -> "Behind":
        return self

    def submit(self, call: Callable, *arguments) -> None:
        """Do a call later; waits while too many are not done."""
        while len(self.calls) >= self.waiting:
            self.calls.popleft().result()
        self.calls.append(self.thread.submit(call, *arguments))

    def __exit__(self, kind, error, traceback) -> None:
        # After an error the calls that have not begun are dropped: their results would come too late.
        self.thread.shutdown(wait=True, cancel_futures=error is not None)
        if error is None:
            for call in self.calls:
                call.result()
