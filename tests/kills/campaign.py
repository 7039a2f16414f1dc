"""Rounds of scans that are killed again and again, and compared with one that was left alone."""

import json
import multiprocessing
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from anyanomaly_core.config import Settings
from tests.kills import child, snapshot
from tests.kills.points import POINTS, Kill
from tests.kills.points import kill as send_kill
from tests.kills.stage import Database, Material, ModelServer

MOST_KILLS = {"scan": 12}  # of one step, before it is left alone
OTHERWISE = 1  # other steps are short, and so that kills are left for the scan
STEP_TIMEOUT_S = 900.0  # on a machine that others use as well
RANDOM = "at a random moment"
VICTIMS = {"worker": 6, "PostgreSQL": 3, "model server": 6}  # how often, where all can be killed


@dataclass
class Tally:
    """What a campaign did and found."""

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)  # (victim, point)
    rounds: int = 0
    rows: int = 0  # compared
    pairs: int = 0  # steps that two workers did at once
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    left_before_maintenance: int = 0
    failed_tries: Counter[str] = field(default_factory=Counter)  # tries that ended with an error of their own

    @property
    def kill_count(self) -> int:
        return self.kills.total()


@dataclass(frozen=True)
class Round:
    """One database and one set of folders."""

    folder: Path
    database: str
    profile: str

    @property
    def parquet(self) -> Path:
        return self.folder / "parquet"

    @property
    def state(self) -> Path:
        return self.folder / "state"


