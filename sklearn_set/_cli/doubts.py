"""What is odd about samples that were understood, in sentences: their user knows what it means.

Knows matrices of numbers, their names and targets; must not know files.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from sklearn_set._cli.files.cells import is_date, tells_clinic, tells_genes, tells_samples
from sklearn_set._cli.files.messages import count, some

_LEAVE_OUT = "leave it out with --ignore"


def doubts(X, target, genes, samples):
    """Sentences on genes that are hardly any, and on samples that are hardly several."""
    notes = _names(genes)
    if not sparse.issparse(X):
        notes += _telling(X, target, genes)
        notes += _whole(X, genes)
    return notes + _samples(X, samples)


def _names(genes):
    """On names that are hardly those of genes."""
    notes = []
    dates = list(filter(is_date, genes))
    known = list(filter(_is_known_beside, genes))
    if known:
        notes.append(
            f"{some(known)} {'is taken for a gene' if len(known) == 1 else 'are taken for genes'}. "
            f"What is not known of new samples must not be learned from: {_LEAVE_OUT}."
        )
    if dates:
        notes.append(
            f"{count(len(dates), 'gene')} {'has' if len(dates) == 1 else 'have'} the name of a "
            f"date or a power of ten ({some(dates)}): a spreadsheet has changed names such as "
            "MARCH1."
        )
    return notes


def _is_known_beside(name):
    """Whether a name is one of what is known of a sample beside its genes."""
    return tells_clinic(name) or tells_samples(name) or tells_genes(name)


def _telling(X, target, genes):
    """On columns that tell the target exactly, as its codes do."""
    if target.is_classification:
        lows, highs = [], []
        for value, times in zip(*target.classes, strict=True):
            if times < 3:
                return []
            members = X[target.y == value]
            lows.append(members.min(axis=0))
            highs.append(members.max(axis=0))
        lows, highs = np.array(lows), np.array(highs)
        tells = (lows == highs).all(axis=0) & (lows.min(axis=0) < highs.max(axis=0))
        what = "is one number in each class"
    else:
        if len(X) < 10:
            return []
        y = target.y - target.y.mean()
        with np.errstate(all="ignore"):
            centred = X - X.mean(axis=0)
            scale = np.sqrt((centred**2).sum(axis=0) * (y @ y))
            tells = np.abs(y.astype(np.float32) @ centred) > 0.99999 * scale
        what = "goes exactly with the target"
    found = [genes[gene] for gene in np.flatnonzero(tells)]
    if not found:
        return []
    return [
        f"{some(found)} {what}{' each' if len(found) > 1 else ''}: no gene does that; {_LEAVE_OUT}."
    ]


def _whole(X, genes):
    """On the few columns of whole numbers among others, such as those of hospitals."""
    with np.errstate(all="ignore"):
        whole = (np.isnan(X) | (np.round(X) == X)).all(axis=0)
        whole &= np.fmin.reduce(X, axis=0) < np.fmax.reduce(X, axis=0)
    found = [genes[gene] for gene in np.flatnonzero(whole) if not _is_known_beside(genes[gene])]
    if not found or len(found) > max(1, min(5, len(genes) // 10)):
        return []
    verb = "holds" if len(found) == 1 else "hold"
    return [
        f"{some(found)} {verb} whole numbers only, unlike the others: if that is no gene, "
        f"{_LEAVE_OUT}."
    ]


def _samples(X, samples):
    """On samples that are the same, and on those without numbers."""
    if sparse.issparse(X):
        parts = zip(X.indptr[:-1], X.indptr[1:], strict=True)
        rows = [(X.indices[a:b].tobytes(), X.data[a:b].tobytes()) for a, b in parts]
        empty = []
    else:
        rows = [row.tobytes() for row in X]
        empty = [samples[row] for row in np.flatnonzero(np.isnan(X).all(axis=1))]
    notes, places = [], {}
    for place, row in enumerate(rows):
        places.setdefault(row, []).append(samples[place])
    same = [names for names in places.values() if len(names) > 1 and names[0] not in empty]
    if empty:
        notes.append(
            f"{count(len(empty), 'sample')} {'has' if len(empty) == 1 else 'have'} no number at "
            f"all ({some(empty)}): better leave the label empty, too."
        )
    if same:
        pairs = [" = ".join(map(repr, names[:3])) for names in same]
        notes.append(
            f"{count(sum(map(len, same)), 'sample')} have the numbers of another "
            f"({some(pairs, str)}): if they are one sample, keep one, or name their groups with "
            "--groups; else scores are too good."
        )
    return notes
