"""Fits on a Dask cluster: the same bits on any workers, and every odd shape of the data."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

import dask.array as da  # noqa: E402

from sklearn_set import SETClassifier, SETRegressor  # noqa: E402
from sklearn_set.dask import DaskSETClassifier, DaskSETRegressor  # noqa: E402
from sklearn_set.dask import _training as dask_training  # noqa: E402
from sklearn_set.dask._cluster import Cluster  # noqa: E402
from sklearn_set.training import DIVERGED  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("clusters"),
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer"),
]

X, Y = (part[:200] for part in load_digits(return_X_y=True))
X = X / 16
Z = np.column_stack([X[:, 20] * 30 + 5, X[:, 30]])  # targets of a regression
SETTINGS = {"max_iter": 4, "n_replicas": 3, "random_state": 0, "alpha": 0.01}


def classifier(**parameters):
    return DaskSETClassifier((30, 20), **SETTINGS | parameters)


def regressor(**parameters):
    return DaskSETRegressor((30,), **SETTINGS | parameters)


def chunked(values, chunks=(50, 30, 0, 60, 60)):
    """A Dask array with blocks of these lengths, one of them empty."""
    values, ends = np.asarray(values), np.cumsum((0, *chunks))
    blocks = [values[start:end] for start, end in pairwise(ends)]
    return da.concatenate([da.from_array(block, chunks=-1) for block in blocks if len(block)])


def delayed(values, chunks=(50, 30, 0, 60, 60), convert=np.asarray):
    """Delayed blocks of these lengths, of which some may be empty."""
    ends = np.cumsum((0, *chunks))
    return [dask.delayed(convert)(values[start:end]) for start, end in pairwise(ends)]


def assert_same_network(one, other):
    for a, b in zip(one.coefs_, other.coefs_, strict=True):
        np.testing.assert_array_equal(a.indices, b.indices)
        np.testing.assert_array_equal(a.data, b.data)
    for a, b in zip(one.intercepts_, other.intercepts_, strict=True):
        np.testing.assert_array_equal(a, b)


def differ(one, other):
    return any(
        a.nnz != b.nnz or (a.data != b.data).any()
        for a, b in zip(one.coefs_, other.coefs_, strict=True)
    )


def start(n_workers, **options):
    return distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        **options,
    )


@pytest.fixture(scope="module")
def client():
    with start(2) as cluster, distributed.Client(cluster) as client:
        yield client


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


# ---------------------------------------------------------------------------------- kinds of data


def test_blocks_of_any_kind_give_the_same_network(client):
    wanted = classifier().fit(delayed(X), delayed(Y))
    by_array = classifier().fit(chunked(X), chunked(Y))
    # An empty partition has a number, from which seeds are derived: the others keep theirs.
    assert wanted.n_iter_ == by_array.n_iter_ == 4
    csr = delayed(sparse.csr_array(X), convert=sparse.csr_array)
    futures = client.compute(csr), client.compute(delayed(Y))
    assert_same_network(classifier().fit(*futures), classifier().fit(csr, delayed(Y)))
    arrays = [
        da.from_delayed(block, (n, 64), dtype=X.dtype, meta=sparse.csr_array((0, 64)))
        for block, n in zip(csr, (50, 30, 0, 60, 60), strict=True)
        if n
    ]
    lazy = da.concatenate(arrays)
    fitted = classifier().fit(lazy, chunked(Y))
    assert_same_network(fitted, classifier().fit(lazy, chunked(Y)))
    np.testing.assert_array_equal(fitted.predict(lazy).compute(), fitted.to_local().predict(X))
    columns = da.from_array(X, chunks=(50, 10))
    assert_same_network(
        classifier().fit(columns, da.from_array(Y, chunks=200)),  # is divided like X
        classifier().fit(da.from_array(X, chunks=(50, -1)), da.from_array(Y, chunks=50)),
    )


def test_data_frames(client):
    frames = pytest.importorskip("dask.dataframe")
    table = pd.DataFrame(X, columns=[f"f{k}" for k in range(64)])
    X_frame, y_frame = (
        frames.from_pandas(each, npartitions=4) for each in (table, pd.Series(Y.astype(str)))
    )
    fitted = classifier().fit(X_frame, y_frame)
    assert list(fitted.feature_names_in_) == list(table.columns)
    assert fitted.classes_.tolist() == [str(k) for k in range(10)]
    predicted = fitted.predict(X_frame)
    assert isinstance(predicted, da.Array)
    np.testing.assert_array_equal(predicted.compute(), fitted.to_local().predict(table))


def only_on_workers(start, end, client_process):
    assert os.getpid() != client_process, "the client has read the data"
    return X[start:end]


def test_the_client_never_sees_the_data(client):
    make = dask.delayed(only_on_workers)
    blocks = [make(start, start + 50, os.getpid()) for start in range(0, 200, 50)]
    fitted = classifier().fit(blocks, delayed(Y, (50,) * 4))
    assert_same_network(fitted, classifier().fit(delayed(X, (50,) * 4), delayed(Y, (50,) * 4)))


def test_classes_that_partitions_lack_and_weights(client):
    order = np.argsort(Y)
    X_sorted, labels = chunked(X[order]), Y[order]
    # Each replica sees its own classes only, so the replicas are averaged often.
    fitted = classifier(max_iter=60, interval=1).fit(X_sorted, chunked(labels))
    assert fitted.classes_.tolist() == list(range(10))
    assert fitted.predict_proba(X_sorted).compute().shape == (200, 10)
    assert fitted.score(X, Y) > 0.5
    # A partition whose samples weigh nothing is as good as none.
    weight = np.ones(200)
    weight[50:80] = 0
    weighed = classifier().fit(chunked(X), chunked(Y), chunked(weight))
    times = classifier().fit(chunked(X), chunked(Y), chunked(7 * weight))
    assert_same_network(weighed, times)
    others = np.r_[0:50, 80:200]
    assert weighed.t_ == 4 * len(others)


def test_class_weights(client):
    data = chunked(X), chunked(Y % 3)
    balanced = classifier(class_weight="balanced").fit(*data)
    counts = np.bincount(Y % 3)
    weights = dict(enumerate(200 / (3 * counts)))
    assert_same_network(balanced, classifier(class_weight=weights).fit(*data))
    assert differ(balanced, classifier().fit(*data))


def test_several_labels_and_several_targets(client):
    labels = np.column_stack([Y % 2, Y > 5]).astype(int)
    fitted = classifier(class_weight="balanced").fit(chunked(X), chunked(labels))
    for method in ("predict", "predict_proba", "decision_function", "predict_log_proba"):
        lazy = getattr(fitted, method)(chunked(X))
        expected = getattr(fitted.to_local(), method)(X)
        assert lazy.shape == expected.shape
        assert lazy.dtype == expected.dtype
        np.testing.assert_array_equal(lazy.compute(), expected)
    fitted = regressor().fit(chunked(X), chunked(Z))
    np.testing.assert_array_equal(fitted.predict(chunked(X)).compute(), fitted.predict(X))
    np.testing.assert_allclose(fitted.target_offset_, Z.mean(axis=0))
    np.testing.assert_allclose(fitted.target_scale_, Z.std(axis=0))


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lazy_predictions_are_those_of_the_local_model(client, n_classes, dtype):
    data = X.astype(dtype)
    fitted = classifier().fit(chunked(data), chunked(Y % n_classes))
    local = fitted.to_local()
    assert type(local) is SETClassifier
    assert "client" not in local.get_params()
    for method in ("predict", "predict_proba", "decision_function", "predict_log_proba"):
        lazy, expected = getattr(fitted, method)(chunked(data)), getattr(local, method)(data)
        assert isinstance(lazy, da.Array)
        assert lazy.dtype == expected.dtype
        np.testing.assert_array_equal(lazy.compute(), expected)
        blocks = getattr(fitted, method)(delayed(data))
        np.testing.assert_array_equal(np.concatenate(dask.compute(*blocks)), expected)
        np.testing.assert_array_equal(getattr(fitted, method)(data), expected)


def test_regression(client):
    fitted = regressor(max_iter=60).fit(chunked(X), chunked(Z[:, 0]))
    local = fitted.to_local()
    assert type(local) is SETRegressor
    assert local.score(X, Z[:, 0]) > 0.7
    for loss in ("quantile", "poisson"):
        fitted = regressor(loss=loss).fit(chunked(X), chunked(Z[:, 0]))
        np.testing.assert_array_equal(
            fitted.predict(chunked(X)).compute(), fitted.to_local().predict(X)
        )


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


# --------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"early_stopping": True}, "'early_stopping' parameter .* n_iter_no_change"),
        ({"feature_search": True}, "'feature_search' parameter .* SETSelector"),
        ({"temperature": "cv"}, "'temperature' parameter .* set a number"),
        ({"n_replicas": 0}, "'n_replicas' parameter"),
        ({"interval": "step"}, "'interval' parameter"),
        ({"epsilon": -1}, "'epsilon' parameter"),
        ({"client": "here"}, "'client' parameter"),
    ],
)
def test_parameters_are_refused_in_words(client, parameters, match):
    model = classifier(**parameters)
    with pytest.raises((ValueError, TypeError), match=match):
        model.fit(chunked(X), chunked(Y))
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ((X, chunked(Y)), "X must be a Dask array"),
        ((chunked(X), Y), "y must be a Dask array"),
        ((chunked(X), chunked(Y), np.ones(200)), "sample_weight must be a Dask array"),
        ((delayed(X), delayed(Y)[:3]), "y has 3 partitions, but X has 5"),
        ((chunked(X), da.from_array(Y[:100])), "inconsistent numbers of samples"),
        (
            (delayed(X), delayed(Y, (40, 40, 0, 60, 60))),
            r"Partition \d .* X has \d+ samples, but y",
        ),
        ((delayed(X), delayed(Y, (200, 0, 0, 0, 0))), r"Partition \d"),
        ((chunked(X * np.nan), chunked(Y)), r"Partition \d .*NaN"),
        ((chunked(X), chunked(Y * 0)), "at least 2 classes"),
        ((chunked(X), chunked(Y), chunked(Y * 0)), "at least one non-zero"),
        ((chunked(X), chunked(Y), chunked(Y - 1)), "Negative values"),
        ((delayed(X, (0, 0)), delayed(Y, (0, 0))), r"0 sample\(s\)"),
        (([dask.delayed(X[:9]), dask.delayed(X[:9, 1:])], [dask.delayed(Y[:9])] * 2), "features"),
    ],
)
def test_data_are_refused_in_words(client, given, match):
    model = classifier()
    with pytest.raises((ValueError, TypeError), match=match):
        model.fit(*given)
    assert not hasattr(model, "classes_")


def test_what_a_local_fit_holds_out_is_refused(client):
    data = chunked(X), chunked(Y)
    with pytest.raises(ValueError, match="takes no X_val"):
        classifier().fit(*data, X_val=X, y_val=Y)
    with pytest.raises(ValueError, match="takes no groups"):
        classifier().fit(*data, groups=Y)
    with pytest.raises(ValueError, match="balanced"):
        classifier(class_weight="balanced").partial_fit(*data, classes=range(10))


def test_divergence_and_lack_of_memory_are_told(client, monkeypatch):
    data = chunked(X), chunked(Y)
    with pytest.raises(ValueError, match=DIVERGED[:40]):
        classifier(solver="sgd", learning_rate_init=1e30).fit(*data)
    limits = dict.fromkeys(client.nthreads(), 40_000)
    monkeypatch.setattr(Cluster, "memory_limits", lambda self: limits)
    with pytest.raises(MemoryError, match=r"X takes .* partial_fit"):
        classifier().fit(*data)
    with pytest.raises(MemoryError, match=r"for its partitions and .* networks"):
        classifier().fit(delayed(X), delayed(Y))


def test_without_a_client_or_workers_it_says_so():
    code = """
import dask.array as da
from sklearn_set.dask import DaskSETClassifier
DaskSETClassifier().fit(da.ones((4, 2)), da.from_array([0, 1, 0, 1]))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stderr.strip().splitlines()[-1].startswith("ValueError: There is no Dask client.")
    with (
        distributed.LocalCluster(
            n_workers=0, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as own,
        pytest.raises(RuntimeError, match="no workers"),
    ):
        classifier(client=own).fit(chunked(X), chunked(Y))


# ----------------------------------------------------------------------------------- no cluster


@pytest.mark.parametrize(
    ("n_samples", "n_replicas"),
    [([5], 1), ([1, 1, 1], 3), ([1000, 1, 1], 3), ([1, 1, 1000], 3), ([9] * 7, 3), ([1, 9], 2)],
)
def test_every_replica_has_neighbouring_partitions(n_samples, n_replicas):
    replicas = dask_training.divided(n_samples, n_replicas)
    assert [place for replica in replicas for place in replica] == list(range(len(n_samples)))
    assert all(replicas)
    assert len(replicas) == n_replicas
