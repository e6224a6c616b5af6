"""Training by replicas, without a cluster: who is trained on what, and how far it goes."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from dask_cases import AtOnce, delayed
from sklearn.datasets import load_digits

from sklearn_set import SETClassifier
from sklearn_set.dask import DaskSETClassifier, _base, _replicas
from sklearn_set.dask import _training as dask_training
from sklearn_set.optimizers import SGD, SOLVERS, Adam

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def an_interval(n_replicas=1, batch_size=20, divides_batch=False, **options):
    settings = SimpleNamespace(batch_size=batch_size, shuffle=True)
    shared = {
        "loss": "softmax_log_loss",
        "loss_parameter": 0.0,
        "mean_weight": 1.0,
        "learning_rate": 0.1,
        "seed": 3,
        "epoch": 0,
        "n_jobs": None,
        "length": None,
    }
    return _replicas.Interval(
        settings=settings,
        n_replicas=n_replicas,
        divides_batch=divides_batch,
        **shared | options,
    )


# ------------------------------------------------------------------------------ partitions, rounds


@pytest.mark.parametrize(
    ("n_samples", "n_replicas"),
    [([5], 1), ([1, 1, 1], 3), ([1000, 1, 1], 3), ([1, 1, 1000], 3), ([9] * 7, 3), ([1, 9], 2)],
)
def test_every_replica_has_neighbouring_partitions(n_samples, n_replicas):
    replicas = dask_training.divided(n_samples, n_replicas)
    assert [place for replica in replicas for place in replica] == list(range(len(n_samples)))
    assert all(replicas)
    assert len(replicas) == n_replicas


@pytest.mark.parametrize("n_samples", [1, 19, 20, 21, 100, 101])
@pytest.mark.parametrize(
    "options", [{}, {"n_pieces": 4}, {"n_pieces": 3}, {"length": 1}, {"length": 2}, {"length": 99}]
)
def test_segments_are_whole_batches_and_all_samples_once(n_samples, options):
    interval = an_interval(**options)
    n_segments, rows = interval.n_segments(n_samples), np.arange(n_samples)
    segments = [rows[interval.segment(n_samples, number)] for number in range(n_segments)]
    np.testing.assert_array_equal(np.concatenate(segments), rows)
    assert all(len(segment) for segment in segments)
    assert all(len(segment) % 20 == 0 for segment in segments[:-1])
    if "length" in options:
        assert all(len(segment) <= 20 * options["length"] for segment in segments)
    else:
        assert n_segments <= options.get("n_pieces", 1)


@pytest.mark.parametrize("n_samples", [[80] * 4, [80, 1, 200, 30, 30], [10, 10], [500, 10]])
@pytest.mark.parametrize(
    ("n_rounds", "options"), [(1, {}), (4, {"n_pieces": 4}), (1, {"length": 1})]
)
def test_rounds_of_an_epoch_see_every_sample_once(n_samples, n_rounds, options):
    replicas = dask_training.divided(n_samples, 2)
    plan = SimpleNamespace(replicas=replicas, data=SimpleNamespace(n_samples=n_samples))
    interval = an_interval(2, **options)
    rounds = dask_training._rounds(plan, interval, n_rounds)
    visits = [visit for walks in rounds for walk in walks for visit in walk]
    assert sorted(visits) == [
        (place, segment)
        for place, n in enumerate(n_samples)
        for segment in range(interval.n_segments(n))
    ]
    for walks in rounds:
        assert 1 <= len(walks) <= 2
        owners = [{place in replicas[0] for place, _ in walk} for walk in walks]
        assert all(len(owner) == 1 for owner in owners)  # no replica sees data of another one
    if "length" in options:
        assert {len(walk) for walks in rounds for walk in walks} == {1}
    else:
        assert len(rounds) <= n_rounds


# ------------------------------------------------------------------------------------- the rate


def test_the_rate_makes_up_for_fewer_steps_and_smaller_batches():
    of_batch = {"batch_size": 200, "divides_batch": True}
    for optimizer in (SGD(), Adam()):
        assert an_interval(1, **of_batch).pace(200, optimizer) == 1
        # Without the batch divided, there are fewer steps, of the same length.
        assert an_interval(4, batch_size=50).pace(50, optimizer) == 4
        assert an_interval(4, batch_size=50, warmth=0.0).pace(50, optimizer) == 1
        assert an_interval(4, batch_size=50, warmth=0.5).pace(50, optimizer) == 2.5
    # With it there are as many; a step of Adam of a quarter of the samples goes half as far.
    assert an_interval(4, **of_batch).pace(50, SGD()) == 1
    assert an_interval(4, **of_batch).pace(50, Adam()) == pytest.approx(2)
    assert set(_replicas._GROWTH_OF_STEPS) == set(SOLVERS.values())


def test_the_first_epoch_warms_up(monkeypatch):
    monkeypatch.setattr(_base, "Cluster", AtOnce)
    monkeypatch.setattr(DaskSETClassifier, "client_", None)
    trained, seen = _replicas.trained, []

    def spied(model, before, part, segment, interval):
        seen.append((interval.epoch, interval.warmth, part.number))
        return trained(model, before, part, segment, interval)

    monkeypatch.setattr(_replicas, "trained", spied)
    X, y = (part[:400] for part in load_digits(return_X_y=True))
    data = delayed(X, (200, 200)), delayed(y, (200, 200))
    settings = {"max_iter": 2, "n_iter_no_change": np.inf, "batch_size": 50, "random_state": 0}
    model = DaskSETClassifier((30,), n_replicas=2, warm_start=True, **settings).fit(*data)
    first = [(0, warmth, part) for warmth in (0.125, 0.375, 0.625, 0.875) for part in (0, 1)]
    assert seen == first + [(1, 1.0, 0), (1, 1.0, 1)]
    seen.clear()
    model.fit(*data)  # goes on
    assert {warmth for _, warmth, _ in seen} == {1.0}
    seen.clear()
    DaskSETClassifier((30,), n_replicas=1, **settings).fit(*data)
    assert {warmth for _, warmth, _ in seen} == {1.0}
    seen.clear()
    DaskSETClassifier((30,), n_replicas=2, interval=2, **settings).fit(*data)
    assert seen[:4] == [(0, warmth, part) for warmth in (0.25, 0.75) for part in (0, 1)]


@pytest.mark.parametrize("n_replicas", [2, 4, 16])
@pytest.mark.parametrize(
    "parameters",
    [{}, {"batch_size": 50}, {"solver": "sgd", "learning_rate_init": 0.01}],
    ids=["auto", "batches", "sgd"],
)
def test_replicas_learn_as_much_as_a_local_fit(monkeypatch, n_replicas, parameters):
    monkeypatch.setattr(_base, "Cluster", AtOnce)
    monkeypatch.setattr(DaskSETClassifier, "client_", None)
    X, y = load_digits(return_X_y=True)
    settings = {"max_iter": 20, "n_iter_no_change": np.inf, "random_state": 0} | parameters
    local = SETClassifier((50,), temperature=1.0, feature_search=False, **settings).fit(X, y)
    sizes = [len(part) for part in np.array_split(y, n_replicas)]
    data = delayed(X, sizes), delayed(y, sizes)
    ours = DaskSETClassifier((50,), n_replicas=n_replicas, **settings).fit(*data)
    # With the rate of a local fit, 16 replicas came to six or twelve times its loss.
    assert 0.65 * local.loss_ < ours.loss_ < 1.35 * local.loss_
    assert ours.score(X, y) > local.score(X, y) - 0.015


# ------------------------------------------------------------------------------- the benchmarks


def test_the_benchmark_predicts_bytes_and_generates_what_it_says(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).resolve().parent / "benchmarks")
    bench, workloads = (importlib.import_module(name) for name in ("bench_dask", "workloads"))
    workload = workloads.Workload(100, (3000, 800, 200, 5), 10)
    model = bench.a_model(workload)
    predicted = bench.bytes_of(workload, n_moments=2)
    sent = bench.size_of(model), bench.size_of(bench.values_of(model))
    assert predicted == pytest.approx(sent, rel=0.01)
    X, y = bench.sparse_chunk(0, 1200, 300, dtype=np.float64)  # in slabs
    assert X.shape == (1200, 300)
    assert X.dtype == np.float64
    assert X.nnz / X.shape[0] / 300 == pytest.approx(0.05, rel=0.2)
    np.testing.assert_array_equal(np.unique(y), range(10))
    again, _ = bench.sparse_chunk(0, 1200, 300, dtype=np.float64)
    np.testing.assert_array_equal(X.toarray(), again.toarray())
