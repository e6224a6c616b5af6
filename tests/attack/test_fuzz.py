"""Odd values do no harm, and the judge of the fuzzer can tell harm when it sees it."""

import os
import warnings

import fuzz
import numpy as np
import odd
import pytest
from judge import digest, run
from plans import Case, Step, Value, make_case

from sklearn_set import SETClassifier

N_CASES = 300


@pytest.mark.slow
def test_odd_values_do_no_harm():
    report = fuzz.Report()
    for seed in range(N_CASES):
        case = make_case(seed)
        calls, violations = run(case)
        lines = case.lines(violations[0].step) if violations else []
        report.add(seed, [outcome for _, outcome, _ in calls], violations, lines)
    assert report.n_violations == 0, report.text()
    # Most cases get deep, or the test would say little.
    assert report.outcomes["success"] > N_CASES
    assert report.n_calls - report.outcomes["success"] > N_CASES / 3


def test_a_seed_makes_one_case():
    assert [make_case(seed) for seed in range(50)] == [make_case(seed) for seed in range(50)]
    assert make_case(1).lines() != make_case(2).lines()


@pytest.mark.parametrize("kind", ["binary", "words", "labels", "target", "targets"])
def test_every_expression_has_a_value(kind):
    X, y = odd.data(0, 8, 2, kind)
    names = {name: getattr(odd, name) for name in odd.__all__}
    names |= {"X": X, "y": y, "n": 8, "d": 2, "classes": np.unique(y)}
    tables = [odd.X_FINE, odd.X_ODD, odd.X_BAD, odd.X_SHORT, odd.Y_ODD, odd.Y_BAD, odd.CLASSES_ODD]
    tables += [odd.WEIGHT_FINE, odd.WEIGHT_ODD, odd.WEIGHT_BAD]
    tables += [odd.Y_FINE["regressor" if kind.startswith("target") else "classifier"]]
    for parameters in odd.PARAMETERS.values():
        tables += [table for three in parameters.values() for table in three]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for expression in {expression for table in tables for expression in table}:
            eval(expression, names)


# --------------------------------------------------------------------------- what must be found


def a_case(*steps, parameters=None, data="data(0, 12, 3, 'binary')"):
    """A classifier of ordinary parameters that is fitted, and what comes then."""
    ordinary = {"hidden_layer_sizes": "(4,)", "max_iter": "1", "random_state": "0"}
    values = {name: Value(text, name=name) for name, text in ordinary.items()}
    fit = Step("fit", {"X": Value("X", name="X"), "y": Value("y", name="y")})
    make = Step("make", values | (parameters or {}))
    return Case(1, "classifier", data, (make, *(steps or (fit,))), raises=False, twice=True)


def a_use(method):
    return Step(method, {"X": Value("X", name="X")})


FIT = a_case().steps[1]


class Leaks(SETClassifier):
    def fit(self, X, y):
        warnings.warn("overflow encountered", RuntimeWarning, stacklevel=2)
        return super().fit(X, y)


class RaisesKeyError(SETClassifier):
    def fit(self, X, y):
        raise KeyError("X")


class RaisesOverflowError(SETClassifier):
    def fit(self, X, y):
        raise OverflowError("X is too large")


class Refuses(SETClassifier):
    def fit(self, X, y):
        raise ValueError("not today")


class ChangesState(SETClassifier):
    def fit(self, X, y):
        super().fit(X, y)
        self._network.layers[0].weights[0] += 1
        raise ValueError("The validation set is too small")


class ChangesX(SETClassifier):
    def fit(self, X, y):
        super().fit(X, y)
        X[0, 0] += 1
        return self


class ChangesParameters(SETClassifier):
    def fit(self, X, y):
        self.max_iter = np.int64(self.max_iter)
        return super().fit(X, y)


class ReturnsNothing(SETClassifier):
    def fit(self, X, y):
        super().fit(X, y)


class IsRandom(SETClassifier):
    n_fits = 0

    def fit(self, X, y):
        super().fit(X, y)
        IsRandom.n_fits += 1
        self._network.layers[0].weights[0] += IsRandom.n_fits
        return self


class HasInfiniteWeights(SETClassifier):
    def fit(self, X, y):
        super().fit(X, y)
        self._network.layers[0].weights[0] = np.inf
        return self


