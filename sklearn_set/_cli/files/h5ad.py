"""An .h5ad file of AnnData, brought to samples.

anndata is imported here alone, and on demand. Knows AnnData; must not know tables of text, or
whether labels are classes.
"""

import numpy as np
from scipy import sparse

from sklearn_set._cli.files.geo import candidates
from sklearn_set._cli.files.messages import Refusal, reason, some
from sklearn_set._cli.files.samples import Samples


def import_anndata():
    """Anndata, or an error that says who needs it."""
    try:
        import anndata
    except ImportError as error:
        raise ImportError(
            ".h5ad files need anndata, which is not installed. Install it: pip install anndata."
        ) from error
    return anndata


def from_anndata(path, wanted):
    """X of an .h5ad file, with a column of obs as labels."""
    try:
        data = import_anndata().read_h5ad(path)
    except ImportError:
        raise
    except Exception as error:  # HDF5 raises errors of many kinds
        raise Refusal(f"cannot be read as an .h5ad file: {reason(error)}.") from None
    if data.X is None:
        raise Refusal("has no X, expected the samples' numbers there.")
    names = [str(name) for name in data.obs_names]
    if not data.obs_names.is_unique:
        twice = data.obs_names[data.obs_names.duplicated()].unique()
        raise Refusal(f"has several samples of the same name: {some(list(twice))}.")
    columns = {str(name): _texts(data.obs[name]) for name in data.obs}
    labels = _column(columns, wanted.target) if wanted.labelled else None
    groups = _column(columns, wanted.groups) if wanted.groups is not None else None
    X = sparse.csr_array(data.X) if sparse.issparse(data.X) else np.asarray(data.X)
    if X.dtype.kind not in "biuf":
        raise Refusal(f"has an X of dtype {X.dtype}, expected numbers.")
    kind = "sparse" if sparse.issparse(X) else "dense"
    return Samples(
        X if X.dtype.kind == "f" else X.astype(np.float64),
        form=f"an .h5ad file with a {kind} X",
        features=[str(name) for name in data.var_names],
        names=names,
        labels=labels,
        label=f"column {wanted.target!r} of obs",
        advice=f"Name another column of obs with --target: {candidates(columns)}.",
        groups=groups,
        group=f"column {wanted.groups!r} of obs",
    )


def _texts(column):
    """A column of obs as an array of text, "" where a cell is missing."""
    cells = column.astype(object)
    return np.where(column.isna(), "", cells.astype(str)).astype(str)


def _column(columns, name):
    if name is None:
        raise Refusal(
            "is an .h5ad file, which has no labels of its own; name a column of obs with "
            f"--target: {candidates(columns)}."
        )
    if name not in columns:
        raise Refusal(f"has no column {name!r} in obs, but {candidates(columns)}.")
    return columns[name]
