"""Which genes the networks use, how steadily, and where each is higher.

Knows strengths of genes in several models, and studies; must not know how they are trained.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

N_TOP = 50

# The scale of the strengths.  That of `feature_importances_`, which add up to one, would give most
# of many thousand genes less than a thousandth.
IN_MEANS = "times the mean strength"


@dataclass
class GeneRanking:
    """All genes, the strongest first."""

    order: np.ndarray  # of genes
    strength: np.ndarray  # by gene: mean over the models, times that of the mean gene
    n_top: int  # how many genes of a model are its top
    times: np.ndarray  # by gene: in how many models it is in the top
    n_models: int
    effect: np.ndarray  # by gene
    effect_name: str
    effect_of: list  # by gene, in words


def ranking_of(study, strengths):
    """Rank the genes by their mean strength in the models, one row each."""
    n_models, n_genes = strengths.shape
    n_top = max(1, min(N_TOP, n_genes // 10))
    top = np.argsort(-strengths, axis=1, kind="stable")[:, :n_top]
    total = strengths.sum(axis=1, keepdims=True)
    share = strengths / np.where(total > 0, total, 1)
    strength = share.mean(axis=0) * n_genes
    effect, name, words = _effects(study)
    return GeneRanking(
        order=np.argsort(-strength, kind="stable"),
        strength=strength,
        n_top=n_top,
        times=np.bincount(top.ravel(), minlength=n_genes),
        n_models=n_models,
        effect=effect,
        effect_name=name,
        effect_of=words,
    )


def _effects(study):
    """How each gene goes with the labels: a number, what it is, and a word for each gene."""
    X, y = study.scaled, study.y
    if not study.is_classification:
        correlation = _correlations(X, y)
        words = np.array(["falls", "–", "rises"])[np.sign(correlation).astype(int) + 1]
        return correlation, "correlation", words.tolist()
    classes = study.classes
    means = np.array([_means(X[y == label]) for label in classes])
    highest = [str(classes[row]) for row in means.argmax(axis=0)]
    ordered = np.sort(means, axis=0)
    effect, unit = ordered[-1] - ordered[-2], "difference"
    if study.takes_logarithms:
        unit = "log2 difference"
        if study.has_negative:  # a logarithm that changes sign at 0 would exaggerate those there
            effect, unit = _in_deviations(X, effect), "difference in SD"
    return effect, unit if len(classes) == 2 else f"{unit} to the next class", highest


def _in_deviations(X, effect):
    """Differences divided by the standard deviation of each gene; 0 for constant ones."""
    squares = X.multiply(X).tocsr() if sparse.issparse(X) else X * X
    deviation = np.sqrt(np.maximum(_means(squares) - _means(X) ** 2, 0))
    return np.divide(effect, deviation, out=np.zeros(len(effect)), where=deviation > 1e-6)


def _means(X):
    """Means of the columns, of the cells that are there; 0 where there are none."""
    if sparse.issparse(X):
        return np.asarray(X.mean(axis=0)).ravel()
    there = ~np.isnan(X)
    return np.where(there, X, 0).sum(axis=0, dtype=np.float64) / np.maximum(there.sum(axis=0), 1)


def _correlations(X, y):
    """Correlation of every column with y; 0 for constant ones."""
    if sparse.issparse(X):
        mean = _means(X)
        product = X.T @ (y - y.mean())
        spread = np.sqrt(np.maximum(_means(X.multiply(X).tocsr()) - mean**2, 0)) * len(y)
    else:
        filled = np.where(np.isnan(X), _means(X), X).astype(np.float64)
        filled -= filled.mean(axis=0)
        product = filled.T @ (y - y.mean())
        spread = filled.std(axis=0) * len(y)
    return np.divide(product, spread * y.std(), out=np.zeros(len(product)), where=spread > 1e-12)
