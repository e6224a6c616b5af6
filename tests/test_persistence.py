"""Models that are saved, by every road that users take, go on as if they had not been.

What pickling keeps and drops is in test_clone_and_pickle.py; here are whole models, saved by joblib
and mapped into memory, and saved by skops, which loads nothing that it was not told to trust.
"""

import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.callbacks import Checkpoint, EarlyStopping, TopologyRecorder
from sklearn_set.embedding import SETEmbedding
from sklearn_set.export import SKOPS_TRUSTED
from sklearn_set.feature_selection import SETSelector, StabilitySelector

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 12))
Y = {
    "two": rng.integers(2, size=40),
    "names": np.array(["healthy", "ill", "unknown"])[rng.integers(3, size=40)],
    "labels": rng.integers(2, size=(40, 3)),
    "numbers": rng.normal(size=40),
    "targets": rng.normal(size=(40, 2)),
}
SMALL = {"hidden_layer_sizes": (30, 20), "epsilon": 3, "max_iter": 4, "random_state": 0}

# Settings that put different objects into a model.
SETTINGS = {
    "plain": {},
    "momentum": {"solver": "sgd", "warm_start": True},
    "moments of Adam": {"solver": "adam", "warm_start": True},
    "snapshots": {"n_snapshots": 3},
    "single precision": {"dtype": np.float32},
    "a type of NumPy": {"dtype": np.dtype("float32")},
    "early stopping": {"early_stopping": True, "scoring": "neg_mean_absolute_error"},
    "RandomState": {"random_state": np.random.RandomState(3)},
    "different activations": {"activation": ("all_relu", "gelu")},
    "threads": {"n_jobs": 2},
    "features found": {"feature_search": True, "max_iter": 30, "random_state": 6},
}


def fitted(target="names", setting="plain", streams=False):
    """A small model, fitted or trained on a stream."""
    estimator = SETRegressor if target in ("numbers", "targets") else SETClassifier
    parameters = SMALL | SETTINGS[setting]
    if setting == "early stopping" and estimator is SETClassifier:
        parameters |= {"scoring": "neg_log_loss"}
    model = estimator(**parameters)
    if not streams:
        return model.fit(X, Y[target])
    extra = {}
    if estimator is SETClassifier:
        n_labels = Y[target].shape[1] if Y[target].ndim == 2 else None
        extra["classes"] = np.arange(n_labels) if n_labels else np.unique(Y[target])
    return model.partial_fit(X, Y[target], **extra).partial_fit(X, Y[target])


def assert_twins(loaded, model, target):
    """Both predict the same, and go on to learn the same."""
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.feature_importances_, model.feature_importances_)
    if not model.early_stopping:  # which partial_fit does not support
        for each in (loaded, model):
            each.partial_fit(X, Y[target]).partial_fit(X, Y[target])
    for ours, theirs in zip(loaded.coefs_, model.coefs_, strict=True):
        np.testing.assert_array_equal(ours.indices, theirs.indices)
        np.testing.assert_array_equal(ours.data, theirs.data)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


every_target = pytest.mark.parametrize("target", Y)
every_way = pytest.mark.parametrize(
    ("setting", "streams"),
    [(setting, False) for setting in SETTINGS]
    + [(setting, True) for setting in SETTINGS if setting != "early stopping"],
)


def test_a_search_finds_some_features():
    assert 0 < fitted(setting="features found").active_features_.sum() < X.shape[1]


# ------------------------------------------------------------------------------------- joblib


@every_way
def test_a_model_that_is_mapped_into_memory_goes_on(setting, streams, tmp_path):
    model = fitted(setting=setting, streams=streams)
    path = tmp_path / "model.joblib"
    joblib.dump(model, path)
    content = path.read_bytes()
    loaded = joblib.load(path, mmap_mode="r")
    assert not loaded.coefs_[0].data.flags.writeable
    assert_twins(loaded, model, "names")
    assert path.read_bytes() == content


@every_target
def test_a_mapped_model_of_every_kind_of_target_goes_on(target, tmp_path):
    model = fitted(target)
    joblib.dump(model, tmp_path / "model.joblib")
    assert_twins(joblib.load(tmp_path / "model.joblib", mmap_mode="r"), model, target)


