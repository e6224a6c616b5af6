"""Public names, their documentation, and good manners."""

import ast
import doctest
import importlib
import inspect
import re
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
from numpydoc.docscrape import FunctionDoc
from numpydoc.validate import validate
from package_sources import PACKAGE, SOURCES, every_source, tree_of
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import get_tags

import sklearn_set
from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.parameters import check_parameters
from sklearn_set.validation import CONSTRAINTS

PUBLIC_MODULES = [
    "sklearn_set",
    "sklearn_set.callbacks",
    "sklearn_set.dask",
    "sklearn_set.datasets",
    "sklearn_set.embedding",
    "sklearn_set.export",
    "sklearn_set.feature_selection",
    "sklearn_set.inspection",
]
ESTIMATORS = [SETClassifier, SETRegressor]
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS)

# ----------------------------------------------------------------------------------- public names


def test_all_names_the_public_face():
    assert sorted(sklearn_set.__all__) == sklearn_set.__all__
    assert set(sklearn_set.__all__) >= {
        "SETClassifier",
        "SETRegressor",
        "__version__",
        "show_versions",
    }
    for name in sklearn_set.__all__:
        assert hasattr(sklearn_set, name)


def test_version_is_that_of_the_distribution():
    assert sklearn_set.__version__ == version("sklearn_set")


def test_types_are_marked():
    assert (PACKAGE / "py.typed").is_file()


def test_show_versions_tells_what_a_report_needs(capsys):
    sklearn_set.show_versions()
    told = capsys.readouterr().out
    for word in ("python", "numpy", "scipy", "scikit-learn", "sklearn_set", "OpenMP", "threads"):
        assert re.search(rf"^ *{word}\b", told, re.MULTILINE), word
    assert sklearn_set.__version__ in told


@every_estimator
def test_only_the_layer_sizes_are_positional(estimator):
    _, first, *others = inspect.signature(estimator.__init__).parameters.values()
    assert first.name == "hidden_layer_sizes"
    assert first.kind is first.POSITIONAL_OR_KEYWORD
    assert {parameter.kind for parameter in others} == {first.KEYWORD_ONLY}


# ---------------------------------------------------------------------------------- documentation


# Codes of numpydoc that say nothing about these docstrings.
IGNORED = {
    "ES01",  # a summary of one line may say it all
    "EX01",  # examples stand in the class
    "SA01",  # so do references to others
    "RT02",  # a returned value has a name, as scikit-learn's have
    "SS05",  # takes nouns in the plural ("Outputs of ...") for verbs
}


def public_objects():
    """Full names of the public classes, their own methods and properties, and functions."""
    for module in PUBLIC_MODULES:
        imported = importlib.import_module(module)
        for name in imported.__all__:
            thing = getattr(imported, name)
            if inspect.isfunction(thing):
                yield f"{module}.{name}"
            elif inspect.isclass(thing):
                yield f"{module}.{name}"
                for member, value in inspect.getmembers(thing):
                    function = value.fget if isinstance(value, property) else value
                    function = getattr(function, "__func__", function)  # of a class method
                    if member.startswith("_") or not inspect.isfunction(function):
                        continue
                    if function.__module__.startswith("sklearn_set"):
                        yield f"{module}.{name}.{member}"


PUBLIC_OBJECTS = list(public_objects())


def test_the_list_of_public_objects_is_not_empty():
    assert {
        "sklearn_set.show_versions",
        "sklearn_set.SETClassifier.predict_proba",
        "sklearn_set.SETRegressor.partial_fit",
        "sklearn_set.SETRegressor.coefs_",
        "sklearn_set.datasets.fetch_microarray",
        "sklearn_set.datasets.make_microarray",
        "sklearn_set.embedding.SETEmbedding.transform",
        "sklearn_set.export.to_onnx",
        "sklearn_set.inspection.TrainingCurveDisplay.from_estimator",
        "sklearn_set.inspection.TopologyDisplay.plot",
        "sklearn_set.feature_selection.SETSelector.fit",
        "sklearn_set.feature_selection.StabilitySelector.transform",
        "sklearn_set.feature_selection.expected_false_selections",
    } <= set(PUBLIC_OBJECTS)


@pytest.mark.parametrize("name", PUBLIC_OBJECTS)
def test_numpydoc_finds_nothing_to_improve(name):
    found = [error for error in validate(name)["errors"] if error[0] not in IGNORED]
    assert found == []


def documented(estimator, section):
    """Name -> (type, text) of a section of the class docstring."""
    return {
        entry.name: (entry.type, "\n".join(entry.desc)) for entry in FunctionDoc(estimator)[section]
    }


@every_estimator
def test_every_parameter_is_documented_and_validated(estimator):
    parameters = list(inspect.signature(estimator).parameters)
    assert list(documented(estimator, "Parameters")) == parameters
    assert set(parameters) <= set(CONSTRAINTS)
    check_parameters(estimator())


def test_no_constraint_is_left_over():
    parameters = {
        name for estimator in ESTIMATORS for name in inspect.signature(estimator).parameters
    }
    assert set(CONSTRAINTS) == parameters


