"""Temperatures: found from samples that were held out, and all that they leave as it was."""

import numpy as np
import pytest
from estimator_cases import LEARNS, MULTILABEL, X, Y, assert_same_model, classifier
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss

from sklearn_set import SETClassifier, base, calibration, training
from sklearn_set.calibration import Evidence, likeliest_temperature, size_of
from sklearn_set.datasets import make_microarray
from sklearn_set.embedding import SETEmbedding
from sklearn_set.losses import sample_losses
from sklearn_set.state import Randomness

LONG = {"max_iter": 30, "n_iter_no_change": np.inf, "tol": 0.0}
KINDS = {"binary": Y % 2, "multiclass": Y, "multilabel": MULTILABEL}
every_kind = pytest.mark.parametrize("kind", KINDS)
rng = np.random.default_rng(0)


def long(**parameters):
    """A classifier that is trained long enough for short networks."""
    return classifier(**LONG | parameters)


# -------------------------------------------------------------------- from outputs to a number


def evidence_of(loss, n=40, size=None, weight=None, factor=1.0):
    """Outputs of three units, or of one, and what they are about."""
    local = np.random.default_rng(3)
    raw = local.normal(size=(n, 1 if loss == "logistic_log_loss" else 3)) * 2
    if loss == "logistic_log_loss":
        targets = (local.random((n, 1)) < expit(2 * raw)).astype(float)
    else:
        chances = softmax(2 * raw, axis=1).cumsum(axis=1)
        targets = (local.random((n, 1)) > chances).sum(axis=1)
    return Evidence(raw * factor, targets, weight, (size or size_of(raw)) * factor)


def slow_temperature(evidence, size, loss):
    """The same by trying a hundred thousand of them."""
    raw = np.concatenate([part.raw for part in evidence])
    raw = raw * size / np.sqrt(np.mean([part.size**2 for part in evidence]))
    targets = np.concatenate([part.targets for part in evidence])
    tried = np.exp(np.linspace(np.log(0.02), np.log(50), 20_000))
    costs = [
        sample_losses(loss, raw / each, targets, 0.0).sum()
        + (np.log(each) - np.log(0.8)) ** 2 / (2 * 0.4**2)
        for each in tried
    ]
    return tried[np.argmin(costs)]


@pytest.mark.parametrize("loss", ["softmax_log_loss", "logistic_log_loss"])
def test_it_is_the_likeliest(loss):
    for n in (6, 40, 400):
        parts = [evidence_of(loss, n), evidence_of(loss, n // 2, size=3.0)]
        for size in (0.1, 2.0, 30.0):
            expected = slow_temperature(parts, size, loss)
            assert likeliest_temperature(parts, size, loss) == pytest.approx(expected, rel=1e-3)


def test_of_many_samples_it_is_that_of_the_law():
    """Labels were drawn from outputs times two."""
    part = evidence_of("softmax_log_loss", 20_000)
    assert likeliest_temperature([part], part.size, "softmax_log_loss") == pytest.approx(0.5, 0.05)


def test_only_the_proportion_to_what_was_trained_on_counts():
    plain, large = (evidence_of("softmax_log_loss", factor=factor) for factor in (1.0, 1e6))
    found = likeliest_temperature([plain], 2.0, "softmax_log_loss")
    assert likeliest_temperature([large], 2.0, "softmax_log_loss") == pytest.approx(found)


def test_weights_count_in_proportion_and_uneven_ones_tell_less():
    loss = "softmax_log_loss"
    plain = evidence_of(loss)
    found = likeliest_temperature([plain], 1.0, loss)
    for weight in (np.full(40, 7.0), np.ones(40, np.float32)):
        part = evidence_of(loss, weight=weight)
        assert likeliest_temperature([part], 1.0, loss) == pytest.approx(found)
    # one sample has all the weight: it alone tells little
    part = evidence_of(loss, weight=np.eye(40)[0] + 1e-9)
    alone = likeliest_temperature([part], 1.0, loss)
    expected = slow_temperature(
        [Evidence(plain.raw[:1], plain.targets[:1], None, plain.size)], 1.0, loss
    )
    assert alone == pytest.approx(expected, rel=1e-3)


def test_outputs_that_tell_nothing_give_none():
    zeros = Evidence(np.zeros((5, 3)), np.zeros(5, int), None, 0.0)
    assert likeliest_temperature([zeros], 1.0, "softmax_log_loss") is None
    part = evidence_of("softmax_log_loss")
    for size in (0.0, np.inf, np.nan):
        assert likeliest_temperature([part], size, "softmax_log_loss") is None


def test_sizes_are_about_the_mean_of_the_classes():
    raw = rng.normal(size=(7, 3)).astype(np.float32)
    centred = raw - raw.mean(axis=1, keepdims=True)
    assert size_of(raw) == pytest.approx(np.sqrt((centred**2).mean()), rel=1e-6)
    assert size_of(raw + 5) == pytest.approx(size_of(raw), rel=1e-5)
    assert size_of(raw[:, :1]) == pytest.approx(np.sqrt((raw[:, 0] ** 2).mean()), rel=1e-6)


# ------------------------------------------------------------------------ what it leaves alone


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_only_probabilities_change(kind, dtype):
    y, data = KINDS[kind], X.astype(dtype)
    plain, model = (long(temperature=how).fit(data, y) for how in (1.0, "auto"))
    assert model.temperature_ not in (0.0, 1.0)
    assert_same_model(plain, model)
    np.testing.assert_array_equal(plain.predict(X), model.predict(X))
    expected = plain.decision_function(data) / model.temperature_
    scores = model.decision_function(data)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    chances = softmax(scores, axis=1) if kind == "multiclass" else expit(scores)
    if kind == "binary":
        chances = np.column_stack([1 - chances, chances])
    np.testing.assert_allclose(model.predict_proba(data), chances, rtol=1e-5)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(data)), chances, rtol=1e-4)


