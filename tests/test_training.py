"""Training does what it is told: same seed, same model; what "auto" stands for; what it prints.

The network is small, the data tiny; what happens when is watched by spies on `run_epoch` and on
the kernels' step.
"""

import importlib.util
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from processes import python
from sklearn.base import clone
from small_models import X, Y, assert_same, classifier, patch_step, regressor

from sklearn_set import SETClassifier, SETRegressor, training
from sklearn_set.optimizers import SOLVERS
from sklearn_set.state import Randomness

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)


def test_small_fits_of_every_kind(monkeypatch):
    """Those that `make sanitize` runs in hundreds: each of their options is tried."""
    path = Path(__file__).parent / "attack" / "small_fits.py"
    spec = importlib.util.spec_from_file_location("small_fits", path)
    small_fits = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(small_fits)
    monkeypatch.setattr(training, "Workspace", small_fits.Impatient)
    assert small_fits.run(26, [1, 2]) == 26
    for k, (name, of) in enumerate(small_fits.OPTIONS.items()):
        tried = [small_fits.in_turn(of, i, (0, k)) for i in range(26)]
        assert all(value in tried for value in of), name


# --------------------------------------------------------------------------------- reproducible


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("options", [{}, {"dropout": 0.3}, {"shuffle": False}], ids=str)
def test_same_seed_same_model(solver, options):
    first, again = (classifier(solver=solver, **options).fit(X, Y) for _ in range(2))
    assert_same(first, again)
    assert first.loss_curve_ == again.loss_curve_
    other = classifier(solver=solver, **options | {"random_state": 1}).fit(X, Y)
    assert first.loss_curve_ != other.loss_curve_


def test_random_state_may_be_a_generator_which_is_advanced():
    state = np.random.RandomState(3)
    first = classifier(random_state=state).fit(X, Y)
    second = classifier(random_state=state).fit(X, Y)
    assert first.loss_curve_ != second.loss_curve_
    again = classifier(random_state=np.random.RandomState(3)).fit(X, Y)
    assert_same(first, again)


def test_shuffling_sees_every_sample_once_an_epoch(monkeypatch):
    seen = []

    def watch(step, rows, *numbers):
        seen.append(rows.copy())
        return step(rows, *numbers)

    patch_step(monkeypatch, watch)
    classifier(batch_size=20, max_iter=3).fit(X, Y)
    assert [len(rows) for rows in seen] == [20, 20, 8] * 3
    epochs = [np.concatenate(seen[start : start + 3]) for start in (0, 3, 6)]
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(48))
    assert len({tuple(epoch) for epoch in epochs}) == 3
    seen.clear()
    classifier(batch_size=20, max_iter=2, shuffle=False).fit(X, Y)
    np.testing.assert_array_equal(np.concatenate(seen), np.tile(np.arange(48), 2))


def test_network_randomness_does_not_depend_on_the_samples():
    # Weights as repetition: the topology must be the same for 48 samples and for 96.
    few = classifier(batch_size=48, max_iter=1).fit(X, Y)
    many = classifier(batch_size=96, max_iter=1).fit(np.repeat(X, 2, axis=0), np.repeat(Y, 2))
    for ours, theirs in zip(few._network.layers, many._network.layers, strict=True):
        np.testing.assert_array_equal(ours.topology.indices, theirs.topology.indices)
    one, other = Randomness(5), Randomness(5)
    one.order.random(1000)
    assert one.network.random() == other.network.random()


def test_every_step_of_a_long_training_has_a_number(monkeypatch):
    """The kernels are told the number itself, whatever its size: masks do not come round again."""
    numbers = []

    def noted(step, rows, rate, step_size, number):
        numbers.append(number)
        return step(rows, rate, step_size, number)

    patch_step(monkeypatch, noted)
    model = classifier(warm_start=True, dropout=0.5).fit(X, Y)
    n_steps = len(numbers)
    model._progress.n_steps = 2**32 + 1
    model.fit(X, Y)
    assert numbers == [*range(n_steps), *range(2**32 + 1, 2**32 + 1 + n_steps)]


