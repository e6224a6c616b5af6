"""Arrays X and y of an .npz file, or a sparse matrix of scipy, brought to samples.

Knows NumPy's files and arrays; must not know tables of text, or whether labels are classes.
"""

import numpy as np
from scipy import sparse

from sklearn_set._cli.files.messages import Refusal, reason, some
from sklearn_set._cli.files.samples import Samples

_NAMES_OF_GENES = ("genes", "features", "feature_names", "gene_names")
_NAMES_OF_SAMPLES = ("samples", "sample_names", "names")


def from_arrays(path, wanted):
    """Arrays X and y of an .npz file, or y of another name."""
    name = wanted.target if wanted.target is not None else "y"
    asked = [name] if wanted.labelled else []
    asked += [wanted.groups] if wanted.groups is not None else []
    with path.open("rb") as file:
        try:
            content = np.load(file, allow_pickle=False)
            X, is_sparse, told = _members(content, asked)
            genes = _first_of(content, _NAMES_OF_GENES)
            names = _first_of(content, _NAMES_OF_SAMPLES)
        except Refusal:
            raise
        except Exception as error:  # damaged bytes may raise errors of any kind
            raise Refusal(f"cannot be read as an .npz file: {reason(error)}.") from None
    if X.dtype.kind not in "biuf" or X.ndim != 2:
        raise Refusal(
            f"has an X of shape {X.shape} and dtype {X.dtype}, expected numbers of shape "
            "(n_samples, n_features)."
        )
    y, conversion = _one_label_per_sample(told[0], name) if wanted.labelled else (None, "")
    transposed = y is not None and len(y) == X.shape[1] != X.shape[0]
    if transposed:
        X = sparse.csr_array(X.T) if is_sparse else X.T
    if y is not None and len(y) != X.shape[0]:
        raise Refusal(
            f"has {X.shape[0]} samples in X but {len(y)} labels in {name}, expected as many."
        )
    groups = None
    if wanted.groups is not None:
        groups = np.asarray(told[-1]).ravel().astype(str)
        if len(groups) != X.shape[0]:
            raise Refusal(
                f"has {X.shape[0]} samples in X but {len(groups)} groups in {wanted.groups}, "
                "expected as many."
            )
    if X.dtype.kind != "f":
        X = X.astype(np.float64)
    return Samples(
        X,
        form=f"an .npz file with a {'sparse matrix' if is_sparse else 'dense array'}",
        features=genes if genes is not None and len(genes) == X.shape[1] else None,
        names=names if names is not None and len(names) == X.shape[0] else None,
        labels=y,
        label=f"array {name}{conversion}",
        advice="Name the array of the labels with --target.",
        groups=groups,
        group=f"array {wanted.groups}",
        transposed=transposed,
    )


def _members(content, asked):
    """X of an opened .npz file, whether it is sparse, and the arrays that are asked for."""
    if isinstance(content, np.ndarray):
        wants = " and ".join(["X", *asked])
        raise Refusal(f"holds one array, expected arrays {wants}.")
    held = content.files
    is_sparse = {"indptr", "indices", "data", "format", "shape"} <= set(held)
    absent = [name for name in asked if name not in held]
    if absent and is_sparse:
        raise Refusal(
            f"holds a sparse matrix as scipy.sparse.save_npz writes it, and no {absent[0]}. Name a "
            "file that holds the labels with --annotations, or save all in one: numpy.savez(file, "
            f"format='csr', shape=X.shape, data=X.data, indices=X.indices, indptr=X.indptr, "
            f"{absent[0]}=...)."
        )
    if "X" not in held and not is_sparse:
        absent = ["X", *absent]
    if absent:
        raise Refusal(
            f"has no array {' and no array '.join(absent)}, but holds {some(held)}; expected the "
            "samples as X and the labels as y, or as what --target names."
        )
    X = _sparse_matrix(content) if is_sparse else _array(content, "X")
    return X, is_sparse, [_array(content, name) for name in asked]


def _array(content, name):
    try:
        array = content[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise Refusal(
            f"has an array {name} of Python objects, which is not read because it could run "
            f"any code; save it as text or numbers, for example {name}={name}.astype(str)."
        ) from None
    if not isinstance(array, np.ndarray):
        raise Refusal(f"has a member {name} that is no array.")
    return array


def _sparse_matrix(content):
    """The matrix that scipy.sparse.save_npz wrote, as rows."""
    kind = str(np.asarray(content["format"]).astype(str))
    if kind not in ("csr", "csc"):
        raise Refusal(f"holds a sparse matrix of format {kind!r}, expected 'csr' or 'csc'.")
    made = sparse.csr_array if kind == "csr" else sparse.csc_array
    parts = tuple(_array(content, name) for name in ("data", "indices", "indptr"))
    matrix = made(parts, shape=tuple(_array(content, "shape").tolist()))
    matrix.check_format(full_check=True)
    return sparse.csr_array(matrix)


def _first_of(content, names):
    """The first of some arrays of text that a file may have, as a list."""
    for name in names:
        if name in content.files and content[name].dtype.kind in "SU" and content[name].ndim == 1:
            return [_text(cell) for cell in content[name]]
    return None


def _text(cell):
    return str(np.char.decode(cell, "utf-8") if isinstance(cell, bytes) else cell).strip()


def _one_label_per_sample(y, name):
    """Labels as a flat array of numbers or text, and a phrase that says how they were converted."""
    shape, conversion = y.shape, ""
    if y.size == 0:
        raise Refusal(f"has no labels in {name}.")
    if y.dtype.kind not in "biufSU":
        raise Refusal(f"has labels of dtype {y.dtype} in {name}, expected numbers or text.")
    if y.ndim == 2 and min(shape) == 1:
        y, conversion = y.ravel(), f", of shape {shape}"
    elif (
        y.ndim == 2
        and y.dtype.kind in "biuf"
        and np.isin(y, (0, 1)).all()
        and (y.sum(axis=1) == 1).all()
    ):
        y, conversion = y.argmax(axis=1), f", one-hot of shape {shape}, as class numbers"
    if y.ndim != 1:
        raise Refusal(f"has labels of shape {shape} in {name}, expected (n_samples,) or one-hot.")
    if y.dtype.kind == "S":
        try:
            y = np.char.decode(y, "utf-8")
        except UnicodeDecodeError:
            y = np.char.decode(y, "latin-1")
        conversion += ", bytes as text"
    if y.dtype.kind == "U":
        return np.char.strip(y), conversion
    return y.astype(np.float64 if y.dtype.kind == "f" else np.int64), conversion
