"""What cannot be exported is refused in words that name the remedy."""

import builtins
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import skl2onnx
from exporting import LABELS, NEW_X, X, assert_same_classes, quick
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor, memory
from sklearn_set.export import register_onnx_converters, to_onnx

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)


def test_an_estimator_that_is_not_fitted():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        to_onnx(quick(), X)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        to_onnx(make_pipeline(StandardScaler(), quick()), X)
    register_onnx_converters()
    with pytest.raises(NotFittedError, match="not fitted yet"):
        skl2onnx.to_onnx(quick(), X, options={SETClassifier: {"zipmap": False}})


def test_a_form_that_does_not_exist():
    model = quick().fit(X, LABELS["two classes"])
    expected = (
        "The 'layers' parameter of to_onnx must be a str among {'auto', 'dense', 'sparse'}. "
        "Got 'thin' instead."
    )
    with pytest.raises(ValueError, match=re.escape(expected)):
        to_onnx(model, X, layers="thin")


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (X[:, 0], ValueError, "Expected 2D array, got 1D array instead"),
        (X[:0], ValueError, r"Found array with 0 sample\(s\) \(shape=\(0, 12\)\)"),
        (pd.DataFrame(X[:0]), ValueError, r"Found array with 0 sample\(s\) \(shape=\(0, 12\)\)"),
        (
            pd.DataFrame(np.where(X[0, 3] < X, "a", X.astype(object))),
            ValueError,
            "could not convert str",
        ),
        (X.astype(str), ValueError, "dtype='numeric' is not compatible with arrays of bytes/str"),
        (X.astype(complex), ValueError, "Complex data not supported"),
        (X[:, :5], ValueError, "X has 5 features, but SETClassifier is expecting 12 features as"),
        (sparse.csr_array(X), TypeError, "Sparse data was passed"),
    ],
    ids=["a row", "none", "no row", "a word", "text", "complex", "other features", "sparse"],
)
def test_data_that_tell_too_little(data, error, message):
    model = quick().fit(X, LABELS["two classes"])
    with pytest.raises(error, match=message):
        to_onnx(model, data)


def test_lists_are_data_too():
    model = quick().fit(X, LABELS["two classes"])
    assert_same_classes(model, to_onnx(model, X.tolist()), NEW_X, "float64")


@pytest.mark.parametrize(
    "options",
    [
        "zipmap",
        {"setclassifier": {"zipmap": True}},
        {"zipmap": True},
        {SETClassifier: None},
        {SETClassifier: "zipmap"},
    ],
)
def test_options_of_another_form(options):
    model = quick().fit(X, LABELS["two classes"])
    message = "'options' parameter of to_onnx must be a dict of dicts by classes or by ids of obj"
    with pytest.raises(ValueError, match=message):
        to_onnx(model, X, options=options)


def test_options_that_do_not_exist_or_go_together():
    model = quick().fit(X, LABELS["truth"])
    regressor = quick(SETRegressor).fit(X, X[:, 0])
    for wrong, error, message in [
        ({"loud": True}, NameError, "Option 'loud' not in"),
        ({"layers": "thin"}, ValueError, r"Unexpected value \['thin'\] for option 'layers'"),
        ({"zipmap": "rows"}, ValueError, r"Unexpected value \['rows'\] for option 'zipmap'"),
        ({"zipmap": "columns", "nocl": True}, ValueError, "do not go together"),
        ({"output_class_labels": True}, ValueError, "Got classes_ of type bool"),
    ]:
        with pytest.raises(error, match=message):
            to_onnx(model, X, options={SETClassifier: wrong})
    with pytest.raises(NameError, match="Option 'zipmap' not in"):
        to_onnx(regressor, X, options={SETRegressor: {"zipmap": False}})
    names = quick().fit(X, LABELS["names"])
    wrong = {"output_class_labels": True, "nocl": True}
    with pytest.raises(ValueError, match="without nocl=True"):
        to_onnx(names, X, options={SETClassifier: wrong})


def test_numbers_of_classes_that_onnx_cannot_hold():
    model = quick().fit(X, np.array([1, 2**63 + 5], dtype="uint64")[np.arange(40) % 2])
    with pytest.raises(ValueError, match=r"no type for classes_=.*option nocl=True"):
        to_onnx(model, X)


@pytest.mark.parametrize("target_opset", ["18", 18.0, 0])
def test_operators_that_are_no_number(target_opset):
    model = quick().fit(X, LABELS["two classes"])
    with pytest.raises(ValueError, match=r"'target_opset' parameter of to_onnx must be an int in"):
        to_onnx(model, X, target_opset=target_opset)


def test_operators_that_are_too_old():
    model = quick().fit(X, LABELS["two classes"])
    with pytest.raises(ValueError, match=r"target_opset must be at least 18 .* got 15"):
        to_onnx(model, X, target_opset=15)
    assert_same_classes(model, to_onnx(model, X, target_opset=18), NEW_X, "float64")


def a_large_model():
    """1.5 GB as dense matrices of double precision, twice: it has a snapshot."""
    data = np.random.default_rng(0).normal(size=(4, 20_000))
    model = quick(hidden_layer_sizes=(10_000,), epsilon=3, n_snapshots=2, max_iter=3, batch_size=4)
    model.set_params(dtype="float64")
    return model.fit(data, [0, 1, 0, 1]), data


def test_what_a_file_cannot_hold_is_refused_with_its_size_and_a_remedy():
    model, data = a_large_model()
    message = r"would take \d,\d{3},\d{3},\d{3} bytes, more than the 2,146,435,072 .*: convert "
    message += r"with layers='sparse', or fit with lower hidden_layer_sizes or epsilon, n_snap"
    with pytest.raises(ValueError, match=message):
        to_onnx(model, data, layers="dense")


def test_what_memory_cannot_hold_is_refused_with_its_size_and_a_remedy(monkeypatch):
    model, data = a_large_model()
    model._snapshots = ()
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 30)
    message = r"needs about \d,\d{3},\d{3},\d{3} bytes of memory, but only 1,073,741,824 are avail"
    with pytest.raises(MemoryError, match=message + r".*layers='sparse'"):
        to_onnx(model, data, layers="dense")
    graph = to_onnx(model, data)
    assert_same_classes(model, graph, data, "float64")


@pytest.mark.parametrize("call", [register_onnx_converters, lambda: to_onnx(quick(), X)])
def test_what_is_missing_is_named(call, monkeypatch):
    real = builtins.__import__

    def without_skl2onnx(name, *arguments, **options):
        if name.partition(".")[0] == "skl2onnx":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_skl2onnx)
    with pytest.raises(ImportError, match=r'pip install "sklearn_set\[onnx\]"'):
        call()


@pytest.mark.slow
def test_nothing_optional_is_imported_before_it_is_needed():
    code = "import sys, sklearn_set.export; print({'onnx', 'skl2onnx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
