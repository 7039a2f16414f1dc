"""The GPU benchmark runs from end to end with small models, so that it works on the day a card is lent."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_gpu_benchmark_runs_with_small_models() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.bench_gpu", "--tiny"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    table = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [(cells[0], cells[1]) for cells in table[1:]] == [
        (f"| {rules}", footage) for rules in (1, 3, 10) for footage in ("new", "known")
    ]
    encodes = {(cells[0], cells[1]): int(cells[4]) for cells in table[1:]}
    assert encodes["| 1", "new"] == 24 + 4 * 38, "each frame and each window of the grid once: no two are alike"
    assert all(count == 0 for (_, footage), count in encodes.items() if footage == "known")
