"""Tables of what the fuzzer puts in: ordinary and odd values, as Python expressions.

An expression is evaluated among the names of this module and those of a case: X, y, n (samples), d
(features), the classes, and est. So every case can be printed as a short program.
"""

import ast
import copy
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression

from sklearn_set import SETClassifier, SETRegressor, activations
from sklearn_set.datasets import make_microarray
from sklearn_set.evolution import GROWTH_RULES, PRUNING_RULES
from sklearn_set.feature_selection import SETSelector
from sklearn_set.losses import LOSSES, REGRESSION_LOSSES
from sklearn_set.optimizers import SOLVERS

try:
    import pandas as pd
except ImportError:
    pd = None
try:
    import polars as pl
except ImportError:
    pl = None

__all__ = [
    *("copy", "pickle", "Decimal", "Fraction", "np", "sparse", "clone", "pd", "pl"),
    *("RandomForestRegressor", "LogisticRegression"),
    *("SETClassifier", "SETRegressor", "SETSelector", "make_microarray"),
    *("data", "malformed", "misfit", "doubled", "shuffled", "read_only", "wide_indices", "objects"),
]


def available(table):
    """The expressions that can be evaluated with the packages that are installed."""
    missing = [f"{name}." for name, module in (("pd", pd), ("pl", pl)) if module is None]
    return [each for each in table if not any(name in each for name in missing)]


# ------------------------------------------------------------------------------------- helpers


def data(seed, n, d, kind):
    """Ordinary X and y: standard normal features, and a target of the given kind."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    several = X @ rng.standard_normal((d, 3))
    numbers = np.arange(n) % (2 if kind in ("binary", "words") else 4)
    y = {
        "binary": numbers,
        "words": np.array(["no", "yes"])[numbers % 2],
        "multiclass": numbers,
        "labels": (several > np.median(several)).astype(int),
        "target": several[:, 0] + 0.1,
        "targets": several,
        "counts": np.floor(np.abs(several[:, 0]) * 2) + 1,
    }[kind]
    return X, y


def objects(*values):
    """A one-dimensional array of objects, whatever they are."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def read_only(X):
    """A copy that cannot be written."""
    X = np.array(X)
    X.flags.writeable = False
    return X


def doubled(X):
    """A COO matrix in which every element is stored as the sum of two."""
    coo = sparse.coo_array(X)
    return sparse.coo_array(
        (np.tile(coo.data / 2, 2), (np.tile(coo.row, 2), np.tile(coo.col, 2))), shape=coo.shape
    )


def shuffled(X):
    """A CSR array with the columns of every row in descending order."""
    csr = sparse.csr_array(X)
    for start, stop in zip(csr.indptr[:-1], csr.indptr[1:], strict=True):
        csr.indices[start:stop] = csr.indices[start:stop][::-1].copy()
        csr.data[start:stop] = csr.data[start:stop][::-1].copy()
    csr.has_sorted_indices = False
    return csr


def wide_indices(X, kind=sparse.csr_array):
    """A matrix with indices of 64 bits."""
    return malformed(X, kind, indices=lambda i: i.astype(np.int64), indptr=lambda i: i.astype("i8"))


def malformed(X, kind=sparse.csr_array, **changes):
    """A compressed matrix with attributes replaced by functions of them, as SciPy lets anybody."""
    matrix = kind(X)
    for name, change in changes.items():
        setattr(matrix, name, change(getattr(matrix, name)))
    return matrix


def misfit(values, at, value):
    """A copy of an array with one value replaced."""
    values = np.array(values)
    values[at] = value
    return values


# ----------------------------------------------------------------------- values of parameters

# No parameter that is a number accepts one of these.
NOT_NUMBERS = """
np.nan, np.float16(np.nan), 'a', '1', b'1', [1], np.array([0.5]), np.array(1), np.array(0.5),
Decimal('0.5'), 1j, np.complex64(1), object(), {}, len, pd.NA, pd.NaT, Ellipsis, -1, -0.5, -10**400,
-np.inf, np.float32(-np.inf), np.datetime64('2020-01-01'), int, Fraction(-1, 3)
"""

