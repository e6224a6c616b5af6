"""Variants of the kernels, and versions."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import python

import sklearn_set
from sklearn_set import machine
from sklearn_set._core import system

# -------------------------------------------------------------------------------- variants


def test_variants_of_this_machine():
    """The baseline runs everywhere and comes last; each variant brings both number types."""
    available = machine.available_variants()
    assert available == [name for name in machine.VARIANTS if name in available]
    assert available[-1] == "baseline"
    features = system.cpu_features()
    assert all(features[needed] for needed in map(machine.VARIANTS.get, available) if needed)
    modules = {
        machine.kernels(dtype, variant) for variant in available for dtype in ("float32", "float64")
    }
    assert len(modules) == 2 * len(available)
    for dtype in ("float32", "float64"):
        active = machine.kernels(dtype)
        assert active is machine.kernels(dtype, machine.active_variant())
        assert dtype == active.REAL_DTYPE
        assert active.N_LANES >= machine.kernels(dtype, "baseline").N_LANES


@pytest.mark.parametrize(
    ("v3", "v4", "expected"),
    [
        (False, False, ["baseline"]),
        (True, False, ["x86_v3", "baseline"]),
        (True, True, ["x86_v4", "x86_v3", "baseline"]),
    ],
)
def test_processors_get_what_they_can_run(monkeypatch, v3, v4, expected):
    """Of a complete build, whatever has been built here."""
    monkeypatch.setattr(system, "cpu_features", lambda: {"x86_v3": v3, "x86_v4": v4})
    with monkeypatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: object())
        assert machine.available_variants() == expected


def test_a_variant_that_was_not_built_is_not_offered(monkeypatch):
    monkeypatch.setattr(system, "cpu_features", lambda: {"x86_v3": True, "x86_v4": True})
    monkeypatch.setitem(machine.VARIANTS, "unbuilt", None)
    assert "unbuilt" not in machine.available_variants()


@pytest.mark.slow
def test_variable_forces_a_variant():
    printed = python(
        """
        from sklearn_set import machine
        print(machine.active_variant(), machine.kernels("float32").__name__)
        """,
        SKLEARN_SET_VARIANT="baseline",
    )
    assert printed == "baseline sklearn_set._core.step_baseline_f32"


@pytest.mark.parametrize("name", ["x86_v9", "Baseline", "f32"])
def test_variable_with_a_wrong_name(monkeypatch, name):
    """The message names the variable, what it says and what it may say."""
    monkeypatch.setenv("SKLEARN_SET_VARIANT", name)
    message = (
        f"SKLEARN_SET_VARIANT={name} names a kernel variant that cannot be used here; "
        f"available are .*baseline"
    )
    with pytest.raises(ImportError, match=message):
        machine.active_variant.__wrapped__()


@pytest.mark.slow
def test_wrong_name_stops_a_user():
    """In an interpreter of its own, as a user meets it: at the first fit."""
    printed = python(
        """
        import numpy as np
        from sklearn_set import SETRegressor
        try:
            SETRegressor((4,), max_iter=1).fit(np.eye(3), np.arange(3.0))
        except ImportError as error:
            print(error)
        """,
        SKLEARN_SET_VARIANT="x86_v9",
    )
    assert printed.startswith("SKLEARN_SET_VARIANT=x86_v9 names a kernel variant")


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_variable_the_best_is_used(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("SKLEARN_SET_VARIANT", raising=False)
    else:
        monkeypatch.setenv("SKLEARN_SET_VARIANT", value)
    assert machine.active_variant.__wrapped__() == machine.available_variants()[0]


def test_a_build_without_kernels_says_so(monkeypatch):
    monkeypatch.setattr(machine, "available_variants", list)
    with pytest.raises(ImportError, match="without its kernels; please reinstall"):
        machine.active_variant.__wrapped__()


# -------------------------------------------------------------------------------- versions


def test_show_versions(capsys):
    """What a report of a problem needs: versions, variant, OpenMP, threads."""
    sklearn_set.show_versions()
    lines = capsys.readouterr().out.splitlines()
    shown = dict(map(str.strip, line.split(":", 1)) for line in lines)
    assert shown["sklearn_set"] == sklearn_set.__version__
    for package in ("scikit-learn", "numpy", "scipy", "joblib"):
        assert shown[package] == machine.metadata.version(package)
    assert shown["kernel variant"] == machine.active_variant()
    assert shown["variants here"].split(", ") == machine.available_variants()
    assert shown["threads"] == str(machine.effective_n_threads())
    date = system.openmp_version()
    assert shown["OpenMP"] == (str(date) if date else "not compiled in: one thread")
    assert date == 0 or date > 200_000


def test_show_versions_of_a_build_without_openmp(monkeypatch, capsys):
    monkeypatch.setattr(system, "openmp_version", lambda: 0)
    machine.show_versions()
    assert "OpenMP: not compiled in: one thread" in capsys.readouterr().out


def test_a_folder_of_sources_is_told_from_an_installed_package(tmp_path):
    """Whoever starts Python in a checkout after `pip install .` imports its sources."""
    sources = Path(sklearn_set.__file__).parent
    without = shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__")
    shutil.copytree(sources, tmp_path / "sklearn_set", ignore=without)
    done = subprocess.run(
        [sys.executable, "-c", "import sklearn_set"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: The kernels of sklearn_set are not compiled in ")
    assert "leave the folder, or install the package in it with pip install --editable ." in last
