"""A study: samples that can be learned from, and sentences that say how a file was understood.

Knows samples as they were read, and what the options say of them; must not know files, or what is
trained.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from sklearn_set._cli.doubts import doubts
from sklearn_set._cli.files.messages import Refusal, count, some
from sklearn_set._cli.loading import loading_of
from sklearn_set._cli.targets import CLASSES, target_of
from sklearn_set._cli.values import checked, described, log2_of


@dataclass
class Study:
    """Samples, checked and ready for cross-validation."""

    title: str
    task: str
    X: np.ndarray | sparse.csr_array  # float32, as they stand in the file
    y: np.ndarray
    samples: list
    genes: list
    groups: np.ndarray | None
    takes_logarithms: bool
    kind: str  # of the numbers, in words: counts, raw intensities, logarithms
    has_missing: bool
    notes: list
    loading: str  # Python that reads new samples as these were read

    @property
    def is_classification(self):
        """Whether y holds classes."""
        return self.task == CLASSES

    @property
    def is_sparse(self):
        """Whether X is a sparse matrix."""
        return sparse.issparse(self.X)

    @property
    def has_negative(self):
        """Whether any number is below zero."""
        stored = self.X.data if self.is_sparse else self.X
        return bool((stored < 0).any())

    @property
    def classes(self):
        """The classes, in order."""
        return np.unique(self.y)

    @property
    def scaled(self):
        """X, or its logarithms if these are learned from."""
        return log2_of(self.X) if self.takes_logarithms else self.X


def understand(samples, title, *, task=None, raw="auto"):
    """Make a study of samples as they were read; refuse those that cannot be learned from."""
    target = target_of(samples, task)
    values, n_missing = checked(replace(samples, values=samples.values[target.rows]))
    names = samples.names
    if names is None:
        names = [str(row + 1) for row in range(samples.values.shape[0])]
    genes, told_genes = _gene_names(samples, values.shape[1])
    groups, told_groups = _groups(samples, target.rows)
    takes_logarithms, kind, told_values = described(values, raw, genes)
    notes = [f"{title} is {samples.form}."]
    if samples.transposed:
        notes.append("Its rows are genes and its columns are samples: it was transposed.")
    n_genes = values.shape[1]
    notes.append(
        f"{count(len(target.rows), 'sample')}, {count(n_genes, 'gene')}, "
        f"{_told_missing(values, n_missing)}."
    )
    notes += [*target.notes, *told_groups, told_values, *told_genes, *_constant(values, genes)]
    named = [names[row] for row in target.rows]
    notes += doubts(values, target, genes, named)
    if samples.left_out:
        notes.append(f"Left out: {some(samples.left_out, str, most=10, between='; ')}.")
    notes += samples.hints
    return Study(
        title=title,
        task=target.task,
        X=values,
        y=target.y,
        samples=named,
        genes=genes,
        groups=groups,
        takes_logarithms=takes_logarithms,
        kind=kind,
        has_missing=n_missing > 0,
        notes=notes,
        loading=loading_of(samples),
    )


def _told_missing(values, n_missing):
    """How many cells are missing, in words."""
    if sparse.issparse(values):
        return f"{values.nnz / np.prod(values.shape):.1%} of the cells are not zero"
    if not n_missing:
        return "no missing cells"
    n_genes = int(np.isnan(values).any(axis=0).sum())
    return (
        f"{count(n_missing, 'missing cell')} of {values.size:,} in {count(n_genes, 'gene')}: "
        "medians of the training samples stand in for them"
    )


def _gene_names(samples, n_genes):
    """Names of the genes, all different, and what was done to them in words."""
    if samples.features is None:
        return [f"gene {number}" for number in range(1, n_genes + 1)], []
    names = [name or f"(row {place})" for place, name in enumerate(samples.features, 1)]
    times = Counter(names)
    twice = [name for name, number in times.items() if number > 1]
    if not twice:
        return names, []
    seen, taken, distinct = Counter(), set(names), []
    for name in names:
        seen[name] += 1
        new = name
        while seen[name] > 1 and new in taken:
            new = f"{name} #{seen[name]}"
            seen[name] += new in taken
        taken.add(new)
        distinct.append(new)
    return distinct, [
        f"{count(len(twice), 'name')} of genes {'stands' if len(twice) == 1 else 'stand'} more "
        f"than once ({some(twice)}): all are kept, as {twice[0]!r}, '{twice[0]} #2' and so on."
    ]


def _groups(samples, rows):
    """Groups of the samples that have a label, and what they are in words."""
    if samples.groups is None:
        return None, []
    groups = samples.groups[rows]
    missing = groups == ""
    if missing.any():
        raise Refusal(
            f"has no group for {count(missing.sum(), 'sample')} of {len(groups)}, in "
            f"{samples.group}. Every sample needs one: fill them in."
        )
    n_groups = np.unique(groups).size
    return groups, [
        f"Groups are {samples.group}: {count(n_groups, 'group')}; samples of one group are in the "
        "same fold."
    ]


def _constant(values, genes):
    """A sentence on genes that are the same in all samples, if there are any."""
    if sparse.issparse(values):
        low, high = values.min(axis=0).toarray().ravel(), values.max(axis=0).toarray().ravel()
    else:
        with np.errstate(all="ignore"):
            low, high = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
    constant = np.flatnonzero(low == high)
    if not constant.size:
        return []
    if constant.size == len(genes):
        raise Refusal("has the same numbers in all samples, expected genes that differ.")
    verb = "is" if constant.size == 1 else "are"
    return [
        f"{count(constant.size, 'gene')} {verb} the same in all samples "
        f"({some([genes[gene] for gene in constant])}), and can tell nothing."
    ]
