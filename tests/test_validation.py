"""Bad parameters are refused in scikit-learn's words, good ones pass, before any data is seen."""

import inspect
from math import inf, nan

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.neural_network import MLPClassifier

import sklearn_set
from sklearn_set.activations import ACTIVATIONS
from sklearn_set.evolution import GROWTH_RULES, NEWBORN_WEIGHTS, PRUNING_RULES
from sklearn_set.losses import REGRESSION_LOSSES
from sklearn_set.optimizers import HYPER_PARAMETERS, SOLVERS
from sklearn_set.parameters import check_parameters
from sklearn_set.validation import (
    CONSTRAINTS,
    InvalidParameterError,
    hidden_activations,
    hidden_sizes,
)


class SETClassifier(BaseEstimator):
    """A stand-in that has the parameters of the real estimators and nothing else."""

    def __init__(self, hidden_layer_sizes=(1000,), **given):
        defaults = {name: parameter.default for name, parameter in PARAMETERS.items()}
        for name, value in (defaults | {"hidden_layer_sizes": hidden_layer_sizes} | given).items():
            setattr(self, name, value)


PARAMETERS = {
    name: parameter
    for kind in (sklearn_set.SETRegressor, sklearn_set.SETClassifier)
    for name, parameter in inspect.signature(kind).parameters.items()
}
SETClassifier.__init__.__signature__ = inspect.Signature(
    [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY), *PARAMETERS.values()]
)


class Extended(SETClassifier):
    """A user's subclass with a parameter that the table does not know."""

    def __init__(self, *, panel=None, hidden_layer_sizes=(5,)):
        super().__init__(hidden_layer_sizes)
        self.panel = panel


def listed(names):
    """The rows of a table as a message names them."""
    return ", ".join(f"'{name}'" for name in names)


NOT_A_BOOL = "must be an instance of 'bool' or an instance of 'numpy.bool"
NOT_A_SIZE = "must be an array-like of integers or an int in the range [1, inf). Got "

