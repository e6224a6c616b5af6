"""Checks of parameters, as a table, in the wording that users of scikit-learn know.

`CONSTRAINTS` says what each parameter of the estimators accepts; `check_parameters` applies it
before any work is done. The module must not know data, networks or training: what depends on X
and y is checked where X and y are. It imports nothing private of scikit-learn.
"""

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from math import inf
from numbers import Integral, Real

import numpy as np

__all__ = [
    "ACTIVATION_NAMES",
    "CONSTRAINTS",
    "InvalidParameterError",
    "check_parameters",
    "check_values",
    "hidden_activations",
    "hidden_sizes",
]

ACTIVATION_NAMES = (
    "identity",
    "logistic",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "gelu",
    "silu",
    "all_relu",
)


class InvalidParameterError(ValueError, TypeError):
    """A parameter has a type or a value that it does not accept.

    Like scikit-learn's exception of this name, it can be caught as either of its parents.
    """


# Constraints. Each has `accepts(value)`, and a `str` that continues the sentence "must be ...".


@dataclass(frozen=True)
class Interval:
    """A number between two bounds; NaN is never between them.

    A Python bool is a number here, because it is one in Python and in scikit-learn's checks.

    Parameters
    ----------
    number : {numbers.Integral, numbers.Real}
        The kind of number. NumPy scalars belong to these kinds, too.
    low, high : int or float
        The bounds, which may be infinite.
    closed : {"left", "right", "both", "neither"}, default="left"
        The bounds that belong to the interval.
    """

    number: type
    low: float
    high: float
    closed: str = "left"

    def accepts(self, value):
        """Tell whether `value` is a number of this kind inside the interval."""
        if not isinstance(value, self.number):
            return False
        above = value >= self.low if self.closed in ("left", "both") else value > self.low
        below = value <= self.high if self.closed in ("right", "both") else value < self.high
        return bool(above and below)

    def __str__(self):
        kind, bound = ("an int", str) if self.number is Integral else ("a float", float)
        left = "[" if self.closed in ("left", "both") else "("
        right = "]" if self.closed in ("right", "both") else ")"
        return f"{kind} in the range {left}{bound(self.low)}, {bound(self.high)}{right}"


@dataclass(frozen=True)
class Options:
    """One of a few values of one kind.

    Parameters
    ----------
    kind : {str, numbers.Real}
        The kind of the values.
    values : tuple
        The accepted values, in the order in which a message lists them.
    """

    kind: type
    values: tuple

    def accepts(self, value):
        """Tell whether `value` is one of the options."""
        return isinstance(value, self.kind) and value in self.values

    def __str__(self):
        kind = "float" if self.kind is Real else self.kind.__qualname__
        return f"a {kind} among {{{', '.join(map(repr, self.values))}}}"


@dataclass(frozen=True)
class Instance:
    """Any instance of a type.

    Parameters
    ----------
    type : type
        The type.
    """

    type: type

    def accepts(self, value):
        """Tell whether `value` is an instance of the type."""
        return isinstance(value, self.type)

    def __str__(self):
        module = "" if self.type.__module__ == "builtins" else f"{self.type.__module__}."
        return f"an instance of '{module}{self.type.__qualname__}'"


@dataclass(frozen=True)
class SequenceOf:
    """An ordered one-dimensional collection whose members satisfy a constraint.

    Parameters
    ----------
    member : constraint
        What each member must satisfy. A collection without members is accepted.
    phrase : str
        The description of the whole.
    """

    member: object
    phrase: str

    def accepts(self, value):
        """Tell whether `value` is such a collection."""
        return _is_sequence(value) and all(self.member.accepts(member) for member in value)

    def __str__(self):
        return self.phrase


@dataclass(frozen=True)
class IsNone:
    """The value None."""

    def accepts(self, value):
        """Tell whether `value` is None."""
        return value is None

    def __str__(self):
        return "None"


@dataclass(frozen=True)
class IsCallable:
    """Anything that can be called."""

    def accepts(self, value):
        """Tell whether `value` can be called."""
        return callable(value)

    def __str__(self):
        return "a callable"


@dataclass(frozen=True)
class FloatType:
    """NumPy's type of single or double precision, or its dtype in native byte order."""

    def accepts(self, value):
        """Tell whether `value` is one of the two types or dtypes."""
        if isinstance(value, np.dtype) and value.isnative:
            value = value.type
        return value is np.float32 or value is np.float64

    def __str__(self):
        return "numpy.float32 or numpy.float64"


def _is_sequence(value):
    """Tell whether `value` is an ordered one-dimensional collection other than a string."""
    return (
        isinstance(value, Collection)
        and not isinstance(value, (str, bytes, Mapping, Set))
        and getattr(value, "ndim", 1) == 1
    )


NONE = IsNone()
BOOLEAN = (Instance(bool), Instance(np.bool_))
VERBOSE = (Interval(Integral, 0, inf), *BOOLEAN)
RANDOM_STATE = (
    Interval(Integral, 0, 2**32 - 1, "both"),
    Instance(np.random.RandomState),
    NONE,
)
FLOAT_TYPE = (Options(str, ("float32", "float64")), FloatType())

_POSITIVE_INT = Interval(Integral, 1, inf)
_POSITIVE = Interval(Real, 0, inf, "neither")
_NOT_NEGATIVE = Interval(Real, 0, inf)
_FRACTION = Interval(Real, 0, 1)  # without 1
_CLOSED_FRACTION = Interval(Real, 0, 1, "both")
_ACTIVATION = Options(str, ACTIVATION_NAMES)

