"""Where the time of a scan goes: ``python -m tests.benchmarks.bench_share [--segments 500] [--rules 4]``.

A video (`--footage`, else a rendered one) is scanned as Airflow does it: the unit that ``plan_units`` made, in a task
process, with a real database and Parquet. Model calls and waiting for the decoder are timed from outside; what is
left is ours: start of the process, cutting pictures, journal, kept embeddings, commit. The bar is 5 % of the wall time
for all that is neither decoding, encoding nor answering, in a scan of ten minutes or more. Beside it the same by
processor time (of this process and the decoder), which others on the machine do not disturb.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Figures, add_save_option
from tests.benchmarks.one_site import aged, one_site, place, rendered

BAR = 0.05
FPS, FRAMES = 12, 24  # of a segment
TEXTS = [
    "a person riding a bicycle",
    "a person lying on the ground",
    "an abandoned bag",
    "a cloud of smoke",
    "a person running",
    "a dog",
    "a car",
    "two people fighting",
    "a skateboard",
    "a stroller",
]
ABOUT = """\
A video is scanned in a task process, one thread, `likelihood`, as Airflow does it, and timed from outside. The bar
for all that is neither decoding, encoding nor answering is 5 %, by either clock."""
THEIRS = ("decode", "encode", "answer")
OURS = ("start and models", "pictures", "journal, embeddings, commit")


class Stopwatches:
    """Seconds by stage: (wall, processor time of the thread)."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add what the block takes."""
        wall, work = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.spent[name][0] += time.perf_counter() - wall
            self.spent[name][1] += time.thread_time() - work

    def timed(self, of: Any, stages: dict[str, str]) -> Any:  # noqa: ANN401
        """The object, some of whose methods are timed."""
        for method, stage in stages.items():
            setattr(of, method, self._around(getattr(of, method), stage))
        return of

    def waiting(self, prefetch: Callable[[Iterable[Any]], Iterator[Any]]) -> Callable[[Iterable[Any]], Iterator[Any]]:
        """``batches.prefetch``, with the waits for the next batch timed, and the work of its thread."""

        def work(items: Iterable[Any]) -> Iterator[Any]:
            yield from items
            self.spent["decode"][1] += time.thread_time()  # of the decoding thread, which does nothing else

        def wait(items: Iterable[Any]) -> Iterator[Any]:
            ready = prefetch(work(items))
            while True:
                with self.stage("wait"):
                    item = next(ready, None)
                if item is None:
                    return
                yield item

        return wait

    def _around(self, method: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            with self.stage(stage):
                return method(*given, **named)

        return timed


def scan(unit: dict[str, Any], started: float) -> dict[str, tuple[float, float]]:
    """The task ``scan_unit`` in this process; stage -> (wall, processor) seconds."""
    import tasks.scan  # noqa: PLC0415
    from anyanomaly_core.engine import scorer as models  # noqa: PLC0415
    from anyanomaly_core.engine import segment_scores  # noqa: PLC0415

    watch = Stopwatches()
    encoder, lvlm, scorer = models.load_encoder, models.load_lvlm, models.make_scorer

    def loaded(*given: Any) -> Any:  # noqa: ANN401
        found = load(*given)
        watch.spent["start and models"] = [time.time() - started, time.process_time()]
        return found

    models.load_encoder = lambda *a: watch.timed(encoder(*a), {"encode_images": "encode", "encode_texts": "encode"})
    models.load_lvlm = lambda *a: watch.timed(lvlm(*a), {"answer": "answer"})
    models.make_scorer = lambda *a: watch.timed(scorer(*a), {"score": "score"})
    segment_scores.prefetch = watch.waiting(segment_scores.prefetch)
    load, tasks.scan.load_scorer = tasks.scan.load_scorer, loaded
    tasks.scan.scan_unit(unit)
    return _stages(watch, time.time() - started)


def _stages(watch: Stopwatches, wall: float) -> dict[str, tuple[float, float]]:
    """What was timed, made disjoint."""
    spent, children = watch.spent, os.times()
    own = time.process_time()
    stages = {name: (spent[name][0], spent[name][1]) for name in ("encode", "answer", "start and models")}
    decoder = children.children_user + children.children_system
    stages["decode"] = spent["wait"][0], spent["decode"][1] + decoder
    for column, total in ((0, wall), (1, own + decoder)):
        models = stages["encode"][column] + stages["answer"][column]
        spent["pictures"][column] = spent["score"][column] - models
        others = sum(stages[name][column] for name in ("start and models", "decode")) + spent["score"][column]
        spent["rest"][column] = total - others
    stages["pictures"] = spent["pictures"][0], spent["pictures"][1]
    stages["journal, embeddings, commit"] = spent["rest"][0], spent["rest"][1]
    return stages


def task(unit: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """The unit in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_share", "--unit", json.dumps(unit)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "BENCH_STARTED": str(time.time())}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: dict[str, tuple[float, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(stages: dict[str, tuple[float, float]], figures: Figures) -> tuple[float, float]:
    """Print the table; the shares that are ours."""
    totals = [sum(spent[column] for spent in stages.values()) for column in (0, 1)]
    figures.table("stage", "wall, s", "share", "processor, s", "share")
    for name in (*THEIRS, *OURS):
        spent = stages[name]
        figures.row(name, *(cell for s, all_s in zip(spent, totals, strict=True) for cell in _cells(s, all_s)))
    ours = [sum(stages[name][c] for name in OURS) / totals[c] for c in (0, 1)]
    share = f"{100 * ours[0]:.1f} % of wall, {100 * ours[1]:.1f} % of processor time"
    figures.result(f"{totals[0]:.0f} s in all; neither decoding, encoding nor answering: {share}.")
    return ours[0], ours[1]


def _cells(seconds: float, total: float) -> tuple[str, str]:
    return f"{seconds:.1f}", f"{100 * seconds / total:.1f} %"


def main() -> int:
    """Scan and print; 1 when the bar is missed by both clocks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=500)
    parser.add_argument("--rules", type=int, default=4)
    parser.add_argument("--footage", type=Path, help="a video to scan instead of a rendered one")
    parser.add_argument("--unit", help=argparse.SUPPRESS)
    add_save_option(parser, "scan-shares")
    options = parser.parse_args()
    if options.unit:
        print(json.dumps(scan(json.loads(options.unit), float(os.environ["BENCH_STARTED"]))))
        return 0
    rules = {f"rule-{number}": f"texts: [{text}]\n" for number, text in enumerate(TEXTS[: options.rules])}
    with one_site(rules, unit_seconds=1e9) as folder:
        from tasks.ingest import discover_files, register_files  # noqa: PLC0415
        from tasks.scan import plan_units  # noqa: PLC0415

        source = options.footage or rendered(folder / "clips", seconds=options.segments * FRAMES / FPS, fps=FPS)
        aged(Path(shutil.copy(source, place(folder / "archive", "gate"))))
        for chunk in discover_files():
            register_files(chunk)
        stages = _together([task(unit) for unit in plan_units(external_id="bench")])
        video = options.footage or f"{options.segments * FRAMES / FPS / 60:.0f} minutes of the demo's world"
        figures = Figures("Where the time of a scan goes", f"{ABOUT} {video}, {options.rules} rules.")
        shares = report(stages, figures)
        figures.save(options.save)
        return int(min(shares) > BAR)


def _together(tasks: Sequence[dict[str, tuple[float, float]]]) -> dict[str, tuple[float, float]]:
    return {name: (sum(t[name][0] for t in tasks), sum(t[name][1] for t in tasks)) for name in (*THEIRS, *OURS)}


if __name__ == "__main__":
    sys.exit(main())
