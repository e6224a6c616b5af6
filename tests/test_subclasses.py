"""Subclasses of users: what their constructors settle, and what is their own."""

import numpy as np
import pytest
from estimator_cases import SMALL, T, X, Y, classifier
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.callbacks import Checkpoint
from sklearn_set.inspection import describe
from sklearn_set.validation import InvalidParameterError

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)


class Settled(SETClassifier):
    """A user's network, of which one number is left to choose."""

    def __init__(self, epsilon=5, tolerance_=3):
        super().__init__(**SMALL | {"epsilon": epsilon, "max_iter": np.int64(25)})
        self.tolerance_ = tolerance_

    def get_params(self, deep=True):
        return {"epsilon": self.epsilon}


def test_a_subclass_may_settle_parameters_in_its_constructor():
    expected = classifier(**SMALL | {"epsilon": 4, "max_iter": 25}).fit(X, Y)
    model = clone(Settled(epsilon=4)).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert type(model.max_iter) is np.int64
    assert model.get_params() == {"epsilon": 4}
    assert describe(model)["parameters"] == describe(expected)["parameters"]
    assert Settled().set_params(epsilon=3).fit(X, Y).n_connections_ < expected.n_connections_


def test_what_a_subclass_settles_is_checked_and_decides_what_is_resumed(tmp_path):
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    wrong = Settled()
    wrong.zeta = 3
    with pytest.raises(InvalidParameterError, match="The 'zeta' parameter of Settled must be"):
        wrong.fit(X, Y)
    saved = Checkpoint(tmp_path / "fit.checkpoint")
    Settled().set_callbacks(saved).fit(X, Y)
    other = Settled()
    other.zeta = 0.1
    with pytest.raises(ValueError, match="parameters"):
        other.set_callbacks(saved).fit(X, Y)


def test_numbers_of_a_subclass_that_has_other_parameters_are_its_own():
    class Measured(SETRegressor):
        def __init__(self, temperature="warm"):
            super().__init__(**SMALL)
            self.temperature, self.class_weight = temperature, object()

    assert Measured().fit(X, T).predict(X).shape == (X.shape[0],)


def test_what_a_subclass_has_before_a_fit_makes_it_no_fitted_one():
    model = Settled()
    for name in ("coefs_", "classes_", "feature_importances_"):
        with pytest.raises(NotFittedError, match=f"Settled instance is not fitted yet.* {name}"):
            getattr(model, name)
    assert model.tolerance_ == 3
