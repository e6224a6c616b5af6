"""Fitted models for other programs: as ONNX graphs, and as files of skops.

Registers converters with skl2onnx, so that pipelines, searches and stacks that contain a SET
estimator can be converted as well.  Reads fitted estimators, changes nothing, knows no training.
skl2onnx and onnx are optional and imported when they are needed.
"""

from math import sqrt

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import erfcx
from sklearn.utils.validation import check_array, check_is_fitted

from sklearn_set import machine
from sklearn_set.classifier import SETClassifier
from sklearn_set.network import SparseLayer, SparseNetwork
from sklearn_set.optimizers import SOLVERS
from sklearn_set.regressor import SETRegressor
from sklearn_set.topology import Topology
from sklearn_set.training import Progress, Randomness
from sklearn_set.validation import check_values, options

__all__ = ["SKOPS_TRUSTED", "register_onnx_converters", "to_onnx"]

#: Full names of the classes that ``skops.io.load`` must be told to trust, by its argument
#: `trusted`, to load a model of this package.
SKOPS_TRUSTED = tuple(
    f"{kind.__module__}.{kind.__qualname__}"
    for kind in (
        SETClassifier,
        SETRegressor,
        SparseNetwork,
        SparseLayer,
        Topology,
        Progress,
        Randomness,
        *SOLVERS.values(),
    )
)

_LAYERS = ("auto", "dense", "sparse")

# Operators in the forms used here, Expand with Shape's `start` and ScatterND that adds, exist
# since this version of the standard (2022).
_LOWEST_OPSET = 18

# "auto" writes a layer dense where a product of matrices is the faster: in onnxruntime one
# connection of a sparse layer takes as long as some fifty positions of a dense one
# (tests/benchmarks/bench_export.py).  But not where the matrix is a burden by its size.
_DENSE_FROM = 0.02
_DENSE_BYTES = 1 << 28

# protobuf, in which ONNX files are written, ends at 2 GiB; names and nodes need a little.
_FILE_BYTES = (1 << 31) - (1 << 20)

# skl2onnx 1.20 and onnx hold this many copies of the weights at the same time (measured).
_COPIES = 6

# Bytes that no machine lacks, so that small networks need not look at its memory.
_NEVER_TOO_MUCH = 1 << 26


def to_onnx(estimator, X, *, layers="auto", target_opset=None, options=None):
    """Convert a fitted estimator, or a pipeline that contains one, to an ONNX graph.

    Needs `skl2onnx` and `onnx`: ``pip install "sklearn_set[onnx]"``. The graph has the inputs of
    ``skl2onnx.to_onnx``. Of a classifier it has the outputs "label" and "probabilities" (an array,
    columns in the order of `classes_`), of a regressor the output "variable" of shape (n_samples,
    n_outputs). Input genes and hidden neurons from which no connection leads to an output are
    left out. Networks of snapshots are all part of the graph.

    Parameters
    ----------
    estimator : estimator object
        A fitted :class:`SETClassifier` or :class:`SETRegressor`, or a fitted scikit-learn object
        with one inside that skl2onnx knows, such as a pipeline.
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        Some rows of the data, of which only names and number types are read; not sparse. The graph
        computes in the number type of the network, and answers in the wider of the two, as the
        estimator does.
    layers : {"auto", "dense", "sparse"}, default="auto"
        How the weights are written: as dense matrices, which run fast where they are small, or
        as connections, which take 20 bytes each in single precision and 24 in double. "auto"
        decides for each layer.
    target_opset : int, default=None
        Version of the ONNX operators, at least 18. None is the newest that skl2onnx knows.
    options : dict, default=None
        More options for ``skl2onnx.to_onnx``, by class or by ``id`` of an object. For example
        ``{SETClassifier: {"zipmap": True}}`` turns "probabilities" into dictionaries.

    Returns
    -------
    model : onnx.ModelProto
        The graph; ``model.SerializeToString()`` gives the bytes of a file.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If a parameter is outside its range, X has not the features that the estimator was fitted
        with, or the graph would need more than the 2 GiB that an ONNX file can hold.
    MemoryError
        If there is not enough memory to build the graph.

    See Also
    --------
    register_onnx_converters : For programs that call skl2onnx themselves.

    Examples
    --------
    >>> from sklearn_set.datasets import make_microarray
    >>> from sklearn_set.export import to_onnx
    >>> X, y = make_microarray(n_samples=60, n_features=200, dtype="float32", random_state=0)
    >>> model = SETClassifier((30,), max_iter=5, random_state=0).fit(X, y)
    >>> [output.name for output in to_onnx(model, X).graph.output]
    ['label', 'probabilities']
    """
    check_values({"layers": layers}, _CONSTRAINTS, "to_onnx")
    skl2onnx = _skl2onnx()
    check_is_fitted(estimator)
    if not hasattr(X, "columns"):
        X = check_array(X, dtype=None, ensure_all_finite=False, input_name="X")
    n_features = getattr(estimator, "n_features_in_", X.shape[1])
    if X.shape[1] != n_features:
        raise ValueError(
            f"X has {X.shape[1]} features, but {type(estimator).__name__} is expecting "
            f"{n_features} features as input."
        )
    register_onnx_converters()
    ours = {
        SETClassifier: {"zipmap": False, "layers": layers},
        SETRegressor: {"layers": layers},
    }
    options = dict(options or {})
    for key, values in ours.items():
        options[key] = values | options.get(key, {})
    return skl2onnx.to_onnx(estimator, X[:1], target_opset=target_opset, options=options)