# Whether these are accepted depends on the parameter.
NUMBERS = """
0, 1, 2, 3, -0.0, 0.0, 0.5, 1.0, 2.0, 1.5, True, False, np.True_, np.False_, None, np.inf,
np.float64(np.inf), np.int8(1), np.int8(127), np.uint8(1), np.uint8(2), np.uint8(255), np.int16(2),
np.uint16(65535), np.int32(3), np.uint32(3), np.uint32(2**32 - 1), np.int64(2), np.uint64(2),
np.uint64(2**64 - 1), np.int64(2**63 - 1), np.float16(0.5), np.float16(1), np.float16(65504),
np.float16(6e-8), np.float32(0.5), np.float32(0.1), np.float32(3e38), np.float32(1e-45),
np.float64(0.5), np.longdouble(0.5), np.longdouble('1e4000'), np.longdouble('1e-4000'), 5e-324,
1e-300, 1e-16, 1 - 2**-53, 1e16, 1e150, 1e308, 127, 255, 256, 2**15, 2**16 + 1, 2**31 - 1, 2**31,
2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**25, 10**400, Fraction(1, 3), Fraction(1, 2),
Fraction(10**400), Fraction(1, 10**400), Fraction(3, 1), np.timedelta64(3), np.timedelta64(3, 's'),
np.timedelta64('NaT')
"""

NOT_OPTIONS = """
'nonsense', '', None, 1, 0.5, True, b'auto', b'adam', ['adam'], ('relu',), np.array('adam'), len,
np.nan, {}, object(), 'AUTO', 10**400
"""

NOT_BOOLEANS = "None, 'yes', b'', np.nan, np.array(True), [True], 0.5, 2, object(), {}, 1j"
BOOLEANS = "True, False, np.True_, np.False_, 0, 1"

SIZES = """
[], (), [0], [-1], (2.0,), [2**31], [2**63], [10**400], [10**12], 10**12, np.array([3.0]), [[3]],
np.array([[3]]), ['a'], range(1, 3), range(3), iter([3]), {3}, {3: 1}, np.array([], int),
np.array([5, 3], np.uint8), np.array([120, 100], np.int8), [True], [False], [None], '3', b'\\x03',
bytearray(b'\\x03'), np.array([3], 'm8'), [np.int8(3), np.uint64(2)], pd.Series([4]),
pl.Series([4]), np.array([3, 4], dtype=object), [np.float64(3)], [1] * 40, np.array(5),
memoryview(b'\\x03'), [Fraction(3)], np.ma.array([3, 4])
"""

ACTIVATIONS = """
['relu'] * 2, [], (), 'relu', np.str_('tanh'), np.array(['relu', 'tanh']), ['relu', 'nonsense'],
b'relu', None, 1, [1], ['relu'] * 50, {'relu'}, iter(['relu']), np.array('relu'), [['relu']],
pd.Series(['relu'])
"""

TYPES = """
np.float16, float, 'f8', 'd', np.dtype('float32'), np.dtype('>f4'), np.float32(1), int, None,
'float16', np.longdouble, 'auto', np.float32, np.str_('float32'), b'float32', [np.float32], 1,
object
"""

SEEDS = """
np.random.RandomState(3), np.random.default_rng(0), np.uint32(4), np.int8(5), -1, 2**32, 2**32 - 1,
True, np.random, 3.0, 'a', np.uint64(2**64 - 1), 10**400, None, [1], np.array([1]), np.array(1),
np.timedelta64(3), np.float16(2), np.nan, Fraction(3)
"""

SCORINGS = """
'accuracy', 'r2', 'nonsense', '', np.str_('r2'), 1, ['accuracy'], lambda *a, **k: np.nan,
lambda *a, **k: 'a', lambda *a, **k: None, lambda *a, **k: np.array([1.0, 2.0]),
lambda *a, **k: 10**400, lambda *a, **k: np.inf, lambda *a, **k: np.array(0.5), lambda *a, **k: 1j,
lambda *a, **k: {'a': 1}, lambda *a, **k: np.float16(0.5), lambda *a, **k: True,
lambda *a, **k: Fraction(1, 3), lambda *a, **k: Decimal(1),
'neg_mean_squared_error', 'max_error', 'f1_macro', {'a': 'r2'}
"""

