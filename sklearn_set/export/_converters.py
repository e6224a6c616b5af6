"""What skl2onnx calls to convert an estimator: from its inputs to its outputs.

Knows what each estimator makes of the raw outputs of its networks, or of the data itself.  Must
not know how the layers of a network are written.
"""

import numpy as np

from sklearn_set.export._graph import Graph
from sklearn_set.export._layers import plans_of, write_networks
from sklearn_set.export._outputs import has_zipmap, labels, option, result_type

# What the output units of a regressor apply -> its operator.
OUT_OPERATORS = {"identity": "Identity", "exp": "Exp"}


def convert_classifier(scope, operator, container):
    """Label and probabilities, or what the options of skl2onnx make of them."""
    classifier = operator.raw_operator
    graph = Graph(scope, container, operator.raw_operator._number_type())
    raw = _raw_outputs(graph, operator)
    label, probabilities = operator.outputs
    if classifier.out_activation_ == "softmax":
        scores, chances = raw, graph.add("Softmax", raw, axis=1)
        number = graph.add("ArgMax", raw, axis=1, keepdims=0)
    else:
        is_positive = graph.add("Greater", raw, graph.number(0.0))
        scores = raw
        if not classifier._has_label_sets():
            scores = graph.add("Concat", graph.add("Neg", raw), raw, axis=1)
        chances = graph.add("Sigmoid", scores)
        number = graph.cast(is_positive, np.int64)
        if not classifier._has_label_sets():
            number = graph.add("Squeeze", number, graph.array([1]))
    wanted = scores if option(operator, "raw_scores", False) else chances
    graph.cast(wanted, np.float32 if has_zipmap(operator) else graph.dtype, probabilities.full_name)
    if classifier._has_label_sets():
        graph.add("Identity", number, output=label.full_name)
    else:
        classes, _ = labels(operator)
        graph.add("Gather", graph.array(classes), number, output=label.full_name)


def convert_regressor(scope, operator, container):
    """Predictions in the units of the targets."""
    graph = Graph(scope, container, operator.raw_operator._number_type())
    raw = _raw_outputs(graph, operator)
    kind = OUT_OPERATORS[operator.raw_operator.out_activation_]
    units, values = operator.raw_operator._units_of_targets(), graph.add(kind, raw)
    values = graph.add("Mul", values, graph.array(units.scale.astype(graph.dtype)))
    offset = graph.array(units.offset.astype(graph.dtype))
    graph.add("Add", values, offset, output=operator.outputs[0].full_name)


def convert_selector(scope, operator, container):
    """The selected columns of the data."""
    graph = Graph(scope, container)
    is_mixed = len({type(variable.type) for variable in operator.inputs}) > 1
    values = _joined(graph, operator, np.float64 if is_mixed else None)
    selected = graph.array(operator.raw_operator.get_support(indices=True).astype(np.int64))
    graph.add("Gather", values, selected, axis=1, output=operator.outputs[0].full_name)


def convert_embedding(scope, operator, container):
    """Outputs of a hidden layer."""
    graph = Graph(scope, container, operator.raw_operator._number_type())
    raw = _raw_outputs(graph, operator)
    graph.add("Identity", raw, output=operator.outputs[0].full_name)


def _raw_outputs(graph, operator):
    """The mean of the outputs of all networks, before softmax or logistic, in the result's type."""
    from skl2onnx.common.data_types import FloatTensorType

    networks = operator.raw_operator._networks()
    plans = plans_of(networks, option(operator, "layers", "auto"))
    data = _joined(graph, operator, graph.dtype)
    raw = write_networks(graph, data, networks, plans)
    wide = np.float32 if result_type(operator) is FloatTensorType else np.float64
    if wide == graph.dtype:
        return raw
    graph.dtype = np.dtype(wide)
    return graph.cast(raw, wide)


def _joined(graph, operator, dtype):
    """All inputs of an operator as one matrix, in another number type unless it is None."""
    parts = [variable.full_name for variable in operator.inputs]
    if dtype is not None:
        parts = [graph.cast(part, dtype) for part in parts]
    return parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1)
