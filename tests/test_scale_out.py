"""Searches on one machine and on clusters find the same; data may be larger than memory.

The clusters are real: worker processes of Dask and, where it is installed, of Ray.
"""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster
from scipy.stats import loguniform, uniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, machine
from sklearn_set.datasets import make_microarray

# Clusters and searches are made once, for all tests that look at them.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clusters")]

EXAMPLES = Path(__file__).resolve().parents[1] / "doc" / "examples"

X, Y = make_microarray(n_samples=60, n_features=80, random_state=0)

LISTS = {
    "setclassifier__hidden_layer_sizes": [(20,), (15, 10)],
    "setclassifier__epsilon": [2, 5],
    "setclassifier__zeta": [0.0, 0.3],
}
LAWS = {
    "setclassifier__hidden_layer_sizes": [(20,), (15, 10)],
    "setclassifier__epsilon": loguniform(1, 10),
    "setclassifier__zeta": uniform(0, 0.5),
}


def pipeline():
    # Workers have warning filters of their own, and six epochs do not converge.  With np.inf all
    # epochs are wanted, and nothing warns.
    model = SETClassifier(
        max_iter=6, n_iter_no_change=np.inf, learning_rate_init=0.02, mixup=0, random_state=0
    )
    return make_pipeline(StandardScaler(), model)


SEARCHES = {
    "grid": lambda: GridSearchCV(pipeline(), LISTS, cv=3),
    "random": lambda: RandomizedSearchCV(pipeline(), LAWS, n_iter=5, cv=3, random_state=0),
    "halving by samples": lambda: HalvingGridSearchCV(pipeline(), LISTS, cv=3, random_state=0),
    "halving by epochs": lambda: HalvingGridSearchCV(
        pipeline(),
        LISTS,
        cv=3,
        resource="setclassifier__max_iter",
        min_resources=1,
        max_resources=6,
        random_state=0,
    ),
}
every_search = pytest.mark.parametrize("search", SEARCHES)


def assert_same_search(actual, expected):
    """Every candidate has the same score on every fold, and the best model predicts the same."""
    assert actual.cv_results_["params"] == expected.cv_results_["params"]
    for name, values in expected.cv_results_.items():
        if re.fullmatch(r"split\d+_test_score", name):
            assert np.isfinite(values).all()
            np.testing.assert_array_equal(actual.cv_results_[name], values)
    assert actual.best_params_ == expected.best_params_
    np.testing.assert_array_equal(actual.predict_proba(X), expected.predict_proba(X))


@pytest.fixture(scope="module")
def alone():
    """Searches in this process, made once."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {name: search().fit(X, Y) for name, search in SEARCHES.items()}


# --------------------------------------------------------------------------------- one machine


@every_search
def test_a_search_tries_what_it_was_given(search, alone):
    result = alone[search]
    tried = {params["setclassifier__hidden_layer_sizes"] for params in result.cv_results_["params"]}
    assert tried == {(20,), (15, 10)}
    best = result.best_estimator_[-1]
    for name, value in result.best_params_.items():
        assert getattr(best, name.removeprefix("setclassifier__")) == value
    assert result.score(X, Y) > 0.6


@every_search
def test_worker_processes_find_the_same(search, alone):
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert_same_search(SEARCHES[search]().fit(X, Y), alone[search])


# ---------------------------------------------------------------------------------------- Dask


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes of Dask, and a client."""
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            # Any free port: with the usual one a second cluster on the machine would warn.
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def about_threads():
    """What a worker knows: its process, what it was told, its kernel threads."""
    return {
        "process": os.getpid(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        "by default": machine.effective_n_threads(),
        "two": machine.effective_n_threads(2),
    }


@every_search
def test_a_dask_cluster_finds_the_same(search, alone, cluster):
    with joblib.parallel_config(backend="dask"):
        assert_same_search(SEARCHES[search]().fit(X, Y), alone[search])


def test_workers_of_dask_use_one_thread_unless_told_otherwise(cluster):
    # Dask's nannies start workers with OMP_NUM_THREADS=1.
    told = list(cluster.run(about_threads).values())
    assert len({each["process"] for each in told} | {os.getpid()}) == 3
    threads = 2 if machine.system.openmp_version() else 1
    for each in told:
        assert (each["OMP_NUM_THREADS"], each["by default"], each["two"]) == ("1", 1, threads)


def test_a_fitted_model_travels(cluster):
    model = pipeline().fit(X, Y)
    future = cluster.submit(model.predict_proba, X)
    np.testing.assert_array_equal(future.result(timeout=60), model.predict_proba(X))


def test_dask_ml_calls_partial_fit_block_by_block():
    wrappers = pytest.importorskip("dask_ml.wrappers")
    from dask import array

    model = SETClassifier((20,), random_state=0)
    blocks = array.from_array(X, chunks=(20, 80)), array.from_array(Y, chunks=20)
    # Its blocks run in threads of this process.
    wrapped = wrappers.Incremental(model, shuffle_blocks=False, scoring="accuracy")
    wrapped.fit(*blocks, classes=[0, 1])
    for start in range(0, 60, 20):
        model.partial_fit(X[start : start + 20], Y[start : start + 20], classes=[0, 1])
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(wrapped.estimator_.predict_proba(X), expected)
    np.testing.assert_array_equal(wrapped.predict_proba(blocks[0]).compute(), expected)


# ----------------------------------------------------------------------------------------- Ray


def test_a_ray_cluster_finds_the_same(alone):
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    register_ray()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's, of its own options
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        try:
            # A function of this module would be looked for in the workers.
            count = ray.remote(num_cpus=1)(lambda: machine.effective_n_threads())
            n_threads = ray.get(count.remote())
            with joblib.parallel_config(backend="ray"):
                search = SEARCHES["grid"]().fit(X, Y)
        finally:
            ray.shutdown()
    assert_same_search(search, alone["grid"])
    assert n_threads == 1


# ------------------------------------------------------------------------------------ examples


def printed_by(example, *options):
    """What an example prints; it is not part of a copy of the tests alone."""
    if not EXAMPLES.is_dir():
        pytest.skip("the examples are not in this copy")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, EXAMPLES / example, *map(str, options)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_training_on_a_file_larger_than_the_memory_that_may_be_used(tmp_path):
    options = ("--samples", 20_000, "--part", 500, "--hidden", 50, "--passes", 1)
    printed = printed_by("out_of_core.py", *options, "--limit", 300, "--folder", tmp_path)
    assert printed.startswith(
        "381 MB in a file\n"
        "300 MB of memory may be used\n"
        "too little to load the file at once\n"
        "pass 1: "
    )
    assert float(re.search(r"accuracy on new samples (\d\.\d+)\n$", printed)[1]) > 0.8
    assert list(tmp_path.iterdir()) == []


def test_example_of_a_search_on_a_cluster():
    printed = printed_by("dask_search.py", "--samples", 40, "--features", 60, "--epochs", 2)
    assert printed.startswith("2 workers with 1, 1 thread(s)\n24 fits in ")
    names = re.findall(r"^(\w+): ", printed, re.MULTILINE)
    assert names == ["epsilon", "hidden_layer_sizes", "zeta"]
    assert re.search(r"^mean accuracy: [01]\.\d{3}$", printed, re.MULTILINE)


def test_example_of_a_network_trained_on_a_cluster():
    printed = printed_by("dask_cells.py", "--cells", 2000, "--genes", 300, "--epochs", 20)
    assert printed.startswith("2,000 cells of 5 types\nloss of the epochs: ")
    assert float(re.search(r"accuracy .*: (\d\.\d+)\n$", printed)[1]) > 0.8
