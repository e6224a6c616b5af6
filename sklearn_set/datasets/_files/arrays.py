"""Arrays X and y of an .npz file, brought to samples.

Knows NumPy's files and arrays; must not know tables of text, or whether labels are classes.
"""

import numpy as np

from sklearn_set.datasets._files.messages import Refusal, reason, some
from sklearn_set.datasets._files.samples import Samples


def from_arrays(path, target):
    """Arrays X and y of an .npz file, or y of another name."""
    name = target if target is not None else "y"
    with path.open("rb") as file:
        try:
            X, y = _members(np.load(file, allow_pickle=False), "X", name)
        except Refusal:
            raise
        except Exception as error:  # damaged bytes may raise errors of any kind
            raise Refusal(f"cannot be read as an .npz file: {reason(error)}.") from None
    if X.dtype.kind not in "biuf" or X.ndim != 2:
        raise Refusal(
            f"has an X of shape {X.shape} and dtype {X.dtype}, expected numbers of shape "
            "(n_samples, n_features)."
        )
    y, conversion = _one_label_per_sample(y, name)
    transposed = len(y) == X.shape[1] != X.shape[0]
    if transposed:
        X = X.T
    if len(y) != len(X):
        raise Refusal(f"has {len(X)} samples in X but {len(y)} labels in {name}, expected as many.")
    if X.dtype.kind != "f":
        X = X.astype(np.float64)
    return Samples(
        X,
        None,
        labels=y,
        label=f"array {name}{conversion}",
        form="an .npz file",
        advice="Name the array of the classes as target.",
        transposed=transposed,
    )


def _members(content, *names):
    """Arrays of an opened .npz file, by their names."""
    if isinstance(content, np.ndarray):
        raise Refusal(f"holds one array, expected arrays {' and '.join(names)}.")
    held = content.files
    absent = [name for name in names if name not in held]
    if absent and {"indptr", "indices", "format", "shape"} <= set(held):
        raise Refusal(
            f"holds a sparse matrix as scipy.sparse.save_npz writes it, and no labels; expected "
            f"dense arrays {' and '.join(names)}: numpy.savez(file, X=X.toarray(), {names[1]}=...)."
        )
    if absent:
        raise Refusal(
            f"has no array {' and no array '.join(absent)}, but holds {some(held)}; expected the "
            "samples as X and the labels as y, or as what target names."
        )
    arrays = []
    for name in names:
        try:
            arrays.append(content[name])
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise
            raise Refusal(
                f"has an array {name} of Python objects, which is not read because it could run "
                f"any code; save it as text or numbers, for example {name}={name}.astype(str)."
            ) from None
        if not isinstance(arrays[-1], np.ndarray):
            raise Refusal(f"has a member {name} that is no array.")
    return arrays


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
