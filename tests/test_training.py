"""Training does what it is told, when it is told: evolves, slows down, stops, keeps the best.

The network is small, the data tiny; what happens when is watched by spies on `evolve`, on the
optimizers and on the kernels' step.
"""

import importlib.util
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import settings
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_set import SETClassifier, SETRegressor, machine, training
from sklearn_set.evolution import (
    GROWTH_RULES,
    NEWBORN_WEIGHTS,
    PRUNING_RULES,
    ZETA_SCHEDULES,
)
from sklearn_set.network import SparseNetwork
from sklearn_set.optimizers import SOLVERS, Adam
from sklearn_set.samples import Samples
from sklearn_set.schedule import is_time_to_evolve, record, should_stop, will_evolve
from sklearn_set.state import Progress, Randomness, TrainingState
from sklearn_set.training import DIVERGED, TrainingData, outputs_are_finite

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

rng = np.random.default_rng(0)
X = rng.normal(size=(48, 12))
Y = np.arange(48) % 3
T = X[:, 0] - 2 * X[:, 1] + rng.normal(size=48) / 10

SMALL = {"hidden_layer_sizes": (15, 10), "epsilon": 2.5, "batch_size": 16, "random_state": 0}


def classifier(**parameters):
    return SETClassifier(**SMALL | {"max_iter": 6} | parameters)


def regressor(**parameters):
    return SETRegressor(**SMALL | {"max_iter": 6} | parameters)


def values(estimator):
    """All that a model knows: topology, weights and biases of every layer."""
    return [
        array
        for layer in estimator._network.layers
        for array in (layer.topology.indptr, layer.topology.indices, layer.weights, layer.bias)
    ]


