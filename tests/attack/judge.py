"""What the fuzzer demands of every call, whatever goes in.

A call ends in a success whose results are finite and of the right shape, or in a refusal: an
exception of a few types whose message names its cause. It leaks no warning, changes nothing of what
it was given, and a call that fails leaves the estimator as it was.
"""

import contextlib
import hashlib
import io
import re
import traceback
import types
import warnings
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import odd
from plans import CLASSES
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError

REFUSALS = (ValueError, TypeError, MemoryError)

# Warnings that users shall see: a category, and what the text contains.
WARNINGS = (
    (ConvergenceWarning, "Maximum iterations"),
    (DataConversionWarning, "A column-vector y was passed"),
    (UserWarning, "Got `batch_size` less than 1 or larger than sample size"),
    (UserWarning, "feature names"),
    (UserWarning, "There will be no feature selection"),
    (UserWarning, "number of unique classes is greater than 50%"),
    (UserWarning, "No features were selected"),
    (UserWarning, "The least populated class in y has only"),
    (UserWarning, "R^2 score is not well-defined"),
    (UserWarning, "y_pred contains classes not in y_true"),
    (UserWarning, "asks for more threads than there are processors"),
    (UserWarning, "The features of X "),
    (UserWarning, "feature_search=True has no effect"),
    (RuntimeWarning, "overflow: predictions are too large"),
    (RuntimeWarning, "overflow encountered in square"),  # scikit-learn's scores
)

# Refusals of ordinary values that do not go together.
ORDINARY = (
    "The validation set is too small",
    "has only 1 sample",
    "does not support early_stopping",
    "is not supported for partial_fit",
    "goes on with the network it has",
    "feature names should match",
    "All samples of the",
    "requires non-negative y",
    "classes must be passed on the first call",
)
DIVERGED = "non-finite parameter weights"

TRAINS = ("fit", "partial_fit")


@dataclass(frozen=True)
class Violation:
    """What a call did wrong: its kind, where in the code, in words, and at which step."""

    kind: str
    place: str
    text: str
    step: int

    @property
    def key(self):
        """The same for violations that probably have one cause."""
        return self.kind, self.place


# --------------------------------------------------------------------------------------- digests


def digest(*things):
    """A hash of everything that is reached from some objects."""
    hashed = hashlib.blake2b(digest_size=16)
    _feed(hashed.update, things, ())
    return hashed.hexdigest()


def _feed(update, thing, above):
    update(type(thing).__name__.encode())
    if thing is None or isinstance(thing, (bool, int, float, complex, str, bytes, np.generic)):
        update(repr(thing).encode() if not isinstance(thing, np.void) else thing.tobytes())
        return
    if any(thing is one for one in above):
        return  # a circle
    above = (*above, thing)
    if isinstance(thing, np.random.RandomState):
        return  # it is the user's, and every draw changes it
    if isinstance(thing, np.ndarray) and thing.dtype.kind != "O" and thing.dtype.char not in "gG":
        update(repr((thing.shape, thing.dtype)).encode())
        update(np.asarray(thing).tobytes())
    elif isinstance(thing, np.ndarray):  # objects, or long doubles, between which are gaps
        _feed(update, (thing.shape, list(np.asarray(thing).ravel())), above)
    elif isinstance(thing, np.random.Generator):
        _feed(update, thing.bit_generator.state, above)
    elif isinstance(thing, dict):
        for pair in thing.items():
            _feed(update, pair, above)
    elif isinstance(thing, (list, tuple)):
        for member in thing:
            _feed(update, member, above)
    elif isinstance(thing, memoryview):
        update(thing.tobytes())
    elif sparse.issparse(thing):
        # what SciPy has found out about a matrix is no part of it
        known = {name: value for name, value in vars(thing).items() if "has_" not in name}
        _feed(update, known, above)
    elif type(thing).__module__.split(".")[0] in ("pandas", "polars"):
        update(repr(thing).encode())
        if hasattr(thing, "to_numpy"):
            _feed(update, thing.to_numpy(), above)
    elif not isinstance(thing, (type, types.FunctionType, types.ModuleType)):
        _feed(update, _attributes(thing), above)