PATIENCE = "a str among {'auto'}, an int in the range [1, inf) or a float among {inf}"
BAD_VALUES = [
    ("hidden_layer_sizes", 0, f"{NOT_A_SIZE}0 instead."),
    ("hidden_layer_sizes", -3, f"{NOT_A_SIZE}-3 instead."),
    ("hidden_layer_sizes", 5.5, f"{NOT_A_SIZE}5.5 instead."),
    ("hidden_layer_sizes", (10, 5.5), f"{NOT_A_SIZE}(10, 5.5) instead."),
    ("hidden_layer_sizes", (10, 5.0), f"{NOT_A_SIZE}(10, 5.0) instead."),
    ("hidden_layer_sizes", "10", f"{NOT_A_SIZE}'10' instead."),
    ("hidden_layer_sizes", {10, 5}, NOT_A_SIZE),
    ("hidden_layer_sizes", None, f"{NOT_A_SIZE}None instead."),
    ("hidden_layer_sizes", [[10]], NOT_A_SIZE),
    ("hidden_layer_sizes", np.array([[10]]), NOT_A_SIZE),
    ("hidden_layer_sizes", np.array(10), NOT_A_SIZE),
    ("hidden_layer_sizes", [0], "hidden_layer_sizes must be > 0, got [0]."),
    ("hidden_layer_sizes", (4, -1), "hidden_layer_sizes must be > 0, got [4, -1]."),
    ("hidden_layer_sizes", np.array([4, 0]), "hidden_layer_sizes must be > 0, got [4, 0]."),
    ("epsilon", 0, "must be a float in the range (0.0, inf). Got 0 instead."),
    ("epsilon", inf, "must be a float in the range (0.0, inf). Got inf instead."),
    ("epsilon", "20", "must be a float in the range (0.0, inf). Got '20' instead."),
    ("zeta", 1.1, "must be a float in the range [0.0, 1.0]. Got 1.1 instead."),
    ("zeta", -0.1, "must be a float in the range [0.0, 1.0]. Got -0.1 instead."),
    ("zeta", nan, "must be a float in the range [0.0, 1.0]. Got nan instead."),
    ("rewire_interval", 0, "must be an int in the range [1, inf). Got 0 instead."),
    ("rewire_interval", 2.0, "must be an int in the range [1, inf). Got 2.0 instead."),
    (
        "pruning",
        "smallest",
        f"must be a str among {{{listed(PRUNING_RULES)}}}. Got 'smallest' instead.",
    ),
    ("growth", None, f"among {{{listed(GROWTH_RULES)}}}. Got None instead."),
    ("newborn_weights", 0, "must be a str among {'initial', 'zero'}. Got 0 instead."),
    ("activation", "swish", "must be a str among {'identity', 'logistic', 'tanh', 'relu', "),
    ("activation", "swish", "} or a sequence of them, one per hidden layer. Got 'swish' instead."),
    ("activation", ["swish"], "Got ['swish'] instead."),
    ("activation", None, "Got None instead."),
    (
        "activation",
        ["relu", "tanh"],
        "activation must have one name per hidden layer, got 2 for hidden_layer_sizes of length 1.",
    ),
    ("dropout", 1.0, "must be a float in the range [0.0, 1.0). Got 1.0 instead."),
    ("dropout", -0.5, "must be a float in the range [0.0, 1.0). Got -0.5 instead."),
    (
        "weight_init",
        "he",
        "{'auto', 'he_uniform', 'glorot_uniform', 'normal', 'small'}. Got 'he' instead.",
    ),
    ("dtype", "float16", "must be a str among {'auto', 'float32', 'float64'} or numpy.float32"),
    ("dtype", np.float16, "Got <class 'numpy.float16'> instead."),
    ("dtype", np.dtype("float32").newbyteorder(), "must be a str among {'auto', 'float32',"),
    ("dtype", None, "Got None instead."),
    (
        "loss",
        "gamma",
        f"must be a str among {{{listed(REGRESSION_LOSSES)}}}. Got 'gamma' instead.",
    ),
    ("loss", "softmax_log_loss", "Got 'softmax_log_loss' instead."),
    ("loss", ["huber"], "Got ['huber'] instead."),
    *(
        ("quantile", value, f"must be a float in the range (0.0, 1.0). Got {value!r} instead.")
        for value in (0, 1.0, -0.1, nan, "median", None)
    ),
    *(
        ("huber_delta", value, f"must be a float in the range (0.0, inf). Got {value!r} instead.")
        for value in (0, -1.0, inf, nan, None)
    ),
    ("solver", "lbfgs", "must be a str among {'sgd', 'adam'"),
    ("solver", "lbfgs", "'}. Got 'lbfgs' instead."),
    *((name, None, "Got None instead.") for name in HYPER_PARAMETERS),
    ("alpha", -1, "must be a float in the range [0.0, inf). Got -1 instead."),
    ("alpha", inf, "must be a float in the range [0.0, inf). Got inf instead."),
    ("alpha", nan, "must be a float in the range [0.0, inf). Got nan instead."),
    ("alpha", np.float32("nan"), "must be a float in the range [0.0, inf)."),
    ("alpha", np.array(1.0), "must be a float in the range [0.0, inf)."),
    ("alpha", 1j, "must be a float in the range [0.0, inf). Got 1j instead."),
    ("weight_decay", -1e-9, "must be a float in the range [0.0, inf). Got -1e-09 instead."),
    ("batch_size", 0, "must be a str among {'auto'} or an int in the range [1, inf). Got 0 inst"),
    ("batch_size", "all", "must be a str among {'auto'} or an int in the range [1, inf)."),
    (
        "learning_rate",
        "step",
        "{'auto', 'constant', 'invscaling', 'adaptive', 'cosine'}. Got 'step'",
    ),
    ("learning_rate_init", 0.0, "must be a float in the range (0.0, inf). Got 0.0 instead."),
    ("power_t", -0.5, "must be a float in the range [0.0, inf). Got -0.5 instead."),
    ("momentum", 2, "must be a float in the range [0.0, 1.0]. Got 2 instead."),
    ("nesterovs_momentum", 1, NOT_A_BOOL),
    ("beta_1", 1, "must be a float in the range [0.0, 1.0). Got 1 instead."),
    ("beta_2", -0.1, "must be a float in the range [0.0, 1.0). Got -0.1 instead."),
    ("adam_epsilon", 0, "must be a float in the range (0.0, inf). Got 0 instead."),
    ("max_iter", 0, "must be an int in the range [1, inf). Got 0 instead."),
    ("max_iter", 10.0, "must be an int in the range [1, inf). Got 10.0 instead."),
    ("shuffle", "yes", NOT_A_BOOL),
    ("tol", -1e-4, "must be a float in the range [0.0, inf). Got -0.0001 instead."),
    ("input_dropout", 1.0, "must be a str among {'auto'} or a float in the range [0.0, 1.0)."),
    ("mixup", -0.1, "must be a str among {'auto'} or a float in the range [0.0, inf)."),
    ("label_smoothing", 1.0, "must be a float in the range [0.0, 1.0)."),
    ("n_snapshots", 0, "must be a str among {'auto'} or an int in the range [1, inf)."),
    ("n_iter_no_change", 0, f"must be {PATIENCE}. Got 0 instead."),
    ("n_iter_no_change", 2.5, f"must be {PATIENCE}. Got 2.5 instead."),
    ("feature_search", 1, "must be a str among {'auto'}, an instance of 'bool' or an instance of "),
    ("feature_relevance", "yes", "must be a str among {'auto'}, an instance of 'bool' or an "),
    ("early_stopping", None, NOT_A_BOOL),
    ("validation_fraction", 1.0, "must be a float in the range [0.0, 1.0). Got 1.0 instead."),
    ("scoring", 3, "must be an instance of 'str', a callable or None. Got 3 instead."),
    (
        "temperature",
        "warm",
        "must be a str among {'auto', 'cv'} or a float in the range [0.001, 1000.0].",
    ),
    (
        "temperature",
        0,
        "must be a str among {'auto', 'cv'} or a float in the range [0.001, 1000.0].",
    ),
    ("class_weight", "even", "must be a str among {'balanced'}, an instance of 'dict', a list of"),
    ("class_weight", [1, 2], "a list of dicts or None. Got [1, 2] instead."),
    ("warm_start", 0, NOT_A_BOOL),
    ("random_state", -1, "must be an int in the range [0, 4294967295], an instance of 'numpy.ran"),
    ("random_state", 2**32, "or None. Got 4294967296 instead."),
    ("random_state", "seed", "RandomState' or None. Got 'seed' instead."),
    ("n_jobs", 0, "an int in the range [1, inf), an int in the range (-inf, -1] or None. Got 0"),
    ("n_jobs", 1.5, "or None. Got 1.5 instead."),
    ("verbose", -1, "must be an int in the range [0, inf), an instance of 'bool' or"),
    ("verbose", "loud", "Got 'loud' instead."),
]

