"""scikit-learn's own tests of its multilayer perceptrons, run on ours.

Nothing is copied: the installed `sklearn.neural_network.tests.test_mlp` is executed with adapters
in place of `MLPClassifier` and `MLPRegressor`, and its test functions become tests of this file,
whichever the version has.  Those that must fail are listed with their reason.  It is an error if
one of them passes, or fails in another way.  `doc/compatibility.md` tells the result.
"""

import importlib.util
import inspect
import math
import re
from pathlib import Path
from types import MappingProxyType
from unittest import mock

import numpy as np
import pytest
import sklearn
from conftest import needs_documentation
from sklearn import neural_network

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.validation import InvalidParameterError

pytest.importorskip("sklearn.neural_network.tests", reason="scikit-learn came without its tests")
SUITE = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")

PAGE = Path(__file__).resolve().parents[1] / "doc" / "compatibility.md"

# As in scikit-learn's own run, a fit that has not converged only says so.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ------------------------------------------------------------------------------- adapters

# What makes a sparse network that evolves a multilayer perceptron.
DENSE = {
    "epsilon": 1e9,  # every layer is full
    "zeta": 0.0,
    "input_dropout": 0.0,
    "mixup": 0.0,
    "weight_init": "glorot_uniform",
    "n_snapshots": 1,
}

# A long descent by whole-batch steps stands in for the solver that is not offered.
INSTEAD_OF_LBFGS = MappingProxyType(
    {
        "solver": "adam",
        "learning_rate_init": 0.03,
        "max_iter": 1000,
        "tol": 0.0,
        "n_iter_no_change": np.inf,
    }
)


class LikeMLP:
    """One of our classes with the parameters, the defaults and the dense weights of MLP's.

    Parameters and defaults are those of the installed class.
    """

    instead_of_lbfgs = MappingProxyType({})

    def __init_subclass__(cls, like=None, **options):
        super().__init_subclass__(**options)
        if like is None:
            return
        signature = inspect.signature(like.__init__)

        def __init__(self, *args, **named):
            bound = signature.bind(self, *args, **named)
            bound.apply_defaults()
            parameters = {name: bound.arguments[name] for name in list(signature.parameters)[1:]}
            if parameters["solver"] == "lbfgs":
                parameters |= cls.instead_of_lbfgs
            self.max_fun = parameters.pop("max_fun")
            parameters["adam_epsilon"] = parameters.pop("epsilon")
            super(cls, self).__init__(**parameters | DENSE)

        __init__.__signature__ = signature  # what scikit-learn takes the parameters from
        cls.__init__ = __init__

    def fit(self, X, y, sample_weight=None):
        n_samples = np.shape(X)[0]
        if self.early_stopping:
            n_samples -= int(np.ceil(self.validation_fraction * n_samples))
        return self._in_batches(n_samples, super().fit, X, y, sample_weight)

    def partial_fit(self, X, y, *args, **named):
        return self._in_batches(np.shape(X)[0], super().partial_fit, X, y, *args, **named)

    def _in_batches(self, n_samples, train, *args, **named):
        """Train with MLP's meaning of ``batch_size="auto"``."""
        given = self.batch_size
        if given == "auto":
            self.batch_size = max(1, min(200, n_samples))
        try:
            return train(*args, **named)
        finally:
            self.batch_size = given

    @property
    def coefs_(self):
        return [coef.toarray() for coef in super().coefs_]


# At module level and by these names, so that they can be pickled.
class Classifier(LikeMLP, SETClassifier, like=neural_network.MLPClassifier):
    pass


class Regressor(LikeMLP, SETRegressor, like=neural_network.MLPRegressor):
    pass


class ClassifierByAdam(LikeMLP, SETClassifier, like=neural_network.MLPClassifier):
    instead_of_lbfgs = INSTEAD_OF_LBFGS


class RegressorByAdam(LikeMLP, SETRegressor, like=neural_network.MLPRegressor):
    instead_of_lbfgs = INSTEAD_OF_LBFGS


# ---------------------------------------------------------------------- expected failures

NOT_WARNED = pytest.fail.Exception  # of pytest.warns, also when the fit inside was refused

LBFGS = (InvalidParameterError, 'asks for `solver="lbfgs"`, which is not offered')
LBFGS_IN_WARNS = ((InvalidParameterError, NOT_WARNED), LBFGS[1])
PRIVATE_RATE = (
    AttributeError,
    "reads the learning rate from the private `_optimizer`; the rates of both are compared in "
    "`tests/test_against_mlp.py::test_every_schedule`",
)
PATIENCE = (
    NOT_WARNED,
    "expects a `ConvergenceWarning` after `max_iter` epochs with `n_iter_no_change=np.inf`, which "
    "asks for all of these epochs; training that was to last so long does not warn",
)
MAX_FUN = ((AssertionError, NOT_WARNED), "is about `max_fun`, a limit of lbfgs alone")
LBFGS_STREAM = (
    AssertionError,
    "expects that `partial_fit` does not exist with lbfgs; it does with the solvers offered here",
)