class Campaign:
    """Runs the pipeline's steps as processes, kills them, and lets them be tried again as Airflow does."""

    def __init__(
        self, folder: Path, material: Material, database: Database, server: ModelServer | None, *, seed: int
    ) -> None:
        self._folder, self._material, self._database, self._server = folder, material, database, server
        self._draw = random.Random(seed)  # noqa: S311  (protects nothing)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.kills.child"])
        os.environ["ANYANOMALY_KILLS_PROFILE"] = str(material.profiles["tiny"])  # loaded once, before all tries
        forkserver.ensure_running()
        del os.environ["ANYANOMALY_KILLS_PROFILE"]
        self._numbers = 0
        self._revived: Counter[str] = Counter()
        self._expected: dict[str, snapshot.Snapshot] = {}
        self._ingested: dict[str, str] = {}  # profile -> database with footage and rules, nothing scored
        self._counts: dict[tuple[str, str, str], Counter[str]] = {}  # (profile, step, of what) -> how often at a point
        self._seconds: dict[tuple[str, str, str], float] = {}
        self.tally = Tally()

    def undisturbed(self, profile: str) -> snapshot.Snapshot:
        """The run that all others of this profile must equal."""
        if profile not in self._expected:
            here = self._open(profile)
            self._ingest(here, self._calm)
            self._ingested[profile] = self._database.fresh(here.database)
            self._scan(here, self._calm)
            self._expected[profile] = self._snapshot(here)
            assert not snapshot.orphans(here.parquet, here.state)
            self._close(here)
        return self._expected[profile]

    def disturbed(self, profile: str, most_kills: int, maintain: Callable[[Settings], None]) -> None:
        """One round with up to ``most_kills`` kills, compared with the undisturbed one afterwards.

        Every third round begins with the ingest, the others with its result.
        """
        expected = self.undisturbed(profile)
        until = self.tally.kill_count + most_kills

        def harassed(here: Round, step: str, given: Any) -> Any:  # noqa: ANN401
            return self._harassed(here, step, given, until)

        if self.tally.rounds % 3 == 2:
            here = self._open(profile)
            self._ingest(here, harassed)
        else:
            here = self._open(profile, self._ingested[profile])
        self._scan(here, harassed)
        self.tally.left_before_maintenance += len(snapshot.orphans(here.parquet, here.state))
        maintain(
            Settings(
                archive_root=str(self._material.archive),
                database_url=SecretStr(self._database.server.url(here.database, "scanner")),
                parquet_root=here.parquet,
                state_dir=here.state,
            )
        )
        found = self._snapshot(here)
        difference = snapshot.compare(expected, found)
        self.tally.lost += difference.lost
        self.tally.doubled += difference.doubled
        self.tally.orphans += snapshot.orphans(here.parquet, here.state)
        self.tally.rounds += 1
        self.tally.rows += found.row_count
        self._close(here)

    def _ingest(self, here: Round, do: Callable[[Round, str, Any], Any]) -> None:
        for chunk in do(here, "discover", None):
            do(here, "register", chunk)
        do(here, "apply", str(self._material.rules))

    def _scan(self, here: Round, do: Callable[[Round, str, Any], Any]) -> None:
        for night in range(5):
            units = do(here, "plan", f"night {night}")
            for unit in units:
                do(here, "scan", unit)
            if not units:
                return
        raise AssertionError("something is still missing after five nights")

    def _calm(self, here: Round, step: str, given: Any) -> Any:  # noqa: ANN401
        began = time.monotonic()
        process, result = self._start(here, step, given, None)
        self._wait([process])
        assert process.exitcode == 0, result.with_suffix(".log").read_text()
        said = json.loads(result.read_text())
        for key in {(here.profile, step, _name(given)), (here.profile, step, "")}:  # "" for work cut otherwise later
            self._counts[key] = max(self._counts.get(key, Counter()), Counter(said["counts"]), key=Counter.total)
            self._seconds[key] = max(self._seconds.get(key, 0.0), time.monotonic() - began)
        return said["returned"]

    def _key(self, here: Round, step: str, given: Any) -> tuple[str, str, str]:  # noqa: ANN401
        key = here.profile, step, _name(given)
        return key if key in self._counts else (*key[:2], "")

    def _harassed(self, here: Round, step: str, given: Any, until: int) -> Any:  # noqa: ANN401
        """Try a step until a try ends well; tries are killed as long as kills are left."""
        most = MOST_KILLS.get(step, OTHERWISE)
        for turn in range(most + 5):
            killing = self.tally.kill_count < until and turn < most
            killing &= step == "scan" or self._draw.random() < 0.3
            together = step == "scan" and self._draw.random() < 0.1  # two workers get the same unit at once
            victim = self._choose_victim(here, step) if killing else None
            key = self._key(here, step, given)
            plan = self._choose_kill(self._counts[key], victim, turn) if victim else None
            started = [self._start(here, step, given, plan)]
            started += [self._start(here, step, given, None)] if together else []
            self.tally.pairs += together
            processes = [process for process, _ in started]
            delay = self._draw.uniform(0, 0.8 * self._seconds[key]) if victim and plan is None else None
            self._wait(processes, (delay, self._pids(victim, processes[0])) if victim and delay is not None else None)
            self._note(victim, plan, [p.exitcode for p in processes], step, delayed=delay is not None)
            good = [result for process, result in started if process.exitcode == 0]
            if good:
                return json.loads(good[0].read_text())["returned"]
        raise AssertionError(f"{step} does not end well: {started[0][1].with_suffix('.log').read_text()[-3000:]}")

    def _note(
        self, victim: str | None, plan: Kill | None, codes: list[int | None], step: str, *, delayed: bool
    ) -> None:
        died = codes[0] == -9 if victim == "worker" else bool(victim and self._revived[victim])
        if victim and died:
            point = RANDOM if delayed or plan is None else plan.point
            self.tally.kills[victim, f"{step}: {point}"] += 1
        if any(code not in (0, -9) for code in codes):
            self.tally.failed_tries[f"{step} after the {victim} was killed" if victim else f"{step}, left alone"] += 1

    def _choose_victim(self, here: Round, step: str) -> str:
        able = ["worker", "PostgreSQL"]
        able += ["model server"] if here.profile == "served" and step == "scan" else []
        return self._draw.choices(able, [VICTIMS[name] for name in able])[0]

    def _choose_kill(self, counts: Counter[str], victim: str, tries: int) -> Kill | None:
        """A point that this work reaches, and which time; None: at a random moment.

        The more tries there were, the less is left to do, and the earlier it must be.
        """
        reachable = [point for point in POINTS if counts[point]]
        if victim == "model server":
            reachable = [point for point in reachable if "answer" in point]
        if not reachable or self._draw.random() < 0.25:
            return None
        point = self._draw.choice(reachable)
        victims = () if victim == "worker" else self._pids(victim, None)
        return Kill(point, self._draw.randint(1, max(1, counts[point] // (1 + tries))), victims)

    def _pids(self, victim: str, worker: ForkServerProcess | None) -> tuple[int, ...]:
        if victim == "PostgreSQL":
            return self._database.processes()
        if victim == "model server":
            return () if self._server is None else (self._server.pid,)
        assert worker is not None
        assert worker.pid is not None
        return (worker.pid,)

    def _start(self, here: Round, step: str, given: Any, plan: Kill | None) -> tuple[ForkServerProcess, Path]:  # noqa: ANN401
        self._numbers += 1
        result = here.folder / f"{self._numbers}.json"
        process = self._context.Process(target=child.run, args=(step, given, self._environment(here), plan, result))
        process.start()
        return process, result

    def _wait(self, processes: list[ForkServerProcess], later: tuple[float, tuple[int, ...]] | None = None) -> None:
        """Until all have ended; what was killed beside them is started again meanwhile."""
        self._revived.clear()
        began = time.monotonic()
        while any(process.is_alive() for process in processes):
            if later is not None and time.monotonic() - began > later[0]:
                send_kill(later[1])
                later = None
            self._revive()
            if time.monotonic() - began > STEP_TIMEOUT_S:
                send_kill([process.pid for process in processes if process.pid is not None])
                raise AssertionError(f"a step did not end within {STEP_TIMEOUT_S:.0f} s")
            time.sleep(0.01)
        self._revive()
        if self._server is not None:  # who was killed a moment ago may take another to die
            self._revived["model server"] += self._server.wait()

    def _revive(self) -> None:
        self._revived["PostgreSQL"] += self._database.revive()
        self._revived["model server"] += self._server is not None and self._server.revive()

    def _environment(self, here: Round) -> dict[str, str]:
        settings = {
            "ARCHIVE_ROOT": self._material.archive,
            "DATABASE_URL": self._database.server.url(here.database, "scanner"),
            "PARQUET_ROOT": here.parquet,
            "STATE_DIR": here.state,
            "PROFILE": self._material.profiles[here.profile],
            "LVLM_BASE_URL": "http://127.0.0.1:9/v1" if self._server is None else self._server.url,
            "DEVICE": "cpu",
            "UNIT_SECONDS": 1,  # each video is a unit of its own
        }
        return {"OMP_NUM_THREADS": "1"} | {f"ANYANOMALY_{key}": str(value) for key, value in settings.items()}

    def _open(self, profile: str, template: str = "anyanomaly") -> Round:
        database = self._database.fresh(template)
        here = Round(self._folder / database, database, profile)
        for folder in (here.parquet, here.state):
            folder.mkdir(parents=True)
        return here

    def _close(self, here: Round) -> None:
        self._database.drop(here.database)
        shutil.rmtree(here.folder)

    def _snapshot(self, here: Round) -> snapshot.Snapshot:
        engine = self._database.engine(here.database)
        found = snapshot.take(engine, here.parquet)
        engine.dispose()
        return found


def _name(given: Any) -> str:  # noqa: ANN401
    """Which piece of work this is, the same in every round."""
    return str(given["name"]) if isinstance(given, dict) else ""
