"""Graphs of embeddings compute the outputs of the hidden layer."""

import numpy as np
import onnx
import pytest
from conftest import assert_close
from exporting import LABELS, NEW_X, X, assert_same_classes, every_dtype, quick, run
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETRegressor
from sklearn_set.embedding import SETEmbedding
from sklearn_set.export import to_onnx

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)


@every_dtype
@pytest.mark.parametrize("layer", [0, -1])
@pytest.mark.parametrize("layers", ["dense", "sparse"])
def test_a_graph_has_the_outputs_of_the_layer(dtype, layer, layers):
    data, new = X.astype(dtype), NEW_X.astype(dtype)
    model = SETEmbedding(quick(SETRegressor, input_dropout=0.1), layer=layer)
    model.fit(data + 9, X[:, 0])
    assert model.estimator_.feature_offset_ is not None
    graph = to_onnx(model, data, layers=layers)
    onnx.checker.check_model(graph, full_check=True)
    actual, expected = run(graph, new)["variable"], model.transform(new)
    assert actual.dtype == expected.dtype
    assert_close(actual, expected, dtype)


def test_a_frozen_network_is_exported():
    model = SETEmbedding(FrozenEstimator(quick().fit(X, LABELS["names"]))).fit(X)
    assert_close(run(to_onnx(model, X), NEW_X)["variable"], model.transform(NEW_X), "float64")


def test_an_embedding_within_a_pipeline():
    data = X.astype(np.float32)
    model = make_pipeline(StandardScaler(), SETEmbedding(quick()), quick())
    model.fit(data, LABELS["names"])
    assert_same_classes(model, to_onnx(model, data), NEW_X.astype(np.float32), "float32")
    neighbors = make_pipeline(SETEmbedding(quick()), KNeighborsClassifier(3))
    neighbors.fit(data, LABELS["names"])
    labels = run(to_onnx(neighbors, data), NEW_X.astype(np.float32))["output_label"]
    np.testing.assert_array_equal(labels, neighbors.predict(NEW_X.astype(np.float32)))