GOOD_VALUES = [
    *(
        ("hidden_layer_sizes", value)
        for value in (5, np.int64(5), (), [], [10, 5], (3,), range(2, 5), np.array([7, 8]))
    ),
    ("hidden_layer_sizes", np.array([], dtype=int)),
    ("epsilon", 0.5),
    ("epsilon", np.float32(3.0)),
    ("epsilon", np.int32(3)),
    *(("zeta", value) for value in (0, 1, 0.0, 1.0, np.float64(0.3))),
    ("rewire_interval", np.uint8(3)),
    *(("pruning", name) for name in PRUNING_RULES),
    *(("growth", name) for name in GROWTH_RULES),
    *(("newborn_weights", name) for name in NEWBORN_WEIGHTS),
    *(("activation", name) for name in ACTIVATIONS),
    ("activation", np.str_("tanh")),
    ("activation", ["gelu"]),
    ("activation", np.array(["gelu"])),
    ("dropout", 0.99),
    ("weight_init", "he_uniform"),
    *(("loss", name) for name in REGRESSION_LOSSES),
    *(("quantile", value) for value in (0.01, np.float32(0.5), 0.99)),
    *(("huber_delta", value) for value in (1e-3, 2, np.float64(1.35))),
    *(("dtype", value) for value in ("auto", "float32", "float64", np.float32, np.float64)),
    ("dtype", np.dtype("float32")),
    ("dtype", np.dtype("float64")),
    *(("solver", name) for name in SOLVERS),
    ("alpha", 0),
    ("alpha", np.float16(0.5)),
    ("batch_size", 1),
    ("learning_rate", "cosine"),
    ("momentum", 1),
    ("nesterovs_momentum", np.False_),
    ("beta_1", 0),
    ("n_iter_no_change", 1),
    ("n_iter_no_change", inf),
    ("n_iter_no_change", np.float64("inf")),
    ("validation_fraction", 0),
    ("scoring", "balanced_accuracy"),
    ("scoring", lambda estimator, X, y: 0.0),
    *(("temperature", value) for value in ("cv", 1, 1e-3, np.float32(2))),
    *(("class_weight", value) for value in ("balanced", {0: 1.0, 1: 2.0}, [{0: 1.0}], None)),
    *(("random_state", value) for value in (0, 2**32 - 1, np.int64(3))),
    ("random_state", np.random.RandomState(0)),
    *(("n_jobs", value) for value in (1, 4, -1, -2, np.int64(2), None)),
    *(("verbose", value) for value in (0, 3, True, np.True_)),
    # A bool is an int, as in scikit-learn.
    ("max_iter", True),
    ("alpha", True),
]


def refusal(estimator):
    """Return the message with which the parameters of `estimator` are refused."""
    with pytest.raises(InvalidParameterError) as caught:
        check_parameters(estimator)
    return str(caught.value)


def test_defaults_are_accepted():
    check_parameters(SETClassifier())


def test_every_parameter_is_in_the_table_and_in_this_test():
    names = set(SETClassifier().get_params())
    assert names == set(CONSTRAINTS)
    assert names == {name for name, _, _ in BAD_VALUES}


