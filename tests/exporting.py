"""Small models, and what onnxruntime makes of their graphs; for tests of export."""

import numpy as np
import onnxruntime
import pandas as pd
import polars as pl
import pytest
from conftest import assert_close

from sklearn_set import SETClassifier
from sklearn_set.export import register_onnx_converters
from sklearn_set.feature_selection import SETSelector

DTYPES = ["float32", "float64"]

every_dtype = pytest.mark.parametrize("dtype", DTYPES)

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 12))
NEW_X = 3 * rng.normal(size=(17, 12))  # neither the number nor the range of the samples before
LABELS = {
    "two classes": np.arange(40) % 2,
    "three classes": np.arange(40) % 3,
    "many numbers": np.array([-3, 5_000_000_000])[np.arange(40) % 2],
    "names": np.array(["healthy", "ill", "unknown"])[np.arange(40) % 3],
    "names as objects": np.array(["healthy", "ill"], dtype=object)[np.arange(40) % 2],
    "truth": np.arange(40) % 2 == 0,
    "real numbers": np.array([1.0, 2.0])[np.arange(40) % 2],
}


def quick(estimator=SETClassifier, **parameters):
    """An estimator that fits at once, with weights as large as those of a trained network."""
    defaults = {
        "hidden_layer_sizes": (9, 7),
        "epsilon": 3,
        "weight_init": "he_uniform",
        "max_iter": 4,
        "n_snapshots": 1,
        "batch_size": 8,
        "random_state": 0,
    }
    return estimator(**defaults | parameters)


def run(graph, X):
    """The outputs of a graph by name, for a matrix or for one of each column by name.

    Warnings of onnxruntime are of no interest here.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options)
    if not isinstance(X, dict):
        (data,) = session.get_inputs()
        X = {data.name: X}
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, X), strict=True))


def assert_same_classes(model, graph, X, dtype, feed=None):
    """Labels are equal, and so are probabilities, also in their number type."""
    outputs = run(graph, X if feed is None else feed)
    expected = model.predict_proba(X)
    assert outputs["probabilities"].dtype == expected.dtype
    assert_close(outputs["probabilities"], expected, dtype)
    expected = model.predict(X)
    np.testing.assert_array_equal(outputs["label"], expected)
    assert outputs["label"].shape == expected.shape
    return outputs


# ------------------------------------------------------------------------------- data frames


GENES = [f"gene_{gene}" for gene in range(12)]
SINGLE = pd.DataFrame((4 * X).astype("float32"), columns=GENES)
FRAMES = {
    "float32": SINGLE,
    "float64": SINGLE.astype("float64") / 3,
    "int64": SINGLE.astype("int64"),
    "int16": SINGLE.astype("int16"),
    "bool": SINGLE > 0,
    "float32 and int64": SINGLE.astype({"gene_3": "int64"}),
    "float64 and bool": (SINGLE.astype("float64") / 3).assign(**{"gene_3": X[:, 3] > 0}),
    "numbers or missing": SINGLE.round().astype("Int64"),
    "objects": SINGLE.astype("float64").astype(object),
    "float64 of polars": pl.DataFrame(X, schema=GENES),
    "float32 of polars": pl.DataFrame(X, schema=GENES).cast(pl.Float32),
    "int and bool of polars": pl.DataFrame((4 * X).astype("int32"), schema=GENES).with_columns(
        pl.col(GENES[:6]) > 0
    ),
    "one column": (SINGLE.astype("float64") / 3)[GENES[:1]],
    "one column of polars": pl.DataFrame(X[:, :1], schema=GENES[:1]).cast(pl.Int8),
    "names with spaces": pd.DataFrame(X, columns=[f"gene no. {gene}" for gene in range(12)]),
    "names that are numbers": pd.DataFrame(X),
    "rows that are numbered": pd.DataFrame(X, columns=GENES, index=5.5 + np.arange(40)),
}


def is_single(kind):
    """Whether estimators read a frame in single precision."""
    return kind == "float32"


def with_converters():
    """What a program does that calls skl2onnx itself."""
    register_onnx_converters()
    return {SETClassifier: {"zipmap": False}}


OF_SKL2ONNX = ["float32", "float64", "int64", "float32 and int64"]

# ---------------------------------------------------------------------------------- selectors


def quick_selector(**parameters):
    """A selector that fits at once."""
    defaults = {"n_features_to_select": 4, "n_networks": 2, "max_iter": 2, "random_state": 0}
    return SETSelector(**defaults | parameters)