CLASS_WEIGHTS = """
'balanced', {}, dict.fromkeys(classes, 2.0), dict.fromkeys(classes, np.nan), None, 'nonsense', 0.5,
dict.fromkeys(classes, np.inf), dict.fromkeys(classes, -1), dict.fromkeys(classes, 0),
dict.fromkeys(classes, 5e-324), dict.fromkeys(classes, 1e308), dict.fromkeys(classes, 10**400),
dict.fromkeys(classes, None), dict.fromkeys(classes, 'a'), dict.fromkeys(classes, '2'), {'zzz': 1},
dict.fromkeys(classes, 1j), dict.fromkeys(classes, [1, 2]), dict.fromkeys(classes, Fraction(1, 3)),
dict.fromkeys(classes, Decimal(2)), dict.fromkeys(classes, np.float16(3)), {classes[0]: 3}, [1, 2],
dict.fromkeys(classes, np.array(2.0)), dict.fromkeys(classes, np.array([2.0])), {None: 1},
b'balanced', dict.fromkeys(classes, True), dict.fromkeys(classes, pd.NA), {classes[0]: 1, 'zzz': 2},
{np.nan: 1}, [{0: 1, 1: 2}] * 3, [{0: 1, 1: 2}], [{}], [{0: np.nan, 1: 1}] * 3, [{0: -1, 1: 1}] * 3,
[], (), [{0: None, 1: 1}] * 3, [{0: 'a', 1: 1}] * 3, [{0: 1e308, 1: 1}] * 3,
[{0: 1, 1: 10**400}] * 3, np.array([1.0, 2.0]), pd.Series({0: 1.0, 1: 2.0}), 10**400,
[{0: 0, 1: 0}] * 3, [None] * 3, 1j, {0: 1, 1: 1, 2: 1, 3: 1, 4: np.nan},
dict.fromkeys(classes, np.datetime64('2020-01-01'))
"""


def split(table):
    """The expressions of a comma-separated table, commas inside brackets and strings kept."""
    source = f"({' '.join(table.split())},)"
    members = ast.parse(source).body[0].value.elts
    return available(ast.get_source_segment(source, member) for member in members)


NUMBER = (split(NUMBERS), split(NOT_NUMBERS))
THREADS = (NUMBER[0], [each for each in NUMBER[1] if not each.startswith("-")])
BOOLEAN = (split(BOOLEANS), split(NOT_BOOLEANS))
OPTION = ([], split(NOT_OPTIONS))

