"""Checks of parameters, as a table, in the wording that users of scikit-learn know.

`CONSTRAINTS` says what each parameter of the estimators accepts. `parameters.check_parameters`
applies it before any work is done. Knows parameters, and the tables of options that they choose
from; must not know data: what depends on X and y is checked where X and y are.
"""

import operator
from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf
from numbers import Integral, Real
from typing import Any

import numpy as np

from sklearn_set.activations import ACTIVATIONS
from sklearn_set.evolution import GROWTH_RULES, NEWBORN_WEIGHTS, PRUNING_RULES
from sklearn_set.losses import REGRESSION_LOSSES
from sklearn_set.network import WEIGHT_LAWS
from sklearn_set.optimizers import HYPER_PARAMETERS, SOLVERS


class InvalidParameterError(ValueError, TypeError):
    """A parameter has a type or a value that it does not accept.

    Like scikit-learn's exception of this name, it can be caught as either of its parents.
    """


def _same(value):
    return value


@dataclass(frozen=True)
class Constraint:
    """What a value must be: a test, and a phrase that ends the sentence "must be ...".

    `plain` converts an accepted value to Python's own type.  NumPy's small integers overflow where
    Python's do not.  `names` are the strings that it accepts, if they are few.
    """

    accepts: Callable[[object], bool]
    phrase: str
    plain: Callable[[Any], object] = _same
    names: tuple = ()

    def __str__(self):
        return self.phrase


def interval(number, low, high, closed="left"):
    """Make the constraint of a number between two bounds.

    NaN is in no interval. A bool of Python is a number, as in scikit-learn's checks; a bool of
    NumPy is not.

    Parameters
    ----------
    number : {numbers.Integral, numbers.Real}
        The kind of number. NumPy scalars belong to these kinds, too.
    low, high : int or float
        The bounds, which may be infinite.
    closed : {"left", "right", "both", "neither"}, default="left"
        The bounds that belong to the interval.

    Returns
    -------
    Constraint
    """
    above = operator.ge if closed in ("left", "both") else operator.gt
    below = operator.le if closed in ("right", "both") else operator.lt
    kind, bound = ("an int", str) if number is Integral else ("a float", float)
    left = "[" if above is operator.ge else "("
    right = "]" if below is operator.le else ")"

    def accepts(value):
        # For NumPy a duration is an integer.
        if not isinstance(value, number) or isinstance(value, np.timedelta64):
            return False
        try:
            value = int(value) if number is Integral else float(value)
        except (OverflowError, ValueError):  # beyond a float's range; an int of infinity
            return False
        return above(value, low) and below(value, high)

    return Constraint(
        accepts,
        f"{kind} in the range {left}{bound(low)}, {bound(high)}{right}",
        int if number is Integral else _python_real,
    )


def _python_real(value):
    """A real number as Python's own; an integer stays one if a float can hold it exactly."""
    if isinstance(value, Integral) and -(2**53) <= value <= 2**53:
        return int(value)
    return float(value)


def options(*names):
    """Make the constraint of one of a few strings, which a message lists in this order."""
    return Constraint(
        lambda value: isinstance(value, str) and value in names,
        f"a str among {{{', '.join(map(repr, names))}}}",
        names=names,
    )


def instance(kind):
    """Make the constraint of any instance of a type."""
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return Constraint(
        lambda value: isinstance(value, kind),
        f"an instance of '{module}{kind.__qualname__}'",
        bool if kind in (bool, np.bool_) else _same,
    )


def sequence_of(member, phrase):
    """Make the constraint of a sequence, possibly empty, whose members satisfy a constraint."""
    return Constraint(
        lambda value: _is_sequence(value) and all(map(member.accepts, value)),
        phrase,
    )


def _is_sequence(value):
    """Tell whether `value` is an ordered one-dimensional collection other than a string."""
    return (
        isinstance(value, Collection)
        and not isinstance(value, (str, bytes, Mapping, Set))
        and getattr(value, "ndim", 1) == 1
    )


def _is_float_type(value):
    """Tell whether `value` is NumPy's single or double precision, in native byte order."""
    if isinstance(value, np.dtype) and value.isnative:
        value = value.type
    return value is np.float32 or value is np.float64