def register_onnx_converters():
    """Tell skl2onnx how to convert the estimators of this package.

    Afterwards ``skl2onnx.to_onnx`` and ``skl2onnx.convert_sklearn`` convert them, alone and inside
    pipelines. Each takes the option ``"layers"`` of :func:`to_onnx`, a classifier the usual
    ``"zipmap"``, ``"nocl"``, ``"raw_scores"`` and ``"output_class_labels"`` as well. May be called
    again.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    See Also
    --------
    to_onnx : Registers the converters and converts.
    """
    skl2onnx = _skl2onnx()
    form = {"layers": list(_LAYERS)}
    skl2onnx.update_registered_converter(
        SETClassifier,
        "SklearnSetSETClassifier",
        _classifier_shapes,
        _convert_classifier,
        options={
            "zipmap": [True, False, "columns"],
            "nocl": [True, False],
            "output_class_labels": [False, True],
            "raw_scores": [True, False],  # wanted by CalibratedClassifierCV
            **form,
        },
    )
    skl2onnx.update_registered_converter(
        SETRegressor, "SklearnSetSETRegressor", _regressor_shapes, _convert_regressor, options=form
    )


_CONSTRAINTS = {"layers": (options(*_LAYERS),)}


def _skl2onnx():
    try:
        import skl2onnx
    except ImportError as error:
        raise ImportError(
            "Export to ONNX needs the packages skl2onnx and onnx, which are not installed: "
            'pip install "sklearn_set[onnx]".'
        ) from error
    return skl2onnx


# --------------------------------------------------------------------- what skl2onnx asks for


def _result_type(operator):
    """skl2onnx's type of the outputs: the wider of the input's and the network's."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    check_is_fitted(operator.raw_operator)
    single = operator.raw_operator._network.dtype == np.float32
    if single and isinstance(operator.inputs[0].type, FloatTensorType):
        return FloatTensorType
    return DoubleTensorType  # other numbers become float64 in an estimator, too


def _labels(operator):
    """The classes as an array of a type that ONNX has, and skl2onnx's type for it."""
    from skl2onnx.common import data_types

    classes = operator.raw_operator.classes_
    if _option(operator, "nocl", False):
        classes = np.arange(classes.shape[0])
    if classes.dtype.kind in "iu":
        return classes.astype(np.int64), data_types.Int64TensorType
    if classes.dtype.kind == "b":
        return classes, data_types.BooleanTensorType
    if classes.dtype.kind == "f":
        return classes.astype(np.float64), data_types.DoubleTensorType
    if all(isinstance(name, str) for name in classes):
        return classes.astype(object), data_types.StringTensorType
    raise ValueError(
        f"ONNX knows no type for classes_={classes!r}. Fit with strings or numbers as labels, or "
        "convert with the option nocl=True to get the numbers of the classes."
    )


