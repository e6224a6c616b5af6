"""Fitted models for other programs: as ONNX graphs, and as files of skops.

Registers converters with skl2onnx, so that pipelines, searches and stacks that contain a SET
estimator can be converted as well.  Reads fitted estimators, changes nothing, knows no training.
skl2onnx and onnx are optional and imported when they are needed.
"""

from math import inf
from numbers import Integral, Number
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sklearn_set import memory
from sklearn_set._core import measured
from sklearn_set._typing import Int
from sklearn_set.activations import ACTIVATIONS
from sklearn_set.callbacks import Checkpoint, EarlyStopping, TopologyRecorder
from sklearn_set.classifier import SETClassifier
from sklearn_set.feature_selection import SETSelector
from sklearn_set.network import SparseLayer, SparseNetwork
from sklearn_set.optimizers import SOLVERS
from sklearn_set.regressor import SETRegressor
from sklearn_set.scaling import TargetUnits
from sklearn_set.state import Progress, Randomness
from sklearn_set.topology import Topology
from sklearn_set.validation import NONE, Constraint, check_values, instance, interval, options

if TYPE_CHECKING:
    import onnx

__all__ = ["SKOPS_TRUSTED", "register_onnx_converters", "to_onnx"]

#: Full names of the classes that ``skops.io.load`` must be told to trust, by its argument
#: `trusted`, to load a model, a selector or a callback of this package.
SKOPS_TRUSTED: tuple[str, ...] = tuple(
    f"{kind.__module__}.{kind.__qualname__}"
    for kind in (
        SETClassifier,
        SETRegressor,
        SETSelector,
        Checkpoint,
        EarlyStopping,
        TopologyRecorder,
        SparseNetwork,
        SparseLayer,
        Topology,
        Progress,
        Randomness,
        TargetUnits,
        *SOLVERS.values(),
        np.dtype,  # a value of the parameter `dtype`
    )
)

_LAYERS = ("auto", "dense", "sparse")
_Layers: TypeAlias = Literal["auto", "dense", "sparse"]

# Operators in the forms used here, Expand with Shape's `start` and ScatterND that adds, exist
# since this version of the standard (2022).
_LOWEST_OPSET = 18

# "auto" writes a layer dense where a product of matrices is the faster, but not where the matrix is
# a burden by its size.
_DENSE_BYTES = 1 << 28

# protobuf, in which ONNX files are written, ends at 2 GiB; names and nodes need a little.
_FILE_BYTES = (1 << 31) - (1 << 20)

# skl2onnx 1.20 and onnx hold this many copies of the weights at the same time (measured).
_COPIES = 6

# Bytes that no machine lacks, so that small networks need not look at its memory.
_NEVER_TOO_MUCH = 1 << 26


