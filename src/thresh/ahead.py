"""The next item of a sequence is made in a thread while one is used."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
NOTHING = object()


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, in order; an error in making one is raised when it is due."""
    source = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, source, NOTHING)
        while (item := coming.result()) is not NOTHING:
            coming = thread.submit(next, source, NOTHING)
            yield item
            del item  # else it would be held while the next is waited for
