"""Waiting for others side by side, and walking away."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from anyanomaly_core.models.concurrency import map_concurrently


def test_results_come_in_order_and_few_at_a_time() -> None:
    under_way, most, guard = 0, 0, threading.Lock()

    def square(number: int) -> int:
        nonlocal under_way, most
        with guard:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.002 * (7 - number % 7))
        with guard:
            under_way -= 1
        return number * number

    assert map_concurrently(square, range(40), 3) == [number * number for number in range(40)]
    assert most == 3
    assert map_concurrently(square, [], 3) == []


def test_the_first_error_ends_it() -> None:
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            raise ValueError("no")
        time.sleep(0.05)
        return number

    with pytest.raises(ValueError, match="no"):
        map_concurrently(work, range(1000), 2)
    seen = len(begun)
    time.sleep(0.2)
    assert len(begun) <= seen + 1 < 1000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_program_does_not_wait_for_a_silent_server(number: signal.Signals) -> None:
    code = """
import signal, sys, time
from anyanomaly_core.models.concurrency import map_concurrently
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs in the background
print("waiting", flush=True)
map_concurrently(lambda seconds: time.sleep(seconds), [300, 300], 2)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        assert program.stdout is not None
        program.stdout.readline()
        time.sleep(0.3)
        program.send_signal(number)
        assert program.wait(timeout=20) != 0
