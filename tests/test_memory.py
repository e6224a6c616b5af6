"""A network of a million neurons trains in little more memory than its connections take.

And it is known before how much: what does not fit into memory is refused, what fits is not.
"""

import json
import pickle
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from peaks import peak_of

from sklearn_set import SETClassifier, SETRegressor, machine, memory

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

rng = np.random.default_rng(0)
X = rng.standard_normal((100, 2000), dtype=np.float32)
Y = rng.integers(3, size=100)

FIT = """
import json, pickle, resource, warnings
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn_set import SETClassifier

warnings.simplefilter("ignore", ConvergenceWarning)
rng = np.random.default_rng(0)
X = rng.standard_normal((1000, 10_000), dtype=np.float32)
y = rng.integers(2, size=1000)
model = SETClassifier((500_000, 500_000), epsilon=10, solver="sgd", batch_size=32, max_iter=2,
                      random_state=0).fit(X, y)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({
    "connections": model.n_connections_,
    "peak": peak,
    "pickle": len(pickle.dumps(model)),
    "shared": all(np.shares_memory(coef.data, layer.weights)
                  for coef, layer in zip(model.coefs_, model._network.layers)),
}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts resident memory as Linux does")
def test_a_million_neurons_fit_in_little_memory():
    # Two epochs, with an evolution between them.
    done = subprocess.run(
        [sys.executable, "-c", FIT], capture_output=True, text=True, check=True, timeout=600
    )
    result = json.loads(done.stdout)
    assert result["connections"] == 5_100_000 + 10_000_000 + 500_000
    assert result["peak"] < 1.2e9
    assert result["pickle"] < 14 * result["connections"]
    assert result["shared"]


# -------------------------------------------------------------------------------- before a fit


@pytest.fixture
def estimates(monkeypatch):
    """The bytes that each fit is estimated to need."""
    seen, training_bytes = [], memory.training_bytes

    def spy(*args, **kwargs):
        parts = training_bytes(*args, **kwargs)
        seen.append(sum(parts.values()))
        return parts

    monkeypatch.setattr(memory, "training_bytes", spy)
    return seen


MID_SIZE = {"hidden_layer_sizes": (40_000, 20_000), "epsilon": 10, "max_iter": 3, "n_jobs": 2}


@pytest.mark.parametrize(
    "parameters",
    [
        {"batch_size": 50},
        {"batch_size": 2, "solver": "sgd", "momentum": 0, "zeta": 0},
        *(
            pytest.param(parameters, marks=pytest.mark.slow)
            for parameters in (
                {"batch_size": 2},
                {"batch_size": 2, "solver": "sgd"},
                {"batch_size": 50, "dtype": "float64"},
                {"batch_size": 50, "activation": "gelu"},
                {"batch_size": 50, "max_iter": 6, "early_stopping": True},
                {"batch_size": 50, "hidden_layer_sizes": 200_000, "epsilon": 3},
                {"batch_size": 50, "growth": "guided"},
            )
        ),
    ],
    ids=str,
)
def test_needed_memory_is_known(parameters, estimates):
    """An estimate above the need would refuse a network that fits; one far below helps nobody."""
    model = SETClassifier(**MID_SIZE | {"random_state": 0} | parameters)
    peak = peak_of(lambda: model.fit(X, Y))
    assert 0.6 * peak < estimates[0] <= peak


def test_needed_memory_of_a_stream_is_known(estimates):
    model = SETClassifier(**MID_SIZE, batch_size=50, random_state=0)
    parts = [
        peak_of(lambda: model.partial_fit(X, Y, classes=[0, 1, 2]))  # draws
        for _ in range(2)  # the second trains a copy and evolves
    ]
    for peak, estimate in zip(parts, estimates, strict=True):
        assert 0.6 * peak < estimate <= peak


@pytest.mark.parametrize("batch_size", [2, 8, 32, 33, 64])
@pytest.mark.parametrize("n_hidden", [1000, 300_000])
def test_the_other_direction_is_made_where_it_is_said_to_be(n_hidden, batch_size):
    model = SETRegressor(
        n_hidden, epsilon=1, zeta=0, max_iter=1, batch_size=batch_size, random_state=0
    ).fit(X[:batch_size, :200], Y[:batch_size])
    kernels = machine.kernels("float32")
    by_input = kernels.goes_by_input(kernels.batch_width(batch_size))
    for layer in model._network.layers:
        assert (layer.topology._transposed is None) == by_input


SMALL = {"hidden_layer_sizes": (30,), "max_iter": 2, "random_state": 0}

# More than 10^12 bytes: of connections, and of activations.
HUGE = {
    "connections": {"hidden_layer_sizes": (10**6,) * 33, "epsilon": 1000},
    "activations": {"hidden_layer_sizes": 2 * 10**9, "epsilon": 0.6, "dtype": "float64"},
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("huge", HUGE)
def test_a_network_beyond_all_memory_is_refused_at_once(huge, method, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 24 * 2**30)
    model = SETClassifier(**SMALL).set_params(batch_size=100, **HUGE[huge])
    attributes = dict(vars(model))
    arguments = {"classes": [0, 1, 2]} if method == "partial_fit" else {}

    def refused():
        with pytest.raises(MemoryError) as error:
            getattr(model, method)(X, Y, **arguments)
        message = str(error.value)
        assert float(re.search(r"needs at least ([\d.]+) GiB of memory \(", message)[1]) > 931.3
        assert re.search(
            r"connections: [\d,]+ bytes, activations of a batch: [\d,]+ bytes", message
        )
        assert message.endswith(
            "but only 24.0 GiB are available. Lower hidden_layer_sizes, epsilon or batch_size."
        )

    start = time.perf_counter()
    assert peak_of(refused) < 10**7
    assert time.perf_counter() - start < 1
    assert vars(model) == attributes


def test_a_refused_fit_leaves_the_fitted_model(monkeypatch):
    model = SETClassifier(**SMALL).fit(X, Y)
    before = model.predict_proba(X)
    monkeypatch.setattr(memory, "available_memory", lambda: 24 * 2**30)
    model.set_params(**HUGE["connections"])
    attributes, frozen = dict(vars(model)), pickle.dumps(model)
    with pytest.raises(MemoryError, match="Lower hidden_layer_sizes, epsilon or batch_size"):
        model.fit(X, Y)
    assert all(vars(model)[name] is value for name, value in attributes.items())
    assert pickle.dumps(model) == frozen
    np.testing.assert_array_equal(model.predict_proba(X), before)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_parts_are_listed_that_there_are(early_stopping, monkeypatch):
    monkeypatch.setattr(memory, "_NEVER_TOO_MUCH", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: 10**4)
    model = SETClassifier(**SMALL, early_stopping=early_stopping, zeta=0)
    with pytest.raises(MemoryError) as error:
        model.fit(X, Y)
    assert ("best network so far: " in str(error.value)) == early_stopping
    assert "rewiring" not in str(error.value)


def test_a_stream_that_cannot_go_on_is_left_as_it_was(monkeypatch):
    model = SETClassifier(**SMALL).partial_fit(X, Y, classes=[0, 1, 2])
    frozen = pickle.dumps(model)
    with monkeypatch.context() as patch:
        patch.setattr(memory, "_NEVER_TOO_MUCH", 0)
        patch.setattr(memory, "available_memory", lambda: 10**4)
        with pytest.raises(MemoryError, match="goes on with a copy of its network: lower batch_si"):
            model.partial_fit(X, Y)
    assert pickle.dumps(model) == frozen
    model.partial_fit(X, Y)


def test_a_network_that_fits_is_not_refused(monkeypatch, estimates):
    monkeypatch.setattr(memory, "_NEVER_TOO_MUCH", 0)
    model = SETClassifier(**SMALL)
    peak = peak_of(lambda: model.fit(X, Y))
    for available in (peak, estimates[0]):
        monkeypatch.setattr(memory, "available_memory", lambda available=available: available)
        model.fit(X, Y)
    monkeypatch.setattr(memory, "available_memory", lambda: estimates[0] - 1)
    with pytest.raises(MemoryError):
        model.fit(X, Y)
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    model.fit(X, Y)


def test_small_fits_do_not_look_at_the_machine(monkeypatch):
    def looked():
        raise AssertionError

    monkeypatch.setattr(memory, "available_memory", looked)
    SETClassifier(**SMALL).fit(X, Y)
