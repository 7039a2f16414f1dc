"""Shut PostgreSQL down for a minute in the middle of a scan, and compare the result with an undisturbed one.

    .venv/bin/python -m tests.benchmarks.absence [--seconds 60]

Once while the model answers, and once between the rows of a unit and their commit. No unit is tried again: the scan
itself has to wait. The exit status is 1 when anything differs.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.kills.absence import MOMENTS, scan_through
from tests.kills.stage import Database, make_material


def main() -> None:
    """Measure both and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    wrong = False
    with tempfile.TemporaryDirectory(prefix="anyanomaly-absence-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        material, database = make_material(folder / "material"), Database(folder / "postgres")
        try:
            print("PostgreSQL was shut down     away(s)  scans(s)  waited  lost  doubled")
            for number, moment in enumerate(MOMENTS):
                began = time.monotonic()
                found = scan_through(database, material, folder / str(number), moment, seconds)
                lost, doubled = len(found.difference.lost), len(found.difference.doubled)
                took = time.monotonic() - began
                print(f"{moment:27s} {found.stopped_s:8.1f} {took:9.1f}  {found.waited!s:6s} {lost:5d} {doubled:8d}")
                wrong |= bool(lost or doubled or not found.waited)
        finally:
            database.server.stop()
    sys.exit(wrong)


if __name__ == "__main__":
    main()