# Test, or one of its instances -> how it fails, and why.
EXPECTED_FAILURES = {
    "test_gradient": LBFGS,
    "test_lbfgs_classification": LBFGS,
    "test_lbfgs_regression": LBFGS,
    "test_lbfgs_classification_maxfun": LBFGS_IN_WARNS,
    "test_lbfgs_regression_maxfun": LBFGS_IN_WARNS,
    "test_multilabel_classification": LBFGS,
    "test_multioutput_regression": LBFGS,
    "test_predict_proba_multilabel": LBFGS,
    "test_sparse_matrices": LBFGS,
    "test_warm_start": LBFGS,
    "test_mlp_warm_start_no_convergence[lbfgs-Classifier]": LBFGS_IN_WARNS,
    "test_mlp_warm_start_no_convergence[lbfgs-Regressor]": LBFGS_IN_WARNS,
    "test_mlp_vs_poisson_glm_equivalent": LBFGS,
    "test_partial_fit_errors": LBFGS_STREAM,
    "test_fit": (
        AttributeError,
        "builds a network by hand, from private attributes of an estimator that was never "
        "fitted; steps from given weights are compared in `tests/test_against_mlp.py`",
    ),
    "test_learning_rate_warmstart": PRIVATE_RATE,
    "test_adaptive_learning_rate": PRIVATE_RATE,
    "test_n_iter_no_change": (
        AttributeError,
        "reads the private `_no_improvement_count`, and expects `n_iter_no_change` + 1 epochs "
        "without improvement; here training ends after exactly `n_iter_no_change` of them",
    ),
    "test_n_iter_no_change_inf": (
        AttributeError,
        "passes its public checks, then reads the private `_no_improvement_count`",
    ),
    "test_mlp_warm_start_no_convergence[sgd-Classifier]": PATIENCE,
    "test_mlp_warm_start_no_convergence[sgd-Regressor]": PATIENCE,
    "test_mlp_warm_start_no_convergence[adam-Classifier]": PATIENCE,
    "test_mlp_warm_start_no_convergence[adam-Regressor]": PATIENCE,
    "test_partial_fit_regression": (
        AssertionError,
        "finds that `partial_fit` equals `fit`, then expects a score that depends on the seed: see "
        "`tests/test_mlp_suite.py::test_that_score_is_of_one_seed`",
    ),
    "test_early_stopping_stratified": (
        AssertionError,
        "expects the message of `train_test_split`; the error here has one of its own, which names "
        "the class and the remedy",
    ),
    "test_preserve_feature_names[Classifier]": (
        ValueError,
        "fits a classifier to a single class, which raises an error, as with `LogisticRegression`",
    ),
    "test_mlp_diverging_loss": (
        ValueError,
        "expects training that diverges to go on to its end, with scores of nan; here it stops "
        "with an error in the epoch in which it diverges",
    ),
}

# The same for the tests that ask for lbfgs, with Adam in its place.
EXPECTED_FAILURES_BY_ADAM = {
    "test_gradient": (
        AttributeError,
        "calls the private `_loss_grad_lbfgs`; gradients are compared with finite differences in "
        "`tests/test_gradient.py::test_gradient_is_the_derivative_of_the_loss`",
    ),
    "test_lbfgs_classification_maxfun": MAX_FUN,
    "test_lbfgs_regression_maxfun": MAX_FUN,
    "test_partial_fit_errors": LBFGS_STREAM,
    "test_mlp_warm_start_no_convergence": PATIENCE,
}


@pytest.fixture(autouse=True)
def expect(request):
    """Mark what must fail, before it runs."""
    table = EXPECTED_FAILURES if request.cls is None else EXPECTED_FAILURES_BY_ADAM
    names = (request.node.name, request.node.originalname)
    for raises, reason in [table[name] for name in names if name in table][:1]:
        request.applymarker(pytest.mark.xfail(raises=raises, reason=reason, strict=True))


@pytest.fixture
def global_random_seed():
    """What scikit-learn's own run gives this fixture by default."""
    return 42


# ------------------------------------------------------------------------------ the suite


def functions_of_the_suite(classifier, regressor):
    """Name -> test function of the installed suite, which sees our classes as scikit-learn's.

    The functions bring their marks along, and pytest runs them as it does those of a file.
    """
    module = importlib.util.module_from_spec(SUITE)
    with mock.patch.multiple(neural_network, MLPClassifier=classifier, MLPRegressor=regressor):
        SUITE.loader.exec_module(module)
    return {
        name: function
        for name, function in vars(module).items()
        if name.startswith("test_") and inspect.isfunction(function)
    }


