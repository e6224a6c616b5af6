"""A build without vector types and without OpenMP passes the same tests.

It compiles, and is marked slow.
"""

import os
import re
import shutil
import subprocess
import sys

import pytest
from stepping import ROOT

# Bounds checks on; one number per vector, as compilers without vector types have it; one thread.
LACKING = {"SKLEARN_SET_PLAIN": "1", "SKLEARN_SET_OPENMP": "0", "SKLEARN_SET_DEBUG": "1"}

# setup.py, with less optimisation: what is compiled is the same, in a fraction of the time.
BUILD = """
import runpy
import Cython.Build

cythonize = Cython.Build.cythonize

def quickly(extensions, **how):
    for extension in extensions:
        extension.extra_compile_args = [*extension.extra_compile_args, "-O1"]
    return cythonize(extensions, **how)

Cython.Build.cythonize = quickly
runpy.run_path("setup.py", run_name="__main__")
"""

# The copy must be what is tested, and be what its name says, before its tests say anything.
RUN_TESTS = """
import sys
from pathlib import Path
import pytest
import sklearn_set
from sklearn_set import machine

(folder,) = sys.argv[1:]
assert Path(sklearn_set.__file__).is_relative_to(folder), sklearn_set.__file__
assert machine.available_variants() == ["baseline"]
assert machine.kernels("float32").N_LANES == machine.kernels("float64").N_LANES == 1
assert machine.effective_n_threads(4) == machine.effective_n_threads() == 1
assert "one thread" in machine.versions()["OpenMP"]
files = ["test_rows.py", "test_gradient.py", "test_optimizers.py", "test_step.py",
         "test_step_threads.py"]
sys.exit(pytest.main(["-q", "-x", "-m", "not slow", "-p", "no:cacheprovider",
                      *(str(Path(folder) / "tests" / file) for file in files)]))
"""


@pytest.mark.slow
def test_a_build_that_lacks_everything_passes_the_same_tests(tmp_path):
    """Built in a copy: Cython writes its C files beside the sources."""
    if not (ROOT / "setup.py").exists():
        pytest.skip("the sources are not here")
    compiled = shutil.ignore_patterns("*.so", "*.pyd", "*.c", "*.html", "__pycache__", "build")
    shutil.copytree(ROOT / "sklearn_set", tmp_path / "sklearn_set", ignore=compiled)
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=compiled)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SKLEARN_SET_")
    }
    for command, variables, told in (
        (
            ["-c", BUILD, "build_ext", "--inplace", "--build-temp", "temp"],
            LACKING,
            ("translating Cython", "compiling the kernels", "pruning is compiled"),
        ),
        (["-c", RUN_TESTS, str(tmp_path)], {"PYTHONPATH": str(tmp_path)}, ()),
    ):
        result = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
        # A build takes minutes, and says what it does.
        assert all(f"sklearn_set: {what}" in result.stderr for what in told)
        # Nor does Cython warn: who reads the log should find nothing to wonder about.
        log = result.stdout + result.stderr
        assert not re.findall(r"^warning: .*\.p[yx][xdi]:.*", log, re.MULTILINE)
