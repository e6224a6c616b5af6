"""Fits on a Dask cluster: the same bits on any workers, and good manners."""

import os
import pickle
import signal
import threading
import warnings

import dask.array as da
import distributed
import numpy as np
import pytest
from dask_cases import (
    X,
    Y,
    Z,
    assert_same_network,
    chunked,
    classifier,
    differ,
    regressor,
    start,
)
from sklearn.base import clone

from sklearn_set import SETClassifier
from sklearn_set.dask import DaskSETClassifier
from sklearn_set.dask import _training as dask_training
from sklearn_set.dask._cluster import Cluster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("clusters"),
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer"),
]


@pytest.fixture
def client(dask_client):
    return dask_client


# ------------------------------------------------------------------------- the same on all workers


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"interval": 1, "batch_size": 20},
        {"dropout": 0.2, "mixup": 0.2, "growth": "guided", "solver": "sgd", "n_snapshots": 2},
    ],
    ids=["epochs", "steps", "randomness"],
)
def test_the_same_bits_with_one_worker_two_and_another_order_of_places(client, parameters):
    data = chunked(X), chunked(Y)
    first = classifier(**parameters).fit(*data)
    # All data on one of the workers; the other one has none, or gets some of the work.
    alone = sorted(client.nthreads())[0]
    placed = [client.persist(each, workers=[alone]) for each in data]
    distributed.wait(placed)
    assert_same_network(first, classifier(**parameters).fit(*placed))
    assert differ(first, classifier(**parameters | {"random_state": 1}).fit(*data))


def test_the_same_bits_after_the_death_of_a_worker(client, monkeypatch):
    data = chunked(X), chunked(Y)
    undisturbed = classifier(max_iter=6).fit(*data)
    with start(1) as cluster, distributed.Client(cluster) as own:
        by_one = classifier(max_iter=6, client=own).fit(*data)
        assert_same_network(undisturbed, by_one)
        cluster.scale(2)
        own.wait_for_workers(2, timeout=60)
        processes = own.run(os.getpid)
        gather, killed = Cluster.gather, []

        def deadly(self, futures):
            names = [future.key for future in futures] if isinstance(futures, list) else []
            if any(name.startswith("set-told") for name in names):
                killed.append(None)
                if len(killed) == 3:  # the third epoch is under way
                    os.kill(sorted(processes.items())[0][1], signal.SIGKILL)
            return gather(self, futures)

        monkeypatch.setattr(Cluster, "gather", deadly)
        survived = classifier(max_iter=6, client=own).fit(*data)
    assert len(killed) >= 6
    assert_same_network(undisturbed, survived)


def test_two_fits_at_once(client):
    data = chunked(X), chunked(Y)
    models = [classifier(random_state=seed, client=client) for seed in (0, 1)]
    alone = [clone(model).fit(*data) for model in models]
    threads = [threading.Thread(target=model.fit, args=data) for model in models]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=120)
    for model, other in zip(models, alone, strict=True):
        assert_same_network(model, other)


def test_one_replica_with_one_partition_begins_like_a_local_fit(client):
    """And without shuffling it is one, as long as nothing is drawn for the order."""
    settings = {"shuffle": False, "random_state": 0, "max_iter": 3, "batch_size": 20, "alpha": 0}
    local = SETClassifier((30,), feature_search=False, **settings).fit(X, Y)
    ours = DaskSETClassifier((30,), **settings).fit(da.from_array(X), da.from_array(Y))
    assert_same_network(local, ours)
    np.testing.assert_allclose(ours.loss_curve_, local.loss_curve_, rtol=1e-12)


# ------------------------------------------------------------------------------ going on, manners


def test_partial_fit_and_warm_start_go_on(client):
    data = chunked(X), chunked(Y)
    streamed = classifier()
    losses = [streamed.partial_fit(*data, classes=range(10)).loss_ for _ in range(8)]
    assert streamed.t_ == 1600
    assert losses[-1] < losses[0]
    assert streamed.loss_curve_ == losses
    again = classifier()
    for _ in range(8):
        again.partial_fit(*data, classes=range(10))
    assert_same_network(streamed, again)
    warm = classifier(warm_start=True).fit(*data)
    first = warm.loss_
    assert warm.fit(*data).loss_ < first
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        classifier().partial_fit(*data)
    with pytest.raises(ValueError, match="has classes not in"):
        streamed.partial_fit(chunked(X), chunked(Y + 1))
    part = (
        regressor()
        .partial_fit(chunked(X), chunked(Z[:, 0]))
        .partial_fit(chunked(X), chunked(Z[:, 0] * 2))
    )
    np.testing.assert_allclose(part.target_offset_, 1.5 * Z[:, 0].mean())


def test_pickles_and_clones_leave_the_client_where_it_is(client):
    model = classifier(client=client)
    assert model.client_ is client
    assert clone(model).client is client
    fitted = model.fit(chunked(X), chunked(Y))
    other = pickle.loads(pickle.dumps(fitted))
    assert other.client is None
    assert other.client_ is client  # the current one
    np.testing.assert_array_equal(other.predict(chunked(X)).compute(), fitted.predict(X))
    assert fitted.client is client


def test_verbose_and_callbacks_tell_of_epochs(client, capsys):
    classifier(verbose=True).fit(chunked(X), chunked(Y))
    assert capsys.readouterr().out.count("Iteration") == 4
    pytest.importorskip("sklearn.callback")
    from sklearn_set.callbacks import TopologyRecorder

    recorder = TopologyRecorder()
    classifier().set_callbacks(recorder).fit(chunked(X), chunked(Y))
    assert recorder.epochs_.tolist() == [0, 1, 2, 3, 4]
    assert (recorder.n_renewed_[2:, 0] > 0).all()


def test_ctrl_c_keeps_the_last_complete_epoch(client, monkeypatch):
    complete = dask_training.complete_epoch

    def interrupted(state, *args):
        if state.course.n_iter == 2:
            raise KeyboardInterrupt
        return complete(state, *args)

    data = chunked(X), chunked(Y)
    wanted = classifier(max_iter=3, n_iter_no_change=9).fit(*data)
    monkeypatch.setattr(dask_training, "complete_epoch", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user"):
        cut = classifier(max_iter=9, n_iter_no_change=9).fit(*data)
    assert cut.n_iter_ == 2
    assert_same_network(cut, wanted)  # the third epoch was trained, but not recorded