@every_estimator
def test_documented_defaults_are_the_defaults(estimator):
    for name, (kind, _) in documented(estimator, "Parameters").items():
        stated = re.search(r"default=(.*)$", kind)
        assert stated, name
        assert ast.literal_eval(stated[1]) == inspect.signature(estimator).parameters[name].default


@every_estimator
def test_the_attributes_of_a_fitted_estimator_are_those_documented(estimator):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=list("abc"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = estimator(hidden_layer_sizes=5, max_iter=1).fit(X, np.arange(20) % 2)
    fitted = {name for name in dir(model) if name.endswith("_") and not name.startswith("_")}
    assert set(documented(estimator, "Attributes")) == fitted


# What may differ between the two: the metric, and what exists for one of them only.
DIFFERENT_PARAMETERS = {
    "alpha",
    "early_stopping",
    "input_dropout",
    "mixup",
    "n_snapshots",
    "scoring",
}
DIFFERENT_ATTRIBUTES = {"out_activation_", "loss_", "validation_loss_curve_"}
ONLY_ONE = {"class_weight", "label_smoothing", "temperature", "classes_", "temperature_"}
ONLY_ONE |= {"loss", "quantile", "huber_delta", "target_offset_", "target_scale_"}


@pytest.mark.parametrize(
    ("section", "different"),
    [("Parameters", DIFFERENT_PARAMETERS), ("Attributes", DIFFERENT_ATTRIBUTES)],
)
def test_shared_documentation_is_the_same(section, different):
    ours, theirs = (documented(estimator, section) for estimator in ESTIMATORS)
    assert set(ours) ^ set(theirs) <= ONLY_ONE
    shared = [name for name in ours if name in theirs]
    assert shared == [name for name in theirs if name in ours]  # in the same order
    assert {name for name in shared if ours[name] != theirs[name]} == different


def test_shared_defaults_are_the_same():
    ours, theirs = (estimator().get_params() for estimator in ESTIMATORS)
    different = {name for name in set(ours) & set(theirs) if ours[name] != theirs[name]}
    assert different == {"alpha", "input_dropout", "mixup", "n_snapshots"}


# Their examples take a second or more.
SLOW = {"classifier", "feature_selection._selector", "regressor"}


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(module, marks=[pytest.mark.slow] if module in SLOW else [])
        for module in SOURCES
    ],
)
def test_the_examples_in_docstrings_run(module):
    if module == "__init__":
        module = ""
    if module.startswith("callbacks."):
        pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    imported = importlib.import_module(f"sklearn_set.{module}".rstrip("."))
    result = doctest.testmod(imported)
    assert result.failed == 0
    if module in (
        "callbacks._checkpoint",
        "classifier",
        "regressor",
        "datasets._generator",
        "feature_selection._bounds",
        "feature_selection._selector",
        "feature_selection._stability",
    ):
        assert result.attempted > 0


# --------------------------------------------------------------------------------- good neighbours


def unguarded_prints(tree):
    """Lines that print, neither under an `if` about verbose nor in show_versions."""

    def visit(node, guarded):
        if isinstance(node, ast.If) and "verbose" in ast.unparse(node.test):
            guarded = True
        if isinstance(node, ast.FunctionDef) and node.name == "show_versions":
            guarded = True
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print" and not guarded:
            yield node.lineno
        for child in ast.iter_child_nodes(node):
            yield from visit(child, guarded)

    return list(visit(tree, False))


@every_source
def test_nothing_is_printed_unasked(module):
    assert unguarded_prints(tree_of(module)) == []


def test_an_unasked_print_is_found():
    source = "if verbose:\n    print(1)\nif fast:\n    print(2)\ndef f():\n    print(3)\n"
    assert unguarded_prints(ast.parse(source)) == [4, 6]


def test_compiler_flags_keep_arithmetic_and_portability():
    setup = PACKAGE.parent / "setup.py"
    if not setup.is_file():
        pytest.skip("the package is installed without its sources")
    words = [
        node.value
        for node in ast.walk(ast.parse(setup.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert "-fno-math-errno" in words  # the flags are found where they are looked for
    forbidden = r"fast-math|/fp:fast|Ofast|=native|unsafe-math|associative-math|finite-math"
    assert [word for word in words if re.search(forbidden, word)] == []


def test_subnormal_numbers_survive_the_import_and_a_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        SETRegressor(hidden_layer_sizes=5, max_iter=2).fit([[0.0], [1.0]], [0.0, 1.0])
    for dtype in (np.float32, np.float64):
        tiny = np.full(9, np.finfo(dtype).tiny)
        assert (tiny / 4 > 0).all()


def test_what_targets_are_taken_is_announced():
    classifier, regressor = (get_tags(estimator()) for estimator in ESTIMATORS)
    assert classifier.classifier_tags.multi_label
    assert classifier.input_tags.sparse
    assert regressor.target_tags.multi_output
    assert regressor.input_tags.sparse
