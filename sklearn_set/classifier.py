"""SETClassifier: its parameters, what it makes of labels, and probabilities of classes.

Knows labels and class weights; must not know how a network is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from scipy import sparse
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import unique_labels

from sklearn_set._typing import (
    Auto,
    Float,
    Floats,
    Int,
    Labels,
    LayerSizes,
    Matrix,
    Names,
    RandomState,
    Scoring,
)
from sklearn_set.base import BaseSET
from sklearn_set.calibration import temperature_of, uncalibrated_temperatures
from sklearn_set.class_weights import factors_of_samples
from sklearn_set.data_checks import check_label_matrix, check_missing, kind_of_labels
from sklearn_set.docstrings import with_tables
from sklearn_set.losses import OUT_ACTIVATIONS
from sklearn_set.problem import Call
from sklearn_set.sample_weights import near_one
from sklearn_set.settings import even_batch
from sklearn_set.validation import plainly

# Parameters that may be "auto", and are settings of the same name when they are decided.
_DECIDED = (
    "input_dropout",
    "mixup",
    "learning_rate",
    "n_iter_no_change",
    "n_snapshots",
    "weight_init",
)

_ClassWeight: TypeAlias = Literal["balanced"] | dict[Any, Any] | Sequence[dict[Any, Any]] | None


@with_tables
class SETClassifier(ClassifierMixin, BaseSET):
    """Truly sparse multilayer perceptron classifier, trained with Sparse Evolutionary Training.

    Minimises the log-loss by stochastic gradient descent or Adam. Only the connections that
    exist are stored and computed. Between epochs the weakest are replaced by new ones, so the
    network finds its own structure, and never grows ([1]_, [2]_).

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(1000,)
        Numbers of neurons of the hidden layers, each at least 1. ``()`` gives a sparse linear
        model.

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

    input_dropout : float or "auto", default="auto"
        Probability, in [0, 1), that a feature of a sample is dropped in a training step. A dropped
        feature is set to its value in `feature_offset_`: its mean if that is far from zero, else
        zero. The distances of the others from it are divided by ``1 - input_dropout``. "auto" is
        0.5 for wide data (more features than samples), else 0, and 0 in `partial_fit`.
        `partial_fit` computes no means. If no `fit` came before, it sets dropped features to
        zero, so scale them.

    mixup : float or "auto", default="auto"
        Strength of mixup, at least 0. Every sample is mixed with a partner drawn at random from
        its mini-batch, and so are their targets ([5]_). The two shares are drawn from Beta(mixup,
        mixup), and the larger one is the sample's own. 0 mixes nothing. "auto" is a tenth of the
        number of features per sample, at most 4, for wide data, else 0; 0 in `partial_fit`.

    label_smoothing : float, default=0.0
        Share, in [0, 1), of a sample's target that is divided equally among all classes. It makes
        predicted probabilities more cautious.

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

    alpha : float, default=0.3
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

    n_snapshots : int or "auto", default="auto"
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
        the lowest validation loss. The split is stratified by class, except for multilabel targets.

    validation_fraction : float, default=0.1
        Share of the samples held out with `early_stopping`, in [0, 1). It has no effect if `fit`
        gets a validation set.

    scoring : str, callable or None, default=None
        Score on the validation set, as in :func:`~sklearn.metrics.check_scoring`; None is the
        accuracy.

    temperature : float, "auto" or "cv", default="auto"
        What outputs of the network are divided by before they become probabilities, from 0.001 to
        1000. Training leaves outputs too small or too large, so that probabilities are too cautious
        or too sure; held-out samples tell by how much ([7]_). No prediction of a class changes.
        "auto" takes those that `early_stopping` or a search for features has held out. If there are
        none, two networks are trained on two thirds of the samples each, for a tenth of the epochs
        and without evolution, which adds a tenth to a fifth to the time of `fit`. "cv" trains as
        this fit did, on four fifths of the samples, five times. A number is taken as it is; 1
        leaves outputs as they are. See `temperature_`.

    class_weight : dict, "balanced", list of dict or None, default=None
        Weights of the classes. They multiply the sample weights. "balanced" is ``n_samples /
        (n_classes * np.bincount(y))``. A list has one dict for each label of a multilabel
        problem.

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
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes; the numbers of the labels for multilabel targets.

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
        Training loss of the last epoch, penalty included.

    best_loss_ : float or None
        Lowest training loss, of the epochs after a search for features if there are any; None
        with `early_stopping`.

    loss_curve_ : list of float
        Training loss of every epoch.

    validation_scores_ : list of float or None
        Score on the validation set, held out or given to `fit`, after every epoch.

    validation_loss_curve_ : list of float or None
        Loss on the validation set, without penalty, after every epoch.

    best_validation_score_ : float or None
        Highest of `validation_scores_`.

    best_iter_ : int
        The epoch, counted from 1, of the best validation score with `early_stopping`, else of
        `best_loss_`.

    temperature_ : float
        What outputs of the network are divided by. It is 1 if nothing tells of a better one: in
        `partial_fit` without an earlier `fit`, after Ctrl-C, and, unless samples were held out
        anyway, in fits of fewer than 22 epochs, for networks of more than a million connections,
        and if the short networks diverge or their draw leaves out an output. With `warm_start`
        that of the call before stays instead. While `fit` trains it is 1, in every call, unless
        `temperature` is a number: `scoring` and callbacks judge bare outputs.

    n_layers_ : int
        Number of layers, input and output included.

    n_outputs_ : int
        Number of output units.

    out_activation_ : str
        Activation of the output units: "softmax", or "logistic" for two classes and for
        multilabel targets.

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
    SETRegressor : The same network for regression.
    sklearn.neural_network.MLPClassifier : Dense multilayer perceptron.

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
    .. [7] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks",
       ICML 2017, arXiv:1706.04599.
    .. [8] M. Stephens, "False discovery rates: a new deal", Biostatistics 18:275-294, 2017.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn_set import SETClassifier
    >>> from sklearn_set.datasets import make_microarray
    >>> X, y = make_microarray(n_samples=120, n_features=2000, random_state=0)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    >>> clf = SETClassifier(epsilon=10, random_state=0).fit(X_train, y_train)
    >>> clf.predict(X_test).shape
    (30,)
    """

    classes_: Labels
    temperature_: float

    def __init__(
        self,
        hidden_layer_sizes: LayerSizes = (1000,),
        *,
        epsilon: Float = 10,
        zeta: Float = 0.3,
        rewire_interval: Int = 1,
        pruning: str = "set",
        growth: str = "random",
        newborn_weights: str = "zero",
        activation: Names = "relu",
        dropout: Float = 0.0,
        input_dropout: Float | Auto = "auto",
        mixup: Float | Auto = "auto",
        label_smoothing: Float = 0.0,
        weight_init: str = "auto",
        dtype: DTypeLike = "auto",
        solver: str = "adam",
        alpha: Float = 0.3,
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
        n_snapshots: Int | Auto = "auto",
        feature_search: bool | Auto = "auto",
        feature_relevance: bool | Auto = "auto",
        early_stopping: bool = False,
        validation_fraction: Float = 0.1,
        scoring: Scoring = None,
        temperature: Float | Auto | Literal["cv"] = "auto",
        class_weight: _ClassWeight = None,
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
        self.temperature = temperature
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    _y_numeric = False

    def _score_of_outputs(self, held_out, raw, weight):
        """Accuracy on held-out samples."""
        return accuracy_score(held_out.y, self._decide(raw), sample_weight=weight)

    def fit(
        self,
        X: Matrix,
        y: Matrix,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Matrix | None = None,
        y_val: Matrix | None = None,
        sample_weight_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit the network to data X and labels y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data; scaled features (:class:`~sklearn.preprocessing.StandardScaler`)
            train best.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or a matrix of 0 and 1 for multilabel problems.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative. Only their proportions count. Weights are read as
            counts if they are whole multiples of the smallest one, and on average at most ten
            times as large: a sample of count k is then the sample given k times. The loss of a
            batch is divided by the sum of its weights.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            A validation set of your own. Score and loss on it are recorded after every epoch. With
            `early_stopping` the score decides, and nothing is held out of X. In a pipeline,
            ``Pipeline(..., transform_input=["X_val"])`` transforms it like X.
        y_val : array-like of shape (n_val,) or (n_val, n_labels), default=None
            Labels of the validation set.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the validation samples, not negative, for score and loss.
        groups : array-like of shape (n_samples,), default=None
            Group of each sample, such as its patient: numbers or strings. Samples of one group
            stay together wherever `fit` holds some out: for `early_stopping`, `feature_search` or
            `temperature`.

        Returns
        -------
        self : SETClassifier
            The fitted estimator.
        """
        return self._fit(Call(X, y, sample_weight, X_val, y_val, sample_weight_val, groups))

    def partial_fit(
        self,
        X: Matrix,
        y: Matrix,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on the given data, going on from all calls before.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A part of the data.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Its labels; not every class need occur.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative. Only their proportions within this call count.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever occur: required in the first call, may be left out later.

        Returns
        -------
        self : SETClassifier
            The estimator, trained further.
        """
        return self._fit(Call(X, y, sample_weight, classes=classes, is_part=True))

    def _encode(self, y, *, goes_on, is_part, classes=None):
        """Return labels, targets of the network, loss and number of outputs; set `classes_`."""
        is_multilabel = kind_of_labels(y) == "multilabel-indicator"
        if goes_on and is_multilabel != self._multilabel:
            raise ValueError(
                "y must be of the same kind as in the previous call: "
                f"{'sets of labels' if self._multilabel else 'one class per sample'}."
            )
        self._multilabel = is_multilabel
        if is_multilabel:
            y = y.toarray() if sparse.issparse(y) else np.asarray(y)
            check_label_matrix(y)
            self._set_classes(np.arange(y.shape[1]), classes, goes_on, is_part)
            if self.classes_.shape[0] != y.shape[1]:
                raise ValueError(
                    f"y has {y.shape[1]} labels, expected the {self.classes_.shape[0]} of the "
                    "first call, or of its `classes`."
                )
            return y, y, "logistic_log_loss", y.shape[1]
        y = column_or_1d(y, warn=True)
        self._set_classes(unique_labels(y), classes, goes_on, is_part)
        numbers = np.searchsorted(self.classes_, y)
        if self.classes_.shape[0] == 2:
            return y, numbers.reshape(-1, 1), "logistic_log_loss", 1
        return y, numbers, "softmax_log_loss", self.classes_.shape[0]

    def _set_classes(self, present, classes, goes_on, is_part):
        """Define `classes_`, or check the classes at hand against it."""
        if classes is not None:
            check_missing(classes, "classes")
            try:
                classes = unique_labels(classes)
            except (ValueError, TypeError) as error:
                raise ValueError(
                    f"`classes` must be an array of labels, all numbers or all strings: {error}"
                ) from None
        if goes_on:
            if classes is not None and not np.array_equal(classes, self.classes_):
                raise ValueError(
                    f"`classes={classes.tolist()}` is not the same as on last call to "
                    f"partial_fit, was: {self.classes_.tolist()}"
                )
        elif is_part:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = classes
        else:
            self.classes_ = present
        if goes_on and not is_part and not np.array_equal(present, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {present}"
            )
        if not np.isin(present, self.classes_).all():
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'y' has {present}."
            )
        if self.classes_.shape[0] < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes, but the data "
                f"contain only one class: {plainly(self.classes_[0])}"
            )

    def _with_class_weight(self, weight, y, is_part):
        """Sample weights multiplied by class weights, or None where both are one."""
        if self.class_weight is None:
            return weight
        if is_part and isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} is not supported for partial_fit: a part of "
                "the data does not tell how frequent the classes are. Pass the weights as a "
                "dict, from sklearn.utils.compute_class_weight."
            )
        factor = factors_of_samples(self.class_weight, y, self.classes_)
        if weight is not None:
            factor = near_one(factor) * near_one(weight)  # only proportions count
        if not factor.any():
            raise ValueError(
                "Sample weights must contain at least one non-zero number, but class_weight leaves "
                "none above zero."
            )
        return factor

    def _begin_temperature(self, is_part, goes_on):
        self.temperature_, kept = uncalibrated_temperatures(self, is_part, goes_on)
        return kept

    def _keep_temperature(self, kept):
        self.temperature_ = kept

    def _is_calibrated(self):
        return isinstance(self.temperature, str)

    def _calibrate(self, problem, state):
        found = temperature_of(self, problem, state)
        if found is not None:
            self.temperature_ = found

    def _temperature(self):
        return self.temperature_

    def _for_a_part(self, settings, n_samples, seed):
        """An estimator that trains like this one on a part of its samples, without calibration.

        What was decided for all samples holds for the part.  Ctrl-C ends the whole.
        """
        model = type(self)(**self.get_params(deep=False))
        decided = {name: getattr(settings, name) for name in _DECIDED}
        decided["batch_size"] = even_batch(n_samples, settings.batch_size)
        decided["feature_search"] = settings.n_search_epochs > 0
        decided["feature_relevance"] = settings.feature_relevance
        for name, value in decided.items():
            if getattr(self, name) == "auto":
                setattr(model, name, value)
        model.temperature, model.warm_start, model.verbose = 1.0, False, False
        model.random_state, model.dtype = seed, self._number_type()
        model._is_clone = model._is_inner = True
        return model

    def _adapt_to_targets(self, network, problem, goes_on):
        """Return the function that converts targets for the network: classes have no units."""
        return _as_numbers

    def _strata(self, y):
        """What a held-out part is stratified by: classes; None for multilabel targets."""
        return None if self._multilabel else y

    def _has_label_sets(self):
        """Whether a sample has a set of labels, rather than one class."""
        return self._multilabel

    def _decide(self, raw):
        """Labels from the outputs of the network."""
        if self._multilabel:
            return (raw > 0).astype(int)
        numbers = (raw.ravel() > 0).astype(int) if raw.shape[1] == 1 else raw.argmax(axis=1)
        return self.classes_[numbers]

    def decision_function(self, X: Matrix) -> Floats:
        """Outputs of the network before the logistic function or softmax.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes the log-odds of ``classes_[1]``, one number per sample.
        """
        fitted = self._as_of_now()
        raw = fitted._raw(X)
        return raw.ravel() if raw.shape[1] == 1 and not fitted._multilabel else raw

    def predict_proba(self, X: Matrix) -> Floats:
        """Probability estimates.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Ordered as `classes_`; for multilabel targets the probability of each label.
        """
        fitted = self._as_of_now()
        return fitted._probabilities(fitted._raw(X))

    def predict_log_proba(self, X: Matrix) -> Floats:
        """Logarithms of the probability estimates, finite for certain predictions too.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Ordered as `classes_`; for multilabel targets the log-probability of each label.
        """
        fitted = self._as_of_now()
        raw = fitted._raw(X)
        with np.errstate(all="ignore"):
            if fitted.out_activation_ == "softmax":
                logarithms = log_softmax(raw, axis=1)
            else:
                logarithms = log_expit(fitted._log_odds(raw))
            # Small probabilities are rounded, so their logarithms come from the outputs.  Above
            # one half the logarithm of the probability is exact, and agrees with `predict_proba`.
            probabilities = fitted._probabilities(raw)
            np.log(probabilities, out=logarithms, where=probabilities > 0.5)
        return logarithms

    def _probabilities(self, raw):
        """One column per class, or per label."""
        if self.out_activation_ != "softmax":
            raw = self._log_odds(raw)
        with np.errstate(all="ignore"):
            return OUT_ACTIVATIONS[self.out_activation_](raw)

    def _log_odds(self, raw):
        """Outputs of logistic units, one column per class, or per label."""
        return raw if self._multilabel else np.hstack([-raw, raw])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _as_numbers(targets, dtype):
    """Numbers of classes, or zeros and ones, as the kernels read them."""
    return np.ascontiguousarray(targets, np.int32 if targets.ndim == 1 else dtype)