# Name of a parameter: ordinary expressions, odd ones that may be accepted, those that never are.
SHARED = {
    "hidden_layer_sizes": (
        ["(8,)", "(8, 6)", "()", "[5]", "7", "np.array([6, 4])"],
        split(SIZES) + NUMBER[0],
        split("np.nan, 'a', 1j, object(), {}, Decimal(1), -1, None, int"),
    ),
    "activation": (
        [f"{name!r}" for name in activations.ACTIVATIONS],
        split(ACTIVATIONS),
        split("'nonsense', None, 1, object(), {}"),
    ),
    "dropout": (["0.0", "0.2"], *NUMBER),
    "input_dropout": (["0.0", "0.3", "'auto'"], *NUMBER),
    "mixup": (["0.0", "0.5", "'auto'"], *NUMBER),
    "weight_init": (["'auto'", "'he_uniform'", "'normal'", "'small'"], *OPTION),
    "dtype": (["'auto'", "'float32'", "'float64'", "np.float32"], split(TYPES), ["1", "'a'"]),
    "epsilon": (["3", "10", "2.5"], *NUMBER),
    "zeta": (["0.3", "0.0", "1.0"], *NUMBER),
    "rewire_interval": (["1", "2"], *NUMBER),
    "pruning": ([f"{name!r}" for name in PRUNING_RULES], *OPTION),
    "growth": ([f"{name!r}" for name in GROWTH_RULES], *OPTION),
    "newborn_weights": (["'initial'", "'zero'"], *OPTION),
    "solver": ([f"{name!r}" for name in SOLVERS], *OPTION),
    "alpha": (["0.0", "0.3"], *NUMBER),
    "weight_decay": (["0.0", "0.1"], *NUMBER),
    "batch_size": (["'auto'", "4", "1"], *NUMBER),
    "learning_rate": (["'auto'", "'invscaling'", "'adaptive'", "'cosine'"], *OPTION),
    "learning_rate_init": (["1e-3", "0.01"], *NUMBER),
    "power_t": (["0.5"], *NUMBER),
    "momentum": (["0.9", "0.0", "1.0"], *NUMBER),
    "nesterovs_momentum": (["True", "False"], *BOOLEAN),
    "beta_1": (["0.9", "0.0"], *NUMBER),
    "beta_2": (["0.999", "0.9"], *NUMBER),
    "adam_epsilon": (["1e-8"], *NUMBER),
    "max_iter": (["1", "2", "3"], *NUMBER),
    "shuffle": (["True", "False"], *BOOLEAN),
    "tol": (["1e-4", "0.0"], *NUMBER),
    "n_iter_no_change": (["'auto'", "1", "np.inf"], *NUMBER),
    "n_snapshots": (["'auto'", "1", "2"], *NUMBER),
    "feature_search": (["'auto'", "False", "True"], *BOOLEAN),
    "early_stopping": (["False", "True"], *BOOLEAN),
    "validation_fraction": (["0.4"], *NUMBER),
    "scoring": (["None"], split(SCORINGS), ["1", "['accuracy']"]),
    "warm_start": (["False", "True"], *BOOLEAN),
    "random_state": (["0", "7"], split(SEEDS), ["'a'", "-1", "np.nan", "2**32"]),
    "n_jobs": (["None", "1", "2", "-1"], *THREADS),
    "verbose": (["False"], NUMBER[0], split("np.nan, 'a', [1], 1j, -1, Decimal(1), None")),
}
PARAMETERS = {
    "classifier": SHARED
    | {
        "temperature": (["'auto'", "1.0", "'cv'", "0.5"], *NUMBER),
        "label_smoothing": (["0.0", "0.1"], *NUMBER),
        "class_weight": (
            ["None", "'balanced'"],
            split(CLASS_WEIGHTS),
            split("'nonsense', 0.5, [1, 2], b'balanced', 1j, {'zzz': None}"),
        ),
    },
    "regressor": SHARED
    | {
        "loss": (
            [f"{name!r}" for name in REGRESSION_LOSSES if not LOSSES[name].non_negative],
            *OPTION,
        ),
        "quantile": (["0.5", "0.1"], *NUMBER),
        "huber_delta": (["1.0"], *NUMBER),
    },
    "selector": {
        "estimator": (
            ["None"],
            split(
                """
SETRegressor(4, max_iter=1), SETClassifier(4, max_iter=1), LogisticRegression(),
RandomForestRegressor(2), SETRegressor(4, max_iter=10**400), SETRegressor, 1, 'a',
SETRegressor(4, max_iter=np.uint8(2)), SETRegressor(4, max_iter=-1), object(),
SETRegressor(4, max_iter=2.0), SETRegressor(4, max_iter=None)
"""
            ),
            split("1, 'a', SETRegressor, object(), np.nan"),
        ),
        "n_features_to_select": (
            ["None", "1", "0.5"],
            [*NUMBER[0], *["'auto'"] * 4, *["'best'"] * 4],
            NUMBER[1],
        ),
        "cv": (
            ["None", "2"],
            split("np.int8(2), 3, [(range(3), range(3, 6))], [], 2**63, True, [(1, 2)], iter([])"),
            ["'a'", "1", "-1", "0.5", "np.nan", "object()"],
        ),
        "scoring": (["None"], split(SCORINGS), ["1", "['accuracy']"]),
        "unsupervised": (["False", "True"], *BOOLEAN),
        "n_networks": (["1", "2"], split("np.uint8(2), True, 2**63, 10**400, 0"), NUMBER[1]),
        "noise_factor": (["0.2", "0.0"], *NUMBER),
        "epsilon": (["'auto'", "3"], *NUMBER),
        "zeta": (["'auto'", "0.2"], *NUMBER),
        "max_iter": (["1", "2"], split("np.uint8(2), np.float16(2), True, 0, 2.0"), NUMBER[1]),
        "random_state": (["0", "7"], split(SEEDS), ["'a'", "-1", "np.nan"]),
        "n_jobs": (["None", "1", "2"], split("-1, np.int8(2), 0, 1.0, True, 2**63"), THREADS[1]),
    },
    "data": {
        "n_samples": (["12", "20"], split("np.uint8(200), 10**12, 2**63, 10**400, 1"), NUMBER[1]),
        "n_features": (["5", "30"], split("np.uint8(200), 10**12, 2**63, 10**400, 1"), NUMBER[1]),
        "n_informative": (["None", "3"], *NUMBER),
        "n_classes": (["2", "3"], *NUMBER),
        "weights": (
            ["None"],
            split(
                """
[0.5], [0.5, 0.5], [0.3, 0.3, 0.4], [1e-300, 1.0], [Fraction(1, 2)] * 2, [0.7, 0.7],
np.array([0.5], np.float16), np.float32([0.3, 0.7]), pd.Series([0.4, 0.6]), [5e-324],
[np.longdouble(0.5)], [np.float16(0.333)] * 3, np.array([]), [0.5, [0.5]], 0.5, [True],
pl.Series([0.4, 0.6]), {0.5: 1}, {0.5}, (0.25, 0.75), np.ma.array([0.5])
"""
            ),
            split("[np.nan], 'ab', [1j], [None], ['a'], [Decimal('0.5')], 1, [-1], [2]"),
        ),
        "class_sep": (["1.5", "0.0"], *NUMBER),
        "n_modules": (["None", "2"], *NUMBER),
        "module_correlation": (["0.3", "0.0"], *NUMBER),
        "log_intensity": (["False", "True"], *BOOLEAN),
        "random_state": (["0", "7"], split(SEEDS), ["'a'", "-1", "np.nan"]),
        "dtype": (["'float32'", "'float64'"], split(TYPES), ["1", "'a'", "'auto'"]),
        "return_X_y": (["True", "False"], *BOOLEAN),
    },
}

