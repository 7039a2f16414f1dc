"""Run all tests: those that may run side by side first, then those with Airflow's real services, one after another.

Those of the way past one machine run in an environment of their own, which has Celery and S3 (``.ci/distributed.py``).

The last line adds both up, so that a reader of the end of a log sees everything.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

from distributed import make_environment

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / ".local" / "test-reports"
PHASES = {
    "unit and integration": ["tests/unit", "tests/integration"],
    "distributed": ["tests/distributed"],
    "end to end": ["tests/e2e"],
}


def main() -> None:
    """Run the phases; the exit status is 1 when a test failed, or a phase ran none or did not finish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", default="2", help="test processes of the first phase")
    workers = parser.parse_args().workers
    REPORTS.mkdir(parents=True, exist_ok=True)
    counts = dict.fromkeys(("passed", "failed", "skipped"), 0)
    finished = True
    for name, folders in PHASES.items():
        print(f"== {name} tests", flush=True)
        started = time.monotonic()
        report = REPORTS / f"{name.replace(' ', '-')}.xml"
        report.unlink(missing_ok=True)
        side_by_side = ["-n", workers, "--dist", "loadgroup"] if name == "unit and integration" else []
        command = [
            str(make_environment() if name == "distributed" else Path(sys.executable)),
            "-m",
            "pytest",
            "-q",
            "--durations=10",
            f"--junitxml={report}",
            *side_by_side,
            *folders,
        ]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        finished &= status == 0
        _count(report, counts)
        print(f"== {name} tests: {time.monotonic() - started:.0f} s", flush=True)
    print(", ".join(f"{number} {what}" for what, number in counts.items()), flush=True)
    sys.exit(0 if finished and counts["failed"] == 0 else 1)


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
