"""Clones have all parameters; pickles, and files that are mapped into memory, are the model."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
from estimator_cases import (
    TARGETS,
    N,
    T,
    X,
    Y,
    assert_same_model,
    classifier,
    every_target,
    regressor,
)
from sklearn.base import clone

from sklearn_set import SETClassifier, SETRegressor, fitted

# Nearly every fit here is shorter than convergence takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

ODD = {
    "hidden_layer_sizes": [4, 3],
    "epsilon": 2.5,
    "zeta": 0.1,
    "rewire_interval": 2,
    "pruning": "magnitude",
    "growth": "guided",
    "newborn_weights": "zero",
    "activation": ["tanh", "relu"],
    "dropout": 0.1,
    "input_dropout": 0.2,
    "mixup": 0.4,
    "weight_init": "normal",
    "dtype": "float32",
    "solver": "sgd",
    "alpha": 0.5,
    "weight_decay": 0.1,
    "batch_size": 7,
    "learning_rate": "cosine",
    "learning_rate_init": 0.1,
    "power_t": 0.1,
    "momentum": 0.1,
    "nesterovs_momentum": False,
    "beta_1": 0.1,
    "beta_2": 0.2,
    "adam_epsilon": 0.3,
    "max_iter": 3,
    "shuffle": False,
    "tol": 0.2,
    "n_iter_no_change": 2,
    "n_snapshots": 3,
    "feature_search": True,
    "feature_relevance": True,
    "early_stopping": True,
    "validation_fraction": 0.3,
    "scoring": "r2",
    "warm_start": True,
    "random_state": 5,
    "n_jobs": 1,
    "verbose": 0,
}


@pytest.mark.parametrize(
    ("estimator", "only"),
    [
        (SETClassifier, {"class_weight": {0: 2}, "label_smoothing": 0.3, "temperature": "cv"}),
        (SETRegressor, {"loss": "quantile", "quantile": 0.2, "huber_delta": 3}),
    ],
)
def test_every_parameter_survives_clone(estimator, only):
    parameters = ODD | only
    model = estimator(**parameters)
    assert model.get_params() == parameters
    for name, value in parameters.items():
        assert getattr(model, name) is value
    assert clone(model).get_params() == parameters
    assert estimator().set_params(**parameters).get_params() == parameters
    assert "adam_epsilon=0.3" in repr(model)


def test_a_clone_is_not_fitted():
    model = classifier().fit(X, Y)
    copied = clone(model)
    assert {name for name in vars(copied) if name[0] != "_"} == copied.get_params().keys()
    assert not copied.__sklearn_is_fitted__()
    assert_same_model(copied.fit(X, Y), model)


@every_target
def test_a_pickled_model_predicts_the_same(target):
    factory, y, *_ = TARGETS[target]
    model = factory().fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    assert_same_model(loaded, model)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert vars(loaded).keys() == vars(model).keys()


def test_another_version_is_told():
    state = classifier().fit(X, Y).__getstate__()
    assert state["_sklearn_set_version"] == fitted.__version__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SETClassifier().__setstate__(dict(state))
    for other in ("0.0.1", None):
        changed = state | {"_sklearn_set_version": other}
        if other is None:
            del changed["_sklearn_set_version"]
        loaded = SETClassifier()
        with pytest.warns(UserWarning, match=f"SETClassifier from sklearn_set {other} with"):
            loaded.__setstate__(changed)
        assert loaded.predict(X).shape == (N,)
        assert not hasattr(loaded, "_sklearn_set_version")


@pytest.mark.parametrize("compress", [0, 3])
def test_joblib_may_map_the_model_into_memory(compress, tmp_path):
    path = tmp_path / "model.joblib"
    model = classifier(hidden_layer_sizes=(150, 100)).fit(X, Y)
    joblib.dump(model, path, compress=compress)
    content = path.read_bytes()
    loaded = joblib.load(path, mmap_mode=None if compress else "r")
    if not compress:
        assert not loaded.coefs_[0].data.flags.writeable
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(loaded.feature_importances_, model.feature_importances_)
    for each in (loaded, model):
        each.partial_fit(X, Y).partial_fit(X, Y)
    assert_same_model(loaded, model)
    assert path.read_bytes() == content


def test_a_stream_may_be_mapped_into_memory(tmp_path):
    path = tmp_path / "model.joblib"
    model = regressor(hidden_layer_sizes=(150, 100)).partial_fit(X, T).partial_fit(X, T)
    joblib.dump(model, path)
    loaded = joblib.load(path, mmap_mode="r")
    assert_same_model(loaded.partial_fit(X, T), model.partial_fit(X, T))
