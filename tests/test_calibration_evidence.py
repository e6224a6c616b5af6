"""Where the evidence for a temperature comes from: samples that are held out, each once."""

import warnings
from copy import deepcopy

import numpy as np
import pytest
from estimator_cases import MULTILABEL, WEIGHT, X, Y, assert_same_model, classifier
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning

from sklearn_set import SETClassifier, base, calibration, training
from sklearn_set.calibration import size_of

LONG = {"max_iter": 30, "n_iter_no_change": np.inf, "tol": 0.0}
KINDS = {"binary": Y % 2, "multiclass": Y, "multilabel": MULTILABEL}
every_kind = pytest.mark.parametrize("kind", KINDS)
rng = np.random.default_rng(0)


def long(**parameters):
    """A classifier that is trained long enough for short networks."""
    return classifier(**LONG | parameters)


@pytest.fixture
def trainings(monkeypatch):
    """What each short network was trained on, its settings and its network."""
    found, train = [], calibration.train

    def spy(state, data, settings):
        train(state, data, settings)
        found.append((data.rows, settings, state))

    monkeypatch.setattr(calibration, "train", spy)
    return found


@pytest.fixture
def evidence(monkeypatch):
    """What was known when a temperature was found."""
    found, likeliest = [], calibration.likeliest_temperature

    def spy(parts, size, loss):
        found.append((parts, size))
        return likeliest(parts, size, loss)

    monkeypatch.setattr(calibration, "likeliest_temperature", spy)
    return found


@every_kind
def test_short_networks_hold_two_thirds_of_the_samples_out_once(kind, trainings, evidence):
    model = long(max_iter=80, learning_rate_init=0.002).fit(X, KINDS[kind])
    assert len(trainings) == 2
    rows = np.concatenate([each[0] for each in trainings])
    np.testing.assert_array_equal(np.sort(np.bincount(rows)), np.repeat([1, 2], [40, 20]))
    for rows, settings, state in trainings:
        assert settings.n_epochs == settings.max_iter == 8
        assert settings.learning_rate_init == 0.024
        assert settings.zeta == 0
        assert not settings.verbose
        assert len(rows) == 40
        assert state.course.n_iter == 8
    ((parts, size),) = evidence
    for part, (rows, _, state) in zip(parts, trainings, strict=True):
        held_out = np.setdiff1d(np.arange(60), rows)
        of_network = state.network.forward(calibration.Samples(X))
        np.testing.assert_array_equal(part.raw, of_network[held_out])
        assert part.size == pytest.approx(size_of(of_network[rows]))
        targets = part.targets.ravel() if kind == "binary" else part.targets
        np.testing.assert_array_equal(targets, KINDS[kind][held_out])
    assert size == pytest.approx(size_of(model._raw(X)) * model.temperature_)


def test_other_random_numbers_are_not_touched(trainings):
    model = long().fit(X, Y)
    plain = long(temperature=1.0).fit(X, Y)
    assert deepcopy(model._randomness).order.random() == deepcopy(plain._randomness).order.random()
    np.testing.assert_array_equal(
        model.partial_fit(X, Y).coefs_[0].data, plain.partial_fit(X, Y).coefs_[0].data
    )
    assert model._randomness.order.bit_generator.seed_seq.n_children_spawned == 0
    assert trainings
    assert len({state.network.layers[0].weights[0] for *_, state in trainings}) == 2


def test_short_networks_read_features_in_the_same_units(trainings):
    model = long(input_dropout=0.1).fit(100 + 7 * X, Y)
    assert model.feature_scale_ != 1
    for *_, state in trainings:
        assert state.network.factor == model._network.factor
        np.testing.assert_array_equal(state.network.offset, model.feature_offset_)


def test_many_samples_need_one_short_network(trainings, evidence, monkeypatch):
    monkeypatch.setattr(calibration, "_ENOUGH", 10)
    long().fit(X, Y)
    assert len(trainings) == 1
    (((part,), _),) = evidence
    assert part.raw.shape == (10, 3)