@pytest.mark.parametrize(("name", "value", "fragment"), BAD_VALUES)
def test_bad_values_are_refused(name, value, fragment):
    message = refusal(SETClassifier(**{name: value}))
    assert fragment in message
    if "parameter of" in message:
        assert message.startswith(f"The '{name}' parameter of SETClassifier must be ")


@pytest.mark.parametrize(("name", "value"), GOOD_VALUES)
def test_good_values_are_accepted(name, value):
    check_parameters(SETClassifier(**{name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", -1),
        ("alpha", nan),
        ("alpha", "much"),
        ("max_iter", 0),
        ("max_iter", 2.0),
        ("validation_fraction", 2),
        ("momentum", np.float64(1.5)),
        ("learning_rate_init", 0),
        ("batch_size", 0),
        ("shuffle", "no"),
        ("verbose", -1),
        ("random_state", -1),
        ("hidden_layer_sizes", [0]),
        ("hidden_layer_sizes", (3, -1)),
    ],
)
def test_wording_is_scikit_learns(name, value):
    with pytest.raises(ValueError, match=name) as caught:
        MLPClassifier(**{name: value}).fit([[0.0], [1.0]], [0, 1])
    expected = str(caught.value).replace("MLPClassifier", "SETClassifier")
    assert refusal(SETClassifier(**{name: value})) == expected


@pytest.mark.parametrize("activation", ["x", 3])
def test_wording_for_options_is_scikit_learns_apart_from_the_options(activation):
    # scikit-learn lists its own options, in the order of a set.
    with pytest.raises(ValueError, match="activation") as caught:
        MLPClassifier(activation=activation).fit([[0.0], [1.0]], [0, 1])
    before, _, after = str(caught.value).replace("MLP", "SET").partition("{")
    message = refusal(SETClassifier(activation=activation))
    assert message.startswith(before + "{'identity'")
    assert message.endswith(after.partition("}")[2])


@pytest.mark.parametrize("value", [True, np.True_])
@pytest.mark.parametrize("name", ["alpha", "max_iter", "momentum"])
def test_bools_are_numbers_exactly_where_scikit_learn_says_so(name, value):
    # NaN in X stops the fit after the check of parameters and before training.
    with pytest.raises(ValueError, match=r"NaN|parameter of") as caught:
        MLPClassifier(**{name: value}).fit([[nan], [1.0]], [0, 1])
    estimator = SETClassifier(**{name: value})
    if "NaN" in str(caught.value):
        check_parameters(estimator)
    else:
        refusal(estimator)


def test_error_can_be_caught_as_value_or_type_error():
    for kind in (ValueError, TypeError):
        with pytest.raises(kind, match="alpha"):
            check_parameters(SETClassifier(alpha=-1))


def test_parameters_are_left_as_they_are():
    sizes, activation = [10, 5], ["relu", "tanh"]
    estimator = SETClassifier(sizes, activation=activation)
    before = dict(vars(estimator))
    check_parameters(estimator)
    assert vars(estimator) == before
    assert estimator.hidden_layer_sizes is sizes
    assert estimator.activation is activation


def test_subclass_is_named_and_its_own_parameters_are_left_alone():
    check_parameters(Extended(panel=object()))
    message = refusal(Extended(hidden_layer_sizes=2.5))
    assert message.startswith("The 'hidden_layer_sizes' parameter of Extended must be ")


def test_activation_and_sizes_must_agree():
    check_parameters(SETClassifier((10, 5), activation=("relu", "tanh")))
    check_parameters(SETClassifier((), activation=()))
    message = refusal(SETClassifier((10, 5), activation=("relu",)))
    assert message.endswith("got 1 for hidden_layer_sizes of length 2.")


@pytest.mark.parametrize(
    ("value", "sizes"),
    [
        (5, (5,)),
        (np.int32(5), (5,)),
        ((), ()),
        ([4, 3], (4, 3)),
        (range(1, 3), (1, 2)),
        (np.array([4, 3]), (4, 3)),
    ],
)
def test_hidden_sizes_have_one_form(value, sizes):
    result = hidden_sizes(value)
    assert result == sizes
    assert all(type(size) is int for size in result)


@pytest.mark.parametrize(
    ("activation", "n_hidden", "expected"),
    [
        ("relu", 0, ()),
        ("relu", 2, ("relu", "relu")),
        (np.str_("relu"), 1, ("relu",)),
        (["relu", "tanh"], 2, ("relu", "tanh")),
        (np.array(["relu", "tanh"]), 2, ("relu", "tanh")),
        ((), 0, ()),
    ],
)
def test_hidden_activations_have_one_form(activation, n_hidden, expected):
    result = hidden_activations(activation, n_hidden)
    assert result == expected
    assert all(type(name) is str for name in result)
