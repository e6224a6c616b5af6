"""A graph that is being written: nodes and constants, through skl2onnx's container.

Knows how skl2onnx and onnx want a node, and in which version of the standard.  Must not know what
the nodes are for.
"""

import numpy as np

# Operators in the forms used here, Expand with Shape's `start` and ScatterND that adds, exist
# since this version of the standard (2022).
_LOWEST_OPSET = 18


class Graph:
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
