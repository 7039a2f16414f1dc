"""A process without progress ends, whatever it hangs in; one with progress does not, however long it takes."""

import subprocess
import sys
import time

import pytest

WORK = """
import ctypes, time
from anyanomaly_core import watchdog
with watchdog.watchdog(1.0):
    for _ in range(20):
        time.sleep(0.1)
        watchdog.feed()
    print("twice the limit, with progress", flush=True)
    {then}
print("left", flush=True)
{after}
"""


@pytest.mark.parametrize("hang", ["time.sleep(60)", "ctypes.PyDLL(None).sleep(60)"], ids=["waits", "holds the lock"])
def test_a_process_that_hangs_is_ended_and_says_where(hang: str) -> None:
    began = time.monotonic()
    done = run(then=hang)
    assert (done.returncode, done.stdout) == (1, "twice the limit, with progress\n")
    assert "most recent call first" in done.stderr
    assert time.monotonic() - began < 30


def test_what_comes_after_the_watched_work_may_take_its_time() -> None:
    done = run(after="time.sleep(2); watchdog.feed(); time.sleep(1.5)")
    assert (done.returncode, done.stdout) == (0, "twice the limit, with progress\nleft\n")


def run(then: str = "", after: str = "") -> subprocess.CompletedProcess[str]:
    code = WORK.format(then=then or "pass", after=after)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
