"""Training data made from the user's: softened targets, and mixtures of two samples.

The user's data are read and never changed.  Samples are mixed when a batch is read, targets before.
Knows arrays of data and random numbers; must not know networks or time.
"""

from dataclasses import replace

import numpy as np

from sklearn_set.samples import MixedSamples


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


def mixed(data, order, mixup, batch_size, rng):
    """Mix every sample with one of its batch.

    Mixup (Zhang et al., 2018, arXiv 1710.09412, eq. 1): a sample and its target become weighted
    means with those of a partner drawn at random from the same batch, as in the authors' code: what
    is read together stays near the processor.  The weight is drawn for each pair from
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
    rng : numpy.random.Generator

    Returns
    -------
    TrainingData
        All its samples are to be trained on, in their order.
    """
    y, weight, dtype = data.y, data.sample_weight, data.X.dtype
    if weight is not None:
        order = order[weight[order] > 0]  # weight zero: no effect at all
    n = order.shape[0]
    share = rng.beta(mixup, mixup, size=n)
    share = np.maximum(share, 1 - share).astype(dtype)
    start_of_batch = np.arange(n) // batch_size * batch_size
    place = start_of_batch + rng.integers(np.minimum(batch_size, n - start_of_batch))
    first, second = order.astype(np.int32), order[place].astype(np.int32)
    own, others = share[:, np.newaxis], 1 - share[:, np.newaxis]
    if weight is not None:
        own, others = own * weight[first, np.newaxis], others * weight[second, np.newaxis]
        total = own + others
        own, others, weight = own / total, others / total, total[:, 0].astype(dtype)
    return replace(
        data,
        X=MixedSamples(data.X, first, second, share),
        y=np.ascontiguousarray(own * y[first] + others * y[second], dtype),
        sample_weight=weight,
        rows=np.arange(n, dtype=np.int32),
    )
