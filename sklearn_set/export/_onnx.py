"""The way to ONNX: converters registered with skl2onnx, and the conversion.

Knows how skl2onnx is called, so that pipelines, searches and stacks that contain a SET estimator
can be converted as well.  Must not know what a graph looks like.  skl2onnx and onnx are optional
and imported when they are needed.
"""

from __future__ import annotations

from math import inf
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_set._typing import Int
from sklearn_set.classifier import SETClassifier
from sklearn_set.embedding import SETEmbedding
from sklearn_set.export._converters import (
    convert_classifier,
    convert_embedding,
    convert_regressor,
    convert_selector,
)
from sklearn_set.export._inputs import inputs_of
from sklearn_set.export._outputs import (
    classifier_shapes,
    embedding_shapes,
    regressor_shapes,
    selector_shapes,
)
from sklearn_set.feature_selection import SETSelector, StabilitySelector
from sklearn_set.regressor import SETRegressor
from sklearn_set.validation import NONE, Constraint, check_values, instance, interval, options

if TYPE_CHECKING:
    import onnx

_LAYERS = ("auto", "dense", "sparse")
_Layers: TypeAlias = Literal["auto", "dense", "sparse"]


def to_onnx(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    layers: _Layers = "auto",
    target_opset: Int | dict[str, int] | None = None,
    options: dict[Any, dict[str, Any]] | None = None,
) -> onnx.ModelProto:
    """Convert a fitted estimator, or a pipeline that contains one, to an ONNX graph.

    Needs `skl2onnx` and `onnx`: ``pip install "sklearn_set[onnx]"``. The graph has one input, "X",
    a matrix. Of a classifier it has the outputs "label" and "probabilities" (an array, columns in
    the order of `classes_`), of a regressor the output "variable" of shape (n_samples, n_outputs),
    of a selector "variable" with the selected columns, of an embedding "variable" with the outputs
    of the hidden layer. Input genes and hidden neurons from which
    no connection leads to an output are left out. Networks of snapshots are all part of the graph.

    Parameters
    ----------
    estimator : estimator object
        A fitted :class:`SETClassifier`, :class:`SETRegressor`,
        :class:`~sklearn_set.feature_selection.SETSelector`,
        :class:`~sklearn_set.feature_selection.StabilitySelector` or
        :class:`~sklearn_set.embedding.SETEmbedding`, or a fitted scikit-learn object with
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
    inputs = inputs_of(estimator, X)
    register_onnx_converters()
    ours: dict[type, dict[str, Any]] = {
        SETClassifier: {"zipmap": False, "layers": layers},
        SETRegressor: {"layers": layers},
        SETEmbedding: {"layers": layers},
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
    pipelines. All but selectors take the option ``"layers"`` of :func:`to_onnx`,
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
        classifier_shapes,
        convert_classifier,
        options={
            "zipmap": [True, False, "columns"],
            "nocl": [True, False],
            "output_class_labels": [False, True],
            "raw_scores": [True, False],  # wanted by CalibratedClassifierCV
            **form,
        },
    )
    skl2onnx.update_registered_converter(
        SETRegressor, "SklearnSetSETRegressor", regressor_shapes, convert_regressor, options=form
    )
    for selector in (SETSelector, StabilitySelector):
        skl2onnx.update_registered_converter(
            selector, f"SklearnSet{selector.__name__}", selector_shapes, convert_selector
        )
    skl2onnx.update_registered_converter(
        SETEmbedding, "SklearnSetSETEmbedding", embedding_shapes, convert_embedding, options=form
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