NONE = Constraint(lambda value: value is None, "None")
BOOLEAN = (instance(bool), instance(np.bool_))
VERBOSE = (interval(Integral, 0, inf), *BOOLEAN)
RANDOM_STATE = (
    interval(Integral, 0, 2**32 - 1, "both"),
    instance(np.random.RandomState),
    NONE,
)
FLOAT_TYPE = Constraint(_is_float_type, "numpy.float32 or numpy.float64")

# Characters of a value in a message.
_LONGEST_SHOWN = 200

_INFINITY = Constraint(
    lambda value: isinstance(value, Real) and value == inf, "a float among {inf}", float
)
_POSITIVE_INT = interval(Integral, 1, inf)
_POSITIVE = interval(Real, 0, inf, "neither")
_NOT_NEGATIVE = interval(Real, 0, inf)
_FRACTION = interval(Real, 0, 1)  # without 1
_CLOSED_FRACTION = interval(Real, 0, 1, "both")
_ACTIVATION = options(*ACTIVATIONS)


def _of_hyper_parameter(accepted):
    """The constraints of a row of `HYPER_PARAMETERS`."""
    if accepted is bool:
        return BOOLEAN
    return (interval(Real, accepted.low, accepted.high, accepted.closed),)


# One of the constraints in its tuple must accept a parameter.
CONSTRAINTS = {
    # network; sizes below 1 inside a sequence are refused by `hidden_sizes`, in its own words
    "hidden_layer_sizes": (
        sequence_of(instance(Integral), "an array-like of integers"),
        _POSITIVE_INT,
    ),
    "activation": (
        _ACTIVATION,
        sequence_of(_ACTIVATION, "a sequence of them, one per hidden layer"),
    ),
    "dropout": (_FRACTION,),
    "input_dropout": (options("auto"), _FRACTION),
    "mixup": (options("auto"), _NOT_NEGATIVE),
    "label_smoothing": (_FRACTION,),
    "weight_init": (options("auto", *WEIGHT_LAWS),),
    "dtype": (options("auto", "float32", "float64"), FLOAT_TYPE),
    "loss": (options(*REGRESSION_LOSSES),),
    "quantile": (interval(Real, 0, 1, "neither"),),
    "huber_delta": (_POSITIVE,),
    # sparse evolutionary training
    "epsilon": (_POSITIVE,),
    "zeta": (_CLOSED_FRACTION,),
    "rewire_interval": (_POSITIVE_INT,),
    "pruning": (options(*PRUNING_RULES),),
    "growth": (options(*GROWTH_RULES),),
    "newborn_weights": (options(*NEWBORN_WEIGHTS),),
    # optimiser
    "solver": (options(*SOLVERS),),
    "alpha": (_NOT_NEGATIVE,),
    "weight_decay": (_NOT_NEGATIVE,),
    "batch_size": (options("auto"), _POSITIVE_INT),
    "learning_rate": (options("auto", "constant", "invscaling", "adaptive", "cosine"),),
    "learning_rate_init": (_POSITIVE,),
    "power_t": (_NOT_NEGATIVE,),
    **{name: _of_hyper_parameter(accepted) for name, accepted in HYPER_PARAMETERS.items()},
    "max_iter": (_POSITIVE_INT,),
    "shuffle": BOOLEAN,
    "tol": (_NOT_NEGATIVE,),
    "n_iter_no_change": (options("auto"), _POSITIVE_INT, _INFINITY),
    "n_snapshots": (options("auto"), _POSITIVE_INT),
    # validation
    "feature_search": (options("auto"), *BOOLEAN),
    "feature_relevance": (options("auto"), *BOOLEAN),
    "early_stopping": BOOLEAN,
    "validation_fraction": (_FRACTION,),
    "scoring": (instance(str), Constraint(callable, "a callable"), NONE),
    # general
    "temperature": (options("auto", "cv"), interval(Real, 1e-3, 1e3, "both")),
    "class_weight": (
        options("balanced"),
        instance(dict),
        sequence_of(instance(dict), "a list of dicts"),
        NONE,
    ),
    "warm_start": BOOLEAN,
    "random_state": RANDOM_STATE,
    "n_jobs": (_POSITIVE_INT, interval(Integral, -inf, -1, "right"), NONE),
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

    Returns
    -------
    dict of str to object
        The values, numbers as Python's own.

    Raises
    ------
    InvalidParameterError
        If a value satisfies none of its constraints. The first such value is reported.
    """
    result = dict(values)
    for name, value in values.items():
        allowed = constraints.get(name)
        if allowed is None:
            continue
        accepting = next((each for each in allowed if each.accepts(value)), None)
        if accepting is not None:
            result[name] = accepting.plain(value)
            continue
        *others, last = map(str, allowed)
        phrase = f"{', '.join(others)} or {last}" if others else last
        hint = _hint(value, [known for each in allowed for known in each.names])
        raise InvalidParameterError(
            f"The {name!r} parameter of {owner} must be {phrase}. Got {shown(value)} instead.{hint}"
        )
    return result


def _hint(value, names):
    """What may have been meant, as the end of a message; empty if nothing tells."""
    if isinstance(value, type) and hasattr(value, "fit"):
        return f" This is the class: write {value.__name__}(), with its parameters in parentheses."
    if isinstance(value, (list, tuple)):
        texts = (each for each in value if isinstance(each, str))
        value = next((text for text in texts if text not in names), None)
    return did_you_mean(value, names)


def did_you_mean(value, names):
    """A question that ends a message: which names resemble a wrong one; empty if none does."""
    if not isinstance(value, str):
        return ""
    wanted, known = value.lower(), {name.lower(): name for name in names}
    near = [wanted] if wanted in known else get_close_matches(wanted, known, cutoff=0.7)
    if len(wanted) >= 3 and wanted not in known:
        within = sorted((name for name in known if f"_{wanted}" in f"_{name}"), key=len)
        # what begins like it is more likely
        near = sorted([*near, *within], key=lambda name: not name.startswith(wanted))
    found = [repr(known[name]) for name in dict.fromkeys(near)][:3]
    if not found:
        return ""
    *others, last = found
    either = f"{', '.join(others)} or " if others else ""
    return f" Did you mean {either}{last}?"


def shown(value):
    """A value as text for a message, cut if long; Python refuses to write very large integers."""
    try:
        text = repr(value)
    except ValueError:
        return f"an int of {value.bit_length()} bits" if isinstance(value, int) else "it"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def plainly(value):
    """A value from data, such as a label, as text for a message: without NumPy's types.

    Values of parameters are shown with them, as scikit-learn does.
    """
    return shown(value.item() if isinstance(value, np.generic) else value)


def check_precision(parameters, dtype, owner):
    """Refuse values that are no longer valid when rounded to the number type of a network.

    Parameters
    ----------
    parameters : dict of str to object
        As `check_parameters` returns them.
    dtype : numpy.dtype
    owner : str
        The name of the class, for the message.

    Raises
    ------
    InvalidParameterError
        If a fraction is 1, a constant 0 or a number infinite in that type.
    """
    tests = dict.fromkeys(("alpha", "weight_decay", "learning_rate_init"), ("finite", np.isfinite))
    if "solver" in parameters:  # else a subclass without it
        for name in SOLVERS[parameters["solver"]].parameters.values():
            if HYPER_PARAMETERS[name] is not bool:
                tests[name] = _ends_that_rounding_reaches(HYPER_PARAMETERS[name])
    for name, (what, accepts) in tests.items():
        value = parameters.get(name)
        if value is None:  # a subclass without it
            continue
        with np.errstate(over="ignore", under="ignore"):
            rounded = dtype.type(value)
        if not accepts(rounded):
            raise InvalidParameterError(
                f"The {name!r} parameter of {owner} must be {what} in {dtype.name}. Got "
                f"{value!r} instead; choose a more moderate value, or dtype='float64'."
            )


def _ends_that_rounding_reaches(bounds):
    """A phrase and a test for the open ends of an interval, to which a number may be rounded."""
    low, high = bounds.low, bounds.high
    above = [f"above {low}"] if bounds.closed in ("right", "neither") else []
    below = ["finite"] if high == inf else [f"less than {high}"]
    if bounds.closed in ("right", "both"):
        below = []

    def accepts(value):
        return (not above or value > low) and (not below or value < high)

    return " and ".join(above + below), accepts


def hidden_sizes(value):
    """Bring `hidden_layer_sizes` to one form.

    Parameters
    ----------
    value : int or array-like of int, shape (n_hidden,)
        The sizes, of types that `check_parameters` accepts.

    Returns
    -------
    tuple of int, length n_hidden
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
    tuple of str, length n_hidden
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
