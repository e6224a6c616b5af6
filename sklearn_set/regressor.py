"""SETRegressor: its parameters, and what it makes of targets.

Knows targets, losses and the units of targets; must not know how a network is trained.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d

from sklearn_set._typing import (
    Auto,
    Float,
    Floats,
    Int,
    LayerSizes,
    Matrix,
    Names,
    RandomState,
    Scoring,
)
from sklearn_set.base import BaseSET
from sklearn_set.docstrings import with_tables
from sklearn_set.losses import LOSSES, OUT_ACTIVATIONS
from sklearn_set.problem import Call
from sklearn_set.scaling import TargetUnits


def _score(y, predicted, sample_weight=None):
    """R2 on held-out samples; nan, as in MLPRegressor, where predictions have overflowed."""
    if not np.isfinite(predicted).all():
        return np.nan
    return r2_score(y, predicted, sample_weight=sample_weight)


# Below it, the square of a number does not overflow.
_SQUARED = 1e100

# Share of the targets, on either side, that may be outliers: they do not count for the scale.
_OUTLIERS = 0.15


@with_tables
class SETRegressor(RegressorMixin, BaseSET):
    """Truly sparse multilayer perceptron regressor, trained with Sparse Evolutionary Training.

    Minimises the squared error, or another `loss`, by stochastic gradient descent or Adam. Only
    the connections that exist are stored and computed. Between epochs the weakest are replaced by
    new ones, so the network finds its own structure, and never grows ([1]_, [2]_).

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(1000,)
        Numbers of neurons of the hidden layers, each at least 1. ``()`` gives a sparse linear
        model.

    loss : str, default="squared_error"
        Loss to minimise. The error is prediction minus target:

        %(losses)s

    quantile : float, default=0.5
        Quantile that loss "quantile" estimates, in (0, 1). Other losses ignore it.

    huber_delta : float, default=1.0
        Absolute error from which on loss "huber" is linear, in units of `target_scale_` and above
        0. Other losses ignore it.

    epsilon : float, default=10
        SET sparsity, above 0: a layer of n_in and n_out neurons gets ``min(round(epsilon *
        (n_in + n_out)), n_in * n_out)`` connections, drawn at random (Erdős–Rényi; [2]_, eq. 1).
        Memory and time grow with it. A value so small that most hidden neurons begin without
        inputs is warned of. The constant that scikit-learn's MLP calls `epsilon` is
        `adam_epsilon` here.

    zeta : float, default=0.3
        Share of the connections of every layer that an evolution renews, in [0, 1]. By default
        the positive and the negative ones nearest zero are removed, and as many new ones are
        drawn at random ([2]_, algorithm 1). 0 trains a fixed sparse network.

    rewire_interval : int, default=1
        Epochs from one evolution to the next, at least 1. An evolution takes place before an
        epoch, but never before the first. Each call of `partial_fit` counts as an epoch.

    pruning : {%(pruning_rules)s}, default="set"
        Which connections of a layer an evolution removes:

        %(pruning)s

    growth : {%(growth_rules)s}, default="random"
        Where the new connections come, as many as were removed:

        %(growth)s

    newborn_weights : {"initial", "zero"}, default="zero"
        Weights of new connections: drawn like the initial ones, or zero.

    activation : str or array-like of str, default="relu"
        Activation of the hidden layers, one for all or one for each:

        %(activations)s

    dropout : float, default=0.0
        Probability, in [0, 1), that the output of a hidden neuron is set to zero in a training
        step; the others are divided by ``1 - dropout``. Predictions drop nothing.

    input_dropout : float or "auto", default=0.0
        Probability, in [0, 1), that a feature of a sample is dropped in a training step. A dropped
        feature is set to its value in `feature_offset_`: its mean if that is far from zero, else
        zero. The distances of the others from it are divided by ``1 - input_dropout``. "auto" is
        0.5 for wide data (more features than samples), else 0, and 0 in `partial_fit`.
        `partial_fit` computes no means. If no `fit` came before, it sets dropped features to
        zero, so scale them.

    mixup : float or "auto", default=0.0
        Strength of mixup, at least 0. Every sample is mixed with a partner drawn at random from
        its mini-batch, and so are their targets ([5]_). The two shares are drawn from Beta(mixup,
        mixup), and the larger one is the sample's own. 0 mixes nothing. "auto" is a tenth of the
        number of features per sample, at most 4, for wide data, else 0; 0 in `partial_fit`.

    weight_init : {"auto", "he_uniform", "glorot_uniform", "normal", "small"}, default="auto"
        Distribution of the initial weights, and of the weights of new connections. "he_uniform"
        is uniform within +-sqrt(6 / fan_in), "glorot_uniform" within +-sqrt(6 / (fan_in +
        fan_out)), where the fans are mean numbers of *connections* per neuron. "normal" is
        N(0, 0.1^2), as in the code of [1]_. "small" is a tenth of "he_uniform": a layer then
        computes what it has learned, not what was drawn, and new connections disturb little.
        "auto" is "small" for networks of at most one hidden layer. Signals would vanish in
        deeper networks with such weights: there "auto" is "he_uniform" below rectifiers
        (%(rectifiers)s), else "glorot_uniform". Biases start at zero.

    dtype : {"auto", "float32", "float64"}, default="auto"
        Number type of the network. "auto" is float32 for X of float32, and for wide data of 1,000
        features or more, unless float32 cannot hold their numbers or tell them apart. Otherwise,
        and in `partial_fit`, it is float64. float32 takes less time and half of the memory.
        Predictions for X of float64 are float64 in any case.

    solver : {%(solvers)s}, default="adam"
        Optimizer of the weights: %(optimizers)s.

    alpha : float, default=0.35
        Strength of the L2 penalty on the weights, at least 0. It is part of the loss, divided by
        the expected weight of the batch: its number of samples times the mean sample weight of
        the training data. If `partial_fit` gets fewer samples than `batch_size`, they are
        penalised as a batch of `batch_size` samples, or of 200 if it is larger.

    weight_decay : float, default=0.0
        Decoupled decay, at least 0: every step multiplies the weights by ``1 - learning_rate *
        weight_decay`` (AdamW). Biases are not decayed.

    batch_size : int or "auto", default="auto"
        Samples per mini-batch, at least 1; "auto" is about a tenth of the samples, but at most 200
        and, if there are as many, at least 32, or 16 with a search for features. If the last batch
        were less than half as large as the others, all are about equally large: in a batch of a few
        samples the penalty would be many times as strong. Batches are small for small data, so that
        new connections get enough steps to prove themselves before the next evolution.

    learning_rate : {"auto", "constant", "invscaling", "adaptive", "cosine"}, default="auto"
        Schedule of the learning rate, for both solvers:

        - "auto" is "cosine" if `n_iter_no_change` is inf, so that training lasts `max_iter`
          epochs for certain, else "constant"; "constant" in `partial_fit`;
        - "constant" is `learning_rate_init`;
        - "invscaling" is ``learning_rate_init / (t + 1) ** power_t``, t the number of training
          samples seen at the end of an epoch;
        - "adaptive" divides the rate by 5 when `n_iter_no_change` epochs bring no improvement of
          `tol`, and stops at 1e-6;
        - "cosine" falls from `learning_rate_init` to zero over `max_iter` epochs along a half
          cosine. In a fit with a search for features it begins to fall when the search ends.

    learning_rate_init : float, default=0.001
        Initial learning rate, above 0.

    power_t : float, default=0.5
        Exponent of "invscaling", at least 0.

    momentum : float, default=0.9
        Momentum of "sgd", in [0, 1].

    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's form of momentum.

    beta_1 : float, default=0.9
        Decay of Adam's first moment, in [0, 1).

    beta_2 : float, default=0.999
        Decay of Adam's second moment, in [0, 1).

    adam_epsilon : float, default=1e-8
        Constant for numerical stability of Adam, above 0.

    max_iter : int, default=100
        Largest number of epochs, at least 1.

    shuffle : bool, default=True
        Whether the samples are shuffled in every epoch.

    tol : float, default=1e-4
        Smallest change of the training loss that counts as an improvement, or of the validation
        score with `early_stopping`; at least 0.

    n_iter_no_change : int, inf or "auto", default="auto"
        Training ends after exactly so many epochs in a row without improvement; with inf it lasts
        `max_iter` epochs. "auto" is inf with a search for features, and with `mixup` and without
        `early_stopping`, since the loss on mixed samples tells little of the fit. Otherwise it is
        10. Epochs of a search end nothing, and do not count.

    n_snapshots : int or "auto", default=1
        Number of networks, at least 1, whose outputs are averaged in predictions: the last one,
        and copies of it from earlier epochs ([6]_). These epochs are evenly spread over the
        second half of `max_iter`, or of what a search for features leaves of it. If it has fewer
        epochs, there are fewer networks. Memory and time of predictions grow with it. "auto" is 10
        for wide data and networks of up to a million connections, else 1. With `early_stopping`
        and in `partial_fit` it is always 1.

    feature_search : bool or "auto", default="auto"
        Whether to search for the features that matter. A fifth of the samples is held out for six
        tenths of `max_iter`. When the network has learned what it can with all features, the
        weakest lose all their connections, epoch after epoch, and evolution gives these to the
        others. The loss on the held-out samples tells how many features are needed. Training then
        goes on with these features, all samples, and `alpha` times their share. The first layer
        has fewer connections than before if they are so few that they cannot have as many.
        "auto" searches in fits of 150 samples or more, but fewer than ten for each feature,
        of networks of up to a million connections and of 50 epochs or more. There is no search
        with `early_stopping`, without evolutions in these epochs (``zeta=0`` or a large
        `rewire_interval`), of which a warning tells if it is True, in `partial_fit`, and in a fit
        that goes on from an earlier one.

    feature_relevance : bool or "auto", default="auto"
        Whether features are seen in proportion to what each tells of the targets by itself
        ([8]_): see `feature_relevance_`. Where few of many features matter and samples are few,
        the others then hardly disturb. "auto" does so for wide data without a search for features.
        `partial_fit`, and a fit that goes on from an earlier one, keep the relevance that there is.

    early_stopping : bool, default=False
        Whether to hold out a validation set, unless `fit` gets one. Training ends when the score
        on it stops improving, and the network of the best epoch is kept: of equal scores that with
        the lowest validation loss.

    validation_fraction : float, default=0.1
        Share of the samples held out with `early_stopping`, in [0, 1). It has no effect if `fit`
        gets a validation set.

    scoring : str, callable or None, default=None
        Score on the validation set, as in :func:`~sklearn.metrics.check_scoring`; None is R2.

    warm_start : bool, default=False
        Whether `fit` goes on from the previous call: with its network, its optimizer's moments
        and its random numbers. A changed architecture is refused.

    random_state : int, RandomState instance or None, default=None
        Seed of the topology, the weights, the evolution, the order of the samples, the dropout
        and the validation set. The same int gives the same model, bit for bit, for any `n_jobs`
        on machines of one type.

    n_jobs : int or None, default=None
        Number of threads. None is what OpenMP would use (``OMP_NUM_THREADS``; one in joblib's
        worker processes), -1 is all processors. A positive number is used up to the number of
        processors.

    verbose : bool or int, default=False
        Whether to print the loss of every epoch. Within a search or a thread, lines begin with the
        number of the thread, and fits with a line of their parameters.

    Attributes
    ----------
    coefs_ : list of csr_array of shape (n_in, n_out)
        Weights of every layer. They share the model's memory. The first layer reads
        ``(X - feature_offset_) / feature_scale_ * feature_relevance_``, each as far as it is set.

    intercepts_ : list of ndarray of shape (n_out,)
        Biases of every layer.

    feature_importances_ : ndarray of shape (n_features,)
        Strength of each feature: its share of the absolute weights of all connections of
        features. Sums to 1.

    active_features_ : ndarray of shape (n_features,), bool
        The features that have connections.

    search_curve_ : list of tuple or None
        After every epoch of `feature_search`, the number of active features, and the loss on the
        samples that the search held out. None without a search.

    n_connections_ : int
        Number of connections of all layers.

    density_ : float
        `n_connections_` divided by the number of weights of dense layers of the same sizes.

    n_iter_ : int
        Number of epochs of the last call.

    t_ : int
        Number of training samples seen; each counts again in every epoch.

    loss_ : float
        Training loss of the last epoch, penalty included, of targets in units of `target_scale_`.

    best_loss_ : float or None
        Lowest training loss, of the epochs after a search for features if there are any; None
        with `early_stopping`.

    loss_curve_ : list of float
        Training loss of every epoch.

    validation_scores_ : list of float or None
        Score on the validation set, held out or given to `fit`, after every epoch.

    validation_loss_curve_ : list of float or None
        Loss on the validation set, without penalty and in the same units, after every epoch.

    best_validation_score_ : float or None
        Highest of `validation_scores_`.

    best_iter_ : int
        The epoch, counted from 1, of the best validation score with `early_stopping`, else of
        `best_loss_`.

    n_layers_ : int
        Number of layers, input and output included.

    n_outputs_ : int
        Number of output units.

    out_activation_ : str
        Activation of the output units: "identity", or "exp" for loss "poisson".

    target_offset_ : ndarray of shape (n_outputs_,)
        What is subtracted from the training targets, and added to predictions: the mean of the
        targets; their median for the losses %(robust_losses)s; 0 for
        "poisson".

    target_scale_ : ndarray of shape (n_outputs_,)
        What the targets are then divided by. Thanks to offset and scale, predictions follow when
        targets are multiplied or shifted. The scale is the standard deviation of the targets. For
        the losses with medians it is the distance between the quantiles .15 and .85 (further out
        for a `quantile` above .7 or below .3), divided by that of normal numbers, if it is above
        zero. It is the mean for "poisson", and 1 if all targets are equal. In `partial_fit`
        offset and scale are those of all parts so far.

    feature_offset_ : ndarray of shape (n_features,) or None
        What is subtracted from the features before the first layer: the mean of a feature if it
        is larger in magnitude than the standard deviation, else zero. None if all are zero. `fit`
        sets it for wide data, with `input_dropout`, and for features so far from zero or of so
        odd a scale that a network would learn nothing; otherwise it is None.

    feature_scale_ : float
        What the features are then divided by: the power of two nearest to the quadratic mean of
        their standard deviations, without the largest twentieth. It is 1 if `fit` does not set
        `feature_offset_`.

    feature_relevance_ : ndarray of shape (n_features,) or None
        What the features are then multiplied by, with `feature_relevance`: the share of each
        feature's association with the targets that is not due to chance, as far as F tests of all
        features, each by itself, tell; at least .05, then brought to a quadratic mean of 1. This is
        an estimate to learn by, not a test. None if features are not weighed, or look all alike.

    n_features_in_ : int
        Number of features seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    SETClassifier : The same network for classification.
    sklearn.neural_network.MLPRegressor : Dense multilayer perceptron.

    References
    ----------
    .. [1] S. Liu, D. C. Mocanu, A. R. R. Matavalam, Y. Pei, M. Pechenizkiy, "Sparse evolutionary
       deep learning with over one million artificial neurons on commodity hardware", Neural
       Computing and Applications 33:2589-2604, 2021.
    .. [2] D. C. Mocanu, E. Mocanu, P. Stone, P. H. Nguyen, M. Gibescu, A. Liotta, "Scalable
       training of artificial neural networks with adaptive sparse connectivity inspired by
       network science", Nature Communications 9:2383, 2018.
    .. [3] S. Curci, D. C. Mocanu, M. Pechenizkiy, "Truly sparse neural networks at scale",
       arXiv:2102.01732, 2021.
    .. [4] M. Heddes, N. Srinivasa, T. Givargis, A. Nicolau, "Always-sparse training by growing
       connections with guided stochastic exploration", arXiv:2401.06898, 2024.
    .. [5] H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: Beyond empirical risk
       minimization", ICLR 2018, arXiv:1710.09412.
    .. [6] S. Liu, T. Chen, Z. Atashgahi, X. Chen, G. Sokar, E. Mocanu, M. Pechenizkiy, Z. Wang,
       D. C. Mocanu, "Deep ensembling with no overhead for either training or testing: the
       all-round blessings of dynamic sparsity", ICLR 2022, arXiv:2106.14568.
    .. [7] P. J. Huber, "Robust estimation of a location parameter", Annals of Mathematical
       Statistics 35:73-101, 1964.
    .. [8] M. Stephens, "False discovery rates: a new deal", Biostatistics 18:275-294, 2017.
    .. [9] R. Koenker, G. Bassett, "Regression quantiles", Econometrica 46:33-50, 1978.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_set import SETRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> y = (y - y.mean()) / y.std()
    >>> reg = make_pipeline(StandardScaler(), SETRegressor(max_iter=50, tol=1e-2, random_state=0))
    >>> reg.fit(X, y).predict(X[:2]).shape
    (2,)
    """

    target_offset_: Floats
    target_scale_: Floats

    def __init__(
        self,
        hidden_layer_sizes: LayerSizes = (1000,),
        *,
        loss: str = "squared_error",
        quantile: Float = 0.5,
        huber_delta: Float = 1.0,
        epsilon: Float = 10,
        zeta: Float = 0.3,
        rewire_interval: Int = 1,
        pruning: str = "set",
        growth: str = "random",
        newborn_weights: str = "zero",
        activation: Names = "relu",
        dropout: Float = 0.0,
        input_dropout: Float | Auto = 0.0,
        mixup: Float | Auto = 0.0,
        weight_init: str = "auto",
        dtype: DTypeLike = "auto",
        solver: str = "adam",
        alpha: Float = 0.35,
        weight_decay: Float = 0.0,
        batch_size: Int | Auto = "auto",
        learning_rate: str = "auto",
        learning_rate_init: Float = 1e-3,
        power_t: Float = 0.5,
        momentum: Float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: Float = 0.9,
        beta_2: Float = 0.999,
        adam_epsilon: Float = 1e-8,
        max_iter: Int = 100,
        shuffle: bool = True,
        tol: Float = 1e-4,
        n_iter_no_change: Float | Auto = "auto",
        n_snapshots: Int | Auto = 1,
        feature_search: bool | Auto = "auto",
        feature_relevance: bool | Auto = "auto",
        early_stopping: bool = False,
        validation_fraction: Float = 0.1,
        scoring: Scoring = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        n_jobs: Int | None = None,
        verbose: bool | Int = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.epsilon = epsilon
        self.zeta = zeta
        self.rewire_interval = rewire_interval
        self.pruning = pruning
        self.growth = growth
        self.newborn_weights = newborn_weights
        self.activation = activation
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.mixup = mixup
        self.weight_init = weight_init
        self.dtype = dtype
        self.solver = solver
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.adam_epsilon = adam_epsilon
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.n_snapshots = n_snapshots
        self.feature_search = feature_search
        self.feature_relevance = feature_relevance
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.loss = loss
        self.quantile = quantile
        self.huber_delta = huber_delta

    _y_numeric = True

    def _score_of_outputs(self, held_out, raw, weight):
        """R2 on held-out samples, to the last digit that of `score`."""
        largest = np.maximum(np.abs(self.target_offset_), self.target_scale_).max()
        if self.target_scale_.min() > 1 / _SQUARED and largest < _SQUARED:
            return _score(held_out.y, self._decide(raw), weight)
        # In the network's units no square overflows or vanishes.
        predicted = OUT_ACTIVATIONS[self.out_activation_](raw.astype(np.float64))
        return _score(held_out.targets.astype(np.float64), predicted, weight)

    def fit(
        self,
        X: Matrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Matrix | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit the network to data X and targets y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data; scaled features (:class:`~sklearn.preprocessing.StandardScaler`)
            train best.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, of any scale. For loss "poisson" they must not be negative, and not all of an
            output zero.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative. Only their proportions count. Weights are read as
            counts if they are whole multiples of the smallest one, and on average at most ten
            times as large: a sample of count k is then the sample given k times. The loss of a
            batch is divided by the sum of its weights.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            A validation set of your own. Score and loss on it are recorded after every epoch. With
            `early_stopping` the score decides, and nothing is held out of X. In a pipeline,
            ``Pipeline(..., transform_input=["X_val"])`` transforms it like X.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Targets of the validation set.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation samples, not negative, for score and loss.
        groups : array-like of shape (n_samples,), default=None
            Group of each sample, such as its patient: numbers or strings. Samples of one group
            stay together wherever `fit` holds some out, for `early_stopping` or `feature_search`.

        Returns
        -------
        self : SETRegressor
            The fitted estimator.
        """
        return self._fit(Call(X, y, sample_weight, X_val, y_val, sample_weight_val, groups))

    def partial_fit(self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one epoch on the given data, going on from all calls before.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A part of the data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Its targets; not negative for loss "poisson".
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative. Only their proportions within this call count.

        Returns
        -------
        self : SETRegressor
            The estimator, trained further.
        """
        return self._fit(Call(X, y, sample_weight, is_part=True))

    def _encode(self, y, *, goes_on, is_part, classes=None):
        """Return targets as given, targets of the network, loss and number of outputs."""
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        targets = y.reshape(y.shape[0], -1)
        if LOSSES[self.loss].non_negative:
            self._check_non_negative(targets, is_part)
        out_activation = LOSSES[self.loss].out_activation
        if goes_on and out_activation != self.out_activation_:
            raise ValueError(
                f"{'warm_start=True' if self.warm_start else 'partial_fit'} goes on with the "
                f"network it has, whose output activation is {self.out_activation_!r}, but "
                f"loss={self.loss!r} asks for {out_activation!r}. Set loss back, or fit a new "
                "estimator."
            )
        return y, targets, self.loss, targets.shape[1]

    def _check_non_negative(self, targets, is_part):
        """Refuse negative targets, and outputs whose targets are all zero.

        The loss of the first is not defined, and that of the second has no minimum.  A part of a
        stream may be all zero, since other parts need not be.
        """
        if (targets < 0).any():
            and_positive_sum = "" if is_part else " and sum(y) > 0"
            raise ValueError(f"loss={self.loss!r} requires non-negative y{and_positive_sum}.")
        if not (is_part or targets.any(axis=0).all()):
            where = " for every output" if targets.shape[1] > 1 else ""
            raise ValueError(f"loss={self.loss!r} requires non-negative y and sum(y) > 0{where}.")

    def _with_class_weight(self, weight, y, is_part):
        """Regression has no classes."""
        return weight

    def _adapt_to_targets(self, network, problem, goes_on):
        """Set the units of the targets, and return the function that standardises targets.

        A network that goes on is changed so that its predictions are the same in the new units.
        """
        targets, weight, rows = problem.targets, problem.train_weight, problem.rows
        largest = np.finfo(network.dtype).max
        if not np.abs(targets, dtype=np.float64).max() <= largest:
            raise ValueError(
                f"y contains values too large for {network.dtype.name}: beyond {largest:.3g}. "
                "Scale y, or set dtype='float64'."
            )
        units = TargetUnits.of(
            targets[rows],
            None if weight is None else weight[rows],
            tail=self._tail(),
            exponential=self.out_activation_ == "exp",
            in_common=self._keeps_target_proportions,
        )
        return self._with_units(units, network if goes_on else None, problem.call.is_part)

    def _with_units(self, units, network, is_part):
        """Take units of targets; `network` is the one that goes on, or None."""
        if network is not None:
            before = self._target_units
            if is_part:
                units = before.joined(units)
            # `fit` may get quite other targets than before.  Then the network keeps its weights.
            if not units.equals(before) and (is_part or units.is_near(before)):
                units.rescale(network.layers[-1], before)
        self._target_units = units
        self.target_offset_, self.target_scale_ = units.offset, units.scale
        return units.to_network

    def _tail(self):
        """The share of the targets on either side that may be outliers, or None."""
        if not LOSSES[self.loss].robust:
            return None
        if self.loss != "quantile":
            return _OUTLIERS
        # The quantile that is estimated is no outlier.
        return min(_OUTLIERS, min(self.quantile, 1 - self.quantile) / 2)

    def _units_of_targets(self):
        """The units that targets are learned in."""
        return self._target_units

    _keeps_target_proportions = False

    def _keep_target_proportions(self):
        """Give all targets one scale: for networks that reconstruct features."""
        self._keeps_target_proportions = True

    def _strata(self, y):
        """Targets are numbers: a held-out part is drawn at random."""
        return None

    def _decide(self, raw):
        """Predictions from the outputs of the network, one-dimensional where y was."""
        with np.errstate(all="ignore"):
            predicted = self._target_units.to_user(OUT_ACTIVATIONS[self.out_activation_](raw))
        return predicted.ravel() if raw.shape[1] == 1 else predicted

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        loss = LOSSES.get(self.loss) if isinstance(self.loss, str) else None
        tags.target_tags.positive_only = loss is not None and loss.non_negative
        return tags
