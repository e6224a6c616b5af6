"""The public names have complete types, which a checker understands."""

import importlib
import inspect
import os
import pkgutil
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest
from numpydoc.docscrape import FunctionDoc

import sklearn_set
from sklearn_set._typing import Matrix

ROOT = Path(__file__).resolve().parents[1]
USER_SCRIPT = ROOT / "tests" / "typing" / "user_script.py"


def public_things():
    """Full name -> function or class, for all that the modules promise by `__all__`."""
    names = [
        name
        for _, name, _ in pkgutil.iter_modules(sklearn_set.__path__, "sklearn_set.")
        if name != "sklearn_set._core"
    ]
    found = {}
    for name in ["sklearn_set", *names]:
        module = importlib.import_module(name)
        for promised in getattr(module, "__all__", ()):
            thing = getattr(module, promised)
            if callable(thing):
                found[f"{name}.{promised}"] = thing
    return found


CLASSES = {name: thing for name, thing in public_things().items() if inspect.isclass(thing)}
FUNCTIONS = {name: thing for name, thing in public_things().items() if name not in CLASSES}


def methods(kind):
    """Name -> function, for the public methods and properties that a class has of us."""
    for name, value in inspect.getmembers(kind):
        function = value.fget if isinstance(value, property) else value
        function = getattr(function, "__func__", function)  # of a class method
        is_public = name == "__init__" or not name.startswith("_")
        if is_public and inspect.isfunction(function) and _is_ours(function):
            yield name, function


def _is_ours(function):
    return function.__module__.startswith("sklearn_set")


def is_complete(function):
    """Whether every parameter and the result have types."""
    signature = inspect.signature(function)
    types = [
        parameter.annotation
        for name, parameter in signature.parameters.items()
        if name not in ("self", "cls")
    ]
    return inspect.Signature.empty not in (*types, signature.return_annotation)


EVERYTHING = FUNCTIONS | {
    f"{name}.{method}": function
    for name, kind in CLASSES.items()
    for method, function in methods(kind)
}


def test_every_public_function_has_types():
    assert {
        "sklearn_set.callbacks.Checkpoint.setup",
        "sklearn_set.datasets.make_microarray",
        "sklearn_set.embedding.SETEmbedding.fit",
        "sklearn_set.feature_selection.SETSelector.__init__",
        "sklearn_set.feature_selection.StabilitySelector.__init__",
        "sklearn_set.inspection.TopologyDisplay.from_record",
    } <= set(EVERYTHING)
    incomplete = {name for name, function in EVERYTHING.items() if not is_complete(function)}
    assert not incomplete


def test_a_missing_type_is_found():
    def parameter(self, X, y: int) -> None: ...
    def result(self, X: int): ...
    def complete(self, X: int) -> None: ...

    assert [is_complete(each) for each in (parameter, result, complete)] == [False, False, True]


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_signatures_are_read_by_people_too(name):
    signature = inspect.signature(EVERYTHING[name])
    of_arguments = [parameter.annotation for parameter in signature.parameters.values()]
    for annotation in [*of_arguments, signature.return_annotation]:
        shown = inspect.formatannotation(annotation)
        assert len(shown) < 72  # a line of help() and of an editor
        assert not re.search(r"typing\.|_typing|collections\.abc|numpy\._|scipy\.", shown)


@pytest.mark.parametrize("name", ["SETClassifier", "SETRegressor"])
def test_short_names_stand_for_types(name):
    """Programs that read types find them where the functions are."""
    kind = CLASSES[f"sklearn_set.{name}"]
    for function in (kind.__init__, kind.fit, kind.partial_fit, kind.predict):
        types = get_type_hints(function)
        assert len(types) == len(function.__annotations__)
        assert not any(isinstance(each, str) for each in types.values())
    assert get_type_hints(kind.fit)["X"] == Matrix


def typed_attributes(kind):
    """Names of the public attributes that a class of ours, or a parent of it, gives a type."""
    annotated = {
        name
        for parent in kind.__mro__
        if _is_ours(parent)
        for name in inspect.get_annotations(parent)
    }
    properties = {
        name
        for name, function in methods(kind)
        if isinstance(getattr(kind, name), property) and is_complete(function)
    }
    return {name for name in annotated | properties if not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_documented_attribute_has_a_type(name):
    documented = {entry.name for entry in FunctionDoc(CLASSES[name])["Attributes"]}
    assert typed_attributes(CLASSES[name]) == documented


# ------------------------------------------------------------------------------------- the checker

WRONG = """
import numpy as np
from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.callbacks import EarlyStopping
from sklearn_set.datasets import make_microarray
from sklearn_set.inspection import TopologyDisplay
make_microarray(n_samples="many")
make_microarray(n_genes=5)
X, y = make_microarray()
X.informative
EarlyStopping(n_iter_no_change=1.5)
EarlyStopping().best_score_.upper()
TopologyDisplay(np.eye(2)).plot(kind="circles")
TopologyDisplay(np.eye(2)).plot().lines
SETClassifier(max_iter="many")
SETClassifier(epsilon="auto")
SETClassifier((10,)).fit(X)
SETClassifier().fit(X, y).predict_proba(X).upper()
SETRegressor(quantile="half").n_iter_.upper()
EarlyStopping().no_such_attribute_
"""


def check(*what):
    """The output of mypy, and whether it has found nothing wrong."""
    if not (ROOT / "sklearn_set").is_dir():
        pytest.skip("the sources are not in this copy")
    pytest.importorskip("mypy", reason="`make lint` installs mypy")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", *what],
        cwd=ROOT,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert not done.stderr
    return done.stdout, done.returncode == 0


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return f"--cache-dir={tmp_path_factory.mktemp('mypy')}"


@pytest.mark.slow
def test_package_and_user_script_satisfy_the_checker(cache):
    told, is_content = check(cache)
    assert is_content, told


@pytest.mark.slow
def test_the_checker_finds_what_is_wrong(cache, tmp_path):
    script = tmp_path / "wrong.py"
    script.write_text(WRONG)
    told, is_content = check(cache, str(script))
    wrong = {int(line) for line in re.findall(r"wrong.py:(\d+): error:", told)}
    assert not is_content
    assert wrong == {7, 8, *range(10, 21)}, told


def test_user_script_runs(capsys):
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    runpy.run_path(str(USER_SCRIPT), run_name="__main__")
    pyplot.close("all")
    assert sklearn_set.__version__ in capsys.readouterr().out
