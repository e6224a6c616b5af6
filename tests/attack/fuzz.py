"""Throw odd values at the package, and report every call that ends as none should.

    python tests/attack/fuzz.py --calls 20000 --seed 1 --jobs 2
    python tests/attack/fuzz.py --replay 1000017

Cases run in worker processes: one that crashes or hangs is reported, and the run goes on. The
tables of values are in `odd.py`, the programs made of them in `plans.py`, what is demanded of them
in `judge.py`.
"""

import argparse
import collections
import faulthandler
import multiprocessing
import os
import signal
import sys
import tempfile
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path
from time import monotonic

HERE = str(Path(__file__).resolve().parent)
if HERE not in sys.path:
    sys.path.insert(0, HERE)

from judge import Violation, run  # noqa: E402
from plans import KINDS, make_case, smaller  # noqa: E402

# Seconds a case may take, and bytes a worker may have: what is larger than memory must be refused.
PATIENCE = 20
MEMORY = 6 << 30

FAILED = "the fuzzer itself failed"

# Cases of one process, so that none inherits much from those before it.
CASES = 500

# So many violations of one key are listed.
LISTED = 2


def shortened(case, violation):
    """A case with less in it and the same violation."""
    found, end = True, monotonic() + PATIENCE / 4
    while found and monotonic() < end:
        found = False
        for candidate in smaller(case, violation.step):
            try:
                _, violations = run(candidate)
            except Exception:
                continue  # not every piece of a program is one
            if violations and violations[0].key == violation.key:
                case, violation, found = candidate, violations[0], True
                break
    return case, violation


# ---------------------------------------------------------------------------------- a process


def work(connection, only, log):
    """Run the cases whose seeds come through a pipe, and send back how they went."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (as long as the process)
    sys.stderr = open(log, "w")  # noqa: SIM115
    os.dup2(sys.stderr.fileno(), 2)
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run ends its processes itself
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    seen = collections.Counter()
    while (seed := connection.recv()) is not None:
        case = make_case(seed, only)
        try:
            calls, violations = run(case)
        except Exception as error:
            calls, violations = [], [Violation(FAILED, "", repr(error), 0)]
        lines = []
        if violations:
            violation = violations[0]
            seen[violation.key] += 1
            if seen[violation.key] == 1 and violation.kind != FAILED:
                # announced, so that a crash in here is not one of the case
                connection.send(("shortening", violation, case.lines(violation.step)))
                case, violation = shortened(case, violation)
            lines = case.lines(violation.step)
            violations = [violation]
        connection.send((seed, [outcome for _, outcome, _ in calls], violations, lines))


@dataclass
class Worker:
    """A process, what it runs, and since when."""

    process: object
    connection: object
    log: str
    seed: int | None = None
    since: float = 0.0
    n_cases: int = 0
    doubt: Violation | None = None  # of the case under way, when it ran after others
    found: tuple | None = None  # a violation whose case is being shortened

    @classmethod
    def start(cls, only):
        """A fresh process."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        handle, log = tempfile.mkstemp(prefix="fuzz-", suffix=".log")
        os.close(handle)
        process = context.Process(target=work, args=(theirs, only, log), daemon=True)
        process.start()
        theirs.close()
        return cls(process, ours, log)

    def give(self, seed):
        """Let it run a case, or end."""
        self.seed, self.since, self.found = seed, monotonic(), None
        self.n_cases += 1
        self.connection.send(seed)

    def answer(self, is_ready):
        """What it has sent, "hangs", "crash", or None while it works."""
        if not is_ready:
            patience = PATIENCE * (2 if self.found or self.n_cases == 1 else 1)
            return "hangs" if monotonic() - self.since > patience else None
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            return "crash"
        if answer[0] != "shortening":
            return answer
        self.found, self.since = answer[1:], monotonic()
        return None

    def end(self):
        """End the process whatever it does; return its exit status, and what it said."""
        if self.connection.closed:
            return self.process.exitcode, ""
        self.process.kill()
        self.process.join()
        self.connection.close()
        text = Path(self.log).read_text(errors="replace")
        os.unlink(self.log)
        return self.process.exitcode, text


# -------------------------------------------------------------------------------------- a run


