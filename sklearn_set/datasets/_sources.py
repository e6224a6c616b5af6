"""Sources of microarray studies: files are downloaded, checked, kept, and brought to one form.

`folder` is where files are kept.  `download` says whether the network may be used.  `patience`
holds `n_retries` and `delay` of scikit-learn's functions.  Knows files and servers; must not know
in which form users get the data.
"""

import hashlib
import importlib.util
import os
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.io import loadmat
from sklearn.datasets import fetch_file, fetch_openml

from sklearn_set.datasets._studies import COMBINED, FILES, ONE_AGAINST_ALL, OPENML, RAW
from sklearn_set.warning import warn


@dataclass
class Study:
    """A study in the form that every source is brought to."""

    data: np.ndarray
    target: np.ndarray
    feature_names: np.ndarray
    target_names: np.ndarray
    url: str


# ------------------------------------------------------------------------------- scikit-feature


def from_repository(name, folder, download, patience):
    """Read a file of the scikit-feature repository, after downloading it if necessary."""
    path, url, pinned = folder / f"{name}.mat", f"{RAW}/{name}.mat", FILES[name]
    by_hand = f"Download {url} by other means and save it as {path}."
    problem = _difference(path, pinned) if path.exists() else None
    if problem or not path.exists():
        if not download:
            raise _not_there(problem, by_hand)
        if problem:
            warn(f"{problem} It is downloaded again from {url}.")
        with _replacing(path) as scratch:
            try:
                fetch_file(url, folder=scratch.parent, local_filename=scratch.name, **patience)
            except OSError as error:
                raise _not_reached(name, error, by_hand) from error
            problem = _difference(scratch, pinned)
            if problem:
                raise OSError(f"{url} is not what it was: {problem} Nothing was kept.")
    content = loadmat(path, variable_names=["X", "Y"])
    values, target = np.unique(content["Y"].ravel(), return_inverse=True)
    data = np.ascontiguousarray(content["X"], dtype=np.float64)
    return Study(
        data=data,
        target=target.astype(np.int64),
        feature_names=np.array([f"gene_{gene}" for gene in range(data.shape[1])]),
        target_names=values.astype(str),
        url=url,
    )


def _difference(path, pinned):
    """Tell in a sentence how a file differs from the pinned one; None if it does not."""
    content = path.read_bytes()
    git_blob = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    git_blob.update(content)
    checks = [("Git's checksum", git_blob, pinned.git_blob)]
    if pinned.sha256:
        checks.append(("The SHA256 checksum", hashlib.sha256(content), pinned.sha256))
    for what, found, expected in checks:
        if found.hexdigest() != expected:
            return (
                f"{what} of {path.name} ({found.hexdigest()}) differs from expected ({expected})."
            )
    return None


# --------------------------------------------------------------------------------------- OpenML


def from_openml(name, folder, data_home, download, patience):
    """Read a data set of OpenML, from the copy that the first call has made."""
    path, data_id = folder / f"{name}.npz", OPENML[name].data_id
    if path.exists():
        return _load(path)
    by_hand = _by_copy(name, path)
    if not download:
        raise _not_there(None, by_hand)
    # The pandas parser is many times faster; both yield the same numbers and labels.
    parser = "pandas" if importlib.util.find_spec("pandas") else "liac-arff"
    try:
        fetched = fetch_openml(
            data_id=data_id, data_home=data_home, as_frame=False, parser=parser, **patience
        )
    except OSError as error:
        raise _not_reached(name, error, by_hand) from error
    if fetched.details["name"] != name:
        raise ValueError(
            f"OpenML's data set {data_id} should be {name!r}, but is {fetched.details['name']!r}."
        )
    target_names, target = np.unique(fetched.target.astype(str), return_inverse=True)
    study = Study(
        data=np.ascontiguousarray(fetched.data, dtype=np.float64),
        target=target.astype(np.int64),
        feature_names=np.array(fetched.feature_names, dtype=str),
        target_names=target_names,
        url=f"https://www.openml.org/d/{data_id}",
    )
    _save(path, study)
    return study


def from_all_tissues(folder, data_home, download, patience):
    """Combine the sets of one tissue against all others; samples may be in different orders.

    Raises
    ------
    ValueError
        If they do not hold the same samples, or a sample does not belong to exactly one tissue.
    """
    path = folder / f"{COMBINED}.npz"
    if path.exists():
        return _load(path)
    if not download:
        raise _not_there(None, _by_copy(COMBINED, path))
    tissue_of = {}
    first = None
    for tissue in ONE_AGAINST_ALL:
        name = f"OVA_{tissue}"
        study = from_openml(name, folder, data_home, download, patience)
        inside = np.flatnonzero(np.char.lower(study.target_names) != "other")
        if len(study.target_names) != 2 or len(inside) != 1:
            raise ValueError(
                f"{name} should have one class beside 'Other', got {study.target_names.tolist()}."
            )
        samples = [hashlib.sha256(row).digest() for row in study.data]
        if first is None:
            first, order = study, samples
        elif sorted(samples) != sorted(order):
            raise ValueError(f"{name} does not hold the samples of the other sets.")
        for sample, label in zip(samples, study.target, strict=True):
            if label == inside and tissue_of.setdefault(sample, tissue) != tissue:
                raise ValueError(f"A sample belongs to {tissue_of[sample]} and to {tissue}.")
    if len(tissue_of) != len(set(order)):
        raise ValueError("A sample belongs to no tissue.")
    target_names, target = np.unique([tissue_of[sample] for sample in order], return_inverse=True)
    combined = Study(
        data=first.data,
        target=target.astype(np.int64),
        feature_names=first.feature_names,
        target_names=target_names,
        url=", ".join(f"https://www.openml.org/d/{number}" for number in ONE_AGAINST_ALL.values()),
    )
    _save(path, combined)
    return combined


# ---------------------------------------------------------------------------------------- files


@contextmanager
def _replacing(path):
    """Yield the path of a file to write, and move the file to `path` once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as scratch:
        yield Path(scratch) / path.name
        os.replace(Path(scratch) / path.name, path)


def _save(path, study):
    with _replacing(path) as scratch:
        np.savez_compressed(scratch, **vars(study))


def _load(path):
    try:
        with np.load(path) as arrays:
            study = Study(**arrays)
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise OSError(f"{path} cannot be read ({error}). Delete it and call again.") from error
    study.url = study.url.item()
    return study


def _by_copy(name, path):
    return (
        f"Call fetch_microarray({name!r}) where there is a connection, and copy the file "
        f"sklearn_set/{path.name} of its data folder to {path}."
    )


def _not_there(problem, by_hand):
    found = problem or "Data not found"
    return OSError(f"{found.rstrip('.')} and `download_if_missing` is False. {by_hand}")


def _not_reached(name, error, by_hand):
    return OSError(f"{name} could not be downloaded: {error}. {by_hand}")
