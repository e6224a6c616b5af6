"""Seconds of a new user's way: an environment, the installation, from a table to its report.

    python tests/benchmarks/bench_report.py
    python tests/benchmarks/bench_report.py --install dist/sklearn_set-0.1.0-cp311-linux_x86_64.whl
    python tests/benchmarks/bench_report.py --here --samples 40 --genes 2000 --methods ridge

A table of two classes is made, and not counted.  Everything else is what a user would type: a new
virtual environment; `pip install` of this checkout, which compiles, or of a wheel; the program.
With --here the first two are left out, and the program is that of this Python.  Processors are the
seconds of all of them together, in this process's children; where these are fewer than the seconds
on a clock, something else was waited for, such as a network or other programs.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from reporting import make_parser, print_machine, print_table, write_json

from sklearn_set.datasets import make_microarray

ROOT = Path(__file__).parents[2]
TARGET = ("--target", "type")


def main():
    arguments = parse()
    print_machine()
    figures = {}

    def rows():
        with tempfile.TemporaryDirectory() as folder:
            for phase, seconds, processors in phases(arguments, Path(folder)):
                figures[phase] = {"seconds": seconds, "processors": processors}
                yield phase, f"{seconds:.1f}", "–" if processors is None else f"{processors:.1f}"

    print_table(["phase", "seconds", "processors"], rows())
    write_json(arguments.json, figures)


def parse():
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--samples", type=int, default=100)
    add("--genes", type=int, default=20_000)
    add("--methods", metavar="A,B", help="some of those of the program; all by default")
    add("--install", default=f"{ROOT}[report]", metavar="WHAT", help="a wheel; or this checkout")
    add("--here", action=argparse.BooleanOptionalAction, default=False, help="install nothing")
    return parser.parse_args()


def phases(arguments, folder):
    """Name, seconds and processors' seconds of each phase, as they pass."""
    write_table(arguments, folder / "genes.csv")
    python = sys.executable
    if not arguments.here:
        yield "create the environment", *seconds_of([python, "-m", "venv", folder / "venv"])[:2]
        python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        what = arguments.install
        what = f"{what}[report]" if what.endswith(".whl") else what
        yield "install", *seconds_of([*pip, what])[:2]
    program = [python, "-m", "sklearn_set", "genes.csv", *TARGET]
    told = "start the program for the first time"
    yield told, *seconds_of([python, "-m", "sklearn_set", "--version"], folder)[:2]
    yield "understand the table", *seconds_of([*program, "--dry-run"], folder)[:2]
    methods = ["--methods", arguments.methods] if arguments.methods else []
    seconds, processors, said = seconds_of([*program, *methods], folder)
    fits = re.search(r"(\d+ fits) took (\d+) s\.", said)
    yield "from the table to the report", seconds, processors
    yield f"of these, {fits[1]} and the model of all samples", float(fits[2]), None
    size = (folder / "genes-report" / "report.html").stat().st_size
    print(f"\nThe page has {size / 1e6:.2f} MB.", file=sys.stderr)


def write_table(arguments, path):
    """A table as the program's documentation describes it."""
    X, y = make_microarray(arguments.samples, arguments.genes, random_state=0)
    names = ["sample", *(f"gene{place}" for place in range(arguments.genes)), "type"]
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(names) + "\n")
        for place, (row, label) in enumerate(
            zip(X, np.array(["normal", "tumour"])[y], strict=True)
        ):
            file.write(f"P{place}," + ",".join(f"{cell:.4f}" for cell in row) + f",{label}\n")


def seconds_of(command, folder=None):
    """Seconds on a clock and of processors, and what the command says on standard error."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - start, os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    processors = sum(after[2:4]) - sum(before[2:4])
    return seconds, processors, done.stderr


if __name__ == "__main__":
    main()
