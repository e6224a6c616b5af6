"""The benchmarks run: each says what it does, and measures something small."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "benchmarks"
SCRIPTS = (
    "accuracy",
    "bench_fit",
    "bench_peers",
    "bench_search",
    "bench_step",
    "compare",
    "growth",
    "limits",
)

SMALL = {
    "bench_fit": ["W1,32", "--epochs", "2"],
    "bench_peers": [
        *("--workloads", "W1,32", "--tools", "sklearn"),
        *("--rounds", "1", "--budget", "0.05"),
    ],
    "bench_search": [
        *("--samples", "40", "--features", "100", "--epochs", "2", "--rounds", "1"),
    ],
    "bench_step": [
        *("--workloads", "W1", "--batches", "32", "--threads", "1", "--rounds", "1"),
        *("--structure-rounds", "1", "--no-limits"),
    ],
    "growth": ["--series", "connections", "--max-connections", "1e5"],
}


def run(script, *arguments):
    result = subprocess.run(
        [sys.executable, "-W", "ignore", FOLDER / f"{script}.py", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_help(script):
    assert "usage" in run(script, "--help")


@pytest.mark.slow
@pytest.mark.parametrize("script", SMALL)
def test_small_measurement(script, tmp_path):
    options = [] if script == "bench_fit" else ["--json", str(tmp_path / "figures.json")]
    assert run(script, *SMALL[script], *options).count("\n|") >= 2  # a table
    if options:
        assert json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