def _classifier_shapes(operator):
    from skl2onnx.common import data_types

    classifier, result = operator.raw_operator, _result_type(operator)
    n_samples = operator.inputs[0].get_first_dimension()
    n_columns = classifier.classes_.shape[0]
    _, label = _labels(operator)
    operator.outputs[0].set_type(label([n_samples, n_columns][: 1 + classifier._multilabel]))
    if _has_zipmap(operator):
        result = data_types.FloatTensorType
    operator.outputs[1].set_type(result([n_samples, n_columns]))


def _has_zipmap(operator):
    """Whether probabilities become dictionaries, which ONNX has for single precision only."""
    return _option(operator, "zipmap", True) is True


def _option(operator, name, default):
    """The value of one of skl2onnx's options for an estimator."""
    chosen = operator.scope_inst.get_options(operator.raw_operator, {name: default}, fail=False)
    return chosen[name]


def _regressor_shapes(operator):
    result = _result_type(operator)
    n_samples = operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(result([n_samples, operator.raw_operator.n_outputs_]))


def _convert_classifier(scope, operator, container):
    classifier = operator.raw_operator
    graph = _Graph(scope, container, operator.raw_operator._network.dtype)
    raw = _write_networks(graph, operator)
    label, probabilities = operator.outputs
    if classifier.out_activation_ == "softmax":
        scores, chances = raw, graph.add("Softmax", raw, axis=1)
        number = graph.add("ArgMax", raw, axis=1, keepdims=0)
    else:
        is_positive = graph.add("Greater", raw, graph.number(0.0))
        scores = raw
        if not classifier._multilabel:
            scores = graph.add("Concat", graph.add("Neg", raw), raw, axis=1)
        chances = graph.add("Sigmoid", scores)
        number = graph.cast(is_positive, np.int64)
        if not classifier._multilabel:
            number = graph.add("Squeeze", number, graph.array([1]))
    wanted = scores if _option(operator, "raw_scores", False) else chances
    graph.cast(
        wanted, np.float32 if _has_zipmap(operator) else graph.dtype, probabilities.full_name
    )
    if classifier._multilabel:
        graph.add("Identity", number, output=label.full_name)
    else:
        classes, _ = _labels(operator)
        graph.add("Gather", graph.array(classes), number, output=label.full_name)


def _convert_regressor(scope, operator, container):
    graph = _Graph(scope, container, operator.raw_operator._network.dtype)
    raw = _write_networks(graph, operator)
    kind = _OF_TARGETS[operator.raw_operator.out_activation_]
    graph.add(kind, raw, output=operator.outputs[0].full_name)


# What the output units of a regressor apply -> its operator.
_OF_TARGETS = {"identity": "Identity", "exp": "Exp"}


# ---------------------------------------------------------------------------------- the graph


class _Graph:
    """Nodes of a graph, written one after the other; every method returns the name of its result.

    Parameters
    ----------
    scope, container : object
        skl2onnx's.
    dtype : numpy.dtype
        The number type of the network, and of constant numbers.
    """

    def __init__(self, scope, container, dtype):
        if container.target_opset < _LOWEST_OPSET:
            raise ValueError(
                f"target_opset must be at least {_LOWEST_OPSET} for the estimators of "
                f"sklearn_set, got {container.target_opset}."
            )
        self._scope = scope
        self._container = container
        self.dtype = dtype

    def add(self, kind, *inputs, output=None, **attributes):
        """One node."""
        output = output or self._scope.get_unique_variable_name(f"set_{kind.lower()}")
        self._container.add_node(
            kind,
            list(inputs),
            output,
            op_version=_LOWEST_OPSET,
            name=self._scope.get_unique_operator_name(kind),
            **attributes,
        )
        return output

    def array(self, values):
        """A constant."""
        from onnx import TensorProto, numpy_helper

        values = np.asarray(values)
        name = self._scope.get_unique_variable_name("set_constant")
        if values.dtype == object:  # skl2onnx copies only numbers from a tensor
            names = [label.encode() for label in values]
            self._container.add_initializer(name, TensorProto.STRING, values.shape, names)
        else:
            self._container.add_initializer(name, None, None, numpy_helper.from_array(values, name))
        return name

    def number(self, value):
        """A constant number."""
        return self.array(np.asarray(value, self.dtype))

    def cast(self, value, dtype, output=None):
        """The same numbers in another type."""
        from onnx import helper

        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add("Cast", value, to=kind, output=output)


