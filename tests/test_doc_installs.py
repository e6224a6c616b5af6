"""Commands of the documentation that install the package, or need it installed, run from nothing.

Two people follow them, each with a copy of the checkout and an empty virtual environment, in the
order of a table.  The copies hold the kernels as they are compiled here: that sources compile is
shown by `test_build.py` and `test_sdist.py`.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from typing import NamedTuple

import pytest
from doc_commands import run_by
from doc_pages import CORE, ROOT
from programs import study, write

if not (list(CORE.glob("*.so")) and (ROOT / "setup.py").is_file() and (ROOT / "doc").is_dir()):
    pytest.skip("not in a checkout whose kernels are compiled", allow_module_level=True)

SHORT_REPORT = "--folds 2 --methods ridge --output report{place}"


class Step(NamedTuple):
    """Commands that are run at one point, what is added to make them short, and what results."""

    who: str
    text: str
    added: str = ""
    made: str = ""


USER, DEVELOPER = "user", "developer"
STEPS = (
    Step(USER, r"pip install \.$"),
    Step(USER, r"SKLEARN_SET_VARIANT=\w+ python my_script\.py"),
    # What they would install is found, but not installed: it is large.
    Step(USER, r'pip install "\.\[(dask|onnx)\]"', "--dry-run"),
    Step(USER, r"pip install --editable \.$", "--dry-run"),  # the developer installs so
    Step(USER, r'pip install "\.\[report\]"'),
    Step(USER, r".* --dry-run$"),
    Step(USER, r"(sklearn-set|python -m sklearn_set)(?!.*--dry-run)", SHORT_REPORT, "report.html"),
    Step(
        USER,
        "make demo DATA=",
        f'OPTIONS="{SHORT_REPORT}" VENV=venv -o venv/installed -o venv/installed-for-report',
        "report.html",
    ),
    Step(DEVELOPER, "python -m pip install --upgrade pip "),
    Step(DEVELOPER, r"pip install --no-build-isolation --editable \.$"),
    Step(DEVELOPER, "pip install --group test", "--dry-run"),
    Step(DEVELOPER, "pip install pre-commit"),
    Step(DEVELOPER, "pre-commit install"),
    Step(DEVELOPER, "pip install build$"),
    Step(DEVELOPER, r"pip install --group release$"),
    Step(DEVELOPER, r"python -m build( --sdist)?$", "--sdist"),
    Step(DEVELOPER, r"twine check --strict dist/\*$"),
)
COMMANDS = run_by("test_doc_installs.py") + [
    each for each in run_by("test_make") if "DATA=" in each.text
]


def test_every_command_has_its_place():
    for command in COMMANDS:
        assert sum(bool(re.match(step.text, command.text)) for step in STEPS) == 1, command
    for step in STEPS:
        assert any(re.match(step.text, each.text) for each in COMMANDS), step


def steps_of(who):
    """(step, text) of all that one of the two does, in order.

    Files have names, and a command that goes on where another ends stands for both.
    """
    found = [
        (step, re.sub(r"\bFILE\b|(?<=DATA=)file\b", "genes.csv", command.text))
        for step in STEPS
        for command in COMMANDS
        if step.who == who and re.match(step.text, command.text)
    ]
    texts = [text for _, text in found]
    return [
        (step, text)
        for step, text in dict(zip(texts, found, strict=True)).values()
        if not any(other.startswith(f"{text} ") for other in texts)
    ]


# Beside the sources of a checkout, but not part of it.
MADE = (".git", ".venv*", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", "_build")
MADE += ("auto_examples", "generated", "*.html")


def copied(folder):
    """A copy of the checkout for which the kernels are compiled already."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*MADE), dirs_exist_ok=True)
    here = folder / CORE.relative_to(ROOT)
    built = folder / "build" / f"lib.{sysconfig.get_platform()}-{sys.implementation.cache_tag}"
    there = built / CORE.relative_to(ROOT)
    there.mkdir(parents=True)
    later = time.time() + 24 * 3600  # than what Cython is about to write
    for module in here.glob("*.so"):
        shutil.copy(module, there)
        os.utime(there / module.name, (later, later))
        os.utime(module, (later, later))
    return folder


def shell(folder, command):
    """What a shell prints in which the environment is active; fails if the command does."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables |= {
        "PATH": f"{folder / 'venv' / 'bin'}{os.pathsep}{variables['PATH']}",
        "VIRTUAL_ENV": str(folder / "venv"),
        "SKLEARN_SET_DEBUG": "1",  # one variant of the kernels is translated, not three
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COMPILE": "1",
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-5000:]}"
    return done.stdout


SCRIPT = """
from sklearn_set import SETClassifier, machine
from sklearn_set.datasets import make_microarray

X, y = make_microarray(40, 60, random_state=0)
assert SETClassifier(10, random_state=0).fit(X, y).predict(X).shape == y.shape
print("learned with", machine.kernels("float32").__name__)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "who",
    [
        pytest.param(who, marks=pytest.mark.xdist_group(f"installs of the {who}"))
        for who in (USER, DEVELOPER)
    ],
)
def test_commands_work_from_nothing(who, tmp_path):
    folder = copied(tmp_path)
    subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=folder, check=True)
    try:
        shell(folder, "pip install --quiet --dry-run --no-deps cython")
    except AssertionError as error:
        pytest.skip(f"no index of packages can be reached: {error}")
    (folder / "my_script.py").write_text(SCRIPT, encoding="utf-8")
    genes = study()
    samples = genes[["sample"]].assign(diagnosis=genes["type"])
    samples["patient"] = [f"p{place // 2}" for place in range(len(samples))]
    write(folder, samples, "samples.csv")
    shell(folder, "git init --quiet")
    for place, (step, text) in enumerate(steps_of(who)):
        labels = ["type"] if "--annotations" in text else []  # they stand in the other file
        write(folder, genes.drop(columns=labels))
        told = shell(folder, f"{text} {step.added.format(place=place)}")
        if step.made:
            assert (folder / f"report{place}" / step.made).is_file(), text
        if "VARIANT=" in text:
            assert "learned with sklearn_set._core.step_baseline_f32" in told
    # Not from the folder of the sources, in which it would be found without an installation.
    told = shell(folder / "doc", f"cd {tmp_path}/doc && ../venv/bin/python -P ../my_script.py")
    assert "learned with" in told
    shutil.rmtree(folder)  # half a gigabyte
