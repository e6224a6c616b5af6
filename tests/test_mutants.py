"""Every deliberate break can still be made; `tests/mutants.py` runs the tests on them."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import mutants
import pytest
from breaks import Break
from mutants import PARTS, STEP, breaks_of, broken, first_failure, is_kernel, module_of, sources_of

TESTS = Path(__file__).resolve().parent

if not (TESTS.parent / "sklearn_set").is_dir():
    pytest.skip("the package is installed without its sources", allow_module_level=True)

BREAKS = breaks_of()


def test_every_break_can_be_made():
    """A text that has changed must change there too; it may move from file to file."""
    sources, problems, kernels = sources_of(TESTS.parent), [], 0
    for each in BREAKS:
        try:
            path, changed = broken(each, sources)
        except ValueError as error:
            problems.append(f"{each.what}: {error}")
            continue
        assert changed != sources[path]
        kernels += is_kernel(path)
    assert problems == []
    assert kernels >= 50
    assert len(BREAKS) - kernels >= 150


def test_every_part_is_known():
    parts = {path.stem for path in (TESTS / "breaks").glob("[!_]*.py")}
    assert set(PARTS) == parts


def test_breaks_differ():
    assert len({(each.old, each.new, each.where) for each in BREAKS}) == len(BREAKS)


def test_nearest_tests_exist():
    names = {name for each in BREAKS for name in each.near}
    assert [name for name in names if not (TESTS / f"{name}.py").is_file()] == []


def test_a_text_is_found_by_its_words_wherever_it_is(tmp_path):
    folder = tmp_path / "sklearn_set" / "_core"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("if a:\n    b = f(\n        1, 2)\nc = 3\n", encoding="utf-8")
    (folder / "b.pxi").write_text("cdef int c = 3\n", encoding="utf-8")
    sources = sources_of(tmp_path)
    each = Break("b = f( 1, 2)", "b = 0", "nothing", ("test_mutants",))
    path, changed = broken(each, sources)
    assert (path.name, changed) == ("a.py", "if a:\n    b = 0\nc = 3\n")
    for wrong, message in (
        ({"old": "c = 3"}, r"must occur once, but is found 2 times: a\.py, b\.pxi"),
        ({"old": "d = 3"}, "is found 0 times: nowhere"),
        ({"new": "b = ("}, "is no Python"),
    ):
        with pytest.raises(ValueError, match=message):
            broken(replace(each, **wrong), sources)
    assert broken(replace(each, old="c = 3", new="c", where="*.pxi"), sources)[0].name == "b.pxi"
    assert sources_of(tmp_path) == sources


@pytest.mark.parametrize(
    ("kernel", "module"),
    [
        ("connections.pyx", "connections"),
        ("draws.pyx", "draws"),
        ("system.h", "system"),
        ("stepper.pxi", STEP),
        ("rows.pxd", STEP),
    ],
)
def test_the_module_of_a_kernel_is_known(kernel, module):
    assert module_of(TESTS.parent / "sklearn_set" / "_core" / kernel) == module


@pytest.mark.parametrize(
    ("output", "name"),
    [
        (
            "..F\nFAILED tests/test_a.py::test_b - assert 1 == 2\n1 failed\n",
            "tests/test_a.py::test_b",
        ),
        ("FAILED tests/test_a.py::test_b[as is-1]\n1 failed\n", "tests/test_a.py::test_b[as is-1]"),
        ("ERROR tests/test_a.py - ImportError: no\nERROR tests/test_b.py\n", "tests/test_a.py"),
        ("!!! KeyboardInterrupt !!!\n", "an error"),
    ],
)
def test_the_first_failure_is_told_by_its_name(output, name):
    assert first_failure(output) == name


def test_a_break_that_does_not_compile_is_told_and_others_are_tried(monkeypatch, capsys):
    tried = []

    def try_out(copy, each, *options):
        tried.append(each)
        if len(tried) == 1:
            raise mutants.NotCompiledError("undeclared name")
        return "a test"

    monkeypatch.setattr(mutants, "take_signals", lambda: None)
    monkeypatch.setattr(mutants, "breaks_of", lambda *parts: BREAKS[:2])
    monkeypatch.setattr(mutants, "Copy", lambda *args, **options: None)
    monkeypatch.setattr(mutants, "try_out", try_out)
    monkeypatch.setattr(sys, "argv", ["mutants.py", "--quick"])
    assert mutants.main() == 1
    assert tried == BREAKS[:2]
    told = capsys.readouterr().out
    assert f"{BREAKS[0].what}: NOT COMPILED\nundeclared name\n" in told
    assert f"{BREAKS[1].what}: caught by a test\n" in told
    assert "The quick suite catches 1 of 2 breaks." in told


# Starts a process that waits and tells its number; what it is told to do comes before.
ENDED = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
import mutants
mutants.take_signals()
script = "import os, signal, sys, time; open(sys.argv[1], 'w').write(str(os.getpid()));"
script += "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, flush=True);"
starts = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
if sys.argv[2] == "waits":
    script += "time.sleep(60)"
print(*mutants.run([sys.executable, "-c", starts, script, sys.argv[1]], 60, None, None))
"""


def start(path, what):
    return subprocess.Popen(
        [sys.executable, "-c", ENDED, str(path), what],
        cwd=TESTS,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="mutants.py needs groups of processes")
def test_tests_can_be_interrupted_where_a_shell_has_ignored_it(tmp_path):
    process = start(tmp_path / "number", "ends")
    assert process.communicate(timeout=60)[0].split() == ["0", "True"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes as on Linux")
def test_nothing_that_was_started_outlives_it(tmp_path):
    path = tmp_path / "number"
    process = start(path, "waits")
    deadline = time.monotonic() + 60
    while not path.exists() or not path.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    # What nobody waits for any more may be a zombie for a while.
    stat = Path("/proc", path.read_text(), "stat")
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)
