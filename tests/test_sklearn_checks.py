"""Both estimators pass scikit-learn's common checks, in the variants that users will meet.

Expected failures are listed with their reason and must fail: one that passes is an error.
"""

import os
import subprocess
import sys

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_set import SETClassifier, SETRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"),
    # Said by the checks that need an environment variable; see the last test.
    pytest.mark.filterwarnings("ignore:Skipping check:sklearn.exceptions.SkipTestWarning"),
]

SINGLE = (
    "in single precision the order of a sum shows in the seventh digit, which the check compares"
)
AT_RANDOM = (
    "with more features than samples, partners for mixup and features to drop are drawn for every "
    "sample: one of weight two is not the same sample given twice"
)
NEGATIVE_TARGETS = "the check has negative targets, whatever the tag positive_only says"
WEIGHTS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)


def repeatable(kind, *args, **parameters):
    """Weights are counts, nothing is drawn for a sample, none is held out: all checks can pass."""
    parameters |= {"mixup": 0, "input_dropout": 0}
    parameters |= {"temperature": 1} if kind is SETClassifier else {}
    return kind(*args, **parameters)


ESTIMATORS = [repeatable(SETClassifier, 50)]
OTHERS = [repeatable(kind, n_jobs=2) for kind in (SETClassifier, SETRegressor)]
OTHERS += [
    kind(**parameters)
    for parameters in (
        {},
        {"dtype": "float32", "n_jobs": 1},
    )
    for kind in (SETClassifier, SETRegressor)
]
OTHERS += [
    repeatable(
        kind, 50, solver="sgd", weight_init="he_uniform", momentum=0.5, nesterovs_momentum=False
    )
    for kind in (SETClassifier, SETRegressor)
]
# One with medians as units, one with exponential outputs.
OTHERS += [SETRegressor(50, loss=loss) for loss in ("quantile", "poisson")]


def expected_failures(estimator):
    """Name of a check -> why the estimator must fail it."""
    if getattr(estimator, "loss", None) == "poisson":
        return {"check_regressor_multioutput": NEGATIVE_TARGETS}
    if estimator.mixup == "auto":
        return dict.fromkeys(WEIGHTS, AT_RANDOM)
    return dict.fromkeys(WEIGHTS, SINGLE) if estimator.dtype == "float32" else {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_common_check(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(OTHERS, expected_failed_checks=expected_failures)
def test_common_check_of_others(estimator, check):
    check(estimator)


ARRAY_API = """
import warnings
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn_set import SETClassifier, SETRegressor

warnings.simplefilter("ignore", ConvergenceWarning)
n_checks = 0
for estimator in (SETClassifier(), SETRegressor()):
    for instance, check in estimator_checks_generator(estimator):
        if "check_array_api_input" in repr(check):
            check(instance)
            n_checks += 1
print(n_checks)
"""


@pytest.mark.slow
def test_array_api_check():
    # SciPy reads the variable once, when it is imported: the check needs a process of its own.
    done = subprocess.run(
        [sys.executable, "-c", ARRAY_API],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 2
