"""Cases of the fuzzer: short programs, ordinary but for one to three values.

A case is planned from ordinary values alone; then a few places are drawn, and odd values put there.
The same seed makes the same case.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import odd

KINDS = ("classifier", "regressor", "selector", "data")
CLASSES = {"classifier": "SETClassifier", "regressor": "SETRegressor", "selector": "SETSelector"}
TARGETS = {
    "classifier": ("binary", "words", "multiclass", "labels"),
    "regressor": ("target", "targets", "counts"),
    "selector": ("binary", "multiclass", "target", "labels"),
}
METHODS = {
    "classifier": ("predict", "predict_proba", "decision_function", "predict_log_proba", "score"),
    "regressor": ("predict", "predict", "score"),
    "selector": ("transform", "transform", "get_support"),
}
COPIES = (
    "pickle.loads(pickle.dumps(est))",
    "copy.deepcopy(est)",
    "copy.copy(est)",
    "clone(est)",
)

# Beside their own name, parameters may be told by these words.
SYNONYMS = {
    "hidden_layer_sizes": "neurons",
    "classes": "class",
    "class_weight": "weight",
    "scoring": "not supported|[Mm]etric|could not convert",  # a scorer's own words
    "weights": "[Ww]eights",
    "n_informative": "n_features",
    "n_modules": "n_features",
    "n_classes": "n_samples|class",
    "n_samples": "class|allocate",
    "n_features": "allocate",
}
# What a message says of an argument. X and y have the words of scikit-learn's own checks.
WORDS = {
    "X": r"\bX\b|feature|sample|sparse|[Aa]rray|could not convert|indices|indptr|DataFrame|shape"
    r"|Complex data|float\(\)|column|index pointer",
    "y": r"\by\b|y_type|[Ll]abel|target|class|sample|[Mm]ulti|could not convert|Complex data"
    r"|Found array with|Input contains|output|at least 1 dimension|float\(\)",
    "X_val": "X_val",
    "y_val": "y_val",
    "sample_weight": "[Ww]eight",
    "sample_weight_val": "sample_weight_val",
    "groups": r"\bgroups?\b|too small|sample_weight of zero",
}


@dataclass(frozen=True)
class Value:
    """An expression, whether it is fine, odd (fine or refused) or bad, and whose it is."""

    expression: str
    verdict: str = "fine"
    name: str = ""

    @property
    def words(self):
        """A pattern of which a refusal must contain something."""
        if self.name in WORDS:
            return WORDS[self.name]
        return "|".join(filter(None, (rf"\b{self.name}\b", SYNONYMS.get(self.name))))


@dataclass(frozen=True)
class Step:
    """Something that is done: "make", "set", "copy" or the name of a method, with its values."""

    what: str
    values: dict = field(default_factory=dict)

    def line(self, kind):
        """The step as a line of Python."""
        given = ", ".join(f"{name}={value.expression}" for name, value in self.values.items())
        if kind == "data":
            return f"make_microarray({given})"
        if self.what == "make":
            return f"est = {CLASSES[kind]}({given})"
        if self.what == "copy":
            return f"est = {self.values['how'].expression}"
        return f"est.{'set_params' if self.what == 'set' else self.what}({given})"


@dataclass(frozen=True)
class Case:
    """A program, and how it is run."""

    seed: int
    kind: str
    data: str
    steps: tuple
    raises: bool  # with np.errstate(all="raise")
    twice: bool  # run again, and compared

    def lines(self, until=None):
        """The case as lines of Python, up to a step."""
        lines = ["from odd import *"]
        if self.kind != "data":
            lines.append(f"X, y = {self.data}; n, d = X.shape; classes = np.unique(y)")
        if self.raises:
            lines.append('np.seterr(all="raise")')
        steps = self.steps if until is None else self.steps[: until + 1]
        return [*lines, *(step.line(self.kind) for step in steps)]


def make_case(seed, only=None):
    """The case of a seed."""
    rng = np.random.default_rng(seed)
    kind = only or rng.choice(KINDS, p=(0.45, 0.3, 0.15, 0.1)).item()
    steps, text = _data_steps(rng) if kind == "data" else _estimator_steps(rng, kind)
    steps = _spoilt(steps, kind, rng)
    return Case(seed, kind, text, tuple(steps), rng.random() < 0.15, rng.random() < 0.25)


# --------------------------------------------------------------------------- ordinary programs


def _pick(rng, table):
    return table[rng.integers(len(table))]


def _parameters(rng, kind, number):
    """A few ordinary parameters; networks are tiny, and training is short."""
    table = odd.PARAMETERS[kind]
    given = {"max_iter": "2", "random_state": "0"}
    if kind in ("classifier", "regressor"):
        given["hidden_layer_sizes"] = "(6,)"
    for name in rng.permutation(list(table))[:number].tolist():
        given[name] = _pick(rng, table[name][0])
        if name == "early_stopping":
            given["validation_fraction"] = "0.4"
    if kind == "data":
        del given["max_iter"]
        given |= {"n_samples": "12", "n_features": "20"}
    return {name: Value(expression, "fine", name) for name, expression in given.items()}


def _data_steps(rng):
    return [Step("make", _parameters(rng, "data", rng.integers(5)))], ""


def _estimator_steps(rng, kind):
    n, d = int(rng.integers(4, 10)) * 2, int(rng.choice((1, 2, 3, 5, 40)))
    target = _pick(rng, TARGETS[kind])
    text = f"data({rng.integers(100)}, {n}, {d}, {target!r})"
    make = Step("make", _parameters(rng, kind, rng.integers(7)))
    if target == "counts" and rng.random() < 0.5:
        make.values["loss"] = Value("'poisson'", "fine", "loss")
    scenario = "fit" if kind == "selector" else _pick(rng, ("fit", "fit", "val", "stream", "warm"))
    calls = {"fit": _fits, "val": _validated, "stream": _stream, "warm": _warm}[scenario]
    steps = [make, *calls(rng, kind, target, make)]
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.25:
            steps.append(Step("copy", {"how": Value(_pick(rng, COPIES), name="how")}))
        steps.append(_use(rng, kind))
    return steps, text


def _use(rng, kind):
    method = _pick(rng, METHODS[kind])
    if method == "get_support":
        return Step(method)
    X = Value(_pick(rng, odd.X_FINE) if rng.random() < 0.3 else "X", name="X")
    return Step(method, {"X": X} | ({"y": Value("y", name="y")} if method == "score" else {}))


def _given(rng, kind, target):
    """Ordinary X, y and perhaps weights, in any form."""
    X = _pick(rng, odd.X_FINE) if rng.random() < 0.3 else "X"
    y = "y"
    if rng.random() < 0.3 and kind != "selector":
        y = _pick(rng, odd.Y_FINE[kind])
    values = {"X": Value(X, name="X"), "y": Value(y, name="y")}
    if rng.random() < 0.5:
        values["sample_weight"] = Value(_pick(rng, odd.WEIGHT_FINE), name="sample_weight")
    return values


def _fits(rng, kind, target, make):
    """One fit or two, at times with groups, which an inner split may find too few."""
    steps = [Step("fit", _given(rng, kind, target)) for _ in range(1 + (rng.random() < 0.2))]
    for step in steps:
        if rng.random() < 0.3:
            step.values["groups"] = Value(_pick(rng, odd.GROUPS_FINE), "odd", "groups")
    return steps


def _validated(rng, kind, target, make):
    held_out = {"X_val": "X", "y_val": "y", "sample_weight_val": _pick(rng, odd.WEIGHT_FINE)}
    values = {name: Value(expression, name=name) for name, expression in held_out.items()}
    return [Step("fit", _given(rng, kind, target) | values)]


def _stream(rng, kind, target, make):
    """Parts of any size; for a classifier the first call tells the classes."""
    make.values.pop("early_stopping", None)
    make.values.pop("class_weight", None)
    first = _given(rng, kind, target)
    if kind == "classifier":
        classes = "range(3)" if target == "labels" else "classes"
        first["classes"] = Value(classes, name="classes")
    steps = [Step("partial_fit", first)]
    for at in range(rng.integers(4)):
        values = _given(rng, kind, target)
        if rng.random() < 0.5:
            values = {name: Value(f"{name}[{at}:{at + 1}]", name=name) for name in "Xy"}
        steps.append(Step("partial_fit", values))
    return steps


def _warm(rng, kind, target, make):
    """Fits that go on, with a changed parameter before some."""
    make.values["warm_start"] = Value("True", name="warm_start")
    steps = [Step("fit", _given(rng, kind, target))]
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.6:
            name = _pick(rng, list(odd.PARAMETERS[kind]))
            expression = _pick(rng, odd.PARAMETERS[kind][name][0])
            steps.append(Step("set", {name: Value(expression, "odd", name)}))
        method = "fit" if rng.random() < 0.8 else "partial_fit"
        steps.append(Step(method, _given(rng, kind, target)))
    return steps


# ----------------------------------------------------------------------------------- odd values


def _spoilt(steps, kind, rng):
    """Put odd values into none to three places."""
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3))):
        at = int(rng.integers(len(steps))) if rng.random() < 0.7 else 0
        step = steps[at]
        if step.what in ("make", "set"):
            steps[at] = replace(step, values=step.values | _odd_parameter(rng, kind))
            continue
        # what score makes of y is scikit-learn's
        names = [n for n in step.values if n in _ARGUMENTS and (n, step.what) != ("y", "score")]
        if not names:
            continue
        name = _pick(rng, names)
        value = _odd_argument(rng, name, step.what)
        steps[at] = replace(step, values=step.values | {name: value})
    return steps


def _odd_parameter(rng, kind):
    name = _pick(rng, list(odd.PARAMETERS[kind]))
    _, maybe, never = odd.PARAMETERS[kind][name]
    verdict, table = ("bad", never) if not maybe or rng.random() < 0.25 else ("odd", maybe)
    companions = {} if kind in ("selector", "data") else odd.COMPANIONS.get(name, {})
    values = {other: Value(text, "odd", other) for other, text in companions.items()}
    return values | {name: Value(_pick(rng, table), verdict, name)}


# Odd and bad expressions of an argument.
_ARGUMENTS = {
    "X": (odd.X_ODD + ["X[:, ::-1]", "X[:, :1]", "np.hstack([X, X])"], odd.X_BAD),
    "y": (odd.Y_ODD, odd.Y_BAD),
    "sample_weight": (odd.WEIGHT_ODD, odd.WEIGHT_BAD),
    "X_val": (odd.X_ODD + odd.X_FINE + ["None", "X[:-1]"], odd.X_BAD),
    "y_val": (odd.Y_ODD + ["None"], odd.Y_BAD),
    "sample_weight_val": (odd.WEIGHT_ODD, odd.WEIGHT_BAD),
    "classes": (odd.CLASSES_ODD, odd.CLASSES_ODD),
    "groups": (odd.GROUPS_ODD, odd.GROUPS_BAD),
}


def _odd_argument(rng, name, method):
    maybe, never = _ARGUMENTS[name]
    if name == "X" and method in ("fit", "partial_fit", "score"):
        never = never + odd.X_SHORT
    bad = rng.random() < 0.5
    expression = _pick(rng, never if bad else maybe)
    # selection of columns is scikit-learn's, and takes more than training does
    may_be = (
        name in ("classes", "groups")
        or method == "transform"
        or (expression == "None" and "_val" in name)
    )
    return Value(expression, "bad" if bad and not may_be else "odd", name)


def smaller(case, last):
    """Cases with one thing less, up to a step; for the search of a short reproducer."""
    steps = case.steps[: last + 1]
    for at in range(1, last):
        yield replace(case, steps=steps[:at] + steps[at + 1 :])
    for at, step in enumerate(steps):
        for name, value in step.values.items():
            if name in ("X", "y", "how", "classes", "max_iter"):
                plainer = {name: Value(name, name=name)}
                if name in ("X", "y") and value.expression != name:
                    values = step.values | plainer
                else:
                    continue
            else:
                values = {other: step.values[other] for other in step.values if other != name}
            yield replace(case, steps=(*steps[:at], replace(step, values=values), *steps[at + 1 :]))
    if case.raises:
        yield replace(case, steps=steps, raises=False)
