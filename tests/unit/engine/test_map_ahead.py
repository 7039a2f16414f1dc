"""Work on several items at once, in order, and what happens to it when something breaks."""

import threading
from collections.abc import Iterator

import pytest

from anyanomaly_core.engine.batches import map_ahead


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_results_come_in_order(ahead: int) -> None:
    assert list(map_ahead(lambda n: n * n, range(7), ahead)) == [n * n for n in range(7)]


def test_the_next_is_worked_on_while_one_is_waited_for_and_no_more() -> None:
    begun, second = [], threading.Event()

    def work(item: int) -> list[int]:
        begun.append(item)
        if item == 0:
            assert second.wait(10)
        if item == 1:
            second.set()
        return list(begun)

    first, *_ = map_ahead(work, range(5), 1)
    assert first == [0, 1]


def test_what_came_before_a_broken_source_is_not_lost() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("cut off")

    got = []
    with pytest.raises(OSError, match="cut off"):
        got.extend(map_ahead(str, items(), 3))
    results = map_ahead(str, items(), 3)
    assert [next(results), next(results)] == ["1", "2"]
    with pytest.raises(OSError, match="cut off"):
        next(results)


def test_an_error_of_the_work_comes_in_its_place() -> None:
    results = map_ahead(lambda n: 12 // n, [3, 2, 0, 1], 2)
    assert [next(results), next(results)] == [4, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)
