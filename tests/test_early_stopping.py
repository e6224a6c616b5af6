"""Early stopping holds out what it should, and any score may decide."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from estimator_cases import (
    BINARY,
    MULTILABEL,
    NAMES,
    WEIGHT,
    N,
    T,
    X,
    Y,
    _scores,
    both,
    classifier,
    regressor,
)
from sklearn.metrics import accuracy_score, get_scorer

# Nearly every fit here is shorter than convergence takes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)


@both
def test_a_share_of_the_samples_is_held_out(factory, y, split):
    for fraction in (0.1, 0.25, 0.5):
        model = factory(early_stopping=True, validation_fraction=fraction).fit(X, y)
        assert split["train"].shape == np.unique(split["train"]).shape
        assert split["held out"].shape == (np.ceil(fraction * N),)
        assert model.t_ == model.n_iter_ * split["train"].shape[0]
    factory().fit(X, y)
    assert split["held out"].shape == (0,)


def test_the_split_depends_on_the_seed(split):
    held_out = []
    for seed in (0, 0, 1):
        classifier(early_stopping=True, random_state=seed).fit(X, Y)
        held_out.append(split["held out"].tolist())
    assert held_out[0] == held_out[1] != held_out[2]


@pytest.mark.parametrize("factory_and_y", [(classifier, NAMES), (regressor, T)], ids=["clf", "reg"])
def test_the_default_score_is_that_of_the_estimator(factory_and_y, split):
    factory, y = factory_and_y
    model = factory(early_stopping=True, validation_fraction=0.3).fit(X, y, sample_weight=WEIGHT)
    held_out = split["held out"]
    expected = model.score(X[held_out], y[held_out], sample_weight=WEIGHT[held_out])
    assert model.best_validation_score_ == pytest.approx(expected, rel=1e-9)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.validation_scores_[model.best_iter_ - 1] == model.best_validation_score_


@pytest.mark.parametrize(
    ("factory", "y", "scoring"),
    [
        (classifier, Y, "balanced_accuracy"),
        (partial(classifier, temperature=1), Y, "neg_log_loss"),
        (classifier, BINARY, "roc_auc"),
        (classifier, MULTILABEL, "f1_macro"),
        (classifier, NAMES, get_scorer("f1_macro")),
        (classifier, NAMES, lambda model, X, y: accuracy_score(y, model.predict(X))),
        (regressor, T, "neg_mean_absolute_error"),
        (regressor, _scores, "r2"),
        (regressor, T, lambda model, X, y: -abs(model.predict(X) - y).max()),
    ],
)
def test_any_score_may_decide(factory, y, scoring, split):
    model = factory(early_stopping=True, validation_fraction=0.4, scoring=scoring, max_iter=8).fit(
        X, y
    )
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    held_out = split["held out"]
    # The model is that of the best epoch: its score is the best.
    assert scorer(model, X[held_out], y[held_out]) == pytest.approx(model.best_validation_score_)
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_of_equal_scores_the_lowest_validation_loss_decides():
    how = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 12}
    model = classifier(scoring=lambda *_: 0.5, max_iter=12, learning_rate_init=0.01, **how)
    model.fit(X, Y)
    losses = model.validation_loss_curve_
    assert model.best_iter_ == np.argmin(losses) + 1 > 1
    assert model.best_validation_score_ == 0.5
    # A higher score counts more than any loss.
    scores = iter([0.5, 0.7, 0.6, 0.7, *[0.1] * 8])
    model.set_params(scoring=lambda *_: next(scores)).fit(X, Y)
    assert model.validation_loss_curve_ == losses
    assert model.best_iter_ == (4 if losses[3] < losses[1] else 2)
    # No epoch is the best by a score that nothing can be equal to, or lower than.
    for score in (np.nan, -np.inf):
        model.set_params(scoring=lambda *_, score=score: score).fit(X, Y)
        assert (model.n_iter_, model.best_iter_) == (12, 0)


def test_a_scorer_sees_what_the_user_gave():
    frame = pd.DataFrame(X, columns=[f"gene {i}" for i in range(8)])
    seen = []

    def scorer(model, X, y):
        seen.append((type(X), X.shape, set(y)))
        return model.score(X, y)

    model = classifier(early_stopping=True, validation_fraction=0.3, scoring=scorer)
    model.fit(frame, NAMES)
    assert seen == [(pd.DataFrame, (18, 8), {"ape", "bee", "cat"})] * model.n_iter_


def test_a_scorer_gets_the_weights():
    sums = []

    def scorer(model, X, y, sample_weight):
        sums.append(sample_weight.shape)
        return 0.5

    classifier(early_stopping=True, scoring=scorer).fit(X, Y, sample_weight=WEIGHT)
    assert sums == [(6,)] * 5


def test_scoring_is_idle_without_early_stopping():
    assert classifier(scoring="neg_log_loss").fit(X, Y).validation_scores_ is None


def test_an_unknown_score_is_refused():
    with pytest.raises(ValueError, match="scoring"):
        classifier(early_stopping=True, scoring="no such score").fit(X, Y)


@pytest.mark.parametrize(
    ("factory", "n_of_classes", "fraction"),
    [
        (classifier, [10, 10], 0.0),
        (classifier, [10, 10], 0.05),
        (classifier, [2, 2, 2], 0.3),
        (regressor, [1], 0.5),
        (regressor, [3], 0.1),
    ],
)
def test_a_validation_set_that_is_too_small_is_refused(factory, n_of_classes, fraction):
    y = np.repeat(np.arange(len(n_of_classes)), n_of_classes)
    model = factory(early_stopping=True, validation_fraction=fraction)
    message = "The validation set is too small.* Increase 'validation_fraction'"
    with pytest.raises(ValueError, match=message):
        model.fit(X[: len(y)], y)


@pytest.mark.parametrize(
    ("factory", "n_of_classes", "fraction"),
    [(classifier, [2, 2, 2], 0.7), (classifier, [2, 2], 0.9), (regressor, [3], 0.9)],
)
def test_a_training_part_that_is_too_small_is_refused(factory, n_of_classes, fraction):
    y = np.repeat(np.arange(len(n_of_classes)), n_of_classes)
    model = factory(early_stopping=True, validation_fraction=fraction)
    message = "The part to train on is too small.* Decrease 'validation_fraction'"
    with pytest.raises(ValueError, match=message):
        model.fit(X[: len(y)], y)


def test_a_class_of_one_sample_cannot_be_held_out():
    with pytest.raises(ValueError, match="class 2 has only 1 sample"):
        classifier(early_stopping=True).fit(X[:21], [0] * 10 + [1] * 10 + [2])


@pytest.mark.parametrize(
    ("weighty", "fraction", "part"), [(6, 0.1, "validation set"), (1, 0.5, "training part")]
)
def test_early_stopping_needs_weights_in_both_parts(weighty, fraction, part):
    # Only the first samples weigh anything: of 20 splits some leave one part without any.
    weight, refused = np.where(np.arange(N) < weighty, 1.0, 0.0), []
    for seed in range(20):
        model = regressor(
            early_stopping=True, validation_fraction=fraction, max_iter=1, random_state=seed
        )
        try:
            model.fit(X, T, sample_weight=weight)
        except ValueError as error:
            refused.append(str(error))
        else:
            assert np.isfinite(model.validation_loss_curve_).all()
            assert np.isfinite(model.loss_curve_).all()
    assert any(part in message for message in refused)
    advice = "Decrease" if part == "training part" else "Increase"
    assert all("have a sample_weight of zero" in message for message in refused)
    assert any(f"{part} have a sample_weight of zero. {advice}" in message for message in refused)


def test_partial_fit_does_not_support_early_stopping():
    with pytest.raises(ValueError, match=r"^partial_fit does not support early_stopping=True$"):
        regressor(early_stopping=True).partial_fit(X, T)
