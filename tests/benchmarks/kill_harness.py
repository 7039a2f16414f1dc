"""Kill a scan at every point, again and again, and see whether anything is lost, doubled or left behind.

    .venv/bin/python -m tests.benchmarks.kill_harness --kills 200

Real steps of the pipeline run as processes against a real PostgreSQL, with real (tiny) models, one of them behind a
real HTTP server. SIGKILL goes to the worker, to all of PostgreSQL at once, or to the model server: at named points
(tests/kills/points.py), or at random moments; 10 % of the units are given to two workers at once. After each kill the
step is tried again, as Airflow does. Each round's database and Parquet files are compared, row by row and byte by
byte, with those of a run that was left alone. The exit status is 1 when anything differs.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.kills.campaign import Campaign, Tally
from tests.kills.maintain import maintain
from tests.kills.stage import Database, ModelServer, make_material, teach_model

PER_ROUND = 12


def main() -> None:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="printed, so that a run can be repeated")
    parser.add_argument("--minutes", type=float, default=1e9, help="no new round after so long")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="anyanomaly-kills-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        material = make_material(folder / "material")
        database = Database(folder / "postgres")
        server = ModelServer(teach_model(folder / "taught"))
        try:
            server.wait()
            campaign = Campaign(folder / "rounds", material, database, server, seed=options.seed)
            began = time.monotonic()
            while campaign.tally.kill_count < options.kills and time.monotonic() - began < options.minutes * 60:
                left = options.kills - campaign.tally.kill_count
                profile = "served" if campaign.tally.rounds % 2 else "tiny"
                campaign.disturbed(profile, min(PER_ROUND, left), maintain)
                print(_line(campaign.tally, time.monotonic() - began), flush=True)
        except KeyboardInterrupt:
            print("stopped; the round that was under way is not compared", flush=True)
        finally:
            server.stop()
            database.server.stop()
    _print(campaign.tally)
    sys.exit(bool(campaign.tally.lost or campaign.tally.doubled or campaign.tally.orphans))


def _line(tally: Tally, seconds: float) -> str:
    found = f"{len(tally.lost)} lost, {len(tally.doubled)} doubled, {len(tally.orphans)} orphans"
    return f"{seconds:5.0f} s  {tally.kill_count} kills in {tally.rounds} rounds: {found} in {tally.rows} rows"


def _print(tally: Tally) -> None:
    print("\nkills  victim        step and point")
    for (victim, point), count in sorted(tally.kills.items()):
        print(f"{count:5d}  {victim:12s}  {point}")
    print("\ntries that ended with an error of their own and were repeated:")
    for what, count in sorted(tally.failed_tries.items()):
        print(f"{count:5d}  {what}")
    print(f"\n{tally.pairs} units given to two workers at once")
    print(f"{tally.left_before_maintenance} files left behind by kills before the maintenance")
    for name in ("lost", "doubled", "orphans"):
        found = getattr(tally, name)
        print(f"{len(found)} {name}", *(f"\n   {item[:300]}" for item in found[:20]))


if __name__ == "__main__":
    main()