# What must be set beside an odd parameter, or it would have no effect, or never come to an end.
COMPANIONS = {
    "max_iter": {"tol": "1e9", "n_iter_no_change": "1"},
    "scoring": {"early_stopping": "True"},
    "validation_fraction": {"early_stopping": "True"},
    "power_t": {"learning_rate": "'invscaling'"},
    "momentum": {"solver": "'sgd'"},
    "quantile": {"loss": "'quantile'"},
    "huber_delta": {"loss": "'huber'"},
    "n_snapshots": {"n_iter_no_change": "np.inf"},
    "tol": {"n_iter_no_change": "1", "max_iter": "4"},
    "zeta": {"max_iter": "3", "rewire_interval": "1"},
}

# -------------------------------------------------------------------------------- X, y, weights

X_FINE = split(
    """
    X.astype(np.float32), X.astype(np.float16), np.asfortranarray(X), X.tolist(), X.astype(object),
    np.repeat(X, 2, axis=1)[:, ::2], X[::-1][::-1], read_only(X), (X * 3).astype(np.int8), X > 0,
    (X * 3).astype(np.int64), X.astype('>f8'), pd.DataFrame(X), memoryview(X), np.zeros_like(X),
    pd.DataFrame(X.astype(np.float32), columns=list(map(str, range(d)))), pl.DataFrame(X),
    np.ones_like(X), X * 1e-300, sparse.csr_array(X), sparse.csr_matrix(X), sparse.csc_array(X),
    sparse.csc_matrix(X), sparse.coo_array(X), sparse.coo_matrix(X), sparse.bsr_array(X),
    sparse.bsr_matrix(X), sparse.lil_array(X), sparse.lil_matrix(X), sparse.dok_array(X),
    sparse.dok_matrix(X), sparse.dia_array(X), sparse.dia_matrix(X), doubled(X), shuffled(X),
    wide_indices(X), wide_indices(X, sparse.csc_matrix), sparse.csr_array(X > 0),
    tuple(map(tuple, X)), sparse.csr_array(X.astype(np.float32)), sparse.csr_array((n, d)),
    sparse.csr_array(X.astype('i2')), np.abs(X).astype(np.uint64), [np.array(row) for row in X],
    X.astype(np.longdouble)
    """
)
X_ODD = split(
    """
    X.astype(str), X.astype(str).astype(object), X * 1e150, X * 1e100, X.astype(np.float32) * 1e30,
    sparse.csr_array(X * 1e150), np.full_like(X, 1e300), np.float16(X) * np.float16(6e4),
    X.tobytes(), pd.DataFrame(X).astype('category'), pd.DataFrame(X).convert_dtypes(),
    np.ma.array(X, mask=X > 1), pd.DataFrame(X > 0).astype('boolean'),
    pd.DataFrame(X).astype(pd.SparseDtype('float64', 0.0)), X.astype('timedelta64[s]'),
    X.astype('i8').astype('datetime64[s]'), np.full_like(X, 2**70, object),
    np.full(X.shape, Fraction(1, 3)), np.full(X.shape, Decimal(1)), X.astype(bytes), {0: X},
    X.view('V8'), sparse.csr_array(X.astype(np.longdouble)), np.full(X.shape, True, object),
    set(X[0].tolist()), sparse.csr_array(X).astype(np.complex128), pl.DataFrame(X).lazy(),
    pd.DataFrame(X).T.T.iloc[::-1], malformed(X, data=lambda v: v.astype(str)),
    pd.DataFrame(X, columns=['a'] * d),
    pd.DataFrame(X, columns=pd.MultiIndex.from_tuples([(1, j) for j in range(d)])),
    (row for row in X), sparse.random(n, d, density=0.3, dtype=np.float32, random_state=0),
    X.T.copy().T[:, ::-1]
    """
)
X_BAD = split(
    """
    X * np.nan, misfit(X, 0, np.nan), misfit(X, 1, np.inf), misfit(X, (0, 0), -np.inf), X[:0],
    X[:, :0], X[0], X[None], None, 1.0, 'a', [], [[]], X.astype(complex), np.full(X.shape, 'a'),
    np.matrix(X), [[1.0, 2.0], [1.0]], np.full(X.shape, None), np.full(X.shape, 10**400),
    sparse.csr_array(X[:0]), sparse.csr_array(misfit(X, 0, np.nan)), object(),
    np.full(X.shape, pd.NA), pd.DataFrame(misfit(X, 0, np.nan)),
    pd.DataFrame(X).convert_dtypes().mask(X > 0),
    pl.DataFrame(X).with_columns(pl.lit(None).alias('column_0')),
    np.full(X.shape, np.longdouble('1e4000')), sparse.coo_array(X[0]), np.array(3.0), b'abc',
    X * 1e308 * 1e10, {'a': 1}, len, pd.DataFrame({'a': ['x'] * n}), sparse.csr_array(X * 1j),
    [[object()] * d] * n, X.astype('c8'), malformed(X, indices=lambda i: i + 100),
    malformed(X, indices=lambda i: i - 100), malformed(X, indices=lambda i: misfit(i, -1, d)),
    malformed(X, indices=lambda i: misfit(i, 0, -1)), malformed(X, indptr=lambda i: i[::-1].copy()),
    malformed(X, indptr=lambda i: i * 1000), malformed(X, indptr=lambda i: misfit(i, 1, 10**6)),
    malformed(X, indptr=lambda i: misfit(i, 1, -5)), malformed(X, indptr=lambda i: misfit(i, 0, 2)),
    malformed(X, indptr=lambda i: misfit(i, 0, -2)),
    malformed(X, indptr=lambda i: misfit(i, -1, 10**6)), malformed(X, indptr=lambda i: i[:-1]),
    malformed(X, indptr=lambda i: np.append(i, i[-1])), malformed(X, data=lambda v: v[:-2]),
    malformed(X, indices=lambda i: i[:-2]),
    malformed(X, indices=lambda i: misfit(np.int64(i), 0, 2**32 + 1)),
    malformed(X, indices=lambda i: misfit(np.int64(i), 0, 2**32), indptr=np.int64),
    malformed(X, sparse.csc_array, indices=lambda i: i + n),
    malformed(X, sparse.csc_matrix, indptr=lambda i: misfit(i, 1, 10**6)),
    malformed(X, sparse.coo_array, col=lambda j: j + d),
    malformed(X, sparse.coo_array, row=lambda i: i - n - 1),
    malformed(X, sparse.coo_array, data=lambda v: v[:-3]), malformed(X, data=lambda v: v[:, None]),
    malformed(X, sparse.bsr_array, indices=lambda i: i + 9), malformed(X, indptr=lambda i: i[:0]),
    malformed(X, data=lambda v: v.astype(object) * 1j), malformed(X, indptr=lambda i: i[None]),
    malformed(X, sparse.csc_array, indptr=lambda i: i[:-1]), malformed(X, data=lambda v: v[:0])
    """
)
# As many samples as y has not: no fault where there is no y.
X_SHORT = split("X[:-1], X.tolist()[:-1], sparse.csr_array(X[:-1]), np.vstack([X, X])")
# Indices that are whole, but not integers: SciPy may or may not bring them in order.
X_ODD += split("malformed(X, indices=lambda i: i * 1.0), malformed(X, indices=lambda i: i > 0)")

