"""What is the same has one digest in every process; what differs in effect has another."""

import dataclasses
import functools
import importlib
import math
import os
import re
import subprocess
import sys
import textwrap
import threading
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, special
from sklearn.metrics import f1_score, get_scorer, get_scorer_names, make_scorer

from sklearn_set.identity import digest_of

MATRIX = sparse.random(6, 5, 0.5, format="csr", random_state=0)
NUMBERS = np.arange(12.0).reshape(3, 4)


def among(value, names=("a", "b")):
    return value in {"x", "y", "z", *names}


def adds(number):
    def score(estimator, X, y):
        return number + estimator.score(X, y)

    return score


def calls_itself(estimator, X, y):
    def inner(n):
        return inner(n - 1) if n else 0.0

    return inner


class Scorer:
    power = 2
    pattern = re.compile("a+")

    def __init__(self, names=("a", "b")):
        self.names = set(names)

    @property
    def n_names(self):
        return len(self.names)

    @functools.cached_property
    def longest(self):
        return max(map(len, self.names))

    @staticmethod
    def twice(value):
        return 2 * value

    def __call__(self, estimator, X, y):
        return estimator.score(X, y) ** self.power


@dataclasses.dataclass(frozen=True)
class Weighted:
    weight: float = 0.5
    names: tuple = ("a", "b")

    def __call__(self, estimator, X, y):
        return self.weight * estimator.score(X, y)


# Each differs from all others.
DIFFERENT = {
    "none": None,
    "ellipsis": ...,
    "number": 2,
    "another number": 2.5,
    "minus zero": -0.0,
    "zero": 0.0,
    "nan": math.nan,
    "infinity": math.inf,
    "large": 2**70,
    "ratio": Fraction(1, 3),
    "another ratio": Fraction(2, 3),
    "complex": 2j,
    "text": "2",
    "bytes": b"2",
    "type": int,
    "dtype": np.dtype("float32"),
    "list": [2],
    "nested list": [[2]],
    "two": [1, 2],
    "other order": [2, 1],
    "set": {1, 2},
    "dict": {1: 2},
    "module": math,
    "array": NUMBERS,
    "its transpose": NUMBERS.T,
    "single": NUMBERS.astype(np.float32),
    "flat": NUMBERS.ravel(),
    "empty": np.empty((0, 4)),
    "no columns": np.empty((4, 0)),
    "objects": np.array(["a", None, 1.5], dtype=object),
    "date": np.array(["2020-01-01"], dtype="M8[D]"),
    "structured": np.zeros(2, dtype="i4,f8"),
    "sparse": MATRIX,
    "sparse, transposed": MATRIX.T,
    "frame": pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}),
    "stream": np.random.RandomState(0),
    "another stream": np.random.RandomState(1),
    "generator": np.random.default_rng(0),
    "function": among,
    "lambda": lambda estimator, X, y: 1,
    "another lambda": lambda estimator, X, y: 2,
    "a float in a lambda": lambda estimator, X, y: 1.0,
    "a tuple in a lambda": lambda estimator, X, y: (1, 2.0),
    "other types in it": lambda estimator, X, y: (1.0, 2),
    "a default": lambda estimator, X, y, weight=1: 1,
    "another default": lambda estimator, X, y, weight=2: 1,
    "another name in keywords": lambda estimator, X, y, *, weight=2: 1,
    "closure": adds(1),
    "another closure": adds(2),
    "closure of an array": adds(NUMBERS),
    "recursion": calls_itself(None, None, None),
    "instance": Scorer(),
    "another instance": Scorer(["a"]),
    "method": Scorer().__call__,
    "class": Scorer,
    "dataclass": Weighted(),
    "another of it": Weighted(2.0),
    "partial": functools.partial(among, 1),
    "another partial": functools.partial(among, 2),
    "builtin": math.sin,
    "builtin method": [].append,
    "ufunc": np.add,
    "ufunc of SciPy": special.expit,
    "function of NumPy": np.mean,
    "scorer": make_scorer(f1_score, average="macro"),
    "scorer of other keywords": make_scorer(f1_score, average="micro"),
    "scorer of a partial": make_scorer(functools.partial(f1_score, average="macro")),
    "scorer of another sign": make_scorer(f1_score, average="macro", greater_is_better=False),
    "scorer of scores": make_scorer(f1_score, average="macro", response_method="predict_proba"),
    "scorer of our own": make_scorer(among),
    **{name: get_scorer(name) for name in get_scorer_names()},
}


def digests():
    return {name: digest_of(value) for name, value in DIFFERENT.items()}


def test_what_differs_has_another_digest():
    found = {}
    for name, digest in digests().items():
        found.setdefault(digest, []).append(name)
    assert [names for names in found.values() if len(names) > 1] == []