def assert_same(one, other):
    for ours, theirs in zip(values(one), values(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def patch_step(monkeypatch, instead):
    """Replace the kernels' step by ``instead(step, rows, *numbers)``."""
    real = machine.kernels("float64").Stepper

    class Patched:
        def __init__(self, *args, **kwargs):
            self.stepper = real(*args, **kwargs)

        def step(self, rows, *numbers):
            return instead(self.stepper.step, rows, *numbers)

        @property
        def weights_are_finite(self):
            return self.stepper.weights_are_finite

    monkeypatch.setattr(machine.kernels("float64"), "Stepper", Patched)


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


# -------------------------------------------------------------------------------------- evolution


@pytest.fixture
def evolutions(monkeypatch):
    """Epochs completed at each evolution; a counter of epochs stands beside it."""
    opened, n_epochs = [], [0]
    evolve, run_epoch = training.evolve, training.run_epoch

    def spy(*args, **kwargs):
        opened.append(n_epochs[0])
        return evolve(*args, **kwargs)

    def count(*args, **kwargs):
        loss = run_epoch(*args, **kwargs)
        n_epochs[0] += 1
        return loss

    monkeypatch.setattr(training, "evolve", spy)
    monkeypatch.setattr(training, "run_epoch", count)
    return opened


@pytest.mark.parametrize(
    ("max_iter", "rewire_interval", "expected"),
    [
        (1, 1, []),
        (2, 1, [1]),
        (6, 1, [1, 2, 3, 4, 5]),
        (6, 2, [2, 4]),
        (7, 2, [2, 4, 6]),
        (6, 3, [3]),
        (6, 6, []),
        (5, 100, []),
    ],
)
def test_evolves_between_epochs_only(max_iter, rewire_interval, expected, evolutions):
    classifier(max_iter=max_iter, rewire_interval=rewire_interval).fit(X, Y)
    assert evolutions == expected


def test_never_evolves_after_the_last_epoch_when_training_ends_early(evolutions):
    model = classifier(max_iter=50, tol=100, n_iter_no_change=3).fit(X, Y)
    assert model.n_iter_ == 4
    assert evolutions == [1, 2, 3]


def test_without_zeta_nothing_evolves(evolutions):
    fixed = classifier(zeta=0.0).fit(X, Y)
    assert evolutions == []
    start = classifier(zeta=0.0, max_iter=1).fit(X, Y)
    for ours, theirs in zip(fixed._network.layers, start._network.layers, strict=True):
        np.testing.assert_array_equal(ours.topology.indices, theirs.topology.indices)


def test_evolution_changes_topology_not_the_number_of_connections():
    start, end = classifier(max_iter=1).fit(X, Y), classifier().fit(X, Y)
    assert start.n_connections_ == end.n_connections_
    ours, theirs = (model._network.layers[0].topology.indices for model in (start, end))
    assert not np.array_equal(ours, theirs)


def test_each_partial_fit_is_an_epoch_for_evolution(evolutions):
    model = classifier(rewire_interval=2)
    for _ in range(5):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    assert evolutions == [2, 4]


@pytest.mark.parametrize("rewire_interval", [1, 2, 5])
@pytest.mark.parametrize("zeta", [0.0, 0.3])
@pytest.mark.parametrize("zeta_schedule", ZETA_SCHEDULES)
def test_an_evolution_to_come_is_foretold(rewire_interval, zeta, zeta_schedule):
    how = {
        "max_iter": 7,
        "zeta": zeta,
        "rewire_interval": rewire_interval,
        "zeta_schedule": zeta_schedule,
    }
    for done in range(12):
        for n_epochs in range(1, 7):
            epochs = range(done, done + n_epochs)
            chosen = replace(settings(**how), n_epochs=n_epochs)
            assert will_evolve(Progress(0.1, n_epochs=done), chosen) == any(
                is_time_to_evolve(Progress(0.1, n_epochs=epoch), chosen) for epoch in epochs
            )


# ------------------------------------------------------------------------ rules of evolution


@pytest.fixture
def shares(monkeypatch):
    """The share renewed by each evolution."""
    seen, evolve = [], training.evolve

    def spy(network, optimizer, zeta, **options):
        seen.append(zeta)
        return evolve(network, optimizer, zeta, **options)

    monkeypatch.setattr(training, "evolve", spy)
    return seen


# After t of 6 epochs.
SHARES = {
    "constant": [0.4] * 5,
    "linear": [0.4 * (1 - t / 6) for t in range(1, 6)],
    "cosine": [0.2 * (1 + np.cos(np.pi * t / 6)) for t in range(1, 6)],
}


@pytest.mark.parametrize("zeta_schedule", ZETA_SCHEDULES)
def test_the_share_renewed_follows_its_schedule(zeta_schedule, shares):
    classifier(zeta=0.4, zeta_schedule=zeta_schedule).fit(X, Y)
    np.testing.assert_allclose(shares, SHARES[zeta_schedule])


@pytest.mark.parametrize("zeta_schedule", ["linear", "cosine"])
def test_schedules_begin_anew_with_each_fit(zeta_schedule, shares):
    model = classifier(zeta=0.4, zeta_schedule=zeta_schedule, warm_start=True)
    model.fit(X, Y).fit(X, Y)
    # The second fit evolves before its first epoch, too.
    np.testing.assert_allclose(shares, [*SHARES[zeta_schedule], 0.4, *SHARES[zeta_schedule]])


@pytest.mark.parametrize("zeta_schedule", ["linear", "cosine"])
def test_partial_fit_goes_on_with_the_schedule_until_nothing_is_renewed(zeta_schedule, shares):
    model = classifier(zeta=0.4, zeta_schedule=zeta_schedule)
    for _ in range(9):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    np.testing.assert_allclose(shares, SHARES[zeta_schedule])


@pytest.fixture
def probed(monkeypatch):
    """The rows of every probe."""
    seen, probe = [], training.probe

    def spy(network, X, y, sample_weight, loss, rows, *loss_parameter):
        seen.append(rows.copy())
        return probe(network, X, y, sample_weight, loss, rows, *loss_parameter)

    monkeypatch.setattr(training, "probe", spy)
    return seen


def test_growth_at_random_looks_at_no_sample(probed):
    classifier().fit(X, Y)
    assert probed == []


def test_guided_growth_looks_at_some_samples_once_an_evolution(probed):
    many, targets = np.tile(X, (7, 1)), np.tile(Y, 7)
    classifier(growth="guided", rewire_interval=2).fit(many, targets)
    assert [len(np.unique(rows)) for rows in probed] == [128, 128]
    assert not np.array_equal(*probed)
    probed.clear()
    classifier(growth="guided", batch_size=200, max_iter=2).fit(many, targets)
    assert [len(np.unique(rows)) for rows in probed] == [200]


def test_guided_growth_looks_at_no_held_out_sample_and_none_of_no_weight(probed, monkeypatch):
    trained, run_epoch = [], training.run_epoch

    def watch(state, data, *args):
        trained.append(data.rows)
        return run_epoch(state, data, *args)

    monkeypatch.setattr(training, "run_epoch", watch)
    weight = np.ones(48)
    weight[::5] = 0
    classifier(growth="guided", early_stopping=True, validation_fraction=0.25).fit(X, Y, weight)
    assert len(probed) > 1
    for rows in probed:
        np.testing.assert_array_equal(
            np.sort(rows), [row for row in np.sort(trained[0]) if weight[row] > 0]
        )


RULES = [
    *({"pruning": pruning} for pruning in PRUNING_RULES),
    *({"growth": growth} for growth in GROWTH_RULES),
    *({"newborn_weights": newborn_weights} for newborn_weights in NEWBORN_WEIGHTS),
    *({"zeta_schedule": zeta_schedule} for zeta_schedule in ZETA_SCHEDULES),
    {"growth": "guided", "newborn_weights": "zero", "pruning": "relative_importance"},
]
every_rule = pytest.mark.parametrize("rules", RULES, ids=lambda rules: "-".join(rules.values()))


@every_rule
def test_every_rule_trains_the_same_model_whatever_the_threads_and_the_kind_of_X(rules):
    y = Y % 2
    for make in (classifier, regressor):
        models = [
            make(n_jobs=n_jobs, dropout=0.1, **rules).fit(data, y)
            for n_jobs, data in ((1, X), (1, X), (2, X), (1, sparse.csr_array(X)))
        ]
        for other in models[1:]:
            assert_same(models[0], other)
            assert models[0].loss_curve_ == other.loss_curve_
        assert models[0].n_connections_ == make(max_iter=1).fit(X, y).n_connections_


@every_rule
def test_every_other_rule_than_those_of_the_paper_is_another_model(rules):
    default = {
        "pruning": "set",
        "growth": "random",
        "newborn_weights": "initial",
        "zeta_schedule": "constant",
    }
    one, other = classifier(**default).fit(X, Y), classifier(**default | rules).fit(X, Y)
    assert (one.loss_curve_ == other.loss_curve_) == (default | rules == default)


@pytest.mark.parametrize("target", [Y, Y % 2, np.eye(3, dtype=int)[Y]], ids=["3", "2", "labels"])
def test_guided_growth_knows_every_task(target):
    model = classifier(growth="guided").fit(X, target)
    assert np.isfinite(model.loss_curve_).all()
    regressor(growth="guided").fit(X, np.column_stack([T, -T]))


def test_guided_growth_finds_what_matters():
    # Four of 400 features decide: growth by gradient feeds them more connections than chance does.
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(400, 400))
    y = wide[:, :4].sum(axis=1) > 0
    degrees = []
    for growth in ("random", "guided"):
        model = classifier(
            growth=growth,
            newborn_weights="initial",
            weight_init="he_uniform",
            hidden_layer_sizes=50,
            epsilon=5,
            max_iter=15,
        )
        first = model.fit(wide, y).coefs_[0]
        degrees.append(np.diff(first.indptr)[:4].sum())
    assert degrees[1] > 2 * degrees[0]


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


# --------------------------------------------------------------------------------------- schedules


@pytest.fixture
def rates(monkeypatch):
    """Learning rate of every step."""
    seen = []
    for solver in SOLVERS.values():
        original = solver.next_step_size

        def spy(self, rate, original=original):
            seen.append(rate)
            return original(self, rate)

        monkeypatch.setattr(solver, "next_step_size", spy)
    return seen


def per_epoch(rates, n_steps=3):
    """The rate of each epoch, which must not change within one."""
    table = np.reshape(rates, (-1, n_steps))
    assert (table == table[:, :1]).all()
    return table[:, 0]


EPOCHS = np.arange(8)
SCHEDULES = {
    "constant": np.full(8, 0.02),
    "invscaling": 0.02 / np.where(EPOCHS, 48 * EPOCHS + 1, 1) ** 0.3,
    "cosine": 0.02 * (1 + np.cos(np.pi * EPOCHS / 8)) / 2,
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedule_follows_its_formula(schedule, solver, rates):
    model = regressor(
        solver=solver,
        learning_rate=schedule,
        learning_rate_init=0.02,
        power_t=0.3,
        max_iter=8,
        n_iter_no_change=np.inf,
    ).fit(X, T)
    assert model.n_iter_ == 8
    np.testing.assert_allclose(per_epoch(rates), SCHEDULES[schedule], rtol=1e-14)


@pytest.mark.parametrize("solver", SOLVERS)
def test_adaptive_divides_by_five_and_stops_at_the_end(solver, rates):
    model = regressor(
        solver=solver,
        learning_rate="adaptive",
        learning_rate_init=0.001,
        max_iter=200,
        tol=100,
        n_iter_no_change=2,
    ).fit(X, T)
    # The first epoch improves; then every second one brings a fifth of the rate, until a rate
    # of at most 1e-6 has had its two epochs.
    divided = 0.001 / 5.0 ** np.arange(6)
    assert divided[-2] > 1e-6 >= divided[-1]
    expected = np.repeat(divided, [3, 2, 2, 2, 2, 2])
    np.testing.assert_allclose(per_epoch(rates), expected, rtol=1e-12)
    assert model.n_iter_ == 13


def test_adaptive_keeps_its_rate_while_there_is_progress(rates):
    smooth = {"zeta": 0.0, "solver": "sgd", "batch_size": 16, "shuffle": False}
    regressor(learning_rate="adaptive", tol=0, n_iter_no_change=1, max_iter=8, **smooth).fit(X, T)
    np.testing.assert_allclose(per_epoch(rates), np.full(8, 1e-3))


def test_cosine_starts_again_with_each_warm_fit(rates):
    model = regressor(learning_rate="cosine", max_iter=4, warm_start=True, learning_rate_init=0.01)
    model.fit(X, T).fit(X, T)
    once = 0.005 * (1 + np.cos(np.pi * np.arange(4) / 4))
    np.testing.assert_allclose(per_epoch(rates), np.tile(once, 2), rtol=1e-14)


def test_the_rate_reaches_the_weights():
    # Plain gradient descent in one full batch: the first step is the rate times the gradient.
    def first_step(rate):
        options = {"solver": "sgd", "momentum": 0, "batch_size": 48, "max_iter": 1, "alpha": 0}
        return regressor(learning_rate_init=rate, **options).fit(X, T).coefs_[0].data

    start = first_step(1e-300)
    np.testing.assert_allclose(
        first_step(2e-3) - start, 2 * (first_step(1e-3) - start), rtol=1e-9, atol=1e-15
    )


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


# -------------------------------------------------------------------------------------- divergence


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("bad_epoch", [1, 4])
def test_divergence_is_raised_in_its_epoch(solver, bad_epoch, monkeypatch):
    n_epochs = [0]
    run_epoch = training.run_epoch

    def poison(state, *args):
        n_epochs[0] += 1
        if n_epochs[0] == bad_epoch:
            state.network.layers[0].weights[0] = np.inf
        return run_epoch(state, *args)

    monkeypatch.setattr(training, "run_epoch", poison)
    with pytest.raises(ValueError, match=r"^Solver produced non-finite parameter weights"):
        classifier(solver=solver, max_iter=20).fit(X, Y)
    assert n_epochs[0] == bad_epoch


def test_divergence_of_real_training_has_mlps_message():
    with pytest.raises(ValueError) as error:  # noqa: PT011  (the message is compared below)
        regressor(solver="sgd", learning_rate_init=1e8, max_iter=1000).fit(X, T * 1e10)
    assert str(error.value) == DIVERGED
    assert DIVERGED == (
        "Solver produced non-finite parameter weights. The input data may contain large values "
        "and need to be preprocessed. Otherwise lower learning_rate_init, alpha or weight_decay."
    )


def test_a_weight_that_diverges_after_the_last_loss_is_found():
    # One batch: its loss is finite, and so is the step of the bias, but not that of the weights.
    linear = {"hidden_layer_sizes": (), "batch_size": 48, "max_iter": 1, "momentum": 0}
    with pytest.raises(ValueError, match="non-finite"):
        regressor(solver="sgd", learning_rate_init=1e290, **linear).fit(X * 1e12, T)


def test_a_bias_that_diverges_is_found(monkeypatch):
    # Spoilt after the only batch: no weight and no loss has seen it.
    run_epoch, networks = training.run_epoch, []

    def remember(state, *args):
        networks.append(state.network)
        return run_epoch(state, *args)

    def spoil(step, rows, *numbers):
        loss = step(rows, *numbers)
        networks[0].layers[-1].bias[1] = np.nan
        return loss

    monkeypatch.setattr(training, "run_epoch", remember)
    patch_step(monkeypatch, spoil)
    with pytest.raises(ValueError, match="non-finite"):
        classifier(batch_size=48).fit(X, Y)
    assert len(networks) == 1


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
    assert model.best_iter_ == 4  # the first of equals
    assert model.best_loss_ is None
    assert len(model.validation_loss_curve_) == len(model.loss_curve_) == model.n_iter_ == 8
    for ours, theirs in zip(values(model), kept[3], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(kept[3][2], kept[-1][2])


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
    feature = model.coefs_[0].tocoo().coords[0]
    for moment in model._optimizer.moments[0]:
        assert set(feature[moment != 0]) == {1, 3, 5, 7, 9, 11}


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


# -------------------------------------------------------------------------------- the network


def drawn_network(activation="all_relu"):
    return SparseNetwork.erdos_renyi(
        (6, 5, 4, 5, 3),
        20,
        activations=[activation] * 3,
        weight_init="auto",
        dtype=np.dtype("float64"),
        rng=np.random.default_rng(0),
    )


def test_the_slope_of_all_relu_alternates():
    slopes = [layer.activation_parameter for layer in drawn_network().layers[:-1]]
    assert slopes == [-0.6, 0.6, -0.6]


def test_a_copy_of_a_network_is_the_same_network():
    network = drawn_network()
    network.offset, network.factor = np.arange(6.0), 0.25
    X = Samples(np.random.default_rng(1).normal(size=(7, 6)))
    np.testing.assert_array_equal(network.copy().forward(X), network.forward(X))
    for ours, theirs in zip(network.layers, network.copy().layers, strict=True):
        assert not np.shares_memory(ours.weights, theirs.weights)
        assert not np.shares_memory(ours.bias, theirs.bias)


@pytest.mark.parametrize("units", [(None, 1.0), (None, 1024.0), (np.full(6, 1e6), 1.0)])
def test_no_output_is_beyond_the_bound(units):
    """It decides whether predictions may overflow; units of the features count."""
    network = drawn_network("identity")
    network.offset, network.factor = units
    X = Samples(np.random.default_rng(1).uniform(-1, 1, size=(50, 6)))
    bound, largest = network.bound(1.0), np.abs(network.forward(X)).max()
    assert largest <= bound < 1e4 * largest
    offset, factor = units
    size = factor * (1.0 if offset is None else 1.0 + np.abs(offset).max())
    network.offset, network.factor = None, 1.0
    assert network.bound(size) == bound


def test_exponential_outputs_overflow_sooner():
    network = drawn_network("identity")
    X = Samples(np.random.default_rng(1).uniform(-1, 1, size=(50, 6)))
    network.layers[-1].bias[:] = 800  # exp(800) is no number
    data = TrainingData(X, np.ones((50, 3)), None, "squared_error", np.arange(50))
    assert outputs_are_finite([network], data, 1)
    assert not outputs_are_finite([network], replace(data, loss="poisson"), 1)
    network.layers[-1].bias[:] = 100
    assert outputs_are_finite([network], replace(data, loss="poisson"), 1)


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


@pytest.mark.parametrize(("n_samples", "expected"), [(100, 32), (640, 64), (2500, 200)])
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


def test_moments_that_have_overflown_end_training():
    """With infinite squares Adam moves no more, and loss and weights stay numbers."""
    network = drawn_network()
    optimizer = Adam().attach(network)
    optimizer.bias_moments[1][1][:] = np.inf
    rows = np.arange(20, dtype=np.int32)
    data = TrainingData(Samples(np.ones((20, 6))), np.ones((20, 3)), None, "squared_error", rows)
    state = TrainingState(network, optimizer, Progress(0.001), Randomness(0), rows, None)
    workspace = training.Workspace(network, 10, 1)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        training.run_epoch(state, data, settings(batch_size=10), workspace)
    assert all(np.isfinite(layer.weights).all() for layer in network.layers)