def test_copied_randomness_is_independent():
    one = Randomness(5)
    other = one.copy()
    expected = one.network.random(3), one.order.random(3)
    np.testing.assert_array_equal((other.network.random(3), other.order.random(3)), expected)


# ------------------------------------------------------------------------------------ zero weights


@pytest.mark.parametrize("solver", SOLVERS)
def test_batches_of_zero_weight_are_skipped(solver):
    # Samples that weigh nothing, in batches of their own, leave no trace: not in the weights,
    # not in Adam's count of steps, not in the mean loss.
    weight = np.ones(64)
    weight[16:32] = 0
    padded = np.insert(X, 16, np.full((16, 12), 1e200), axis=0)
    options = {"solver": solver, "shuffle": False}
    with_zeros = classifier(**options).fit(padded, np.insert(Y, 16, Y[:16]), weight)
    without = classifier(**options).fit(X, Y, np.ones(48))
    assert_same(with_zeros, without)
    assert with_zeros.loss_curve_ == pytest.approx(without.loss_curve_, rel=1e-14)


def test_samples_of_zero_weight_leave_no_trace_within_a_batch():
    weight = np.where(np.arange(48) % 4 == 1, 0.0, 1.5)
    other = X.copy()
    other[weight == 0] = 7
    options = {"shuffle": False, "batch_size": 7}
    assert_same(
        classifier(**options).fit(X, Y, weight), classifier(**options).fit(other, Y, weight)
    )


# ----------------------------------------------------------------------------------------- verbose


def test_verbose_prints_what_mlp_prints(capsys):
    classifier(max_iter=2).fit(X, Y)
    assert capsys.readouterr().out == ""
    model = classifier(verbose=True, tol=100, n_iter_no_change=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"Iteration 1, loss = {model.loss_curve_[0]:.8f}",
        f"Iteration 2, loss = {model.loss_curve_[1]:.8f}",
        "Training loss did not improve more than tol=100.000000 for 1 consecutive epochs. "
        "Stopping.",
    ]


def test_verbose_tells_scores_and_rates(capsys):
    scores = iter([0.5, 0.25, 0.25, 0.25])
    classifier(
        verbose=1,
        learning_rate="adaptive",
        learning_rate_init=5e-6,
        early_stopping=True,
        validation_fraction=0.25,
        scoring=lambda model, X, y: next(scores),
        n_iter_no_change=1,
    ).fit(X, Y)
    out = capsys.readouterr().out
    assert "Validation score: 0.500000\n" in out
    assert "Validation score did not improve more than tol=0.000100 for 1 consecutive" in out
    assert "Setting learning rate to 0.000001.\n" in out
    assert out.endswith("Learning rate too small. Stopping.\n")


def told_by_fit(printed):
    """What each fit of clones has printed: its first line, and the numbers of its epochs."""
    of_thread = {}
    for line in printed.splitlines():
        name, text = re.fullmatch(r"\[(\d+)\] (\S.*)", line).groups()
        fits = of_thread.setdefault(name, [])
        if text.startswith("SETClassifier("):
            fits.append((text, []))
        elif text.startswith("Iteration"):
            fits[-1][1].append(int(re.match(r"Iteration (\d+), loss = ", text)[1]))
    return of_thread


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_verbose_tells_the_fits_of_a_search_apart(backend):
    # In a process of its own: workers of an earlier test would print to that test's screen.
    printed = python(
        f"""
        import numpy as np
        from joblib import parallel_config
        from sklearn.model_selection import GridSearchCV
        from sklearn.pipeline import make_pipeline
        from sklearn_set import SETClassifier
        X = np.random.default_rng(0).normal(size=(60, 12))
        model = SETClassifier(5, epsilon=2, max_iter=30, n_iter_no_change=np.inf, verbose=True)
        grid = {{"setclassifier__epsilon": [3, 7]}}
        search = GridSearchCV(make_pipeline(model), grid, cv=3, n_jobs=2, refit=False)
        with parallel_config("{backend}"):
            search.fit(X, X[:, 0] > 0)
        """
    )
    fits = [fit for fits in told_by_fit(printed).values() for fit in fits]
    for epsilon in (3, 7):
        assert sum(f"epsilon={epsilon}," in first for first, _ in fits) == 3
    assert all(first.endswith(": 40 samples, 12 features") for first, _ in fits)
    assert [numbers for _, numbers in fits] == 6 * [[*range(1, 31)]]