class Report:
    """What a run has found."""

    def __init__(self):
        self.n_cases, self.outcomes = 0, collections.Counter()
        self.found = collections.defaultdict(list)

    def add(self, seed, outcomes, violations, lines):
        """Count a case that has ended."""
        self.n_cases += 1
        self.outcomes.update(outcomes)
        for violation in violations:
            self.found[violation.key].append((seed, violation.text, lines))

    @property
    def n_calls(self):
        """Calls that were judged."""
        return sum(self.outcomes.values())

    @property
    def n_violations(self):
        """Cases with a violation."""
        return sum(map(len, self.found.values()))

    def text(self):
        """The summary."""
        refused = self.outcomes.copy()
        success = refused.pop("success", 0)
        counts = ", ".join(f"{name} {count}" for name, count in refused.most_common())
        lines = [
            f"{self.n_cases} cases, {self.n_calls} calls: {success} successes, "
            f"{sum(refused.values())} refused ({counts})",
            f"{self.n_violations} violations of {len(self.found)} kinds",
        ]
        for (kind, place), each in sorted(self.found.items(), key=lambda item: -len(item[1])):
            lines.append(f"\n{len(each)} x {kind} [{place}]")
            for seed, text, program in each[:LISTED]:
                lines.append(f"  seed {seed}: {text}")
                lines += [f"    {line}" for line in program]
        return "\n".join(lines)


def campaign(report, n_calls, seed, only=None, jobs=1, without=()):
    """Run cases until a report has so many calls."""
    seeds = (
        each
        for each in range(seed * 1_000_000, (seed + 1) * 1_000_000)
        if not without or not _has_any(make_case(each, only), without)
    )
    workers = [Worker.start(only) for _ in range(jobs)]
    for worker in workers:
        worker.give(next(seeds))
    while workers:
        ready = wait([worker.connection for worker in workers], timeout=1)
        for worker in list(workers):
            answer = worker.answer(worker.connection in ready)
            if answer is None:
                continue
            workers.remove(worker)
            worker = _settle(worker, answer, only, report)
            if worker.doubt is None:
                if report.n_calls >= n_calls:
                    worker.end()
                    continue
                worker.give(next(seeds))
            workers.append(worker)


def _has_any(case, words):
    """Tell whether one of some words is in the program of a case."""
    program = "\n".join(case.lines())
    return any(word in program for word in words)


def _settle(worker, answer, only, report):
    """Report how a case went; return the worker, or another, for the next one.

    What only a process that has run others saw may be their fault: the case is run again alone.
    """
    if isinstance(answer, str):
        violation, lines = worker.found or (_lost(worker, answer), None)
        answer = (worker.seed, [], [violation], lines or make_case(worker.seed, only).lines())
        is_sure = worker.found or worker.n_cases == 1 or violation.kind == "hangs"
    else:
        violation = answer[2][0] if answer[2] else None
        is_sure = violation is None or violation.kind != FAILED or worker.n_cases == 1
    if worker.doubt is not None and violation is None:
        doubt = replace(worker.doubt, kind=f"after other cases only: {worker.doubt.kind}")
        answer = (worker.seed, answer[1], [doubt], make_case(worker.seed, only).lines())
    if is_sure:
        report.add(*answer)
    if is_sure and worker.process.is_alive() and worker.n_cases < CASES:
        worker.doubt = None
        return worker
    worker.end()
    fresh = Worker.start(only)
    if not is_sure:
        fresh.doubt = violation
        fresh.give(worker.seed)
    return fresh


def _lost(worker, how):
    """The violation of a case that crashed its process, or did not come to an end."""
    worker.process.join(5)
    status, text = worker.end()
    frames = [line.strip() for line in text.splitlines() if line.strip().startswith("File")]
    ours = next((frame for frame in frames if "sklearn_set" in frame), "".join(frames[:1]))
    kind = how if how == "hangs" else f"crash (exit status {status})"
    return Violation(kind, ours.rpartition("/")[2], repr(text[:80]), 0)


def replay(seed, only=None):
    """Run one case here, and tell each of its steps."""
    faulthandler.enable()
    case = make_case(seed, only)
    print("\n".join(case.lines()), flush=True)
    calls, violations = run(case)
    for what, outcome, error in calls:
        print(f"# {what}: {outcome}{f': {error}' if error else ''}")
    for violation in violations:
        print(f"# VIOLATION {violation.kind} [{violation.place}] {violation.text}")
    return bool(violations)


def main():
    """Read the arguments, and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=5000, help="calls to be judged")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="worker processes")
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--without", nargs="*", default=(), help="leave out cases with these words")
    parser.add_argument("--replay", type=int, metavar="CASE_SEED", help="run one case, in words")
    options = parser.parse_args()
    if options.replay is not None:
        return replay(options.replay, options.only)
    report = Report()
    try:
        campaign(report, options.calls, options.seed, options.only, options.jobs, options.without)
    finally:
        print(report.text())  # also when Ctrl-C ends the run
    return report.n_violations > 0


if __name__ == "__main__":
    sys.exit(main())
