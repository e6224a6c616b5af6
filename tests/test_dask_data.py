"""Fits on a Dask cluster: every kind and odd shape of data, and what is refused."""

import inspect
import os
import resource
import subprocess
import sys
import time

import dask
import dask.array as da
import distributed
import numpy as np
import pandas as pd
import pytest
from dask_cases import (
    X,
    Y,
    Z,
    assert_same_network,
    chunked,
    classifier,
    delayed,
    differ,
    regressor,
    start,
)
from scipy import sparse

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.dask import DaskSETClassifier, DaskSETRegressor, _cluster
from sklearn_set.dask._cluster import Cluster
from sklearn_set.training import DIVERGED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("clusters"),
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer"),
]


@pytest.fixture
def client(dask_client):
    return dask_client


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
    backwards = dask.delayed(table.iloc[150:, ::-1])
    with pytest.raises(ValueError, match="other names"):
        classifier().fit([*X_frame.to_delayed()[:3], backwards], y_frame)


def test_data_frames_with_weights_and_partitions_that_are_empty(client):
    frames = pytest.importorskip("dask.dataframe")
    table = pd.DataFrame(X, columns=[f"f{k}" for k in range(64)])
    table["target"], table["weight"], table["number"] = Z[:, 0], 1 + Y, range(200)
    whole = frames.from_pandas(table, npartitions=4)
    some = whole[whole["number"] >= 60]  # nothing is left of the first partition
    parts = some[list(table.columns[:64])], some["target"], some["weight"]
    fitted = regressor().fit(*parts)
    assert fitted.t_ == 4 * 140
    cuts = (0, 40, 50, 50)
    assert_same_network(
        fitted,
        regressor().fit(*(delayed(v[60:], cuts) for v in (X, Z[:, 0], 1.0 + Y))),
    )
    np.testing.assert_array_equal(
        fitted.predict(parts[0]).compute(), fitted.to_local().predict(table.iloc[60:, :64])
    )


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
    fitted = classifier(max_iter=20, interval=1, learning_rate_init=0.01).fit(
        X_sorted, chunked(labels)
    )
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
    assert fitted.score(chunked(data), chunked(Y % n_classes)) == local.score(data, Y % n_classes)
    assert "client" not in local.get_params()
    for method in ("predict", "predict_proba", "decision_function", "predict_log_proba"):
        lazy, expected = getattr(fitted, method)(chunked(data)), getattr(local, method)(data)
        assert isinstance(lazy, da.Array)
        assert lazy.dtype == expected.dtype
        np.testing.assert_array_equal(lazy.compute(), expected)
        blocks = getattr(fitted, method)(delayed(data))
        np.testing.assert_array_equal(np.concatenate(dask.compute(*blocks)), expected)
        np.testing.assert_array_equal(getattr(fitted, method)(data), expected)


def test_tasks_of_fits_and_predictions_do_not_get_in_each_others_way(client, caplog):
    X_made, y_made = (
        da.concatenate([da.from_delayed(block, shape, meta=meta) for block in blocks])
        for blocks, shape, meta in (
            (delayed(X, (100, 100)), (100, 64), np.empty((0, 64))),
            (delayed(Y, (100, 100)), (100,), np.empty(0, int)),
        )
    )
    fitted = classifier().fit(X_made, y_made)
    lazy = fitted.predict_proba(X_made).max(axis=1).mean(), fitted.predict(X_made)
    for each in (*lazy, X_made + 0):
        each.compute()
    assert not [each.message for each in caplog.records if each.levelname == "WARNING"]


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


def most_memory(dask_worker):
    """The most bytes that the process of a worker has used."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory otherwise")
def test_a_worker_needs_no_more_memory_than_it_is_asked_for(monkeypatch):
    check, needs = Cluster.check_memory, []

    def spied(self, parts, of_parts, of_network, of_batch, n_replicas):
        needs.append(sum(of_parts) + 6 * of_network + of_batch)  # three replicas on one worker
        return check(self, parts, of_parts, of_network, of_batch, n_replicas)

    monkeypatch.setattr(Cluster, "check_memory", spied)
    data = chunked(X.astype(np.float32)), chunked(Y)
    with start(1, memory_limit=450_000_000) as cluster, distributed.Client(cluster) as own:
        before = most_memory_of(own)
        room = Cluster(own).memory_limits()
        assert 450_000_000 - before <= min(room.values()) < 450_000_000 - 30_000_000
        classifier(client=own, max_iter=2).set_params(hidden_layer_sizes=60_000).fit(*data)
        assert most_memory_of(own) - before < needs[0] + 20_000_000
        refused = classifier(client=own).set_params(hidden_layer_sizes=150_000)
        with pytest.raises(MemoryError, match=r"6 networks, .* lower hidden_layer_sizes"):
            refused.fit(*data)
        assert needs[1] > min(room.values())
        assert most_memory_of(own) - before < needs[0] + 20_000_000  # nothing was drawn


def most_memory_of(client):
    """See `most_memory`; of the only worker, which has loaded the package."""
    client.run(__import__, "sklearn_set.dask")
    return next(iter(client.run(most_memory).values()))


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


def test_workers_that_are_gone_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(_cluster, "GONE_AFTER", 0.2)
    monkeypatch.setattr(_cluster, "_LOOK_AFTER", 0.1)
    with (
        distributed.LocalCluster(
            n_workers=1, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as own,
    ):
        waiting = _cluster.Cluster(own)
        cluster.scale(0)
        while own.nthreads():
            time.sleep(0.05)
        with pytest.raises(RuntimeError, match="has had no worker"):
            waiting.gather(waiting.submit(len, ()))


def test_without_dask_the_extra_is_named():
    code = "import sys; sys.modules['distributed'] = None; import sklearn_set.dask"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'pip install "sklearn_set[dask]"' in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("ours", "local"), [(DaskSETClassifier, SETClassifier), (DaskSETRegressor, SETRegressor)]
)
def test_parameters_are_those_of_the_local_class_and_three_more(ours, local):
    parameters, expected = (dict(inspect.signature(kind).parameters) for kind in (ours, local))
    own = {name: parameters.pop(name) for name in ("n_replicas", "interval", "client")}
    assert list(parameters) == list(expected)
    for name, parameter in expected.items():
        assert parameters[name].default == parameter.default, name
        assert parameters[name].kind == parameter.kind, name
    assert {name: each.default for name, each in own.items()} == {
        "n_replicas": "auto",
        "interval": "epoch",
        "client": None,
    }
    model = ours(**{name: f"of {name}" for name in (*parameters, *own)})
    assert all(getattr(model, name) == f"of {name}" for name in (*parameters, *own))