def to_onnx(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    layers: _Layers = "auto",
    target_opset: Int | dict[str, int] | None = None,
    options: dict[Any, dict[str, Any]] | None = None,
) -> "onnx.ModelProto":
    """Convert a fitted estimator, or a pipeline that contains one, to an ONNX graph.

    Needs `skl2onnx` and `onnx`: ``pip install "sklearn_set[onnx]"``. The graph has one input, "X",
    a matrix. Of a classifier it has the outputs "label" and "probabilities" (an array, columns in
    the order of `classes_`), of a regressor the output "variable" of shape (n_samples, n_outputs),
    of a selector "variable" with the selected columns. Input genes and hidden neurons from which
    no connection leads to an output are left out. Networks of snapshots are all part of the graph.

    Parameters
    ----------
    estimator : estimator object
        A fitted :class:`SETClassifier`, :class:`SETRegressor` or
        :class:`~sklearn_set.feature_selection.SETSelector`, or a fitted scikit-learn object with
        one inside that skl2onnx knows, such as a pipeline.
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        Some rows of the data, of which only names and number types are read; not sparse. Input
        "X" is in single precision if all numbers are, otherwise in double, as estimators read
        data. Only a SET estimator on its own takes arrays of integers and booleans as they are.
        The graph computes in the number type of the network, and answers in
        the wider of the two, as the estimator does.

        A DataFrame, of pandas or polars, is a matrix as well, with its columns in their order. Two
        cases are different: some columns are not numbers, or a
        :class:`~sklearn.compose.ColumnTransformer` may look for columns by name. Then each column
        is an input of its own, of shape (n_samples, 1): text, or numbers of the type that "X" would
        have. The input has the name of the column; skl2onnx replaces characters that other systems
        may not accept.
    layers : {"auto", "dense", "sparse"}, default="auto"
        How the weights are written: as dense matrices, which run fast where they are small, or
        as connections, which take 20 bytes each in single precision and 24 in double. "auto"
        decides for each layer.
    target_opset : int or dict, default=None
        Version of the ONNX operators, at least 18, or versions by domain, as skl2onnx takes them.
        None is the newest that skl2onnx knows.
    options : dict of dict, default=None
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
        with, in number, names and order, or the graph would need more than the 2 GiB that an ONNX
        file can hold.
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
    given = {"layers": layers, "target_opset": target_opset, "options": options}
    check_values(given, _CONSTRAINTS, "to_onnx")
    skl2onnx = _skl2onnx()
    check_is_fitted(estimator)
    inputs = _inputs(estimator, X)
    register_onnx_converters()
    ours: dict[type, dict[str, Any]] = {
        SETClassifier: {"zipmap": False, "layers": layers},
        SETRegressor: {"layers": layers},
    }
    options = dict(options or {})
    for key, values in ours.items():
        options[key] = values | options.get(key, {})
    if any(each.get("zipmap") == "columns" and each.get("nocl") for each in options.values()):
        raise ValueError(
            "The options zipmap='columns' and nocl=True do not go together: skl2onnx has no names "
            "for the columns of classes without labels. Leave one of them out."
        )
    return skl2onnx.to_onnx(
        estimator, initial_types=inputs, target_opset=target_opset, options=options
    )


def register_onnx_converters() -> None:
    """Tell skl2onnx how to convert the estimators of this package.

    Afterwards ``skl2onnx.to_onnx`` and ``skl2onnx.convert_sklearn`` convert them, alone and inside
    pipelines. Classifiers and regressors take the option ``"layers"`` of :func:`to_onnx`,
    classifiers the usual ``"zipmap"``, ``"nocl"``, ``"raw_scores"`` and ``"output_class_labels"``
    as well. Several inputs, such as skl2onnx makes of a DataFrame, are joined in their order, which
    must be that of the features. May be called again.

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
    skl2onnx.update_registered_converter(
        SETSelector, "SklearnSetSETSelector", _selector_shapes, _convert_selector
    )


_CONSTRAINTS = {
    "layers": (options(*_LAYERS),),
    "target_opset": (interval(Integral, 1, inf), instance(dict), NONE),
    "options": (
        Constraint(
            lambda value: (
                isinstance(value, dict)
                and all(isinstance(key, (type, Integral)) for key in value)
                and all(isinstance(each, dict) for each in value.values())
            ),
            "a dict of dicts by classes or by ids of objects",
        ),
        NONE,
    ),
}


def _skl2onnx():
    try:
        import skl2onnx
    except ImportError as error:
        raise ImportError(
            "Export to ONNX needs the packages skl2onnx and onnx, which are not installed: "
            'pip install "sklearn_set[onnx]".'
        ) from error
    return skl2onnx


# ------------------------------------------------------------------------- inputs of a graph

# Estimators that take arrays of these types as they are; skl2onnx's scalers, for example, refuse
# booleans, and compute with integers in single precision.
_OURS = (SETClassifier, SETRegressor, SETSelector)
_TAKEN = ("float32", "float64", "int64", "int32", "int8", "uint8", "bool")


def _inputs(estimator, X):
    """Names and skl2onnx's types of the inputs of a graph, for data like X."""
    is_ours = isinstance(estimator, _OURS)
    is_frame = hasattr(X, "columns")
    if not is_frame:
        dtype = "numeric" if is_ours else None
        X = check_array(X, dtype=dtype, ensure_all_finite=False, input_name="X")
    elif X.shape[0] == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required."
        )
    validate_data(estimator, X, reset=False, skip_check_array=True)
    X = _safe_indexing(X, [0])
    is_number = _which_are_numbers(X)
    if is_frame and not is_ours and (_looks_for_names(estimator) or not all(is_number)):
        return _inputs_of_columns(X, is_number)
    keeps_type = is_ours and not is_frame and X.dtype in _TAKEN
    if not keeps_type and (is_ours or all(is_number)):
        X = _as_floats(X)
    return [("X", _tensor_type(X.dtype, X.shape[1]))]


def _as_floats(X):
    """X as estimators see it: in single precision if it is, else in double."""
    return check_array(X, dtype=(np.float64, np.float32), ensure_all_finite=False, input_name="X")


def _tensor_type(dtype, n_columns):
    """skl2onnx's type of a matrix."""
    from skl2onnx.common.data_types import guess_data_type

    ((_, kind),) = guess_data_type(np.empty((1, n_columns), dtype))
    kind.shape = [None, n_columns]
    return kind


