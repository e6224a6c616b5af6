"""The parameters of an estimator, also of a user's subclass, and checks of all of them.

A subclass may settle some of our parameters in its constructor, and have others of its own.  Knows
estimators and the table of constraints; must not know data.
"""

from inspect import signature

from sklearn_set.validation import CONSTRAINTS, check_values, hidden_activations, hidden_sizes


def parameters_of(estimator):
    """The parameters of an estimator, also those that a subclass settles in its constructor.

    Parameters
    ----------
    estimator : BaseEstimator

    Returns
    -------
    dict of str to object
    """
    settled = {name: getattr(estimator, name) for name in _known_parameters(estimator)}
    return settled | estimator.get_params(deep=False)


def _known_parameters(estimator):
    """The names of those that a class of this package has."""
    kind = type(estimator)
    ours = (each for each in kind.__mro__ if each.__module__.startswith("sklearn_set."))
    return signature(next(ours, kind)).parameters


def check_parameters(estimator):
    """Check every parameter of an estimator, then those that must agree with each other.

    A parameter that only a user's subclass has is not checked.  scikit-learn's
    `skip_parameter_validation` does not turn these checks off: compiled code relies on them.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator, fitted or not. It is not changed.

    Returns
    -------
    dict of str to object
        The parameters, numbers as Python's own.

    Raises
    ------
    InvalidParameterError
        If a parameter has a type or value that it does not accept, or if the number of
        activations differs from the number of hidden layers.
    """
    parameters, known = parameters_of(estimator), _known_parameters(estimator)
    constraints = {name: CONSTRAINTS[name] for name in known if name in CONSTRAINTS}
    values = check_values(parameters, constraints, type(estimator).__name__)
    if "hidden_layer_sizes" in parameters:
        sizes = hidden_sizes(parameters["hidden_layer_sizes"])
        if "activation" in parameters:
            hidden_activations(parameters["activation"], len(sizes))
    return values
