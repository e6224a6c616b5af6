"""Time of training steps of one revision beside another's.

    python tests/benchmarks/compare.py HEAD                 the working tree against a commit
    python tests/benchmarks/compare.py v0.1 main --workloads W2 --batches 2,8

Both are built in folders of their own, and measured by this checkout's steps.py in two
processes that take turns: of each case a burst of steps, now one first and now the other.  Every
two bursts give a ratio, if the processors were at full speed before and after them (see calm.py):
else they are repeated, until --patience seconds have passed: then they count, and a mark `!` with
the number of such rounds tells.  Because a process may be lucky in where its memory lies, there
are several pairs of processes.  A difference counts if the 99 % interval of the median ratio
leaves out 1 and the pairs of processes agree about its sign; less is within the noise.  Nothing
else that is busy should run meanwhile.
"""

import contextlib
import io
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from calm import Calm
from reporting import digits, make_parser, mark, print_machine, print_table, write_json
from scipy import stats
from steps import CASE_HEADER, FORCE_THREADS, PHASES, add_case_options, case_of, make_cases

ROOT = Path(__file__).resolve().parents[2]
STEPS = Path(__file__).with_name("steps.py")
WORKING_TREE = "the working tree"
FEWEST_RATIOS = 8
NOT_COPIED = (".*", "__pycache__", "build", "dist")


def main():
    parser = make_parser(__doc__)
    parser.add_argument("base", help="a revision that git knows")
    parser.add_argument("head", nargs="?", default=WORKING_TREE, help=f"by default {WORKING_TREE}")
    add_case_options(parser, ["W1", "W2", "W3", "W5"])
    parser.add_argument("--pairs", type=int, default=3, help="of processes")
    parser.add_argument("--rounds", type=int, default=5, help="with each pair of processes")
    parser.add_argument("--patience", type=float, default=30, help="seconds, for two bursts")
    parser.add_argument("--builds", type=Path, metavar="FOLDER", help="keep what is built there")
    arguments = parser.parse_args()
    if arguments.pairs * arguments.rounds < FEWEST_RATIOS:
        parser.error(f"fewer than {FEWEST_RATIOS} ratios have no 99 % interval")
    with contextlib.ExitStack() as stack:
        builds = arguments.builds or stack.enter_context(tempfile.TemporaryDirectory())
        Path(builds).mkdir(parents=True, exist_ok=True)
        folders = [built(revision, Path(builds)) for revision in (arguments.base, arguments.head)]
        print_machine()
        print(f"{'base':>16}: {arguments.base}\n{'head':>16}: {arguments.head}")
        results = []

        def rows():
            for cases in make_cases(arguments).values():
                for result in measure(folders, cases, arguments):
                    results.append(result)
                    yield row(result)

        header = ["base, ms per step", "head, ms per step", "head / base", "99 % interval"]
        phases = [f"{phase}, head / base" for phase in PHASES]
        print_table([*CASE_HEADER, *header, *phases, "head is"], rows())
    write_json(arguments.json, results)


# ----------------------------------------------------------------------------------- builds


def built(revision, builds):
    """A folder that holds the built package of a revision."""
    if revision == WORKING_TREE:
        folder = builds / "working-tree"
        shutil.rmtree(folder, ignore_errors=True)
        # What is compiled is copied too, with its times: only what has changed is compiled anew.
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
        build(folder)
    else:
        commit = git("rev-parse", "--verify", f"{revision}^{{commit}}").decode().strip()
        folder = builds / commit
        if not folder.exists():
            # Under its name only once it is built.
            unfinished = Path(tempfile.mkdtemp(dir=builds))
            with tarfile.open(fileobj=io.BytesIO(git("archive", commit))) as archive:
                archive.extractall(unfinished, filter="data")
            build(unfinished)
            unfinished.rename(folder)
    return folder


def build(folder):
    print(f"building in {folder} ...", file=sys.stderr, flush=True)
    command = [sys.executable, "setup.py", "build_ext", "--inplace"]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\nthis cannot be built")