Y_FINE = {
    "classifier": split("y.tolist(), read_only(y), np.asfortranarray(y), y[::-1][::-1], y"),
    "regressor": split(
        """
y.astype(np.float32), y.astype(np.float16), y.tolist(), y.astype(object), read_only(y),
y.astype('>f8'), np.asfortranarray(y), y * 0 + 1, y.astype(np.longdouble)
"""
    ),
}
Y_ODD = split(
    """
    np.arange(n), np.arange(n) % 3, np.arange(n) % 2 == 0, (np.arange(n) % 2).reshape(-1, 1),
    np.arange(n) % 2 * 2 - 1, pd.Series(np.arange(n) % 2), pl.Series((np.arange(n) % 2).tolist()),
    pd.Series(['a', 'b'] * n).astype('category')[:n],
    pd.Series(['a', 'b'] * n)[:n].astype('string'), pd.DataFrame({'a': np.arange(n) % 2}),
    np.array([b'a', b'b'] * n)[:n], np.arange(n) % 2 + 1j,
    np.array(['2020-01-01', '2021-01-01'] * n, 'M8[D]')[:n], np.array([1, 2] * n, 'm8[s]')[:n],
    objects(*[1, 'a'] * n)[:n], objects(*[1, None] * n)[:n], objects(*[0.0, np.nan] * n)[:n],
    objects(*['a', pd.NA] * n)[:n], np.arange(n) % 2 * 1e39, np.arange(n) % 2 * 1e308,
    np.arange(n) / 7, np.arange(n) % 2 * 2**62, objects(*[10**400, 1] * n)[:n],
    objects(*[2**63, 2**64] * n)[:n], np.uint64([2**63, 2**64 - 1] * n)[:n],
    np.eye(3, dtype=int)[np.arange(n) % 3], np.eye(2)[np.arange(n) % 2],
    np.eye(3, dtype=int)[np.arange(n) % 3] * 2 - 1, np.eye(3, dtype=int)[np.arange(n) % 3] + 1,
    np.eye(3, dtype=int)[np.arange(n) % 3] * 5, np.ones((n, 3), int), np.zeros((n, 2), int),
    sparse.csr_array(np.eye(3, dtype=int)[np.arange(n) % 3]),
    sparse.coo_matrix(np.eye(3)[np.arange(n) % 3]),
    sparse.csc_array(np.eye(3, dtype=int)[np.arange(n) % 3]),
    sparse.lil_matrix(np.eye(3)[np.arange(n) % 3]),
    sparse.csr_array(np.eye(3, dtype=int)[np.arange(n) % 3] * -1),
    sparse.csr_array(np.arange(n)[:, None]),
    malformed(np.eye(3)[np.arange(n) % 3], indices=lambda i: i + 5),
    np.eye(3, dtype=bool)[np.arange(n) % 3],
    malformed(np.eye(3)[np.arange(n) % 3], indptr=lambda i: i * 9), np.arange(3 * n).reshape(n, 3),
    [['a', 'b']] * n, [('a',), ('a', 'b')] * (n // 2), np.arange(n).astype('V4'),
    [{0}, {1}] * (n // 2), np.arange(n) % 2 * -1e300, np.arange(n) % 2 * 5e-324,
    np.arange(n) * 1e10, np.float16(np.arange(n) % 2),
    pd.Series([True, False] * n)[:n].astype('boolean'), pd.Series([0, 1] * n)[:n].astype('Int64'),
    pd.Series([0, None] * n)[:n].astype('Int64'), pd.Series([True, None] * n)[:n].astype('boolean'),
    objects(*[Fraction(1, 3), Fraction(2, 3)] * n)[:n], objects(*[Decimal(1), Decimal(2)] * n)[:n],
    objects(*[(1,), (2,)] * n)[:n], objects(*[[1], [2]] * n)[:n], ['', 'a' * 9999] * (n // 2),
    range(n), np.ma.array(np.arange(n) % 2, mask=np.arange(n) == 3), np.arange(n).astype(str),
    np.zeros((n, 0)), np.ones((n, 1)), (np.arange(n) % 2).astype('>i4'), objects(*y.tolist()),
    np.longdouble(np.arange(n)), [np.array([1])] * n, objects(*[np.float64(1), np.int8(0)] * n)[:n],
    objects(*[True, 'True'] * n)[:n], memoryview(np.arange(n)),
    objects(*[0, 1.0, True, np.uint8(1)] * n)[:n],
    pd.Series(pd.date_range('2020', periods=2).tolist() * n)[:n]
    """
)
Y_BAD = split(
    """
    None, 1, 'a', [], y[:-1], np.append(y, y, axis=0), y.reshape(1, n, -1), object(), {}, len,
    np.full(n, np.nan), misfit(np.arange(n) * 1.0, 2, np.inf), np.array(1), np.arange(n) * 1j,
    np.array(['NaT'] * n, 'M8[s]'), objects(*[None] * n), objects(*[pd.NA] * n),
    np.full((n, 2), np.nan), sparse.coo_array(np.arange(n)), y[:0],
    objects(*[object(), object()] * n)[:n]
    """
)