def test_verbose_tells_fits_of_threads_apart(capsys):
    thread = threading.Thread(target=classifier(verbose=True, max_iter=2).fit, args=(X, Y))
    thread.start()
    thread.join()
    [(first, numbers)] = told_by_fit(capsys.readouterr().out)[str(thread.native_id)]
    assert "max_iter=2" in first
    assert numbers == [1, 2]


def test_verbose_of_a_clone_in_a_stream_has_no_first_line(capsys):
    clone(classifier(verbose=True)).partial_fit(X, Y, classes=[0, 1, 2])
    printed = capsys.readouterr().out
    assert re.fullmatch(r"\[\d+\] Iteration 1, loss = \S+\n", printed)


def test_the_seed_decides_what_is_dropped(monkeypatch):
    def weights():
        how = {"dropout": 0.5, "mixup": 0, "input_dropout": 0, "zeta": 0, "shuffle": False}
        model = SETClassifier(8, max_iter=1, random_state=0, **how).fit(X, Y)
        return model.coefs_[0].data

    def with_another_seed(self, seed):
        draw(self, seed)
        self.dropout_seed += 1

    first, again = weights(), weights()
    np.testing.assert_array_equal(first, again)
    draw = Randomness.__init__
    monkeypatch.setattr(Randomness, "__init__", with_another_seed)
    assert not np.array_equal(weights(), first)


# ------------------------------------------------------------------------- what "auto" stands for


def settings_of(monkeypatch, call):
    """The settings with which a call trains."""
    seen, run_epoch = [], training.run_epoch

    def spy(state, data, settings, workspace):
        seen.append(settings)
        return run_epoch(state, data, settings, workspace)

    with monkeypatch.context() as patch:
        patch.setattr(training, "run_epoch", spy)
        call()
    return seen[0]


@pytest.mark.parametrize(
    ("n_samples", "expected"), [(30, 30), (100, 25), (640, 64), (643, 59), (2500, 200)]
)
def test_automatic_batches(n_samples, expected, monkeypatch):
    x = np.random.default_rng(0).normal(size=(n_samples, 2))
    model = SETRegressor(3, max_iter=1, random_state=0)
    assert settings_of(monkeypatch, lambda: model.fit(x, x[:, 0])).batch_size == expected


@pytest.mark.parametrize(("hidden", "expected"), [((), "small"), (5, "small"), ((5, 5), "auto")])
def test_automatic_first_weights(hidden, expected, monkeypatch):
    model = regressor(hidden_layer_sizes=hidden, max_iter=1)
    assert settings_of(monkeypatch, lambda: model.fit(X, X[:, 0])).weight_init == expected


@pytest.mark.parametrize(("n_samples", "expected"), [(1, 32), (31, 32), (32, 1), (48, 1)])
def test_a_small_part_of_a_stream_is_penalised_as_a_batch(n_samples, expected, monkeypatch):
    model = SETRegressor(3, random_state=0)
    part = X[:n_samples], X[:n_samples, 0]
    chosen = settings_of(monkeypatch, lambda: model.partial_fit(*part))
    assert chosen.smallest_batch == expected
    assert chosen.batch_size == min(n_samples, 32)
