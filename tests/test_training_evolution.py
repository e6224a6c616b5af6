"""Training evolves when it is told, by the rules that it is told.

The network is small, the data tiny; what happens when is watched by spies on `evolve`.
"""

from dataclasses import replace

import numpy as np
import pytest
from conftest import settings
from scipy import sparse
from small_models import T, X, Y, assert_same, classifier, regressor

from sklearn_set import training
from sklearn_set.evolution import GROWTH_RULES, NEWBORN_WEIGHTS, PRUNING_RULES
from sklearn_set.schedule import is_time_to_evolve, will_evolve
from sklearn_set.state import Progress

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

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
def test_an_evolution_to_come_is_foretold(rewire_interval, zeta):
    how = {"max_iter": 7, "zeta": zeta, "rewire_interval": rewire_interval}
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


def test_every_evolution_renews_zeta(shares):
    classifier(zeta=0.4).fit(X, Y)
    assert shares == [0.4] * 5
    shares.clear()
    # The second fit evolves before its first epoch, too.
    classifier(zeta=0.2, warm_start=True).fit(X, Y).fit(X, Y)
    assert shares == [0.2] * 11


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
    {"growth": "guided", "newborn_weights": "zero", "pruning": "magnitude"},
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
    default = {"pruning": "set", "growth": "random", "newborn_weights": "initial"}
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
