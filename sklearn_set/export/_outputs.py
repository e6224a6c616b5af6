"""Outputs of a graph: their types and shapes, which skl2onnx asks for before it converts.

Knows the options of skl2onnx by which a user chooses among outputs.  Must not know how they are
computed.
"""

import numpy as np

from sklearn_set.export._inputs import check_inputs


def classifier_shapes(operator):
    """Set the types and shapes of label and probabilities."""
    from skl2onnx.common import data_types

    n_samples = check_inputs(operator)
    _check_output_class_labels(operator)
    classifier, result = operator.raw_operator, result_type(operator)
    n_columns = classifier.classes_.shape[0]
    _, label = labels(operator)
    operator.outputs[0].set_type(label([n_samples, n_columns][: 1 + classifier._has_label_sets()]))
    if has_zipmap(operator):
        result = data_types.FloatTensorType
    operator.outputs[1].set_type(result([n_samples, n_columns]))


def regressor_shapes(operator):
    """Set the type and shape of predictions."""
    n_samples = check_inputs(operator)
    result = result_type(operator)
    operator.outputs[0].set_type(result([n_samples, operator.raw_operator.n_outputs_]))


def selector_shapes(operator):
    """Set the type and shape of the selected columns."""
    from skl2onnx.common.data_types import DoubleTensorType

    n_samples = check_inputs(operator)
    types = {type(variable.type) for variable in operator.inputs}
    result = types.pop() if len(types) == 1 else DoubleTensorType
    operator.outputs[0].set_type(result([n_samples, operator.raw_operator.n_features_]))


def embedding_shapes(operator):
    """Set the type and shape of the outputs of a hidden layer."""
    n_samples = check_inputs(operator)
    (network,) = operator.raw_operator._networks()
    operator.outputs[0].set_type(result_type(operator)([n_samples, network.sizes[-1]]))


def result_type(operator):
    """skl2onnx's type of the outputs: the wider of the input's and the network's."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    single = operator.raw_operator._number_type() == np.float32
    units = operator.raw_operator._units_of_targets()
    single = single and not (units is not None and units.need_double)
    if single and all(isinstance(each.type, FloatTensorType) for each in operator.inputs):
        return FloatTensorType
    return DoubleTensorType  # other numbers become float64 in an estimator, too


def labels(operator):
    """The classes as an array of a type that ONNX has, and skl2onnx's type for it."""
    from skl2onnx.common import data_types

    classes = operator.raw_operator.classes_
    if option(operator, "nocl", False):
        classes = np.arange(classes.shape[0])
    if classes.dtype.kind in "bf" and option(operator, "zipmap", True) is not False:
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


def _check_output_class_labels(operator):
    """skl2onnx writes an output "class_labels" only for some types of `classes_`."""
    if not option(operator, "output_class_labels", False):
        return
    classes = operator.raw_operator.classes_
    has_numbers = classes.dtype in ("int32", "int64")
    if option(operator, "nocl", False):
        is_known = has_numbers or classes.dtype == "bool"
    else:
        is_known = has_numbers or all(isinstance(name, str) for name in classes)
    if not is_known:
        raise ValueError(
            "The option output_class_labels=True is for integers of 32 and 64 bits and for strings "
            f"as labels, without nocl=True for the latter. Got classes_ of type {classes.dtype}."
        )


def has_zipmap(operator):
    """Whether probabilities become dictionaries, which ONNX has for single precision only."""
    return option(operator, "zipmap", True) is True


def option(operator, name, default):
    """The value of one of skl2onnx's options for an estimator; None stands for the default."""
    chosen = operator.scope_inst.get_options(operator.raw_operator, {name: default}, fail=False)
    return default if chosen[name] is None else chosen[name]
