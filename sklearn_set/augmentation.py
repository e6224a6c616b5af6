"""Training data made from the user's: softened targets, and mixtures of two samples.

The user's data are read and never changed.  Mixtures are made part after part, so only one part is
in memory.  Knows arrays of data and random numbers; must not know networks or time.
"""

from dataclasses import replace

import numpy as np
from scipy import sparse

from sklearn_set._core.products import times_table
from sklearn_set.samples import MAX_SAMPLES, Samples

# A part of the mixed data has about so many numbers, some tens of megabytes, but at least a batch.
_NUMBERS_IN_A_PART = 1 << 22


def soften(data, n_outputs, label_smoothing):
    """Turn class numbers into probabilities, and move these towards equal ones.

    Label smoothing (Szegedy et al., 2016, arXiv 1512.00567, sect. 7): a share of the target is
    divided equally among all classes.  A logistic output has two classes, yes and no.

    Parameters
    ----------
    data : TrainingData
        The data of a classifier.
    n_outputs : int
    label_smoothing : float in [0, 1)

    Returns
    -------
    TrainingData
        The same samples with real targets, and the loss that takes them.
    """
    dtype = data.X.dtype
    if data.loss == "softmax_log_loss":
        y = np.full((data.y.shape[0], n_outputs), label_smoothing / n_outputs, dtype)
        y[np.arange(data.y.shape[0]), data.y] += 1 - label_smoothing
        return replace(data, y=y, loss="soft_log_loss")
    return replace(data, y=(data.y * (1 - label_smoothing) + label_smoothing / 2).astype(dtype))


def mixed_parts(data, order, mixup, *, batch_size, rng, n_threads=1):
    """Mix every sample with another, part after part.

    Mixup (Zhang et al., 2018, arXiv 1710.09412, eq. 1): a sample and its target become weighted
    means with those of a partner drawn at random.  The weight is drawn for each pair from
    Beta(mixup, mixup), and the larger share is the sample's own (Berthelot et al., 2019, arXiv
    1905.02249, eq. 9), so that every sample keeps its part in every epoch.  With sample weights
    the target is the mean by weight times share, and the sum of these is the new weight.

    Parameters
    ----------
    data : TrainingData
        With real targets of shape (n_samples, n_outputs).
    order : ndarray of int32
        The samples of this epoch, in their order.
    mixup : float
        Above 0.
    batch_size : int
        A part holds whole batches.
    rng : numpy.random.Generator
    n_threads : int, default=1
        Changes nothing but time.

    Yields
    ------
    TrainingData
        One part: all its samples are to be trained on, in their order.
    """
    if data.sample_weight is not None:
        order = order[data.sample_weight[order] > 0]  # weight zero: no effect at all
    if 2 * min(batch_size, order.shape[0]) > MAX_SAMPLES:  # two shares for each sample
        raise ValueError(
            f"mixup mixes at most {MAX_SAMPLES // 2} samples in a batch, but "
            f"batch_size={batch_size}. Lower batch_size."
        )
    X = data.X.matrix()
    n_batches = max(1, _NUMBERS_IN_A_PART // (data.X.n_features * batch_size))
    for start in range(0, order.shape[0], n_batches * batch_size):
        rows = order[start : start + n_batches * batch_size]
        shares = rng.beta(mixup, mixup, size=rows.shape[0])
        partners = rng.choice(order, rows.shape[0])
        yield _mixed(data, X, rows, partners, np.maximum(shares, 1 - shares), n_threads)


def _mixed(data, X, rows, partners, shares, n_threads):
    """The weighted means of pairs, as products with a matrix that has two shares in every row."""
    y, weight, dtype = data.y, data.sample_weight, X.dtype
    n = rows.shape[0]
    columns = np.column_stack([rows, partners]).ravel()
    values = np.column_stack([shares, 1 - shares]).astype(dtype).ravel()
    matrix = sparse.csr_array((values, columns, np.arange(0, 2 * n + 1, 2)), (n, y.shape[0]))
    if sparse.issparse(X):
        mixed = matrix @ X
    else:
        pairs = matrix.indptr.astype(np.int32), columns.astype(np.int32), values
        mixed = times_table(*pairs, X, np.arange(n + 1, dtype=np.int32), n_threads)
    if weight is not None:
        matrix.data *= weight[columns]
        weight = matrix.sum(axis=1).astype(dtype)
        matrix.data /= np.repeat(weight, 2)
    return replace(
        data,
        X=Samples(mixed, dtype),
        y=np.ascontiguousarray(matrix @ y, dtype),
        sample_weight=weight,
        rows=np.arange(n, dtype=np.int32),
    )