@pytest.mark.parametrize("temperature", [0.25, 1, np.float32(3)])
def test_a_number_is_taken_as_it_is(temperature):
    plain, model = (
        classifier(temperature=each, n_iter_no_change=np.inf).fit(X, Y)
        for each in (1.0, temperature)
    )
    assert model.temperature_ == temperature
    expected = plain.decision_function(X) / temperature
    np.testing.assert_allclose(model.decision_function(X), expected)


def test_what_follows_a_fit_keeps_the_temperature():
    model = long().fit(X, Y)
    before = model.temperature_
    assert model.partial_fit(X, Y).temperature_ == before
    # another call that is too short tells nothing new
    assert model.set_params(warm_start=True, max_iter=5).fit(X, Y).temperature_ == before
    assert model.set_params(temperature=2.0).partial_fit(X, Y).temperature_ == 2.0
    again = model.set_params(warm_start=True, temperature="auto", **LONG).fit(X, Y)
    assert again.temperature_ not in (2.0, 1.0)
    assert classifier().partial_fit(X, Y, classes=[0, 1, 2]).temperature_ == 1.0


# -------------------------------------------------------------- where nobody asks for probabilities


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("method", ["fit", "fit_transform", "partial_fit"])
def test_the_network_that_an_embedding_makes_is_not_calibrated(method, monkeypatch):
    classes = {"classes": [0, 1, 2]} if method == "partial_fit" else {}
    fitted = SETClassifier(random_state=0)
    getattr(fitted, method.removesuffix("_transform"))(X, Y, **classes)

    def calibrate(*args):
        raise AssertionError("there is a search for a temperature")

    monkeypatch.setattr(SETClassifier, "_calibrate", calibrate)
    model = SETEmbedding(random_state=0)
    getattr(model, method)(X, Y)
    assert model.estimator_.temperature_ == 1
    frozen = SETEmbedding(FrozenEstimator(fitted)).fit(X, Y)
    np.testing.assert_array_equal(model.transform(X), frozen.transform(X))


@pytest.mark.parametrize("temperature", ["auto", "cv", 3.0])
def test_the_network_that_an_embedding_gets_has_the_temperature_asked_for(temperature):
    given = long(temperature=temperature)
    model = SETEmbedding(given).fit(X, Y)
    assert model.estimator_.temperature_ == given.fit(X, Y).temperature_ != 1
    np.testing.assert_array_equal(model.estimator_.predict_proba(X), given.predict_proba(X))


# ------------------------------------------------------------------------ while training lasts


def log_likelihood(model, X, y):
    """What is the same as the validation loss if outputs are bare."""
    chances = np.clip(model.predict_proba(X), 1e-300, 1)
    if y.ndim == 1:
        return np.log(chances[np.arange(y.shape[0]), y]).mean()
    return np.where(y == 1, np.log(chances), np.log1p(-chances)).mean(axis=0).sum()


def gone_on_from(before, y, **parameters):
    """A model that went on from one that had another temperature."""
    model = long(**parameters).fit(X, y)
    model.temperature_ = before
    return model.set_params(warm_start=True).fit(X, y)


@every_kind
@pytest.mark.parametrize("how", ["auto", "cv"])
def test_every_fit_judges_its_epochs_by_bare_outputs(kind, how):
    judged = {"early_stopping": True, "scoring": log_likelihood, "max_iter": 4, "temperature": how}
    y = KINDS[kind]
    tiny, huge = (gone_on_from(each, y, **judged) for each in (0.05, 20.0))
    assert len(tiny.validation_scores_) == 8
    np.testing.assert_allclose(
        tiny.validation_scores_, -np.array(tiny.validation_loss_curve_), rtol=1e-5
    )
    assert tiny.validation_scores_ == huge.validation_scores_
    assert tiny.best_iter_ == huge.best_iter_
    assert_same_model(tiny, huge)
    # and then the samples that were held out tell
    assert tiny.temperature_ == huge.temperature_ != 1


