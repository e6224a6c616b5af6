"""What the benchmarks share around a measurement: tables, the machine, compilers, files."""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np


def make_parser(description):
    """A command line whose help is the module's docstring, with the options of every benchmark."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    return parser


def comma_separated(kind):
    """The type of a command line's argument that holds several values, as in 1,2,32."""

    def parse(text):
        return [kind(part) for part in text.split(",")]

    return parse


def print_table(header, rows):
    """Print a Markdown table, every row as soon as `rows` yields it."""
    print("\n| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|", flush=True)
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


def digits(value, n_digits=3):
    """A positive number with so many significant digits, and no exponent: 0.0123, 1.23, 12,300."""
    rounded = float(f"{value:.{n_digits}g}")
    decimals = max(0, n_digits - 1 - int(f"{rounded:e}".partition("e")[2])) if rounded else 0
    return f"{rounded:,.{decimals}f}"


def gain(scores, reference):
    """The mean of paired differences and its standard error; that is nan of a single pair."""
    differences = np.subtract(scores, reference)
    if differences.size == 1:
        return float(differences[0]), np.nan
    return float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(differences.size))


def mean_gain(gains):
    """The mean of gains on several data sets, which are taken as given, and its standard error."""
    means, errors = np.transpose(gains)
    return float(means.mean()), float(np.sqrt((errors**2).sum()) / errors.size)


def shown_gain(gained):
    mean, error = gained
    return f"{mean:+.3f}" if np.isnan(error) else f"{mean:+.3f} ± {error:.3f}"


def mark(n_disturbed):
    """What tells of rounds that were disturbed (see calm.py), behind their figure."""
    return f" !{n_disturbed}" if n_disturbed else ""


def compile_c(source, flags, folder):
    """Compile a file with the system's C compiler; return what becomes of it."""
    program = folder / source.stem
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, source, "-o", program, *flags], check=True)
    return program


def describe_machine():
    """Hardware, versions and number of threads, as a dict."""
    import psutil

    from sklearn_set import machine

    caches = {
        f"cache, level {(folder / 'level').read_text().strip()}": read(folder / "size")
        for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"))
        if read(folder / "type") != "Instruction"
    }
    return {
        **machine.versions(),
        "processor": processor_name(),
        "processors": os.cpu_count(),
        **caches,
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
    }


def default_threads():
    """One thread, and as many as the package would use."""
    from sklearn_set import machine

    return sorted({1, machine.effective_n_threads()})


def read(path):
    return path.read_text().strip()


def processor_name():
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def print_machine():
    for name, value in describe_machine().items():
        print(f"{name:>16}: {value}", flush=True)


def write_json(path, results):
    """Write results with the machine that they come from; nothing where path is None."""
    if path is not None:
        document = {"command": sys.argv, "machine": describe_machine(), "results": results}
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def in_own_process(script, *arguments):
    """Run `script` in a process of its own; return what it prints, which is JSON."""
    command = [sys.executable, script, *map(str, arguments)]
    return json.loads(subprocess.check_output(command, text=True))


@contextlib.contextmanager
def figure(path, **how):
    """A matplotlib figure and its axes, written to `path` at the end."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    drawing, axes = plt.subplots(layout="constrained", **how)
    yield drawing, axes
    drawing.savefig(path, dpi=150)
    plt.close(drawing)
