"""Calls that wait for somebody else, several at once, and that can be walked away from.

The threads of ``concurrent.futures`` are waited for when the program ends: Ctrl-C or a terminated task would hang until
a silent server's time is up, tries and all.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_concurrently(work: Callable[[Item], Result], items: Sequence[Item], workers: int) -> list[Result]:
    """``work`` of every item, in order, at most ``workers`` at a time.

    The first error is raised at once, as is an interruption; what is under way then is left to itself, and nothing else
    is begun.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    finished: queue.SimpleQueue[tuple[int, Result | BaseException]] = queue.SimpleQueue()
    stop = threading.Event()
    for place in range(len(items)):
        waiting.put(place)

    def run() -> None:
        while not stop.is_set():
            try:
                place = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                finished.put((place, work(items[place])))
            except BaseException as error:  # noqa: BLE001  (raised by whoever waits)
                stop.set()
                finished.put((place, error))

    for number in range(min(workers, len(items))):
        threading.Thread(target=run, name=f"{work.__name__}-{number}", daemon=True).start()
    results: dict[int, Result] = {}
    try:
        while len(results) < len(items):
            place, found = finished.get()
            if isinstance(found, BaseException):
                raise found
            results[place] = found
    finally:
        stop.set()
    return [results[place] for place in range(len(items))]