@pytest.mark.slow
def test_every_process_finds_the_same():
    code = "import test_identity as t\nfor each in t.digests().items(): print(*each, sep=':')"
    expected = "".join(f"{name}:{digest}\n" for name, digest in digests().items())
    for seed in "12":
        environment = os.environ | {
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        options = {"env": environment, "capture_output": True, "text": True, "check": True}
        told = subprocess.run([sys.executable, "-c", code], **options)
        assert told.stdout == expected


@pytest.mark.parametrize(
    "same",
    [
        [1, 1.0, True, np.int8(1), np.float32(1), np.bool_(True), Fraction(1)],
        [0.5, np.float64(0.5), np.float32(0.5), Fraction(1, 2)],
        ["relu", np.str_("relu")],
        [(1, 2), [1, 2], [np.int64(1), 2.0]],
        [{0: 1, 1: 2}, {np.int64(1): 2.0, np.int64(0): 1}],
        [{"a", "b", "c"}, frozenset("cab")],
        [NUMBERS, NUMBERS.copy(), np.asfortranarray(NUMBERS), np.repeat(NUMBERS, 2, 1)[:, ::2]],
        [NUMBERS[0], np.repeat(NUMBERS[0], 2)[::2]],
        [MATRIX, MATRIX.copy(), MATRIX.tocsc(), sparse.csr_array(MATRIX)],
        [adds(1), adds(1.0)],
        [Scorer(), Scorer(["b", "a"])],
        [Weighted(), Weighted(0.5)],
        [make_scorer(f1_score, average="macro"), make_scorer(f1_score, average="macro")],
        [functools.partial(among, names=["a"]), functools.partial(among, names=["a"])],
    ],
)
def test_what_is_the_same_has_one_digest(same):
    assert len({digest_of(value) for value in same}) == 1


def test_where_an_object_lies_does_not_matter():
    assert digest_of([NUMBERS, NUMBERS]) == digest_of([NUMBERS, NUMBERS.copy()])
    pair = (1, 2)
    assert digest_of([pair, pair]) == digest_of([(1, 2), (1, 2)])


def test_a_file_of_an_array_is_that_array(tmp_path):
    np.save(tmp_path / "X.npy", NUMBERS)
    assert digest_of(np.load(tmp_path / "X.npy", mmap_mode="r")) == digest_of(NUMBERS)


def test_calls_do_not_change_a_function():
    before = digest_of(among), digest_of(Scorer)
    for _ in range(1000):
        among("x")  # Python makes its code faster as it goes
        Scorer.twice(2)
    assert (digest_of(among), digest_of(Scorer)) == before


@pytest.mark.parametrize(
    "change", ["return 1", "return 0.5", "return y", "'''Other words.'''; return 0"]
)
def test_a_function_that_was_edited_is_another(tmp_path, monkeypatch, change):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    body = "def scorer(estimator, X, y):\n    {}\n\nclass Scorer:\n    __call__ = scorer\n"
    found = []
    for lines_above, content in enumerate(["return 0", "return 0", change]):
        text = "\n" * lines_above + body.format(content)
        (tmp_path / "edited_scorer.py").write_text(text)
        importlib.invalidate_caches()
        module = importlib.import_module("edited_scorer")
        found.append((digest_of(module.scorer), digest_of(module.Scorer())))
        del sys.modules["edited_scorer"]
    assert found[0] == found[1]
    assert not set(found[0]) & set(found[2])


def test_what_contains_itself_has_a_digest():
    endless = [1]
    endless.append(endless)
    other = [2]
    other.append(other)
    assert digest_of(endless) != digest_of(other)


@pytest.mark.parametrize("part", [threading.Lock(), (each for each in "ab"), sys._getframe()])
def test_what_cannot_be_known_is_refused(part):
    for value in (part, [part], adds(part)):
        with pytest.raises(ValueError, match="cannot be compared with others, since"):
            digest_of(value)


def test_what_is_nested_too_deep_is_refused():
    nested = []
    for _ in range(10 * sys.getrecursionlimit()):
        nested = [nested]
    with pytest.raises(ValueError, match="nested too deep"):
        digest_of(nested)


@pytest.mark.slow
def test_functions_of_the_main_module_are_read():
    code = textwrap.dedent("""
        from sklearn_set.identity import digest_of
        def scorer(estimator, X, y):
            return 0
        print(digest_of(scorer))
        def scorer(estimator, X, y):
            return 0
        print(digest_of(scorer))
        def scorer(estimator, X, y):
            return 1
        print(digest_of(scorer))
    """)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    zero, again, one = told.stdout.split()
    assert zero == again != one
