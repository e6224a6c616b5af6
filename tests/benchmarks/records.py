"""The fits of the accuracy study: what is to be done, what is done, and the file of results."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from methods import N_FOLDS, Source, parameters_of
from reporting import describe_machine
from sklearn.base import BaseEstimator

import sklearn_set

VERSIONS = ("python", "sklearn_set", "scikit-learn", "numpy", "scipy", "kernel variant")


class Task(NamedTuple):
    """One fit: a method, made for one split of a data set."""

    source: Source
    method: str
    split: int
    model: BaseEstimator
    parameters: dict
    key: tuple
    shape: tuple


def make_task(source, method, split, model, shape):
    parameters = parameters_of(model)
    key = key_of(source.name, shape, parameters, split)
    return Task(source, method, split, model, parameters, key, shape)


def key_of(name, shape, parameters, split):
    """What a result is known by; the label of the method is not part of it."""
    return name, *shape, json.dumps(parameters, sort_keys=True), split


class Results:
    """All results so far, in memory and in a file of one line each.

    Parameters
    ----------
    path : Path or None
        What is there is read; what is added is appended.
    """

    def __init__(self, path):
        self._path = path
        self._by_key = {}
        self.failures = {}
        if path is not None and path.exists():
            self._read()

    def _read(self):
        text = self._path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # it was killed while it wrote its last line
            self._path.write_text(whole, encoding="utf-8")
        for line in whole.splitlines():
            record = json.loads(line)
            shape = record["samples"], record["features"]
            split = record["repeat"] * N_FOLDS + record["fold"]
            self._by_key[key_of(record["data"], shape, record["parameters"], split)] = record

    def __contains__(self, key):
        return key in self._by_key

    def __getitem__(self, key):
        return self._by_key[key]

    def add(self, task, outcome, versions):
        """Keep an outcome; a failure only until the end, to be tried again the next time."""
        if "error" in outcome:
            self.failures[task.key] = task, outcome["error"]
            return
        repeat, fold = divmod(task.split, N_FOLDS)
        record = {
            "data": task.source.name,
            "group": task.source.group,
            "samples": task.shape[0],
            "features": task.shape[1],
            "method": task.method,
            "repeat": repeat,
            "fold": fold,
            **outcome,
            "parameters": task.parameters,
            "versions": versions,
        }
        self._by_key[task.key] = record
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")

    def notes(self, plan):
        """What a reader of the tables must know about the results of this plan."""
        used = [self[task.key] for task in plan if task.key in self]
        versions = {json.dumps(record["versions"]): record["versions"] for record in used}
        if len(versions) > 1:
            names = {name for each in versions.values() for name in each}
            differing = [
                name for name in sorted(names) if len({v.get(name) for v in versions.values()}) > 1
            ]
            yield f"Careful: the results are of several versions, in {', '.join(differing)}."
        if len(used) < len(plan):
            yield f"There are {len(used):,} of {len(plan):,} results."
        for (name, method), failures in group_by(
            self.failures.values(), lambda failure: (failure[0].source.name, failure[0].method)
        ).items():
            yield f"{method} failed on {name}, {len(failures)} times: {failures[0][1]}"


def described_versions():
    """What may change scores or times; the sources too, because a version has many."""
    machine = describe_machine()
    return {
        **{name: machine[name] for name in VERSIONS},
        "sources": digest_of_sources(),
        "processor": machine["processor"],
    }


def digest_of_sources():
    digest = hashlib.sha256()
    folder = Path(sklearn_set.__file__).parent
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".pyx", ".pxd", ".pxi", ".h"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def group_by(items, key):
    """Lists of the items by what `key` says of them, in order."""
    groups = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