@pytest.mark.parametrize("epochs", [22, 21])
def test_a_short_training_tells_nothing(epochs, trainings):
    model = long(max_iter=epochs).fit(X, Y)
    assert [settings.n_epochs for _, settings, _ in trainings] == ([4, 4] if epochs == 22 else [])
    assert (model.temperature_ != 1) == (epochs == 22)


def test_how_large_outputs_are_is_told_by_some_samples(evidence):
    X, y = make_classification(140, 10, random_state=0)
    model = long().fit(X, y)
    ((_, size),) = evidence
    assert size == pytest.approx(size_of(model._raw(X) * model.temperature_), rel=0.1)
    assert size != pytest.approx(size_of(model._raw(X) * model.temperature_), rel=1e-9)


def test_large_networks_have_no_short_ones(trainings, monkeypatch):
    monkeypatch.setattr(calibration, "MANY_CONNECTIONS", long().fit(X, Y).n_connections_ - 1)
    trainings.clear()
    assert long().fit(X, Y).temperature_ == 1
    assert not trainings


@pytest.mark.parametrize("always", [False, True])
def test_short_networks_that_diverge_are_trained_at_the_usual_rate(always, monkeypatch):
    rates, train = [], calibration.train

    def diverging(state, data, settings):
        rates.append(settings.learning_rate_init)
        if always or rates[-1] > 0.001:
            raise training.DivergenceError
        train(state, data, settings)

    monkeypatch.setattr(calibration, "train", diverging)
    assert (long().fit(X, Y).temperature_ == 1) == always
    assert rates == ([0.012, 0.001] if always else [0.012, 0.001, 0.001])


def test_short_networks_without_an_output_tell_nothing():
    data, y = make_classification(300, 10, n_informative=5, n_classes=3, random_state=0)
    found = []
    for seed in range(60):
        model = SETClassifier(12, epsilon=0.36, random_state=seed, **LONG)
        try:
            plain = clone(model).set_params(temperature=1).fit(data, y)
        except ValueError:
            continue  # the network itself has none
        found.append(model.fit(data, y).temperature_)
        assert_same_model(plain, model)
    assert 1.0 in found
    assert len(set(found)) > 5


def test_early_stopping_has_held_samples_out(trainings, evidence):
    model = long(early_stopping=True, validation_fraction=0.3).fit(X, Y, WEIGHT)
    assert not trainings
    (((part,), size),) = evidence
    assert part.raw.shape == (18, 3)
    assert part.size == size
    assert part.weight.shape == (18,)
    own = model.fit(X, Y, X_val=X[:7], y_val=Y[:7])
    (part,) = evidence[1][0]
    np.testing.assert_allclose(part.raw / own.temperature_, own.decision_function(X[:7]))


def test_a_validation_set_that_only_watches_does_not_decide(trainings):
    watched = long().fit(X, Y, X_val=X[:7], y_val=Y[:7])
    assert len(trainings) == 2
    assert watched.temperature_ == long().fit(X, Y).temperature_


def test_a_search_has_held_samples_out(trainings, evidence, monkeypatch):
    states, train = [], training.end_search

    def spy(state, *args):
        train(state, *args)
        states.append(deepcopy(state))

    monkeypatch.setattr(training, "end_search", spy)
    long(feature_search=True).fit(X, Y, WEIGHT)
    assert not trainings
    (((part,), _),) = evidence
    state, search = states[0], states[0].course.search
    raw = state.network.forward(calibration.Samples(X))
    np.testing.assert_array_equal(part.raw, raw[search.held_out])
    np.testing.assert_array_equal(part.targets, Y[search.held_out])
    assert part.size == pytest.approx(size_of(raw[search.rows]))


def test_whole_fits_hold_every_sample_out_once(evidence):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)  # the user has asked for one fit
        model = classifier(temperature="cv", n_iter_no_change=np.inf).fit(X, Y, WEIGHT)
    (parts, _), *_ = evidence
    assert len(parts) == 5
    assert sum(part.raw.shape[0] for part in parts) == 60
    assert sorted(np.concatenate([part.targets for part in parts])) == sorted(Y)
    assert model.temperature_ != 1
    plain = classifier(temperature=1.0, n_iter_no_change=np.inf).fit(X, Y, WEIGHT)
    assert_same_model(model, plain)