def _write_networks(graph, operator):
    """The mean of the outputs of all networks, before softmax or logistic, in the result's type."""
    from skl2onnx.common.data_types import FloatTensorType

    estimator = operator.raw_operator
    networks = [estimator._network, *estimator._snapshots]
    form = _option(operator, "layers", "auto")
    plans = [_plan(network, form) for network in networks]
    _check_size(plans)
    data = graph.cast(operator.inputs[0].full_name, graph.dtype)
    raw = None
    for network, plan in zip(networks, plans, strict=True):
        outputs = _write_network(graph, data, network, plan)
        raw = outputs if raw is None else graph.add("Add", raw, outputs)
    if len(networks) > 1:
        raw = graph.add("Div", raw, graph.number(len(networks)))
    wide = np.float32 if _result_type(operator) is FloatTensorType else np.float64
    if wide == graph.dtype:
        return raw
    graph.dtype = np.dtype(wide)
    return graph.cast(raw, wide)


def _plan(network, form):
    """What will be written: the features that are kept, and of each layer three things.

    Its weights, the numbers of the output neurons that are kept, and whether it will be dense.
    Features and neurons from which no path of weights leads to an output are left out.
    """
    kept = np.arange(network.sizes[-1])
    plan = []
    for layer in reversed(network.layers):
        weights = layer.as_csr()
        if kept.shape[0] < weights.shape[1]:
            weights = weights[:, kept]
        if not weights.data.all():
            weights = weights.copy()
            weights.eliminate_zeros()
        used = np.flatnonzero(np.diff(weights.indptr))
        if used.shape[0] == 0:  # ONNX wants at least one neuron in a layer
            used = np.arange(1)
        if used.shape[0] < weights.shape[0]:
            weights = weights[used]
        n_positions = weights.shape[0] * weights.shape[1]
        pays = weights.nnz >= _DENSE_FROM * n_positions
        fits = n_positions * weights.dtype.itemsize <= _DENSE_BYTES
        plan.append((weights, kept, form == "dense" or (form == "auto" and pays and fits)))
        kept = used
    return kept, plan[::-1]


def _check_size(plans):
    """Refuse, before anything is written, what a file or the memory cannot hold."""
    layers = [layer for _, plan in plans for layer in plan]
    needed = sum(
        weights.shape[0] * weights.shape[1] * weights.dtype.itemsize
        if dense
        else weights.nnz * (weights.dtype.itemsize + 2 * np.dtype(np.int64).itemsize)
        for weights, _, dense in layers
    )
    if needed < _NEVER_TOO_MUCH:
        return
    advice = "fit with lower hidden_layer_sizes or epsilon, n_snapshots=1 or dtype='float32'"
    if any(dense for _, _, dense in layers):
        advice = f"convert with layers='sparse', or {advice}"
    if needed > _FILE_BYTES:
        raise ValueError(
            f"The weights of the ONNX graph would take {needed:,} bytes, more than the "
            f"{_FILE_BYTES:,} that an ONNX file can hold: {advice}."
        )
    available = machine.available_memory()
    if available is not None and _COPIES * needed > available:
        raise MemoryError(
            f"Building the ONNX graph needs about {_COPIES * needed:,} bytes of memory, but only "
            f"{available:,} are available: {advice}."
        )


def _write_network(graph, data, network, plan):
    """The outputs of one network for the data."""
    kept, layers = plan
    values = data
    if kept.shape[0] < network.sizes[0]:
        values = graph.add("Gather", values, graph.array(kept), axis=1)
    for layer, (weights, units, dense) in zip(network.layers, layers, strict=True):
        write = _write_dense if dense else _write_sparse
        values = write(graph, values, weights, layer.bias[units])
        values = _ACTIVATIONS[layer.activation](graph, values, layer.activation_parameter)
    return values


