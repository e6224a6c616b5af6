"""Well-known microarray studies: downloaded once, checked, and kept in scikit-learn's data folder.

Nothing is shipped with the package: the data belong to their studies. Knows parameters and the form
of what users get; must not know estimators, or how a source is read.
"""

from __future__ import annotations

import os
from math import inf
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, overload

from sklearn.datasets import get_data_home
from sklearn.utils import Bunch

from sklearn_set._typing import FilePath, Float, Int
from sklearn_set.datasets._sources import from_all_tissues, from_openml, from_repository
from sklearn_set.datasets._studies import COMBINED, COMBINED_ABOUT, FILES, OPENML
from sklearn_set.validation import (
    BOOLEAN,
    NONE,
    check_values,
    instance,
    interval,
    options,
)

_CONSTRAINTS = {
    "name": (options(*FILES, *OPENML, COMBINED),),
    "data_home": (instance(str), instance(os.PathLike), NONE),
    "download_if_missing": BOOLEAN,
    "return_X_y": BOOLEAN,
    "as_frame": BOOLEAN,
    "n_retries": (interval(Integral, 1, inf),),
    "delay": (interval(Real, 0, inf, "neither"),),
}


class _Settings(TypedDict, total=False):
    """Parameters that do not change the type of the result."""

    data_home: FilePath | None
    download_if_missing: bool
    as_frame: bool
    n_retries: Int
    delay: Float


@overload
def fetch_microarray(
    name: str, *, return_X_y: Literal[False] = ..., **settings: Unpack[_Settings]
) -> Bunch: ...
@overload
def fetch_microarray(
    name: str, *, return_X_y: Literal[True], **settings: Unpack[_Settings]
) -> tuple[Any, Any]: ...
@overload
def fetch_microarray(
    name: str, *, return_X_y: bool, **settings: Unpack[_Settings]
) -> Bunch | tuple[Any, Any]: ...
def fetch_microarray(
    name: str,
    *,
    data_home: FilePath | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    n_retries: Int = 3,
    delay: Float = 1.0,
) -> Bunch | tuple[Any, Any]:
    """Load a well-known microarray study, and download it if it is not there yet.

    Files of the scikit-feature repository [1]_ are taken from one commit, and are used only if
    their checksum is that of the commit. The checksums of data sets of OpenML [2]_ come from the
    server, and a data set must have the expected name. Files are kept in the folder ``sklearn_set``
    of scikit-learn's data folder.

    Parameters
    ----------
    name : str
        The data set. From the scikit-feature repository: "ALLAML", "CLL-SUB-111", "Carcinom",
        "GLI-85", "GLIOMA", "Prostate-GE", "SMK-CAN-187", "TOX-171", "colon", "leukemia", "lung",
        "lung_small", "lymphoma", "nci9". From OpenML, tumours of the GEMLeR collection [3]_:
        "AP_Breast_Ovary", "AP_Colon_Kidney", and one tissue against all others in "OVA_Breast",
        "OVA_Colon", "OVA_Endometrium", "OVA_Kidney", "OVA_Lung", "OVA_Omentum", "OVA_Ovary",
        "OVA_Prostate", "OVA_Uterus". Those nine hold the same tumours: "GEMLeR" downloads all of
        them, and combines them to one problem of nine classes.
    data_home : str or path-like, default=None
        Another data folder; None means that of :func:`sklearn.datasets.get_data_home`.
    download_if_missing : bool, default=True
        If False, raise an OSError instead of downloading anything.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a `Bunch`.
    as_frame : bool, default=False
        If True, the data are a pandas DataFrame and the target is a pandas Series.
    n_retries : int, default=3
        How often a download is tried again after a network error, at least 1.
    delay : float, default=1.0
        Seconds between two tries, above 0.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With these attributes.

        data : ndarray of shape (n_samples, n_features) and dtype float64, or DataFrame
            The expression values as the source has them: raw intensities, logarithms or levels.
        target : ndarray of shape (n_samples,) and dtype int64, or Series
            The class of each sample, from 0 to ``n_classes - 1``.
        feature_names : list of str
            The names of the genes; "gene_0" and so on where the source has none.
        target_names : ndarray of shape (n_classes,)
            The names of the classes in the source, as str.
        frame : DataFrame or None
            Data and target; None unless `as_frame` is True.
        DESCR : str
            A description of the data.
        url : str
            Where the data come from.
    (data, target) : tuple
        Returned instead if `return_X_y` is True.

    Raises
    ------
    ValueError
        If a parameter is outside its range, or OpenML's data are not those expected.
    OSError
        If the data are not there and cannot or must not be downloaded, or a checksum is wrong.
        The message tells where to put the file by hand.
    ImportError
        If `as_frame` is True and pandas is not installed.

    See Also
    --------
    make_microarray : Generated data of the same shape, for work without a network.
    sklearn.datasets.fetch_openml : Any data set of OpenML.

    Notes
    -----
    The data belong to their studies; see there for terms of use.

    References
    ----------
    .. [1] J. Li, K. Cheng, S. Wang, F. Morstatter, R. P. Trevino, J. Tang, H. Liu, "Feature
       selection: A data perspective", ACM Computing Surveys 50(6), 2018,
       https://github.com/jundongl/scikit-feature
    .. [2] J. Vanschoren, J. N. van Rijn, B. Bischl, L. Torgo, "OpenML: Networked science in
       machine learning", SIGKDD Explorations 15(2), 2013, https://www.openml.org
    .. [3] G. Stiglic, P. Kokol, "Stability of ranked gene lists in large microarray analysis
       studies", Journal of Biomedicine and Biotechnology, 2010.

    Examples
    --------
    >>> from sklearn_set.datasets import fetch_microarray
    >>> X, y = fetch_microarray("SMK-CAN-187", return_X_y=True)  # doctest: +SKIP
    """
    check_values(locals(), _CONSTRAINTS, "fetch_microarray")
    if as_frame:
        pandas = _import_pandas()
    folder = Path(get_data_home(data_home)) / "sklearn_set"
    patience = {"n_retries": n_retries, "delay": delay}
    if name in FILES:
        about = FILES[name].about
        study = from_repository(name, folder, download_if_missing, patience)
    elif name in OPENML:
        about = OPENML[name].about
        study = from_openml(name, folder, data_home, download_if_missing, patience)
    else:
        about = COMBINED_ABOUT
        study = from_all_tissues(folder, data_home, download_if_missing, patience)

    data, target, frame = study.data, study.target, None
    if as_frame:
        data = pandas.DataFrame(data, columns=study.feature_names)
        target = pandas.Series(target, name="target")
        frame = pandas.concat([data, target], axis=1)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        feature_names=study.feature_names.tolist(),
        target_names=study.target_names,
        frame=frame,
        DESCR=f"{about}\n\nFrom {study.url}.",
        url=study.url,
    )


def _import_pandas():
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "fetch_microarray(as_frame=True) needs pandas. Install it: pip install pandas."
        ) from error
    return pandas