@pytest.mark.slow
def test_another_process_maps_the_same_model(tmp_path):
    model = make_pipeline(StandardScaler(), SETClassifier(**SMALL)).fit(X, Y["names"])
    joblib.dump(model, tmp_path / "model.joblib")
    np.save(tmp_path / "X.npy", X)
    code = (
        "import sys, joblib, numpy as np; folder = sys.argv[1]\n"
        "model = joblib.load(folder + '/model.joblib', mmap_mode='r')\n"
        "np.save(folder + '/y.npy', model.predict_proba(np.load(folder + '/X.npy')))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), model.predict_proba(X))


# -------------------------------------------------------------------------------------- skops


@every_way
def test_skops_restores_a_model_that_goes_on(setting, streams):
    model = fitted(setting=setting, streams=streams)
    loaded = skops.io.loads(skops.io.dumps(model), trusted=list(SKOPS_TRUSTED))
    assert_twins(loaded, model, "names")


@every_target
def test_skops_restores_every_kind_of_target(target):
    model = fitted(target)
    assert_twins(skops.io.loads(skops.io.dumps(model), trusted=list(SKOPS_TRUSTED)), model, target)


def test_skops_asks_for_what_the_list_has_and_for_nothing_else(tmp_path):
    models = [fitted(target) for target in Y]
    models += [fitted(setting=setting) for setting in SETTINGS]
    models += [fitted(setting=setting, streams=True) for setting in ("plain", "momentum")]
    models += [SETSelector(**each).fit(X, Y["two"]) for each in SELECTORS.values()]
    models += [SETEmbedding(SETClassifier(**SMALL)).fit(X, Y["two"])]
    models += [STABLE.fit(X, Y["two"])]
    models += [CALLBACKS[name](tmp_path) for name in CALLBACKS]
    untrusted = set()
    for model in models:
        untrusted |= set(skops.io.get_untrusted_types(data=skops.io.dumps(model)))
    assert untrusted == set(SKOPS_TRUSTED)


def test_skops_loads_nothing_without_trust():
    with pytest.raises(skops.io.exceptions.UntrustedTypesFoundException, match="SETClassifier"):
        skops.io.loads(skops.io.dumps(fitted()), trusted=list(SKOPS_TRUSTED)[1:])


def test_skops_restores_a_pipeline():
    model = make_pipeline(StandardScaler(), SETClassifier(**SMALL)).fit(X, Y["names"])
    loaded = skops.io.loads(skops.io.dumps(model), trusted=list(SKOPS_TRUSTED))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def restored(model):
    """A model saved by skops and loaded again."""
    return skops.io.loads(skops.io.dumps(model), trusted=list(SKOPS_TRUSTED))


QUICK = {"n_networks": 2, "n_features_to_select": 4, "random_state": 0}
SELECTORS = {
    "classes": QUICK | {"max_iter": 2},
    "without targets": QUICK | {"unsupervised": True, "max_iter": 2},
    "a given network": QUICK | {"estimator": SETClassifier(**SMALL)},
}


STABLE = StabilitySelector(
    SETClassifier(**SMALL), n_features_per_half=2, n_pairs=2, threshold=0.75, random_state=0
)


def test_skops_restores_a_stability_selector():
    model = STABLE.fit(X, Y["two"])
    loaded = restored(model)
    for name in ("support_", "selection_frequencies_", "expected_false_selections_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name))
    np.testing.assert_array_equal(loaded.fit(X, Y["two"]).support_, model.support_)


@pytest.mark.parametrize("selector", SELECTORS)
def test_skops_restores_a_selector(selector):
    model = SETSelector(**SELECTORS[selector]).fit(X, Y["two"])
    loaded = restored(model)
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    np.testing.assert_array_equal(loaded.ranking_, model.ranking_)
    for ours, theirs in zip(loaded.estimators_, model.estimators_, strict=True):
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_array_equal(loaded.fit(X, Y["two"]).scores_, model.scores_)


def test_skops_restores_an_embedding():
    model = SETEmbedding(SETClassifier((9, 7), max_iter=3), layer=0, random_state=0)
    model.fit(X, Y["names"])
    loaded = restored(model)
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    again = loaded.fit(X, Y["names"])
    np.testing.assert_array_equal(again.transform(X), model.transform(X))


def test_skops_restores_a_selector_in_a_pipeline():
    model = make_pipeline(
        StandardScaler(), SETSelector(**SELECTORS["classes"]), SETClassifier(**SMALL)
    )
    assert not hasattr(restored(model)[1], "scores_")
    model.fit(X, Y["names"])
    np.testing.assert_array_equal(restored(model).predict_proba(X), model.predict_proba(X))


CALLBACKS = {
    "Checkpoint": lambda folder: Checkpoint(str(folder / "fit"), every=2),
    "Checkpoint at a path": lambda folder: Checkpoint(folder / "fit"),
    "EarlyStopping": lambda folder: EarlyStopping("neg_log_loss", n_iter_no_change=3),
    "EarlyStopping on data": lambda folder: EarlyStopping(X_val=X[::2], y_val=Y["names"][::2]),
    "TopologyRecorder": lambda folder: TopologyRecorder(),
}
with_callbacks = pytest.mark.skipif(
    not hasattr(SETClassifier, "set_callbacks"), reason="scikit-learn has callbacks since 1.9"
)


def as_plain(value):
    """A value that pytest can compare: the predictions of an estimator, else what was given."""
    if hasattr(value, "predict"):
        return value.predict_proba(X).tolist()
    if isinstance(value, list):
        return [as_plain(each) for each in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


@with_callbacks
@pytest.mark.parametrize("is_fitted", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", CALLBACKS)
def test_skops_restores_a_model_with_callbacks_around_its_fit(name, is_fitted, tmp_path):
    model = SETClassifier(**SMALL).set_callbacks(CALLBACKS[name](tmp_path))
    if is_fitted:
        model.fit(X, Y["names"])
    loaded = restored(model)
    if not is_fitted:
        for each in (loaded, model):
            (tmp_path / "fit").unlink(missing_ok=True)
            each.fit(X, Y["names"])
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    (ours,), (theirs,) = loaded._skl_callbacks, model._skl_callbacks
    assert type(ours) is type(theirs)
    found, expected = ({**vars(each)} for each in (ours, theirs))
    if "path" in found:
        assert Path(found.pop("path")) == Path(expected.pop("path"))
    assert {key: as_plain(each) for key, each in found.items()} == {
        key: as_plain(each) for key, each in expected.items()
    }
    loaded.fit(X, Y["names"])
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_skops_warns_of_a_model_from_another_version(monkeypatch):
    module = sys.modules[SETClassifier.__getstate__.__module__]
    monkeypatch.setattr(module, "__version__", "0.0.1")
    data = skops.io.dumps(fitted())
    monkeypatch.undo()
    with pytest.warns(UserWarning, match=r"SETClassifier from sklearn_set 0\.0\.1 with"):
        skops.io.loads(data, trusted=list(SKOPS_TRUSTED))