def _write_dense(graph, values, weights, bias):
    return graph.add("Gemm", values, graph.array(weights.toarray()), graph.array(bias))


def _write_sparse(graph, values, weights, bias):
    """Weight times input of every connection, added to the bias of its output neuron."""
    weights = weights.tocoo()
    inputs, outputs = (index.astype(np.int64) for index in weights.coords)
    n_samples = graph.add("Shape", values, start=0, end=1)
    shape = graph.add("Concat", graph.array([bias.shape[0]]), n_samples, axis=0)
    start = graph.add("Expand", graph.array(bias[:, np.newaxis]), shape)
    rows = graph.add("Gather", graph.add("Transpose", values, perm=[1, 0]), graph.array(inputs))
    products = graph.add("Mul", rows, graph.array(weights.data[:, np.newaxis]))
    outputs = graph.array(outputs[:, np.newaxis])
    sums = graph.add("ScatterND", start, outputs, products, reduction="add")
    return graph.add("Transpose", sums, perm=[1, 0])


# -------------------------------------------------------------------------------- activations
#
# In operators that onnxruntime has for both number types: of LeakyRelu, Elu and Erf it has none
# for double precision.


def _operator(name):
    return lambda graph, z, parameter: graph.add(name, z)


def _unchanged(graph, z, parameter):
    return z


def _where_positive(graph, z, other):
    return graph.add("Where", graph.add("Greater", z, graph.number(0.0)), z, other)


def _leaky_relu(graph, z, parameter):
    return _where_positive(graph, z, graph.add("Mul", z, graph.number(parameter)))


def _elu(graph, z, parameter):
    power = graph.add("Exp", graph.add("Min", z, graph.number(0.0)))
    return _where_positive(graph, z, graph.add("Sub", power, graph.number(1.0)))


def _silu(graph, z, parameter):
    return graph.add("Mul", z, graph.add("Sigmoid", z))


def _gelu(graph, z, parameter):
    if graph.dtype == np.float32:
        scaled = graph.add("Mul", z, graph.number(sqrt(0.5)))
        erf = graph.add("Erf", scaled)
        double_phi = graph.add("Add", erf, graph.number(1.0))
        return graph.add("Mul", z, graph.add("Mul", double_phi, graph.number(0.5)))
    # Beyond |z| the normal distribution has erfcx(u) exp(-u^2) / 2 with u = |z| / sqrt(2).
    u = graph.add("Mul", graph.add("Abs", z), graph.number(sqrt(0.5)))
    above = graph.add("Add", u, graph.number(_MIDDLE))
    t = graph.add("Div", graph.add("Sub", u, graph.number(_MIDDLE)), above)
    tail = graph.number(_ERFCX[-1])
    for coefficient in _ERFCX[-2::-1]:
        tail = graph.add("Add", graph.add("Mul", tail, t), graph.number(coefficient))
    power = graph.add("Exp", graph.add("Neg", graph.add("Mul", u, u)))
    tail = graph.add("Div", graph.add("Mul", tail, power), above)
    is_negative = graph.add("Less", z, graph.number(0.0))
    phi = graph.add("Where", is_negative, tail, graph.add("Sub", graph.number(1.0), tail))
    return graph.add("Mul", z, phi)


# erfcx(u) (u + _MIDDLE) / 2 as a polynomial of t = (u - _MIDDLE) / (u + _MIDDLE), which maps
# 0 <= u < infinity to -1 <= t < 1: right to 1e-14 of its value.
_MIDDLE = 3.0


def _erfcx_polynomial(degree):
    def function(t):
        u = _MIDDLE * (1 + t) / (1 - t)
        return erfcx(u) * (u + _MIDDLE) / 2

    return chebyshev.cheb2poly(chebyshev.chebinterpolate(function, degree))


_ERFCX = _erfcx_polynomial(20)

_ACTIVATIONS = {
    "identity": _unchanged,
    "logistic": _operator("Sigmoid"),
    "tanh": _operator("Tanh"),
    "relu": _operator("Relu"),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "gelu": _gelu,
    "silu": _silu,
    "all_relu": _leaky_relu,
}
