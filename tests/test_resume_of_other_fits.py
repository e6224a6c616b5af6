"""A checkpoint of another fit is refused; what decides nothing makes no other fit."""

import copy
import importlib
import sys

import numpy as np
import pandas as pd
import pytest
from callback_cases import SMALL, WEIGHT, Cut, X, Y, assert_same_model, classifier
from sklearn.datasets import make_regression
from sklearn.metrics import f1_score, make_scorer

from sklearn_set import SETRegressor
from sklearn_set.callbacks import Checkpoint, load_checkpoint

callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

TARGETS = make_regression(90, 8, n_targets=2, random_state=0)[1] / 100


def regressor(**parameters):
    return SETRegressor(**SMALL | parameters)


@pytest.mark.parametrize(
    ("other", "data"),
    [
        ({"zeta": 0.1}, (X, Y)),
        ({"max_iter": 10}, (X, Y)),
        ({"random_state": 1}, (X, Y)),
        ({}, (X * 2, Y)),
        ({}, (X, Y[::-1].copy())),
        ({}, (X, Y, WEIGHT)),
    ],
)
def test_a_file_of_another_fit_is_refused(other, data, tmp_path):
    path = tmp_path / "fit.checkpoint"
    classifier().set_callbacks(Checkpoint(path)).fit(X, Y)
    before = path.read_bytes()
    model = classifier(**other).set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match=r"is of a fit with other parameters or other data, or"):
        model.fit(*data)
    assert path.read_bytes() == before
    assert not hasattr(model, "classes_")
    model.set_callbacks(Checkpoint(path, resume=False)).fit(*data)
    assert_same_model(load_checkpoint(path), model)


def test_what_a_model_has_learned_before_makes_another_fit(tmp_path):
    path = tmp_path / "fit.checkpoint"
    model = classifier(warm_start=True).fit(X, Y)
    model.set_callbacks(Checkpoint(path)).fit(X, Y)
    other = classifier(warm_start=True).set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match=r"is of a fit with other parameters or other data, or"):
        other.fit(X, Y)


def test_the_samples_set_aside_stay_what_they_were(tmp_path):
    """Whatever the second process would draw: a sample that was trained on judges nothing."""
    path, how = tmp_path / "fit.checkpoint", {"random_state": None, "early_stopping": True}

    def fitted(seed, *callbacks):
        np.random.seed(seed)  # noqa: NPY002, random_state=None draws from it
        return classifier(**how).set_callbacks(*callbacks).fit(X, Y)

    whole = fitted(0)
    with pytest.raises(RuntimeError):
        fitted(0, Checkpoint(path), Cut(4, RuntimeError()))
    assert_same_model(fitted(1, Checkpoint(path)), whole)


@pytest.mark.parametrize("same", [{"n_jobs": 2}, {"verbose": 1}])
def test_threads_and_words_do_not_make_another_fit(same, tmp_path, capsys):
    path = tmp_path / "fit.checkpoint"
    classifier().set_callbacks(Checkpoint(path)).fit(X, Y)
    classifier(**same).set_callbacks(Checkpoint(path), Cut(0, AssertionError())).fit(X, Y)


FRAME = pd.DataFrame(X, columns=[f"gene {i}" for i in range(8)])
LABELS = np.array(["a", "b", "c"])[Y]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((X, LABELS), (X, np.array(["ant", "bee", "cat"])[Y])),
        ((X, LABELS), (X, Y)),
        ((FRAME, Y), (FRAME.add_prefix("x"), Y)),
        ((FRAME, Y), (X, Y)),
    ],
)
def test_names_of_classes_and_features_make_another_fit(first, second, tmp_path):
    path = tmp_path / "fit.checkpoint"
    classifier().set_callbacks(Checkpoint(path)).fit(*first)
    with pytest.raises(ValueError, match="is of a fit with other parameters or other data"):
        classifier().set_callbacks(Checkpoint(path)).fit(*second)
    again = classifier().set_callbacks(Checkpoint(path), Cut(0, AssertionError("trains")))
    again.fit(*first)


@pytest.mark.parametrize(
    "same",
    [
        [{"hidden_layer_sizes": sizes} for sizes in (5, (5,), [5], np.array([5]), np.int32(5))],
        [
            {"hidden_layer_sizes": (6, 5), "activation": names}
            for names in ("tanh", ["tanh", "tanh"], ("tanh", np.str_("tanh")))
        ],
        [{"dtype": kind} for kind in ("float32", np.float32, np.dtype("float32"))],
        [{"dtype": kind} for kind in ("auto", "float64", np.float64)],
        [{"epsilon": number} for number in (3, 3.0, np.float64(3), np.int8(3))],
        [{"tol": number, "shuffle": np.bool_(True)} for number in (0.5, np.float32(0.5))],
        [{"class_weight": {0: 1, 1: 2, 2: 1}}, {"class_weight": {np.int64(2): 1, 1: 2.0, 0: 1}}],
        [{"early_stopping": True, "scoring": make_scorer(f1_score, average="macro")} for _ in "ab"],
        [{"random_state": np.random.RandomState(0)} for _ in "ab"],
    ],
)
def test_what_says_the_same_does_not_make_another_fit(same, tmp_path):
    path = tmp_path / "fit.checkpoint"
    first, *others = same
    whole = classifier(**first).set_callbacks(Checkpoint(path)).fit(X, Y)
    for other in others:
        again = classifier(**other).set_callbacks(Checkpoint(path), Cut(0, AssertionError()))
        assert_same_model(copy.deepcopy(again.fit(X, Y)), copy.deepcopy(whole))


class Power:
    def __init__(self, power):
        self.power = power

    def __call__(self, estimator, X, y):
        return estimator.score(X, y) ** self.power


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Power(1), Power(2)),
        (make_scorer(f1_score, average="macro"), make_scorer(f1_score, average="micro")),
        ("accuracy", "balanced_accuracy"),
    ],
)
def test_another_scorer_of_one_name_makes_another_fit(first, second, tmp_path):
    path = tmp_path / "fit.checkpoint"
    judged = classifier(early_stopping=True)
    judged.set_params(scoring=first).set_callbacks(Checkpoint(path)).fit(X, Y)
    again = classifier(early_stopping=True, scoring=second).set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match="is of a fit with other parameters"):
        again.fit(X, Y)
    again.set_params(scoring=copy.deepcopy(first)).fit(X, Y)


def test_a_scorer_that_was_edited_makes_another_fit(tmp_path, monkeypatch):
    path = tmp_path / "fit.checkpoint"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def fit(content):
        text = f"def scorer(estimator, X, y):\n    return {content}\n"
        (tmp_path / "scorers_of_mine.py").write_text(text)
        sys.modules.pop("scorers_of_mine", None)
        importlib.invalidate_caches()
        scorer = importlib.import_module("scorers_of_mine").scorer
        judged = classifier(early_stopping=True, scoring=scorer)
        return judged.set_callbacks(Checkpoint(path)).fit(X, Y)

    assert_same_model(fit("estimator.score(X, y)"), fit("estimator.score(X, y)"))
    with pytest.raises(ValueError, match="is of a fit with other parameters"):
        fit("-estimator.score(X, y)")
