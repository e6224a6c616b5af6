"""The table of activations of hidden neurons: a row says all that Python knows of one.

The kernels compute an activation and its slope over one neuron's row (_core/activations.pxd).  Here
are the same formulas in NumPy for whole arrays, in operators of ONNX, and in words.  Knows arrays
and names of operators; must not know networks or the package onnx.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import erfcx, expit, ndtr


@dataclass(frozen=True)
class Activation:
    """An activation: its formulas, and what else must be known of it.

    It may have a number of its own, `p` below, such as the slope of leaky_relu below zero.  A layer
    of a network holds this number.  The magnitude of an output must be at most that of the input
    plus one: `SparseNetwork.bound` relies on it.

    Attributes
    ----------
    code : int
        The kernels' number for it, in the enum of `_core/activations.pxd`.
    formula : str
        What docstrings say of it, after its name.
    value : callable
        ``f(z, p)`` of an array of pre-activations.
    slope : callable
        ``f'(z, p)``.
    onnx : callable
        ``onnx(graph, z, p)`` writes operators that compute f and returns the name of their result.
        `z` is a name, too.  `graph` has the number type of the network as `dtype`, and the methods
        ``add(operator, *names)`` and ``number(value)`` for nodes and constants.
    is_rectifier : bool, default=False
        Whether the initial weights should follow He's law.
    parameter : float or tuple of float, default=0.0
        Its own number.  A tuple has the numbers of the first hidden layers, and is repeated for
        those that follow.
    bounds : tuple of float, default=(0.0, 0.0)
        The smallest and the largest number for which all its formulas are right.
    """

    code: int
    formula: str
    value: Callable
    slope: Callable
    onnx: Callable
    is_rectifier: bool = False
    parameter: float | tuple = 0.0
    bounds: tuple = (0.0, 0.0)

    def parameter_at(self, depth):
        """Its own number in a hidden layer, counted from 0."""
        if isinstance(self.parameter, tuple):
            return self.parameter[depth % len(self.parameter)]
        return self.parameter


# -------------------------------------------------------------------------------------- in NumPy


def _normal_density(z):
    return np.exp(-0.5 * z * z) * (2 * np.pi) ** -0.5


def _linear_below_zero(z, parameter):
    return np.where(z > 0, z, parameter * z)


def _slope_below_zero(z, parameter):
    return np.where(z > 0, z.dtype.type(1), z.dtype.type(parameter))


# --------------------------------------------------------------------------------------- in ONNX
#
# Only operators that onnxruntime has for both number types.  It lacks LeakyRelu, Elu and Erf for
# double precision.


def _operator(name):
    return lambda graph, z, parameter: graph.add(name, z)


def _where_positive(graph, z, other):
    return graph.add("Where", graph.add("Greater", z, graph.number(0.0)), z, other)


def _write_linear_below_zero(graph, z, parameter):
    return _where_positive(graph, z, graph.add("Mul", z, graph.number(parameter)))


def _write_elu(graph, z, parameter):
    power = graph.add("Exp", graph.add("Min", z, graph.number(0.0)))
    return _where_positive(graph, z, graph.add("Sub", power, graph.number(1.0)))


def _write_silu(graph, z, parameter):
    # As a product with a sigmoid, onnxruntime up to 1.30 would make it an operator of its own,
    # which it does not have in double precision.
    power = graph.add("Exp", graph.add("Neg", z))
    return graph.add("Div", z, graph.add("Add", power, graph.number(1.0)))


def _write_gelu(graph, z, parameter):
    if graph.dtype == np.float32:
        scaled = graph.add("Mul", z, graph.number(sqrt(0.5)))
        erf = graph.add("Erf", scaled)
        double_phi = graph.add("Add", erf, graph.number(1.0))
        return graph.add("Mul", z, graph.add("Mul", double_phi, graph.number(0.5)))
    # The normal distribution above |z| is erfcx(u) exp(-u^2) / 2, where u = |z| / sqrt(2).
    u = graph.add("Mul", graph.add("Abs", z), graph.number(sqrt(0.5)))
    above = graph.add("Add", u, graph.number(_MIDDLE))
    t = graph.add("Div", graph.add("Sub", u, graph.number(_MIDDLE)), above)
    *coefficients, highest = _erfcx_polynomial(20)
    tail = graph.number(highest)
    for coefficient in reversed(coefficients):
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


# ------------------------------------------------------------------------------------- the table

# The value of the parameter `activation` -> what it is.
ACTIVATIONS = {
    "identity": Activation(
        code=0,
        formula="f(x) = x",
        value=lambda z, p: z,
        slope=lambda z, p: np.ones_like(z),
        onnx=lambda graph, z, p: z,
    ),
    "logistic": Activation(
        code=1,
        formula="f(x) = 1 / (1 + exp(-x))",
        value=lambda z, p: expit(z),
        slope=lambda z, p: expit(z) * expit(-z),
        onnx=_operator("Sigmoid"),
    ),
    "tanh": Activation(
        code=2,
        formula="f(x) = tanh(x)",
        value=lambda z, p: np.tanh(z),
        slope=lambda z, p: 1 - np.tanh(z) ** 2,
        onnx=_operator("Tanh"),
    ),
    "relu": Activation(
        code=3,
        formula="f(x) = max(0, x)",
        value=lambda z, p: np.maximum(z, 0),
        slope=lambda z, p: (z > 0).astype(z.dtype),
        onnx=_operator("Relu"),
        is_rectifier=True,
    ),
    # The kernel takes the slope from the sign of the output, so that p may not be negative.
    "leaky_relu": Activation(
        code=4,
        formula="f(x) = x above 0, else 0.01 x",
        value=_linear_below_zero,
        slope=_slope_below_zero,
        onnx=_write_linear_below_zero,
        is_rectifier=True,
        parameter=0.01,
        bounds=(0.0, 1.0),
    ),
    "elu": Activation(
        code=5,
        formula="f(x) = x above 0, else exp(x) - 1",
        value=lambda z, p: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        slope=lambda z, p: np.exp(np.minimum(z, 0)),
        onnx=_write_elu,
        is_rectifier=True,
        parameter=1.0,
        bounds=(1.0, 1.0),
    ),
    "gelu": Activation(
        code=6,
        formula="f(x) = x Phi(x), Phi the normal distribution function",
        value=lambda z, p: z * ndtr(z),
        slope=lambda z, p: ndtr(z) + z * _normal_density(z),
        onnx=_write_gelu,
        is_rectifier=True,
    ),
    "silu": Activation(
        code=7,
        formula="f(x) = x / (1 + exp(-x))",
        value=lambda z, p: z * expit(z),
        slope=lambda z, p: expit(z) * (1 + z * expit(-z)),
        onnx=_write_silu,
        is_rectifier=True,
    ),
    # Curci et al., 2021, arXiv 2102.01732, with the slope of the authors' code.
    "all_relu": Activation(
        code=8,
        formula="f(x) = x above 0, else -0.6 x in odd and 0.6 x in even hidden layers ([3]_)",
        value=_linear_below_zero,
        slope=_slope_below_zero,
        onnx=_write_linear_below_zero,
        is_rectifier=True,
        parameter=(-0.6, 0.6),
        bounds=(-1.0, 1.0),
    ),
}