WEIGHT_FINE = split(
    """
    None, np.ones(n), np.arange(n) + 1, np.full(n, 1 / n), np.arange(1, n + 1).tolist(),
    read_only(np.ones(n)), np.ones(n, np.float16), np.ones(n, np.float32), np.ones(n, bool),
    np.arange(2 * n)[::2] + 1.0
    """
)
WEIGHT_ODD = split(
    """
    1.0, 1, True, 0, 1 / n, np.full(n, 1e-300), np.full(n, 1e308), np.full(n, 5e-324),
    np.full(n, 1e-45), misfit(np.ones(n), 0, 1e308), misfit(np.ones(n), 0, 5e-324),
    misfit(np.zeros(n), 0, 1), np.full(n, 1e39), 10**400, 1e308, 5e-324, Fraction(1, 3), Decimal(2),
    np.float16(2), np.array(2.0), np.ones((n, 1)), pd.Series(np.ones(n)), pl.Series([1.0] * n),
    np.ones(n).astype(str), objects(*[1] * n), range(1, n + 1), objects(*[Fraction(1, 3)] * n),
    objects(*[Decimal(1)] * n), np.arange(n) % 2, np.ones(n, 'm8[s]'), np.ones(n, 'M8[s]'),
    np.ma.array(np.ones(n), mask=np.arange(n) > 3), memoryview(np.ones(n)),
    np.full(n, np.longdouble('1e-4000')), np.full(n, 3e-39), (np.arange(n) < 1) * 1e-38, 1e-300,
    -0.0 * np.ones(n), pd.Series([1] * n).astype('Int64'), np.full(n, 2**63, np.uint64),
    np.int8([127] * n), pd.DataFrame(np.ones(n)), objects(*[2**70] * n),
    sparse.csr_array(np.ones(n)), np.ones(n, '>f4'), np.full(n, 1e200)
    """
)
WEIGHT_BAD = split(
    """
    np.full(n, np.nan), misfit(np.ones(n), 1, np.nan), misfit(np.ones(n), 1, np.inf), -np.ones(n),
    -1, np.nan, misfit(np.ones(n), 0, -1e-30), np.zeros(n), np.ones(n) * 1j, np.full(n, 'a'),
    np.ones((n, 2)), np.ones(n - 1), np.ones(n + 1), [], 'a', 'balanced', object(), {},
    objects(*[None] * n), objects(*[pd.NA] * n), np.inf, 1j, [[1.0]] * (n - 1), [[1.0], [1.0, 2.0]],
    objects(*[10**400] * n), np.ones((n, 1, 1)), ['a'] * n, len,
    np.full(n, np.longdouble('1e4000')), pd.Series([1, None] * n)[:n].astype('Int64'), -10**400
    """
)
# Fine, but too few for some splits.
GROUPS_FINE = split(
    """
    None, np.arange(n), np.arange(n) // 2, np.arange(n) % 4, [f'p{i // 2}' for i in range(n)],
    pd.Series(np.arange(n) // 2), np.arange(n) / 3, objects(*[f'p{i // 3}' for i in range(n)])
    """
)
GROUPS_ODD = split(
    """
    np.zeros(n), range(n), np.ones(n, bool), np.ones(n, '>f4'), ['a', *range(n - 1)],
    np.full(n, 2**63, np.uint64), np.arange(n).astype('M8[s]'), np.arange(n).astype('m8[s]'),
    objects(*[2**70] * n), np.ma.array(np.arange(n), mask=np.arange(n) > 3), memoryview(np.ones(n)),
    pd.Series(['a', 'b'] * n)[:n].astype('category'), pl.Series([1.0] * n), np.full(n, b'a'),
    pd.Series([1] * n).astype('Int64'), objects(*[(1, 2)] * n), objects(*[Decimal(1)] * n),
    np.arange(2 * n)[::2], np.full(n, np.inf), np.float16(np.arange(n))
    """
)
GROUPS_BAD = split(
    """
    misfit(np.ones(n), 1, np.nan), np.arange(n + 1), np.arange(n - 1), np.ones((n, 1)), 7, 'a', {},
    np.ones(n) * 1j, objects(*[None] * n), objects('a', *range(n - 1)), object(), [[1], [1, 2]],
    np.full(n, 'NaT', 'M8[s]'), pd.Series([1, None] * n)[:n].astype('Int64'), np.array(2.0), len,
    sparse.csr_array(np.ones((1, n))), np.zeros(n, 'i4,f4'), pd.DataFrame(np.ones(n)), []
    """
)
CLASSES_ODD = split(
    """
    classes.tolist(), classes[::-1], np.append(classes, classes), classes.astype(object),
    set(classes.tolist()), classes.reshape(1, -1), 2, 'ab', [], [np.nan, 1], objects(1, 'a'),
    objects(None, 1), objects(pd.NA, 1), [1.5, 2.5], np.array(['2020', '2021'], 'M8[Y]'),
    np.arange(10), [3, 4], classes[:1], 1j, [10**400, 1], np.array(1), len,
    pd.Series(classes.tolist()), sparse.csr_array([[0, 1]]), {0: 1}, [[0, 1], [1]], [True, False],
    np.array([0, 1j]), pd.Series(classes.tolist()).astype('category'), range(2), iter([0, 1]),
    np.arange(2**8), [b'a', b'b'], object(), []
    """
)