def _which_are_numbers(X):
    """Of each column of one row of data, whether it holds numbers."""
    types = list(X.dtypes) if hasattr(X, "columns") else [X.dtype] * X.shape[1]
    return [
        getattr(dtype, "kind", "O") in "biuf"
        or getattr(dtype, "is_numeric", bool)()  # polars
        or isinstance(value, Number)
        for dtype, value in zip(types, np.asarray(X)[0], strict=True)
    ]


def _looks_for_names(estimator):
    """Whether skl2onnx may look for columns by their names."""
    parts = (estimator, *estimator.get_params().values())
    has_names = hasattr(estimator, "feature_names_in_")
    return has_names and any(isinstance(part, ColumnTransformer) for part in parts)


def _inputs_of_columns(X, is_number):
    """One input for each column: all numbers of one type, everything else as it is."""
    names = list(X.columns)
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ValueError(
            "Each column of X becomes an input of the graph, because not all columns are numbers "
            "or a ColumnTransformer looks for them by name. Their names must be strings that "
            f"differ. Got {names}."
        )
    numbers = [name for name, holds in zip(names, is_number, strict=True) if holds]
    types = dict.fromkeys(numbers, _as_floats(X[numbers]).dtype) if numbers else {}
    for name in set(names).difference(numbers):
        types[name] = np.asarray(X[name]).dtype
        if types[name].kind not in "OU":
            raise ValueError(
                "An input of the graph can hold numbers or text, but column "
                f"{name!r} of X has the type {types[name]}."
            )
    return [(name, _tensor_type(types[name], 1)) for name in names]


# --------------------------------------------------------------------- what skl2onnx asks for


def _check_inputs(operator):
    """Refuse what the estimator would refuse, in its words; return the number of samples.

    Programs that call skl2onnx without `to_onnx` have no other check.
    """
    from skl2onnx.common.data_types import StringTensorType

    estimator, inputs = operator.raw_operator, operator.inputs
    check_is_fitted(estimator)
    kind = type(estimator).__name__
    for variable in inputs:
        if isinstance(variable.type, StringTensorType):
            raise ValueError(f"{kind} takes numbers, but input {variable.raw_name!r} is text.")
    widths = [variable.get_second_dimension() for variable in inputs]
    are_known = all(isinstance(width, Integral) for width in widths)
    if are_known and sum(widths) != estimator.n_features_in_:
        raise ValueError(
            f"X has {sum(widths)} features, but {kind} is expecting {estimator.n_features_in_} "
            "features as input."
        )
    if len(inputs) == estimator.n_features_in_ > 1 and hasattr(estimator, "feature_names_in_"):
        for variable, name in zip(inputs, estimator.feature_names_in_, strict=True):
            if variable.is_root and variable.raw_name != name:
                raise ValueError(
                    "The feature names should match those that were passed during fit, in the same "
                    f"order: got {variable.raw_name!r} where {kind} is expecting {name!r}."
                )
    return inputs[0].get_first_dimension()


def _result_type(operator):
    """skl2onnx's type of the outputs: the wider of the input's and the network's."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    single = operator.raw_operator._number_type() == np.float32
    units = operator.raw_operator._units_of_targets()
    single = single and not (units is not None and units.need_double)
    if single and all(isinstance(each.type, FloatTensorType) for each in operator.inputs):
        return FloatTensorType
    return DoubleTensorType  # other numbers become float64 in an estimator, too


def _labels(operator):
    """The classes as an array of a type that ONNX has, and skl2onnx's type for it."""
    from skl2onnx.common import data_types

    classes = operator.raw_operator.classes_
    if _option(operator, "nocl", False):
        classes = np.arange(classes.shape[0])
    if classes.dtype.kind in "bf" and _option(operator, "zipmap", True) is not False:
        classes = classes.astype(np.int64)  # the names of probabilities are integers or strings
    if classes.dtype.kind in "iu" and classes.max() <= np.iinfo(np.int64).max:
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

    n_samples = _check_inputs(operator)
    _check_output_class_labels(operator)
    classifier, result = operator.raw_operator, _result_type(operator)
    n_columns = classifier.classes_.shape[0]
    _, label = _labels(operator)
    operator.outputs[0].set_type(label([n_samples, n_columns][: 1 + classifier._has_label_sets()]))
    if _has_zipmap(operator):
        result = data_types.FloatTensorType
    operator.outputs[1].set_type(result([n_samples, n_columns]))


