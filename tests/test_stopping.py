"""Training stops when it is told, keeps the best network, and a usable one after Ctrl-C."""

import warnings

import numpy as np
import pytest
from conftest import settings
from sklearn.exceptions import ConvergenceWarning
from small_models import X, Y, assert_same, classifier, patch_step, values

from sklearn_set import training
from sklearn_set.schedule import record, should_stop
from sklearn_set.state import Progress

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

# ---------------------------------------------------------------------------------------- stopping


@pytest.mark.parametrize("n_iter_no_change", [1, 2, 3, 7])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_stops_after_exactly_n_iter_no_change_epochs(n_iter_no_change, early_stopping):
    # Nothing improves by 100, save the first epoch, which is better than none.
    model = classifier(
        max_iter=50,
        tol=100,
        n_iter_no_change=n_iter_no_change,
        early_stopping=early_stopping,
        validation_fraction=0.25,
    ).fit(X, Y)
    assert model.n_iter_ == n_iter_no_change + 1
    assert len(model.loss_curve_) == n_iter_no_change + 1


def test_stopping_gives_no_convergence_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(max_iter=50, tol=100, n_iter_no_change=2).fit(X, Y)


def test_the_count_starts_again_at_each_improvement():
    chosen = settings(tol=0.1, n_iter_no_change=2)
    progress = Progress(0.1)
    stops = []
    for loss in [1.0, 0.95, 0.8, 0.75, 0.7, 0.7, 0.65]:
        record(progress, loss, None, chosen, score_decides=False)
        stops.append(should_stop(progress, chosen, validated=False))
    # 0.7 improves 0.8 by tol in two steps, but each is measured against the best so far.
    assert stops == [False, False, False, False, True, True, True]
    assert progress.best_loss == 0.65


def test_infinite_patience_never_stops():
    model = classifier(max_iter=30, tol=100, n_iter_no_change=np.inf).fit(X, Y)
    assert model.n_iter_ == 30


def test_max_iter_is_the_number_of_epochs():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(4\) reached"):
        model = classifier(max_iter=4, tol=0).fit(X, Y)
    assert model.n_iter_ == 4
    assert model.t_ == 4 * 48


# -------------------------------------------------------------------------------------- interrupts


def assert_usable(model):
    assert np.isfinite(model.predict_proba(X)).all()
    assert model.predict(X).shape == (48,)
    assert len(model.loss_curve_) == model.n_iter_
    for layer in model._network.layers:
        assert layer.weights.shape == layer.topology.indices.shape


@pytest.mark.parametrize("when", [1, 3])
def test_ctrl_c_in_evolution_keeps_a_usable_model(when, monkeypatch):
    evolve, n_calls = training.evolve, [0]

    def interrupted(*args, **kwargs):
        n_calls[0] += 1
        if n_calls[0] == when:
            raise KeyboardInterrupt
        return evolve(*args, **kwargs)

    monkeypatch.setattr(training, "evolve", interrupted)
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$") as caught:
        model = classifier().fit(X, Y)
    assert len(caught) == 1  # and no ConvergenceWarning
    assert caught[0].filename == __file__
    assert model.n_iter_ == when
    assert_usable(model)
    # What was learned until then is what as many epochs teach.
    monkeypatch.setattr(training, "evolve", evolve)
    assert_same(model, classifier(max_iter=when).fit(X, Y))


def test_ctrl_c_in_the_first_batch_keeps_a_usable_model(monkeypatch):
    def interrupted(step, rows, *numbers):
        raise KeyboardInterrupt

    patch_step(monkeypatch, interrupted)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = classifier().fit(X, Y)
    assert model.n_iter_ == 0
    assert_usable(model)


def test_ctrl_c_in_a_scorer_keeps_the_best_model():
    scores = iter([0.2, 0.9, 0.4])

    def scorer(model, X, y):
        score = next(scores, None)
        if score is None:
            raise KeyboardInterrupt
        if score == 0.9:
            best.extend(array.copy() for array in values(model))
        return score

    best = []
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = classifier(early_stopping=True, validation_fraction=0.25, scoring=scorer).fit(X, Y)
    assert model.n_iter_ == 3
    assert model.best_iter_ == 2
    assert model.validation_scores_ == [0.2, 0.9, 0.4]
    for ours, theirs in zip(values(model), best, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert_usable(model)


def test_training_goes_on_after_ctrl_c(monkeypatch):
    evolve = training.evolve

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "evolve", interrupted)
    model = classifier(warm_start=True, max_iter=4)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model.fit(X, Y)
    monkeypatch.setattr(training, "evolve", evolve)
    model.set_params(max_iter=3).fit(X, Y)
    assert len(model.loss_curve_) == 4
    assert_same(model, classifier(max_iter=4).fit(X, Y))


# ---------------------------------------------------------------------------------- early stopping


def test_early_stopping_restores_the_best_network():
    scores = [0.1, 0.5, 0.3, 0.9, 0.2, 0.9, 0.1, 0.0]
    kept = []

    def scorer(model, X, y):
        kept.append([array.copy() for array in values(model)])
        return scores[len(kept) - 1]

    model = classifier(
        early_stopping=True,
        validation_fraction=0.25,
        scoring=scorer,
        max_iter=8,
        n_iter_no_change=np.inf,
    ).fit(X, Y)
    assert model.validation_scores_ == scores
    assert model.best_validation_score_ == 0.9
    losses = model.validation_loss_curve_
    assert losses[5] < losses[3]
    assert model.best_iter_ == 6  # of equals that with the lower loss
    assert model.best_loss_ is None
    assert len(model.validation_loss_curve_) == len(model.loss_curve_) == model.n_iter_ == 8
    for ours, theirs in zip(values(model), kept[5], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(kept[5][2], kept[-1][2])


def test_without_early_stopping_the_last_network_is_kept():
    model = classifier().fit(X, Y)
    assert model.validation_scores_ is None
    assert model.validation_loss_curve_ is None
    assert model.best_validation_score_ is None
    assert model.best_loss_ == min(model.loss_curve_)
    assert model.best_iter_ == int(np.argmin(model.loss_curve_)) + 1


def test_moments_belong_to_the_network_that_is_kept():
    # Features that are always zero have gradients of zero: their connections have moments of
    # zero, unless the moments are those of the topology of another epoch.
    blank = X.copy()
    blank[:, ::2] = 0
    scores = iter([0.1, 0.2, 0.9, 0.3, 0.4, 0.5])
    model = classifier(
        alpha=0,
        warm_start=True,
        early_stopping=True,
        validation_fraction=0.25,
        scoring=lambda model, X, y: next(scores),
    ).fit(blank, Y)
    assert model.best_iter_ == 3
    feature = model.coefs_[0].tocoo().row
    for moment in model._optimizer.moments[0]:
        assert set(feature[moment != 0]) == {1, 3, 5, 7, 9, 11}