AS_IT_IS = functions_of_the_suite(Classifier, Regressor)
BY_ADAM = {
    name: function
    for name, function in functions_of_the_suite(ClassifierByAdam, RegressorByAdam).items()
    if "lbfgs" in inspect.getsource(function)
}

globals().update(AS_IT_IS)


@pytest.mark.slow
class TestByAdam:
    """The tests that name lbfgs, run with Adam: they check more than the solver."""

    vars().update({name: staticmethod(function) for name, function in BY_ADAM.items()})


# ------------------------------------------------------------------- about the suite itself


def n_instances(function):
    """How often pytest runs a test."""
    marks = getattr(function, "pytestmark", [])
    return math.prod(len(mark.args[1]) for mark in marks if mark.name == "parametrize")


def n_failing(functions, failures):
    return sum(
        1 if "[" in name else n_instances(functions[name])
        for name in failures
        if name.partition("[")[0] in functions
    )


def test_suite_is_found_and_sees_our_classes():
    assert len(AS_IT_IS) > 30
    assert len(BY_ADAM) > 10
    for functions, classifier in ((AS_IT_IS, Classifier), (BY_ADAM, ClassifierByAdam)):
        for function in functions.values():
            assert function.__globals__["MLPClassifier"] is classifier
    assert neural_network.MLPClassifier.__module__.startswith("sklearn.")


def test_adapters_have_the_parameters_of_mlp():
    for adapter, mlp in (
        (Classifier, neural_network.MLPClassifier),
        (RegressorByAdam, neural_network.MLPRegressor),
    ):
        assert inspect.signature(adapter) == inspect.signature(mlp)
        assert adapter().get_params().keys() == mlp().get_params().keys()
    X, y = np.eye(12)[:, :5], np.arange(12) % 3
    for stand_in, solver in ((Classifier, "adam"), (ClassifierByAdam, "lbfgs")):
        model = stand_in(solver=solver, max_iter=3).fit(X, y)
        assert model.density_ == 1
        assert [coef.shape for coef in model.coefs_] == [(5, 100), (100, 3)]
    assert Classifier(epsilon=0.5).adam_epsilon == 0.5


@pytest.mark.slow
def test_that_score_is_of_one_seed():
    """`test_partial_fit_regression` expects .65 with seed 1; other seeds give MLP itself less."""
    X, y = AS_IT_IS["test_fit"].__globals__["X_reg"], AS_IT_IS["test_fit"].__globals__["y_reg"]
    options = {"solver": "sgd", "momentum": 0, "max_iter": 100, "learning_rate_init": 0.01}
    scores = {
        estimator: np.array(
            [
                estimator(random_state=seed, batch_size=200, **options).fit(X, y).score(X, y)
                for seed in range(20)
            ]
        )
        for estimator in (neural_network.MLPRegressor, Regressor)
    }
    ours, mlp = scores[Regressor], scores[neural_network.MLPRegressor]
    assert 0 < (mlp < 0.65).sum() < (ours < 0.65).sum() < 10
    assert abs(np.median(ours) - np.median(mlp)) < 0.02


@needs_documentation
def test_page_tells_every_failure():
    page = PAGE.read_text(encoding="utf-8")
    for heading, table in (
        ("What fails", EXPECTED_FAILURES),
        ("With Adam in place of lbfgs", EXPECTED_FAILURES_BY_ADAM),
    ):
        section = page.split(f"\n### {heading}\n")[1].split("\n## ")[0].split("\n### ")[0]
        rows = re.findall(r"^\| (`test_.*?) \| (.+) \|$", section, re.MULTILINE)
        told = {name: reason for names, reason in rows for name in re.findall(r"`(.+?)`", names)}
        assert told == {name: reason for name, (_, reason) in table.items()}


@needs_documentation
@pytest.mark.skipif(
    not sklearn.__version__.startswith("1.9."), reason="the page counts the tests of 1.9"
)
def test_page_counts_right():
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    for sentence, functions, failures in (
        (
            "Of its {n} tests {passed} pass; of the {failed} that fail {lbfgs} ask for lbfgs.",
            AS_IT_IS,
            EXPECTED_FAILURES,
        ),
        ("Of those {n} tests {passed} pass.", BY_ADAM, EXPECTED_FAILURES_BY_ADAM),
    ):
        of_lbfgs = [name for name, (_, reason) in failures.items() if "lbfgs" in reason]
        n, failed, lbfgs = (
            sum(map(n_instances, functions.values())),
            n_failing(functions, failures),
            n_failing(functions, of_lbfgs),
        )
        passed = n - failed
        assert sentence.format(n=n, passed=passed, failed=failed, lbfgs=lbfgs) in page