def _attributes(thing):
    """What an object consists of, in __dict__ or slots, without what follows from the rest."""
    if type(thing).__getstate__ is not object.__getstate__:
        return thing.__getstate__()
    found = dict(getattr(thing, "__dict__", {}))
    for kind in type(thing).__mro__:
        names = getattr(kind, "__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if hasattr(thing, name):
                found[name] = getattr(thing, name)
    return found


# ------------------------------------------------------------------------------------------ calls


def run(case, classes=None):
    """Run a case; return its calls, as (line, outcome), and its violations.

    Parameters
    ----------
    case : Case
    classes : dict, default=None
        Estimators by name, in place of the real ones.
    """
    judge = _Judge(case, classes or {})
    violations = judge.run()
    if case.twice and not violations and not judge.is_random:
        again = _Judge(case, classes or {})
        again.run()
        for at, (first, second) in enumerate(zip(judge.prints, again.prints, strict=True)):
            if first != second:
                violations = [Violation("not the same twice", case.steps[at].what, "", at)]
                break
    return judge.calls, violations


class _Judge:
    """One run of a case."""

    def __init__(self, case, classes):
        self.case = case
        self.calls, self.violations, self.prints = [], [], []
        self.names = {name: getattr(odd, name) for name in odd.__all__} | classes
        self.parameters, self.past = {}, []  # odd values of earlier calls that succeeded
        self.is_random = self.ends = False

    def run(self):
        """Take every step; the first violation ends the case."""
        if self.case.data:
            X, y = self.names["X"], self.names["y"] = self._value(self.case.data)
            self.names |= {"n": X.shape[0], "d": X.shape[1], "classes": np.unique(y)}
        for at, step in enumerate(self.case.steps):
            self.at, self.step = at, step
            self.given = {
                name: self._value(value.expression)
                for name, value in step.values.items()
                if name != "how"
            }
            seed = step.values.get("random_state")
            self.is_random |= seed is not None and seed.expression == "None"
            self._take(step)
            if self.violations or self.ends:
                break
        return self.violations

    def _value(self, expression):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return eval(expression, self.names)

    def _take(self, step):
        if step.what == "copy":
            self._copy()
        elif step.what in ("make", "set"):
            self.parameters |= step.values
            if self.case.kind == "data":
                self._call(self.names["make_microarray"], None)
            elif step.what == "make":
                self.est = self.names[CLASSES[self.case.kind]](**self.given)
                self.prints.append("")
            else:
                self.est.set_params(**self.given)
                self.prints.append("")
        else:
            self._call(getattr(self.est, step.what), self.est)

    def _copy(self):
        """Copies are equal, and copying changes nothing."""
        before = digest(vars(self.est))
        how = self.step.values["how"].expression
        try:
            twin = eval(how, self.names | {"est": self.est})
        except Exception as error:
            if not self._played():  # not everything odd can be pickled
                self._wrong(f"{type(error).__name__} in a copy", error)
            self.prints.append("")
            return
        if not how.startswith("clone") and digest(vars(twin)) != before:
            self._wrong("a copy is not equal", how)
        self.est = twin
        self.prints.append("")

    def _wrong(self, kind, what, cause="", where=""):
        place = f"{self.step.what}: {where}" if where else self.step.what
        if isinstance(what, BaseException):
            place = f"{place}: {_place(what)}"
            what = f"{cause and f'({cause}) '}{type(what).__name__}: {what}"
        self.violations.append(Violation(kind, place, str(what)[:400], self.at))

    def _call(self, function, est):
        """Make a call, and judge how it ends."""
        inputs = {} if self.case.kind == "data" else self.given
        before = digest(inputs), est and digest(vars(est))
        had = est and est.get_params(deep=False)
        had_digest = est and digest(had)
        result = error = None
        errors = np.errstate(all="raise") if self.case.raises else contextlib.nullcontext()
        with warnings.catch_warnings(record=True) as caught, errors:
            warnings.simplefilter("always")
            with contextlib.redirect_stdout(io.StringIO()):
                try:
                    result = function(**self.given)
                except Exception as failure:
                    error = failure
        self.calls.append((self.step.what, type(error).__name__ if error else "success", error))
        told = "overflow: predictions are too large"
        self.overflow_is_told = any(told in str(warning.message) for warning in caught)
        for warning in caught:
            if not any(
                issubclass(warning.category, kind) and text in str(warning.message)
                for kind, text in WARNINGS
            ):
                where = f"{Path(warning.filename).name}:{warning.lineno}"
                kind = f"{warning.category.__name__} leaked"
                self._wrong(kind, str(warning.message), where=where)
        if digest(inputs) != before[0]:
            self._wrong("an argument was changed", "")
        if est and digest(had) != had_digest:
            self._wrong("an object that is a parameter was changed", "")
        if error is not None:
            if est and digest(vars(est)) != before[1]:
                self._wrong("a failed call changed the estimator", error)
            self._judge_refusal(error)
            # most cases go on where there is something to go on with
            self.ends |= est is None or not (est.__sklearn_is_fitted__() or self.case.seed % 8 == 0)
            self.prints.append(type(error).__name__)
            return
        with contextlib.suppress(_Stop), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._judge_success(result, est, had)
            self._remember()
        self.prints.append(self._print(result, est))

    def _print(self, result, est):
        """What must be the same when the case is run again."""
        if result is est and hasattr(est, "coefs_"):
            weights = [coef.data for coef in est.coefs_]
            return digest(weights, est.intercepts_, est.loss_curve_)
        return digest(result if result is not est else getattr(est, "scores_", 0))

    def _played(self):
        """Values of this call and of the estimator that are not ordinary, and of earlier calls."""
        here = (*self.step.values.values(), *self.parameters.values())
        return [value for value in (*here, *self.past) if value.verdict != "fine"]

    def _remember(self):
        if self.step.what in TRAINS:
            self.past += self._played()

    # ---------------------------------------------------------------------------- refusals

    def _judge_refusal(self, error):
        text, played = str(error), self._played()
        if self.step.what == "score" and played and isinstance(error, (ValueError, TypeError)):
            return  # what is wrong with y is said in scikit-learn's words
        overflows = "infinity" in text or (self.case.raises and "overflow" in text)
        is_metric = isinstance(error, (ValueError, FloatingPointError))
        if self.step.what == "score" and is_metric and overflows:
            return  # of predictions for an X of quite another scale than that of fit
        is_known = isinstance(error, REFUSALS) and "numpy._core" not in type(error).__module__
        if not (is_known or (isinstance(error, MemoryError) and self.case.kind == "data")):
            self._wrong(type(error).__name__, error)
            return
        if isinstance(error, NotFittedError):
            if self.est.__sklearn_is_fitted__():
                self._wrong("NotFittedError of a fitted estimator", error)
            self.ends = True  # the rest would say the same
            return
        if any(known in text for known in ORDINARY) or (played and DIVERGED in text):
            return
        if not played:
            self._wrong("ordinary values refused", error)
        elif not any(re.search(value.words, text) for value in played):
            names = ", ".join(sorted({value.name for value in played}))
            self._wrong(f"{type(error).__name__} that does not name its cause", error, names)

    # --------------------------------------------------------------------------- successes

    def _check(self, holds, text):
        if not holds:
            self._wrong(f"success, but {text}", "")
            raise _Stop

    def _judge_success(self, result, est, had):
        what, kind = self.step.what, self.case.kind
        if kind == "data":
            self._judge_data(result)
        elif what in TRAINS:
            self._judge_training(result, est, had)
        else:
            self._judge_use(what, result, est)

    def _bad(self, values):
        bad = [f"{name}={v.expression}" for name, v in values.items() if v.verdict == "bad"]
        if self.case.kind == "selector" and self.est.unsupervised:
            # y is ignored, and with it that X has not as many samples
            ignored = {f"X={short}" for short in odd.X_SHORT}
            bad = [each for each in bad if not each.startswith("y=") and each not in ignored]
        if bad:
            self._wrong(f"accepted: {bad[0]}", "")
            raise _Stop

    def _judge_data(self, result):
        self._bad(self.parameters)
        X, y = result if isinstance(result, tuple) else (result.data, result.target)
        self._check(X.shape[0] == y.shape[0], "X and y have different lengths")
        self._check(np.isfinite(X).all(), "X is not finite")
        self._check(X.dtype in (np.float32, np.float64), "X has another type")

    def _judge_training(self, result, est, had):
        self._bad(self.parameters | self.step.values)
        self._check(result is est, "fit returns something else than self")
        have = est.get_params(deep=False)
        same = have.keys() == had.keys() and all(have[name] is had[name] for name in had)
        self._check(same, "parameters are other objects than before")
        if self.case.kind == "selector":
            total = est.scores_.sum()
            self._check(np.isfinite(est.scores_).all(), "scores_ are not finite")
            self._check(abs(total - 1) < 1e-6 or total == 0, "scores_ do not sum to one")
            self._check(est.support_.sum() == est.n_features_ >= 1, "n_features_ are not selected")
            return
        sizes = [est.coefs_[0].shape[0], *(coef.shape[1] for coef in est.coefs_)]
        for coef, bias in zip(est.coefs_, est.intercepts_, strict=True):
            self._check(np.isfinite(coef.data).all(), "weights are not finite")
            self._check(np.isfinite(bias).all(), "biases are not finite")
        # a product in the number type of epsilon would overflow, or be rounded
        epsilon = min(float(est.epsilon), 1e9)
        numbers = [min(round(epsilon * (a + b)), a * b) for a, b in pairwise(sizes)]
        self._check(est.n_connections_ == sum(numbers), "n_connections_ is not what epsilon says")
        self._check(np.isfinite(est.loss_), "loss_ is not finite")
        self._check(np.isfinite(est.loss_curve_).all(), "loss_curve_ is not finite")

    def _judge_use(self, what, result, est):
        self._bad(self.step.values)
        if what == "score":
            is_plain = not self._played()
            self._check(isinstance(result, (float, np.floating)), "score is no float")
            # R2 of predictions for an X of quite another scale may be beyond every number
            is_told = np.isfinite(result) or result == -np.inf
            self._check(is_told or not is_plain, "score is not a number")
            return
        if what == "get_support":
            self._check(result.shape == (est.n_features_in_,), "support has another shape")
            return
        X = self.given["X"]
        n_rows = X.shape[0] if hasattr(X, "shape") and X.shape else len(X)
        self._check(result.shape[0] == n_rows, "number of rows differs")
        if what == "transform":
            self._check(result.shape == (n_rows, est.n_features_), "other columns than selected")
            return
        if result.dtype.kind == "f":
            # for an X of quite another scale than that of fit, if it is told
            is_finite = np.isfinite(result).all() or self.overflow_is_told
            self._check(is_finite, f"{what} is not finite")
        if what == "predict" and self.case.kind == "classifier":
            possible = (0, 1) if result.ndim == 2 else est.classes_.tolist()
            self._check(set(result.ravel().tolist()) <= set(possible), "classes not of classes_")
        if what == "predict_proba":
            self._check(((result >= 0) & (result <= 1)).all(), "probabilities not within [0, 1]")
            total = result.sum(axis=1)
            is_one = np.abs(total - 1) < 1e-4
            self._check(est._multilabel or is_one.all(), "probabilities do not sum to 1")


class _Stop(Exception):
    """The first violation of a call is enough."""


def _place(error):
    """The innermost line of the package that an error passed through, or of any other."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "sklearn_set" in f.filename] or frames
    frame = ours[-1]
    return f"{Path(frame.filename).name}:{frame.name} ({frame.line})"