# One of the constraints in its tuple must accept a parameter.
CONSTRAINTS = {
    # network; sizes below 1 inside a sequence are refused by `hidden_sizes`, in its own words
    "hidden_layer_sizes": (
        SequenceOf(Instance(Integral), "an array-like of integers"),
        _POSITIVE_INT,
    ),
    "activation": (
        _ACTIVATION,
        SequenceOf(_ACTIVATION, "a sequence of them, one per hidden layer"),
    ),
    "dropout": (_FRACTION,),
    "weight_init": (Options(str, ("auto", "he_uniform", "glorot_uniform", "normal")),),
    "dtype": (Options(str, ("auto", "float32", "float64")), FloatType()),
    "loss": (Options(str, ("squared_error",)),),
    # sparse evolutionary training
    "epsilon": (_POSITIVE,),
    "zeta": (_CLOSED_FRACTION,),
    "rewire_interval": (_POSITIVE_INT,),
    # optimiser
    "solver": (Options(str, ("sgd", "adam")),),
    "alpha": (_NOT_NEGATIVE,),
    "weight_decay": (_NOT_NEGATIVE,),
    "batch_size": (Options(str, ("auto",)), _POSITIVE_INT),
    "learning_rate": (Options(str, ("constant", "invscaling", "adaptive", "cosine")),),
    "learning_rate_init": (_POSITIVE,),
    "power_t": (_NOT_NEGATIVE,),
    "momentum": (_CLOSED_FRACTION,),
    "nesterovs_momentum": BOOLEAN,
    "beta_1": (_FRACTION,),
    "beta_2": (_FRACTION,),
    "adam_epsilon": (_POSITIVE,),
    "max_iter": (_POSITIVE_INT,),
    "shuffle": BOOLEAN,
    "tol": (_NOT_NEGATIVE,),
    "n_iter_no_change": (_POSITIVE_INT, Options(Real, (inf,))),
    # validation
    "early_stopping": BOOLEAN,
    "validation_fraction": (_FRACTION,),
    "scoring": (Instance(str), IsCallable(), NONE),
    # general
    "class_weight": (
        Options(str, ("balanced",)),
        Instance(dict),
        SequenceOf(Instance(dict), "a list of dicts"),
        NONE,
    ),
    "warm_start": BOOLEAN,
    "random_state": RANDOM_STATE,
    "n_jobs": (_POSITIVE_INT, Interval(Integral, -inf, -1, "right"), NONE),
    "verbose": VERBOSE,
}


def check_values(values, constraints, owner):
    """Check values against the constraints of their names.

    Parameters
    ----------
    values : dict of str to object
        The values by name. A name without constraints is accepted.
    constraints : dict of str to tuple
        The constraints by name; a value must satisfy one of them.
    owner : str
        The name of the class or function, for the message.

    Raises
    ------
    InvalidParameterError
        If a value satisfies none of its constraints. The first such value is reported.
    """
    for name, value in values.items():
        allowed = constraints.get(name)
        if allowed is None or any(constraint.accepts(value) for constraint in allowed):
            continue
        *others, last = map(str, allowed)
        phrase = f"{', '.join(others)} or {last}" if others else last
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must be {phrase}. Got {value!r} instead."
        )


def check_parameters(estimator):
    """Check every parameter of an estimator, then those that must agree with each other.

    A parameter that `CONSTRAINTS` does not list, such as one of a user's subclass, is left
    alone. The checks ignore scikit-learn's `skip_parameter_validation`: compiled code relies on
    them.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator, fitted or not. It is not changed.

    Raises
    ------
    InvalidParameterError
        If a parameter has a type or value that it does not accept, or if the number of
        activations differs from the number of hidden layers.
    """
    parameters = estimator.get_params(deep=False)
    check_values(parameters, CONSTRAINTS, type(estimator).__name__)
    if "hidden_layer_sizes" in parameters:
        sizes = hidden_sizes(parameters["hidden_layer_sizes"])
        if "activation" in parameters:
            hidden_activations(parameters["activation"], len(sizes))


def hidden_sizes(value):
    """Bring `hidden_layer_sizes` to one form.

    Parameters
    ----------
    value : int or array-like of int, shape (n_hidden,)
        The sizes, of types that `check_parameters` accepts.

    Returns
    -------
    sizes : tuple of int, length n_hidden
        The number of neurons of each hidden layer; empty for a linear model.

    Raises
    ------
    InvalidParameterError
        If a size is below 1.
    """
    members = [value] if isinstance(value, Integral) else value
    sizes = tuple(int(size) for size in members)
    if any(size <= 0 for size in sizes):
        raise InvalidParameterError(f"hidden_layer_sizes must be > 0, got {list(sizes)}.")
    return sizes


def hidden_activations(activation, n_hidden):
    """Bring `activation` to one form.

    Parameters
    ----------
    activation : str or sequence of str, length n_hidden
        One name for all hidden layers, or one for each.
    n_hidden : int
        The number of hidden layers, at least 0.

    Returns
    -------
    activations : tuple of str, length n_hidden
        The activation of each hidden layer.

    Raises
    ------
    InvalidParameterError
        If the number of names is not `n_hidden`.
    """
    if isinstance(activation, str):
        return (str(activation),) * n_hidden
    activations = tuple(map(str, activation))
    if len(activations) != n_hidden:
        raise InvalidParameterError(
            "activation must have one name per hidden layer, "
            f"got {len(activations)} for hidden_layer_sizes of length {n_hidden}."
        )
    return activations