def test_a_number_is_the_temperature_in_training_too():
    scores = [
        gone_on_from(1.0, Y, early_stopping=True, scoring="neg_log_loss", temperature=each)
        .validation_scores_
        for each in (1.0, 5.0)
    ]  # fmt: skip
    assert (np.array(scores[0]) != scores[1]).all()


def test_ctrl_c_in_a_fit_that_goes_on_keeps_the_temperature(monkeypatch):
    model = long(warm_start=True).fit(X, Y)
    before, run_epoch = model.temperature_, training.run_epoch

    def interrupted(state, *others):
        if state.course.n_iter == 2:
            raise KeyboardInterrupt
        return run_epoch(state, *others)

    monkeypatch.setattr(training, "run_epoch", interrupted)
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        model.fit(X, Y)
    assert model.temperature_ == before != 1


# -------------------------------------------------------------------------------------- as a whole


@pytest.mark.parametrize("how", [{}, {"feature_search": True}, {"temperature": "cv"}], ids=str)
def test_same_seed_same_bits_whatever_the_threads_and_the_format(how):
    dense, threads, csr = (
        long(n_jobs=n_jobs, **how).fit(data, Y).temperature_
        for n_jobs, data in ((1, X), (2, X), (1, sparse.csr_array(X)))
    )
    assert (dense, csr) == (threads, pytest.approx(dense, rel=1e-6))


def test_random_numbers_follow_from_what_every_copy_has(monkeypatch):
    """Before NumPy 2, copies and pickles of a generator know its state, but not its seed."""
    expected, copy = long().fit(X, Y).temperature_, Randomness.copy

    def forgetful(self):
        copied, stream = copy(self), np.random.default_rng()
        stream.bit_generator.state = copied.order.bit_generator.state
        copied.order = stream
        return copied

    monkeypatch.setattr(Randomness, "copy", forgetful)
    assert long().fit(X, Y).temperature_ == expected


def test_samples_of_weight_zero_leave_no_trace():
    weight = np.where(np.arange(60) < 45, 1.0, 0.0)
    changed = X.copy()
    changed[45:] = 1e3
    one, other = (long().fit(data, Y, weight).temperature_ for data in (X, changed))
    assert one == other


@pytest.mark.parametrize("how", ["auto", "cv"])
def test_ctrl_c_keeps_the_model(how, monkeypatch):
    train = training.train

    def interrupted(state, data, settings, **others):
        if state.rows.shape[0] < 60:
            raise KeyboardInterrupt
        return train(state, data, settings, **others)

    for module in (calibration, base):
        monkeypatch.setattr(module, "train", interrupted)
    plain = long(temperature=1.0).fit(X, Y)
    model = long(temperature=how)
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        model.fit(X, Y)
    assert model.temperature_ == 1
    assert_same_model(model, plain)


def test_ctrl_c_within_a_short_network_keeps_the_model(monkeypatch):
    run_epoch = training.run_epoch

    def interrupted(state, data, settings, workspace):
        if state.rows.shape[0] < 60 and state.course.n_iter == 2:
            raise KeyboardInterrupt
        return run_epoch(state, data, settings, workspace)

    monkeypatch.setattr(training, "run_epoch", interrupted)
    model = long()
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        model.fit(X, Y)
    assert model.temperature_ == 1
    assert model.n_iter_ == 30


@pytest.mark.slow
@pytest.mark.parametrize("n_train", [80, 160])
@pytest.mark.parametrize("n_informative", [20, 60])
def test_probabilities_can_be_believed(n_train, n_informative):
    """From short networks (80 samples), and after a search (160)."""
    losses, gaps = {1.0: [], "auto": []}, []
    for seed in range(3):
        X, y = make_microarray(n_train + 1000, 1000, n_informative=n_informative, random_state=seed)
        X = (X - X[:n_train].mean(axis=0)) / X[:n_train].std(axis=0)
        for how, of_how in losses.items():
            model = SETClassifier(temperature=how, random_state=0).fit(X[:n_train], y[:n_train])
            assert (model.search_curve_ is None) == (n_train < 150)
            chances = model.predict_proba(X[n_train:])
            of_how.append(log_loss(y[n_train:], chances))
        gaps.append(chances.max(axis=1).mean() - model.score(X[n_train:], y[n_train:]))
    assert np.mean(losses["auto"]) < 0.85 * np.mean(losses[1.0])
    assert abs(np.mean(gaps)) < 0.06


def test_networks_that_learn_find_a_temperature_that_serves():
    """So small a network, without any penalty, is too sure of itself."""
    half = np.arange(60) % 2 == 0
    learns = LEARNS | {"n_iter_no_change": np.inf}
    losses = [
        log_loss(Y[~half], classifier(temperature=how, **learns).fit(X[half], Y[half])
                 .predict_proba(X[~half]))
        for how in (1.0, "auto", "cv")
    ]  # fmt: skip
    assert max(losses[1:]) < losses[0]
