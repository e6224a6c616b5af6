"""Throw odd values at the package, and report every call that ends as none should.

    python tests/attack/fuzz.py --calls 20000 --seed 1 --jobs 2
    python tests/attack/fuzz.py --replay 1000017

Cases run in worker processes: one that crashes or hangs is reported, and the run goes on. The tables
of values are in `odd.py`, the programs made of them in `plans.py`, the demands in `judge.py`.
"""

import argparse
import collections
import faulthandler
import multiprocessing
import os
import sys
import tempfile
from dataclasses import dataclass
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

# So many violations of one key are listed.
LISTED = 2


def shortened(case, violation):
    """A case with less in it and the same violation."""
    found = True
    while found:
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
    sys.stdout = open(os.devnull, "w")
    sys.stderr = open(log, "w")
    os.dup2(sys.stderr.fileno(), 2)
    faulthandler.enable()
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    seen = collections.Counter()
    while (seed := connection.recv()) is not None:
        case = make_case(seed, only)
        try:
            calls, violations = run(case)
        except Exception as error:
            calls, violations = [], [Violation("the fuzzer itself failed", "", repr(error), 0)]
        lines = []
        if violations:
            violation = violations[0]
            seen[violation.key] += 1
            if seen[violation.key] == 1 and "itself" not in violation.kind:
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
    found: tuple | None = None  # a violation under way of being shortened

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
        self.connection.send(seed)

    def end(self):
        """End the process whatever it does; return its exit status."""
        if self.process.is_alive():
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
        """A case that came to its end."""
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


def campaign(n_calls, seed, only=None, jobs=1):
    """Run cases until so many calls are judged; return the report."""
    report = Report()
    seeds = iter(range(seed * 1_000_000, (seed + 1) * 1_000_000))
    workers = [Worker.start(only) for _ in range(jobs)]
    for worker in workers:
        worker.give(next(seeds))
    while workers:
        ready = wait([worker.connection for worker in workers], timeout=1)
        for worker in list(workers):
            is_late = monotonic() - worker.since > PATIENCE + 40 * (worker.seed % 1_000_000 < jobs)
            if worker.connection in ready:
                try:
                    answer = worker.connection.recv()
                except (EOFError, OSError):
                    answer = None
            elif is_late:
                answer = "hangs"
            else:
                continue
            if isinstance(answer, tuple) and answer[0] == "shortening":
                worker.found, worker.since = answer[1:], monotonic() + 4 * PATIENCE
                continue
            if not isinstance(answer, tuple):
                workers.remove(worker)
                _lost(worker, answer, only, report)
                worker = Worker.start(only)
                workers.append(worker)
            else:
                report.add(*answer)
            if report.n_calls < n_calls:
                worker.give(next(seeds))
            else:
                workers.remove(worker)
                worker.end()
    return report


def _lost(worker, answer, only, report):
    """Report a case that has crashed its process, or has not come to an end."""
    status, text = worker.end()
    if worker.found:  # while it was made shorter: the case itself is known
        violation, lines = worker.found
        report.add(worker.seed, [], [violation], lines)
        return
    frames = [line.strip() for line in text.splitlines() if line.strip().startswith("File")]
    ours = next((frame for frame in frames if "sklearn_set" in frame), "".join(frames[:1]))
    kind = "hangs" if answer == "hangs" else f"crash (exit status {status})"
    violation = Violation(kind, ours.rpartition("/")[2], f"{text[:80]!r}", 0)
    report.add(worker.seed, [], [violation], make_case(worker.seed, only).lines())


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
    parser.add_argument("--replay", type=int, metavar="CASE_SEED", help="run one case, in words")
    options = parser.parse_args()
    if options.replay is not None:
        return replay(options.replay, options.only)
    report = campaign(options.calls, options.seed, options.only, options.jobs)
    print(report.text())
    return report.n_violations > 0


if __name__ == "__main__":
    sys.exit(main())