def test_whole_fits_warn_once():
    with pytest.warns(ConvergenceWarning) as warned:
        classifier(temperature="cv").fit(X, Y)
    assert len(warned) == 1


@pytest.mark.parametrize("how", ["auto", "cv"])
def test_groups_stay_together(how, evidence, monkeypatch):
    groups, kept = np.arange(60) // 4, []
    original = calibration.folds_of

    def spy(*args):
        for rows, held_out in original(*args):
            kept.append((rows, held_out))
            yield rows, held_out

    monkeypatch.setattr(calibration, "folds_of", spy)
    long(temperature=how).fit(X, Y, groups=groups)
    assert len(kept) == (2 if how == "auto" else 5)
    for rows, held_out in kept:
        assert not np.isin(groups[rows], groups[held_out]).any()


def test_a_class_of_one_group_is_left_out(evidence):
    groups = np.where(Y == 2, 0, 1 + np.arange(60) % 7)
    model = long(temperature="cv").fit(X, Y, groups=groups)
    assert model.temperature_ != 1
    (parts, _), *_ = evidence
    assert 0 < len(parts) < 5  # no network of two classes tells of three


@pytest.mark.parametrize(("n", "is_held_out"), [(58, True), (59, True), (60, False)])
def test_a_class_of_one_sample_counts_too(n, is_held_out, evidence):
    """Unless it is in the third that is never held out."""
    long().fit(X[:n], (np.arange(n) == 7).astype(int))
    (parts, _), *_ = evidence
    assert np.concatenate([part.targets for part in parts]).sum() == is_held_out


@pytest.mark.parametrize(
    ("y", "others"),
    [
        (Y % 2, {"class_weight": {0: 0, 1: 1}}),
        ((np.arange(60) < 2).astype(int), {"early_stopping": True}),
    ],
)
def test_whole_fits_that_are_impossible_cost_nothing(y, others):
    model = classifier(temperature="cv", n_iter_no_change=np.inf, **others)
    plain = clone(model).set_params(temperature=1).fit(X, y)
    with pytest.warns(UserWarning, match='^temperature="cv" finds no temperature: the model'):
        assert model.fit(X, y).temperature_ == 1
    assert_same_model(plain, model)


def test_whole_fits_are_decided_as_the_fit_itself(monkeypatch):
    found, train = [], base.train

    def spy(state, data, settings, **others):
        found.append(settings)
        train(state, data, settings, **others)

    monkeypatch.setattr(base, "train", spy)
    wide = np.random.default_rng(0).normal(size=(110, 100))  # four fifths are
    classifier(temperature="cv", batch_size="auto", n_iter_no_change=np.inf).fit(
        wide, np.arange(110) % 3
    )
    first, *others = found
    assert len(others) == 5
    for settings in others:
        for name in ("input_dropout", "mixup", "n_snapshots", "n_iter_no_change", "learning_rate"):
            assert getattr(settings, name) == getattr(first, name)


def test_whole_fits_have_the_validation_set_of_the_user():
    model = long(temperature="cv", early_stopping=True, validation_fraction=0.0)
    assert model.fit(X, Y, X_val=X[:9], y_val=Y[:9]).temperature_ != 1


def test_warnings_come_once():
    with pytest.warns(UserWarning, match="very different scales") as warned:
        long(temperature="cv", input_dropout=0.3).fit(X * np.logspace(-3, 3, 8), Y)
    assert len(warned) == 1


@pytest.mark.parametrize("factor", [1e-300, 1.0, 1e300])
def test_only_proportions_of_validation_weights_count(factor):
    model = long(early_stopping=True)
    weights = {"sample_weight": np.full(60, factor)}
    assert model.fit(X, Y, **weights).temperature_ == pytest.approx(
        long(early_stopping=True).fit(X, Y).temperature_
    )
    own = {"X_val": X[:20], "y_val": Y[:20]}
    given = model.fit(X, Y, **own, sample_weight_val=np.full(20, factor)).temperature_
    assert given == pytest.approx(model.fit(X, Y, **own).temperature_)