def _check_output_class_labels(operator):
    """skl2onnx writes an output "class_labels" only for some types of `classes_`."""
    if not _option(operator, "output_class_labels", False):
        return
    classes = operator.raw_operator.classes_
    has_numbers = classes.dtype in ("int32", "int64")
    if _option(operator, "nocl", False):
        is_known = has_numbers or classes.dtype == "bool"
    else:
        is_known = has_numbers or all(isinstance(name, str) for name in classes)
    if not is_known:
        raise ValueError(
            "The option output_class_labels=True is for integers of 32 and 64 bits and for strings "
            f"as labels, without nocl=True for the latter. Got classes_ of type {classes.dtype}."
        )


def _has_zipmap(operator):
    """Whether probabilities become dictionaries, which ONNX has for single precision only."""
    return _option(operator, "zipmap", True) is True


def _option(operator, name, default):
    """The value of one of skl2onnx's options for an estimator; None stands for the default."""
    chosen = operator.scope_inst.get_options(operator.raw_operator, {name: default}, fail=False)
    return default if chosen[name] is None else chosen[name]


def _regressor_shapes(operator):
    n_samples = _check_inputs(operator)
    result = _result_type(operator)
    operator.outputs[0].set_type(result([n_samples, operator.raw_operator.n_outputs_]))


def _selector_shapes(operator):
    from skl2onnx.common.data_types import DoubleTensorType

    n_samples = _check_inputs(operator)
    types = {type(variable.type) for variable in operator.inputs}
    result = types.pop() if len(types) == 1 else DoubleTensorType
    operator.outputs[0].set_type(result([n_samples, operator.raw_operator.n_features_]))


def _convert_classifier(scope, operator, container):
    classifier = operator.raw_operator
    graph = _Graph(scope, container, operator.raw_operator._number_type())
    raw = _write_networks(graph, operator)
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
    wanted = scores if _option(operator, "raw_scores", False) else chances
    graph.cast(
        wanted, np.float32 if _has_zipmap(operator) else graph.dtype, probabilities.full_name
    )
    if classifier._has_label_sets():
        graph.add("Identity", number, output=label.full_name)
    else:
        classes, _ = _labels(operator)
        graph.add("Gather", graph.array(classes), number, output=label.full_name)


def _convert_regressor(scope, operator, container):
    graph = _Graph(scope, container, operator.raw_operator._number_type())
    raw = _write_networks(graph, operator)
    kind = _OF_TARGETS[operator.raw_operator.out_activation_]
    units, values = operator.raw_operator._units_of_targets(), graph.add(kind, raw)
    values = graph.add("Mul", values, graph.array(units.scale.astype(graph.dtype)))
    offset = graph.array(units.offset.astype(graph.dtype))
    graph.add("Add", values, offset, output=operator.outputs[0].full_name)


def _convert_selector(scope, operator, container):
    graph = _Graph(scope, container)
    is_mixed = len({type(variable.type) for variable in operator.inputs}) > 1
    values = _joined(graph, operator, np.float64 if is_mixed else None)
    selected = graph.array(operator.raw_operator.get_support(indices=True).astype(np.int64))
    graph.add("Gather", values, selected, axis=1, output=operator.outputs[0].full_name)


# What the output units of a regressor apply -> its operator.
_OF_TARGETS = {"identity": "Identity", "exp": "Exp"}


# ---------------------------------------------------------------------------------- the graph


class _Graph:
    """Nodes of a graph, written one after the other; every method returns the name of its result.

    Parameters
    ----------
    scope, container : object
        skl2onnx's.
    dtype : numpy.dtype, default=None
        The number type of the network, and of constant numbers.
    """

    def __init__(self, scope, container, dtype=None):
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


def _joined(graph, operator, dtype):
    """All inputs of an operator as one matrix, in another number type unless it is None."""
    parts = [variable.full_name for variable in operator.inputs]
    if dtype is not None:
        parts = [graph.cast(part, dtype) for part in parts]
    return parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1)


def _write_networks(graph, operator):
    """The mean of the outputs of all networks, before softmax or logistic, in the result's type."""
    from skl2onnx.common.data_types import FloatTensorType

    estimator = operator.raw_operator
    networks = estimator._networks()
    form = _option(operator, "layers", "auto")
    plans = [_plan(network, form) for network in networks]
    _check_size(plans)
    data = _joined(graph, operator, graph.dtype)
    first = networks[0]  # the others read the data in the same units
    if first.offset is not None:
        data = graph.add("Sub", data, graph.array(first.offset))
    if first.factor != 1:
        data = graph.add("Mul", data, graph.number(first.factor))
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
        pays = weights.nnz >= measured.DENSE_PERCENT / 100 * n_positions
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
    available = memory.available_memory()
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
        activation = ACTIVATIONS[layer.activation]
        values = activation.onnx(graph, values, layer.activation_parameter)
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
