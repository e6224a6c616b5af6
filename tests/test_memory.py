"""A network of a million neurons trains in little more memory than its connections take."""

import json
import subprocess
import sys

import pytest

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
    # An evolution is in it: two epochs.
    done = subprocess.run(
        [sys.executable, "-c", FIT], capture_output=True, text=True, check=True, timeout=600
    )
    result = json.loads(done.stdout)
    assert result["connections"] == 5_100_000 + 10_000_000 + 500_000
    assert result["peak"] < 1.2e9
    assert result["pickle"] < 14 * result["connections"]
    assert result["shared"]