class CountsWrongly(SETClassifier):
    def fit(self, X, y):
        super().fit(X, y)
        self.n_connections_ += 1
        return self


class Copies(SETClassifier):
    def __deepcopy__(self, memo):
        return SETClassifier()


class ForgetsRows(SETClassifier):
    def predict(self, X):
        return super().predict(X)[1:]


class InventsClasses(SETClassifier):
    def predict(self, X):
        return super().predict(X) + 7


class NotANumber(SETClassifier):
    def decision_function(self, X):
        return super().decision_function(X) * np.nan


class TooProbable(SETClassifier):
    def predict_proba(self, X):
        return np.full((X.shape[0], 2), 0.75)


COPY = Step("copy", {"how": Value("copy.deepcopy(est)", name="how")})


@pytest.mark.parametrize(
    ("fake", "case", "kind"),
    [
        (Leaks, a_case(), "RuntimeWarning leaked"),
        (RaisesKeyError, a_case(), "KeyError"),
        (RaisesOverflowError, a_case(), "OverflowError"),
        (Refuses, a_case(), "ordinary values refused"),
        (ChangesState, a_case(), "a failed call changed the estimator"),
        (ChangesX, a_case(), "an argument was changed"),
        (ChangesParameters, a_case(), "success, but parameters are other objects than before"),
        (ReturnsNothing, a_case(), "success, but fit returns something else than self"),
        (IsRandom, a_case(), "not the same twice"),
        (HasInfiniteWeights, a_case(), "success, but weights are not finite"),
        (CountsWrongly, a_case(), "success, but n_connections_ is not what epsilon says"),
        (Copies, a_case(FIT, COPY), "a copy is not equal"),
        (ForgetsRows, a_case(FIT, a_use("predict")), "success, but number of rows differs"),
        (InventsClasses, a_case(FIT, a_use("predict")), "success, but classes not of classes_"),
        (
            NotANumber,
            a_case(FIT, a_use("decision_function")),
            "success, but decision_function is not finite",
        ),
        (
            TooProbable,
            a_case(FIT, a_use("predict_proba")),
            "success, but probabilities do not sum to 1",
        ),
    ],
)
def test_the_judge_sees(fake, case, kind):
    _, violations = run(case, {"SETClassifier": fake})
    assert violations
    assert violations[0].kind == kind
    assert run(case)[1] == []  # the fault is the fake's


def test_the_judge_wants_the_cause_by_name():
    case = a_case(parameters={"alpha": Value("-1", "bad", "alpha")})
    calls, violations = run(case)
    assert [outcome for _, outcome, _ in calls] == ["InvalidParameterError"]
    assert violations == []
    _, violations = run(case, {"SETClassifier": Refuses})
    assert violations[0].kind == "ValueError that does not name its cause"
    assert violations[0].text.startswith("(alpha)")


def test_the_judge_wants_bad_values_refused():
    case = a_case(parameters={"alpha": Value("0.1", "bad", "alpha")})
    assert [each.kind for each in run(case)[1]] == ["accepted: alpha=0.1"]


def test_a_digest_reaches_everything():
    X, y = odd.data(0, 12, 3, "binary")
    clf = SETClassifier(4).partial_fit(X, y, classes=[0, 1])
    before = digest(vars(clf))
    assert digest(vars(clf)) == before
    clf._optimizer.moments[0][0][0] += 1
    assert digest(vars(clf)) != before
    assert digest(odd.objects(1, ["b"])) == digest(odd.objects(1, ["b"]))
    assert digest(odd.objects(1, ["b"])) != digest(odd.objects(1, ["c"]))


# ------------------------------------------------------------------------------------ processes


def dies(connection, only, log):
    """A worker that does not survive its third case."""
    for outcome in ("success", "ValueError"):
        seed = connection.recv()
        connection.send((seed, [outcome], [], []))
    connection.recv()
    os._exit(3)


@pytest.mark.slow
def test_a_crash_is_reported_and_the_run_goes_on(monkeypatch):
    monkeypatch.setattr(fuzz, "work", dies)
    report = fuzz.Report()
    fuzz.campaign(report, 4, seed=1)
    assert report.n_calls == 4
    ((kind, _),) = report.found
    assert kind == "after other cases only: crash (exit status 3)"
    assert "1 violations of 1 kinds" in report.text()
