"""What a user may write, for the type checker; it runs, too.

`assert_type` is for the checker alone: it says what an expression must be known as.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import assert_type

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_set
from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.callbacks import Checkpoint, EarlyStopping, TopologyRecorder, load_checkpoint
from sklearn_set.datasets import fetch_microarray, make_microarray
from sklearn_set.embedding import SETEmbedding
from sklearn_set.export import SKOPS_TRUSTED
from sklearn_set.feature_selection import SETSelector, StabilitySelector, expected_false_selections
from sklearn_set.inspection import (
    ContributionDisplay,
    Contributions,
    FeatureImportanceDisplay,
    TopologyDisplay,
    TrainingCurveDisplay,
    attribution_importances,
    contributions,
)

Floats = NDArray[np.floating]
Labels = NDArray[np.int64]


def data() -> tuple[Floats, Labels]:
    study = make_microarray(n_samples=40, n_features=np.int64(50), return_X_y=False)
    assert len(study.informative) == 1
    X, y = make_microarray(40, 50, weights=[0.5], dtype=np.float32, random_state=0)
    assert_type(X, Floats)
    assert_type(y, Labels)
    return X, y


def download(folder: Path) -> Floats:
    X, _ = fetch_microarray("colon", data_home=folder, return_X_y=True)
    colon = fetch_microarray("colon", data_home=folder, n_retries=1)
    return np.vstack([X, colon.data])


def search(X: Floats, y: Labels) -> Pipeline:
    model = make_pipeline(StandardScaler(), SETClassifier(20, max_iter=20, random_state=0))
    grid = {"setclassifier__epsilon": [5, 2.5], "setclassifier__zeta": [0.1, 0.3]}
    found = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert cross_val_score(clone(found.best_estimator_), X, y, cv=2).shape == (2,)
    return found.best_estimator_


def learn(X: Floats, y: Labels) -> Floats:
    clf = SETClassifier((20, 10), activation=["relu", "tanh"], batch_size=np.int64(8), max_iter=3)
    clf.set_params(n_iter_no_change=np.inf, class_weight={0: 1, 1: 2.5})
    plain = SETClassifier(5, epsilon=2.5, mixup=0, n_snapshots=1, temperature="cv", max_iter=2)
    plain.set_params(n_iter_no_change=np.inf)
    assert_type(plain.fit(X, y).temperature_, float)
    assert_type(clf.fit(X, y, X_val=X, y_val=y), SETClassifier)
    assert_type(clf.n_iter_, int)
    assert_type(clf.validation_scores_, list[float] | None)
    assert_type(clf.predict_log_proba(X), Floats)
    assert clf.classes_.tolist() == [0, 1]
    assert_type(clf.partial_fit(X, y, classes=[0, 1]).predict_proba(X), Floats)
    reg = SETRegressor(np.array([10]), loss="huber", n_iter_no_change=np.inf, max_iter=2)
    assert_type(reg.fit(X, y.astype(float)).partial_fit(X, y), SETRegressor)
    assert_type(reg.intercepts_, list[Floats])
    assert reg.coefs_[0].shape == (50, 10)
    return np.column_stack([clf.decision_function(X), reg.predict(X), reg.target_scale_[[0] * 40]])


def watch(X: Floats, y: Labels, path: Path) -> TopologyRecorder:
    stop = EarlyStopping("neg_log_loss", X_val=X, y_val=y, n_iter_no_change=3, tol=np.float64(0))
    recorder = TopologyRecorder(every=2)
    clf = SETClassifier(20, max_iter=4, n_iter_no_change=np.inf, random_state=0)
    clf.set_callbacks(stop, recorder, Checkpoint(path, resume=False)).fit(X, y)
    assert_type(stop.best_score_, float)
    assert_type(stop.scores_, list[float])
    assert_type(recorder.input_degrees_, list[Labels])
    assert load_checkpoint(str(path)).predict(X).shape == y.shape
    return recorder


def select(X: Floats, y: Labels) -> Floats:
    selector = SETSelector(
        SETRegressor(20, max_iter=5, n_iter_no_change=np.inf), n_features_to_select=5
    )
    assert_type(selector.fit(X, y), SETSelector)
    assert_type(selector.scores_, Floats)
    assert_type(selector.support_, NDArray[np.bool_])
    assert selector.transform(X).shape == (40, 5)
    stable = StabilitySelector(selector, n_pairs=2, threshold=1, random_state=0)
    assert_type(stable.fit(X, y), StabilitySelector)
    assert_type(stable.selection_frequencies_, Floats)
    assert_type(stable.expected_false_selections_, float)
    assert_type(expected_false_selections(5, 100, 0.9, assumption="none"), float)
    return selector.scores_


def embed(X: Floats, y: Labels) -> Floats:
    embedding = SETEmbedding(SETClassifier((20, 5)), layer=np.int64(-1), random_state=0)
    groups = np.arange(40) // 2
    assert_type(embedding.fit(X, y, groups=groups), SETEmbedding)
    assert_type(embedding.partial_fit(X, y).transform(X), Floats)
    assert_type(embedding.layer_, int)
    assert embedding.get_feature_names_out().shape == (5,)
    stopped = SETClassifier(early_stopping=True, max_iter=5, n_iter_no_change=np.inf)
    assert_type(stopped.fit(X, y, groups=groups), SETClassifier)
    return embedding.transform(X)


def draw(network: Pipeline, recorder: TopologyRecorder, scores: Floats) -> None:
    curve = TrainingCurveDisplay.from_estimator(network, line_kw={"linewidth": 2})
    assert_type(curve, TrainingCurveDisplay)
    assert_type(curve.ax_, Axes)
    degrees = TopologyDisplay.from_estimator(network, kind="input_image", image_shape=(5, 10))
    degrees.plot(kind="degrees", neurons="input")
    TopologyDisplay.from_record(recorder.epochs_, recorder.input_degrees_[0])
    bars = FeatureImportanceDisplay.from_importances(scores, max_features=3)
    assert_type(bars.features_, Labels)


def explain(network: Pipeline, X: Floats) -> Floats:
    reasons = contributions(network, X, baseline=X[:3], n_steps=np.int64(5), output=1)
    assert_type(reasons, Contributions)
    assert_type(reasons.values, Floats)
    assert reasons.feature_names.shape == (50,)
    bars = ContributionDisplay.from_contributions(reasons, sample=0, max_features=3)
    assert_type(bars.features_, Labels)
    ContributionDisplay.from_estimator(network, X, method="gradient", scatter_kw={"s": 3})
    return attribution_importances(network, X, method="gradient")


def main() -> None:
    sklearn_set.show_versions()
    assert_type(sklearn_set.__version__, str)
    assert_type(SKOPS_TRUSTED, tuple[str, ...])
    X, y = data()
    with TemporaryDirectory() as folder:
        learn(X, y)
        recorder = watch(X, y, Path(folder) / "fit.checkpoint")
    network = search(X, y)
    assert embed(X, y).shape == (40, 5)
    draw(network, recorder, select(X, y))
    assert explain(network, X).shape == (50,)


if __name__ == "__main__":
    main()