def git(*arguments):
    return subprocess.check_output(["git", "-C", ROOT, *arguments])


# ------------------------------------------------------------------------------ measurement


class Worker:
    """A process that measures the package in `folder`: it answers a line of JSON with another."""

    def __init__(self, folder, *command, **environment):
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment, "PYTHONPATH": str(folder)},
        )
        package = Path(self._answer())
        if folder.resolve() not in package.resolve().parents:
            raise RuntimeError(f"{package} was to be measured in {folder}")

    def ask(self, *request):
        """What the process answers."""
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a process that measures has ended")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def measure(folders, cases, arguments):
    """Compare the cases of one workload.

    Yields
    ------
    dict
        Per case: "base" and "head", for every pair of processes a list of rounds, each of which
        is a dict of seconds by phase; "disturbed", in how many the processors were not at full
        speed.
    """
    command = [STEPS, *[FORCE_THREADS] * arguments.force_threads]
    seconds = {case: {"base": [], "head": []} for case in cases}
    disturbed = dict.fromkeys(cases, 0)
    calm = Calm(arguments.patience)
    for _ in range(arguments.pairs):
        with contextlib.ExitStack() as stack:
            workers = {
                side: stack.enter_context(Worker(folder, *command))
                for side, folder in zip(("base", "head"), folders, strict=True)
            }
            for case in cases:
                for of_pairs in seconds[case].values():
                    of_pairs.append([])
            for number in range(arguments.rounds):
                for case in cases:
                    order = sorted(workers, reverse=number % 2)
                    bursts, was_calm = calm.measure(
                        case.threads, two_bursts, workers, order, case, arguments.burst
                    )
                    disturbed[case] += not was_calm
                    for side, took in bursts.items():
                        seconds[case][side][-1].append(took)
    for case in cases:
        yield case._asdict() | seconds[case] | {"disturbed": disturbed[case]}


def two_bursts(workers, order, case, seconds):
    """Medians by phase, by side."""
    return {
        side: {
            phase: statistics.median(times)
            for phase, times in workers[side].ask(*case, seconds).items()
        }
        for side in order
    }


def row(result):
    base, head = (
        statistics.median(took["step"] for rounds in result[side] for took in rounds)
        for side in ("base", "head")
    )
    of_pairs = ratios(result, "step")
    low, high = median_interval(flat(of_pairs))
    cells = [*case_of(result).cells, digits(base * 1e3), digits(head * 1e3)]
    cells += [digits(overall(of_pairs)), f"{digits(low)} to {digits(high)}"]
    for phase in PHASES:
        of_phase = ratios(result, phase)
        cells.append(digits(overall(of_phase)) if of_phase else "")
    return [*cells, verdict(of_pairs) + mark(result["disturbed"])]


def ratios(result, phase):
    """Head over base of every round, by pair of processes; empty if one lacks the phase."""
    if not all(phase in result[side][0][0] for side in ("base", "head")):
        return []
    return [
        [head[phase] / base[phase] for base, head in zip(*rounds, strict=True)]
        for rounds in zip(result["base"], result["head"], strict=True)
    ]


def flat(of_pairs):
    return list(itertools.chain.from_iterable(of_pairs))


def overall(of_pairs):
    return statistics.median(flat(of_pairs))


def verdict(of_pairs):
    low, high = median_interval(flat(of_pairs))
    medians = [statistics.median(of_rounds) for of_rounds in of_pairs]
    if high < 1 and max(medians) < 1:
        return "faster"
    if low > 1 and min(medians) > 1:
        return "slower"
    return "within the noise"


def median_interval(values):
    """A 99 % interval of the median, by order statistics: no law is assumed."""
    rank = int(stats.binom.ppf(0.005, len(values), 0.5))
    values = sorted(values)
    return values[rank - 1], values[-rank]


if __name__ == "__main__":
    main()
