"""`describe` tells what a fitted model is, and what every "auto" became."""

import json
import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.datasets import make_microarray
from sklearn_set.inspection import describe

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

X, Y = make_microarray(60, 100, n_informative=20, random_state=0)
SMALL = {"hidden_layer_sizes": 20, "max_iter": 6, "random_state": 0}


def values_of(kind):
    return kind().get_params()


@pytest.mark.parametrize("kind", [SETClassifier, SETRegressor])
def test_no_auto_is_left(kind):
    names = {name for name, value in values_of(kind).items() if isinstance(value, str)}
    automatic = {name for name in names if values_of(kind)[name] == "auto"}
    assert len(automatic) >= 6
    told = describe(kind(**SMALL).fit(X, Y))
    assert set(told["decided"]) == automatic
    assert "auto" not in told["parameters"].values()
    assert set(told["parameters"]) == set(values_of(kind))
    assert {name: told["parameters"][name] for name in automatic} == told["decided"]


def test_what_is_told_is_what_trained(monkeypatch):
    seen = []
    from sklearn_set import base

    def train(state, data, settings, **others):
        seen.append(settings)
        return trained(state, data, settings, **others)

    trained = base.train
    monkeypatch.setattr(base, "train", train)
    model = SETClassifier(**SMALL, n_snapshots=2).fit(X, Y)
    told, (settings,) = describe(model), seen
    for name in ("mixup", "input_dropout", "batch_size", "n_iter_no_change", "learning_rate"):
        assert told["decided"][name] == getattr(settings, name), name
    assert "n_snapshots" not in told["decided"]
    assert told["parameters"]["n_snapshots"] == 2
    assert told["decided"]["temperature"] == model.temperature_
    assert told["decided"]["dtype"] == model.coefs_[0].dtype
    assert told["fitted"] == {
        "layer_sizes": (100, 20, 1),
        "n_connections": model.n_connections_,
        "density": model.density_,
        "n_epochs": 6,
        "n_networks": 2,
        "n_active_features": 100,
    }


def test_a_search_is_told():
    many = np.random.default_rng(0).normal(size=(600, 100))
    model = SETClassifier(feature_search=True, random_state=0)
    told = describe(model.fit(many, (many[:, :3] ** 2).sum(axis=1) > 2.4))  # a sphere of three
    assert told["parameters"]["feature_search"] is True
    assert "feature_search" not in told["decided"]
    n_active = model.active_features_.sum()
    assert n_active == 3
    assert told["fitted"]["n_active_features"] == n_active
    assert f"; {n_active} features left by the search;" in told["text"]
    assert describe(SETClassifier(**SMALL).fit(X, Y))["decided"]["feature_search"] is False


def test_laws_of_weights_of_deep_networks_are_told():
    deep = {"hidden_layer_sizes": (8, 8), "activation": ("relu", "tanh")}
    told = describe(SETRegressor(**SMALL | deep).fit(X, Y))
    assert told["decided"]["weight_init"] == ["he_uniform", "glorot_uniform", "glorot_uniform"]
    tanh = {"hidden_layer_sizes": (8, 8), "activation": "tanh"}
    told = describe(SETRegressor(**SMALL | tanh).fit(X, Y))
    assert told["decided"]["weight_init"] == "glorot_uniform"


def test_a_fit_that_goes_on_tells_the_relevance_that_it_keeps():
    wide = np.random.default_rng(0).normal(size=(20, 60))
    wide[:, 0] += 5 * (np.arange(20) % 2)
    model = SETClassifier(**SMALL).fit(wide, np.arange(20) % 2)
    assert model.feature_relevance_ is not None
    told = describe(model.partial_fit(wide, np.arange(20) % 2))
    assert told["decided"]["feature_relevance"] is True
    assert "as they are relevant by themselves" in told["text"]


def test_the_text_is_one_line():
    model = make_pipeline(StandardScaler(), SETClassifier(**SMALL)).fit(X, Y)
    text = describe(model)["text"]
    assert "\n" not in text
    assert text.startswith("SETClassifier of sklearn_set ")
    assert ": layers of 100, 20 and 1 neurons (relu); 1,220 connections" in text
    assert "trained for 6 epochs in batches of 32 by adam at a cosine rate from" in text
    assert "; features read as large as they are relevant by themselves; mean of " in text
    assert text.endswith("random_state 0.")


def test_values_are_plain():
    numbers = {"zeta": np.float64(0.2), "max_iter": np.int64(4), "epsilon": np.float32(5)}
    told = describe(SETClassifier(**SMALL | numbers).fit(X, Y))
    assert json.loads(json.dumps(told))["parameters"]["zeta"] == 0.2


@pytest.mark.parametrize("kind", [SETClassifier, SETRegressor])
def test_pickles_and_streams_know_it_too(kind):
    model = kind(**SMALL).fit(X, Y)
    assert describe(pickle.loads(pickle.dumps(model))) == describe(model)
    classes = {"classes": [0, 1]} if kind is SETClassifier else {}
    streamed = kind(**SMALL).partial_fit(X, Y, **classes)
    assert describe(streamed)["decided"]["learning_rate"] == "constant"
    assert describe(streamed)["parameters"]["n_snapshots"] == 1


def test_a_failed_fit_changes_nothing():
    model = SETClassifier(**SMALL).fit(X, Y)
    before = describe(model)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X * np.nan, Y)
    assert describe(model) == before


def test_callbacks_may_ask():
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    told = []

    class Ask:
        def setup(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            told.append(describe(fitted_estimator))

        def teardown(self, estimator, context):
            pass

    model = SETClassifier(**SMALL).set_callbacks(Ask()).fit(X, Y)
    assert [each["fitted"]["n_epochs"] for each in told] == [1, 2, 3, 4, 5, 6, 6]
    assert told[0]["decided"]["mixup"] == describe(model)["decided"]["mixup"]


def test_what_cannot_be_described_is_refused():
    with pytest.raises(NotFittedError):
        describe(SETClassifier())
    with pytest.raises(TypeError, match=r"describe .*SETClassifier.*Got LogisticRegression"):
        describe(LogisticRegression().fit(X, Y))
