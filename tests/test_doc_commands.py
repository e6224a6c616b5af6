"""Every command of the documentation is run, as it is or in a shorter form, or says why not.

What installs the package, and what needs it installed, is in `test_doc_installs.py`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from doc_commands import (
    LOOKS_LIKE,
    NOT_RUN,
    RUN_BY,
    commands,
    commands_of,
    is_of_a_shell,
    not_run,
    run_by,
)
from doc_pages import CORE, PAGES, ROOT, blocks_of, text_of

if not (CORE.is_dir() and (ROOT / "doc").is_dir() and (ROOT / "setup.py").is_file()):
    pytest.skip("the sources and the documentation are not in this copy", allow_module_level=True)

COMMANDS = commands()
TOLD = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

# What makes a command short, as the last of several equal options counts.
SHORT = {
    r"fuzz\.py": "--calls 4",
    r"test_checkpoints\.py": "--flips 2",
    r"test_mlp_suite\.py": "-q -p no:cacheprovider --collect-only",  # it runs with all other tests
    r"/million_neurons\.py": "--hidden 60 40 --epochs 2 --samples 60 --features 100",
    r"/fifty_million_neurons\.py": "--neurons 4001",
}
# Targets whose commands are shown by make, not run: it would take minutes.
ONLY_SHOWN = {
    "demo": "tests/test_demo.py runs the script on small data",
    "doc": "needs Sphinx; a workflow runs it",
    "lint": "needs the linters; a workflow runs it",
    "sanitize": "compiles the kernels once more; a workflow runs it",
    "sanitize-threads": "compiles the kernels once more, with Clang; a workflow runs it",
    "test-oldest": "needs Python 3.11 and old packages; a workflow runs it",
    "test-newest": "installs all packages once more",
}


# ------------------------------------------------------------------------- nothing is left out


def test_every_command_is_run_or_says_why_not():
    """If this fails: let a test run the command, or write its reason into NOT_RUN."""
    assert len(COMMANDS) > 80
    run = [each for who in RUN_BY for each in run_by(who)]
    for each in COMMANDS:
        assert run.count(each) + bool(not_run(each)) == 1, each


def test_tables_name_what_there_is():
    for text in NOT_RUN:
        assert any(re.match(text, each.text) for each in COMMANDS), text
    for text in SHORT:
        assert any(re.search(text, each.text) for each in run_by("test_scripts_run")), text
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text("utf-8")
    for target, why in ONLY_SHOWN.items():
        assert ("a workflow" in why) == (f"- run: make {target}\n" in workflow), target
        for file in re.findall(r"tests/\w+\.py", why):
            assert (ROOT / file).is_file()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```\nmake test   # some\npip install .\n```", ["make test", "pip install ."]),
        ("```sh\nA=1 tool --x \\\n    y\n```", ["A=1 tool --x y"]),
        ("```console\n$ sklearn-set a.csv\nmake nothing of it\n```", ["sklearn-set a.csv"]),
        ("```\nfor s in 1 2; do\n    python a.py --seed $s\ndone\n```", ["python a.py --seed 0"]),
        ("Say `make\nx`, `make`, ``make y`` or `pip install b`.", ["make x", "pip install b"]),
        ("```\nFolder  files\n```\n\n```python\nmake = 1\n```", []),
    ],
)
def test_commands_are_found(text, found, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert [each.text for each in commands_of((page,))] == found


def test_blocks_without_a_language_are_no_commands_unless_they_are_known():
    """A program that is missing in PROGRAMS would hide its commands."""
    assert LOOKS_LIKE.match("tool install --all")
    assert LOOKS_LIKE.match("tool a/file.csv")
    for page in PAGES:
        assert "```{code" not in text_of(page), f"{page.name}: such blocks are not looked into"
        for block in blocks_of(page):
            if block.language == "" and block.source is None and not is_of_a_shell(block):
                lines = block.code.splitlines()
                assert not any(map(LOOKS_LIKE.match, lines)), f"{block}: say ```sh"


# ------------------------------------------------------------------------------------- all run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the paths of the commands exist, and `python` is this one."""
    if os.name != "posix":
        pytest.skip("the commands are for a shell of POSIX")
    made = tmp_path_factory.mktemp("commands")
    for name in ("tests", "doc", "sklearn_set", "setup.py", "pyproject.toml"):
        (made / name).symlink_to(ROOT / name)
    for name in ("before", "after"):  # two trees, to compare their fits
        (made / name).symlink_to(ROOT)
    (made / "bin").mkdir()
    (made / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (made / "bin" / "python").chmod(0o755)
    for name in ("DIR", "FOLDER"):
        (made / name).mkdir()
    return made


def run(command, folder, **variables):
    """What a shell prints; fails if the command does."""
    search = {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    python_path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command if isinstance(command, list) else ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python_path, **search, **variables},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


# Scripts are run with the words of each command up to the point where they would begin to work:
# until then they read and check their words.  One process imports once what they share.
AS_FAR_AS_WORK = """
import json, runpy, subprocess, sys, tempfile, warnings
from pathlib import Path

import distributed

sys.path[:0] = ["tests", "tests/benchmarks"]
import methods, records, reporting, sklearn_set

class WorkBegins(BaseException):
    pass

def begin(*args, **kwargs):
    raise WorkBegins

for group in methods.GROUPS.values():
    for name, maker in group.items():
        if maker is None:  # a file
            Path("FOLDER", f"{name}.npz").touch()
reporting.print_machine = sklearn_set.show_versions = records.Results = begin
subprocess.run = subprocess.Popen = subprocess.check_output = begin
tempfile.TemporaryDirectory = distributed.LocalCluster = begin
warnings.simplefilter("error")
for command in json.load(sys.stdin):
    script, *sys.argv[1:] = command
    sys.argv[0] = script
    try:
        runpy.run_path(script, run_name="__main__")
    except WorkBegins:
        print("ran", script)
    except SystemExit as end:
        print("ran" if not end.code else f"{command} ended with {end.code}:", script)
"""


@pytest.mark.slow
def test_benchmarks_understand(folder):
    """Short runs of them are in test_benchmarks.py, test_finding.py and test_mutants.py."""
    given = [each.words[1:] for each in run_by("test_benchmarks_understand")]
    assert len(given) > 40
    done = subprocess.run(
        [sys.executable, "-c", AS_FAR_AS_WORK],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        input=json.dumps([*given, [given[0][0], "--no-such-option"]]),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    *ran, wrong = re.findall(r"^(?:ran|.* ended with .*) (\S+\.py)$", done.stdout, re.M)
    assert ran == [words[0] for words in given], done.stdout
    assert done.stdout.count(" ended with 2: ") == 1, done.stderr[-3000:]
    assert wrong == given[0][0]


# One that goes on where another ends stands for both.
SCRIPTS = [
    each
    for each in run_by("test_scripts_run")
    if not any(other.text.startswith(f"{each.text} ") for other in run_by("test_scripts_run"))
]


@pytest.mark.slow
@pytest.mark.xdist_group("scripts of the pages")  # the last compares what others have written
@pytest.mark.parametrize("command", SCRIPTS, ids=[each.text for each in SCRIPTS])
def test_scripts_run(command, folder):
    added = next((more for text, more in SHORT.items() if re.search(text, command.text)), "")
    told = re.search(r"PYTHONPATH=\S+", command.text)
    run(f"{command.text} {added}", folder, **({"PYTHONPATH": ""} if told else {}))


@pytest.fixture
def make(folder):
    if shutil.which("make") is None or not (ROOT / "Makefile").is_file():
        pytest.skip("make, or the Makefile, is not here")
    if not (folder / "Makefile").exists():
        (folder / "Makefile").symlink_to(ROOT / "Makefile")
    return folder


@pytest.mark.parametrize("command", run_by("test_make"), ids=lambda command: command.text)
def test_make(command, make):
    """Make knows the target, and passes on the variables."""
    shown = run(f"{command.text} --dry-run VENV=none PYTHON=python", make)
    target, *variables = command.words[1:]
    for variable in variables:
        assert variable.partition("=")[2] in shown
    # Of all that is shown the last is what was asked for; tests run below, and the demo of a file
    # in test_doc_installs.py.
    assert target in ("test", "test-quick", *ONLY_SHOWN), "run it below, or say why not"


@pytest.mark.slow
def test_make_runs_tests(make):
    """In an environment that has everything: this one."""
    told = run(
        "make test-quick TESTS=tests/test_halves.py WORKERS=1 VENV=none BIN=bin "
        "-o none/installed-for-tests",
        make,
        PYTEST_ADDOPTS="-p no:cacheprovider",
    )
    assert " passed" in told


# --------------------------------------------------------------------- tools and their versions


def test_tools_of_the_build_are_renewed():
    """A virtual environment may begin with a pip and a setuptools that are too old."""
    required = TOLD["build-system"]["requires"]
    found = [each for each in COMMANDS if "setuptools" in each.text]
    assert found
    for each in found:
        words = each.words[each.words.index("install") :]
        assert words == ["install", "--upgrade", "pip", *required], each


def test_groups_and_extras_that_are_installed_exist():
    for words in (each.words for each in COMMANDS):
        if "--group" in words:
            assert words[words.index("--group") + 1] in TOLD["dependency-groups"]
        for extra in re.findall(r"\[(\w+)\]$", " ".join(words)):
            assert extra in TOLD["project"]["optional-dependencies"]
