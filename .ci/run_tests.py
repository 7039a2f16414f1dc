"""Run all tests: those of the rooms by several processes, and beside them those with real services, one after another.

Services wait now and then, for a scheduler's next round or a program's start; two cores are busy meanwhile.
Tests of the way past one machine run in an environment of their own, which has Celery and S3 (``.ci/distributed.py``).

The last line adds all up, so that a reader of the end of a log sees everything.
"""

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from xml.etree import ElementTree as ET

from distributed import make_environment

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / ".local" / "test-reports"
ROOMS, DISTRIBUTED, END_TO_END = "unit and integration", "distributed", "end to end"
FOLDERS = {
    ROOMS: ["tests/unit", "tests/integration"],
    DISTRIBUTED: ["tests/distributed"],
    END_TO_END: ["tests/e2e"],
}


def main() -> None:
    """Run the phases; the exit status is 1 when a test failed, or a phase ran none or did not finish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", default="2", help="test processes of the rooms' tests")
    workers = parser.parse_args().workers
    REPORTS.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(1) as beside:
        services = beside.submit(_run_services)
        finished = _run(ROOMS, Path(sys.executable), "-n", workers, "--dist", "loadgroup")
        print(f"== {END_TO_END} tests go on ...", flush=True)
        finished &= services.result()
    for name in (DISTRIBUTED, END_TO_END):
        print((REPORTS / f"{_file_name(name)}.log").read_text(encoding="utf-8", errors="replace"), flush=True)
    counts = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for name in FOLDERS:
        _count(REPORTS / f"{_file_name(name)}.xml", counts)
    print(", ".join(f"{number} {what}" for what, number in counts.items()), flush=True)
    sys.exit(0 if finished and counts["failed"] == 0 else 1)


def _run_services() -> bool:
    """The phases with real services; what they print is kept in files, so that two phases do not mix."""
    distributed = _run(DISTRIBUTED, make_environment(), log=True)
    return _run(END_TO_END, Path(sys.executable), log=True) and distributed


def _run(name: str, python: Path, *options: str, log: bool = False) -> bool:
    """Whether all tests of a phase passed."""
    report = REPORTS / f"{_file_name(name)}.xml"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    command = [str(python), "-m", "pytest", "-q", "--durations=10", f"--junitxml={report}", *options, *FOLDERS[name]]
    with report.with_suffix(".log").open("w", encoding="utf-8") if log else nullcontext(sys.stdout) as output:
        print(f"== {name} tests", file=output, flush=True)
        passed = subprocess.run(command, cwd=ROOT, check=False, stdout=output, stderr=output).returncode == 0
        print(f"== {name} tests: {time.monotonic() - started:.0f} s", file=output, flush=True)
    return passed


def _file_name(phase: str) -> str:
    return phase.replace(" ", "-")


def _count(report: Path, counts: dict[str, int]) -> None:
    """Add a report's tests; without a report the phase died, which its exit status says."""
    if not report.exists():
        return
    for suite in ET.parse(report).iter("testsuite"):  # noqa: S314 - written by pytest a moment ago
        tests, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        counts["passed"] += tests - skipped - failed
        counts["failed"] += failed
        counts["skipped"] += skipped


if __name__ == "__main__":
    main()
