"""One call of `fit` or `partial_fit`: what the user passed, and the checked problem made of it.

Knows data, targets and weights, as the user passed them and as training reads them; must not know
how training goes.
"""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from sklearn_set.data_checks import check_sparse
from sklearn_set.holdout import HeldOut, rows_of
from sklearn_set.identity import digest_of
from sklearn_set.network import SparseNetwork
from sklearn_set.parameters import parameters_of
from sklearn_set.refusals import raise_explained
from sklearn_set.relevance import relevance_of
from sklearn_set.sample_weights import check_sample_weight, mean_weight, relative
from sklearn_set.samples import Samples
from sklearn_set.settings import Settings
from sklearn_set.training import TrainingData
from sklearn_set.validation import hidden_activations, hidden_sizes

# Parameters that do not change what is learned, bit for bit.  `dtype` is known from X already.
_NOT_DECISIVE = ("n_jobs", "verbose", "dtype")


@dataclass(frozen=True)
class Call:
    """What the user passed: the arguments of `fit`, or of `partial_fit` where `is_part`."""

    X: object
    y: object
    sample_weight: object = None
    X_val: object = None
    y_val: object = None
    sample_weight_val: object = None
    groups: object = None
    classes: object = None
    is_part: bool = False

    @property
    def has_validation_set(self):
        """Whether the user gave a validation set, or some part of one."""
        return any(part is not None for part in (self.X_val, self.y_val, self.sample_weight_val))


@dataclass(frozen=True)
class Problem:
    """What is to be learned, checked, and the settings of training.

    Attributes
    ----------
    call : Call
        What the user passed.
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Checked, of the network's number type.
    y : ndarray
        Checked labels or targets, as the user passed them.
    targets : ndarray
        What the network learns: class numbers, or targets of shape (n_samples, n_outputs).
    weight : ndarray of shape (n_samples,), float64, or None
        Sample weights, checked.
    train_weight : ndarray of shape (n_samples,) of X's number type, or None
        Sample weights times class weights, in the unit of `sample_weights.relative`.
    loss : str
    loss_parameter : float
        The loss's own number, zero for a loss that has none.
    validation_set : HeldOut or None
        The one that the user passed.
    rows : ndarray of int32
        The samples to train on.
    held_out : ndarray of int32 or None
        The samples that early stopping sets aside.
    search_rows : pair of ndarray of int32, or None
        The samples that a search for features trains on, and those that judge.
    groups : ndarray of int64 of shape (n_samples,) or None
        The groups of the samples, where they decide what is held out.
    sizes : tuple of int
        Numbers of neurons, data and output included.
    activations : tuple of str
        One per hidden layer.
    settings : Settings
    """

    call: Call
    X: object
    y: np.ndarray
    targets: np.ndarray
    weight: np.ndarray | None
    train_weight: np.ndarray | None
    loss: str
    loss_parameter: float
    validation_set: HeldOut | None
    rows: np.ndarray
    held_out: np.ndarray | None
    search_rows: tuple | None
    groups: np.ndarray | None
    sizes: tuple
    activations: tuple
    settings: Settings

    @property
    def is_validated(self):
        """Whether there is a validation set, passed by the user or set aside."""
        return self.validation_set is not None or self.held_out is not None

    def draw_network(self, epsilon, rng):
        """A random network."""
        return SparseNetwork.erdos_renyi(
            self.sizes,
            epsilon,
            activations=self.activations,
            weight_init=self.settings.weight_init,
            dtype=self.X.dtype,
            rng=rng,
            n_threads=self.settings.n_threads,
        )

    def relevance(self, rows, network):
        """How relevant some samples say that each feature is by itself, or None."""
        units = network.offset, network.factor
        weight = relative(self.weight, np.float64)
        found = relevance_of(self.X, self.targets, weight, rows, *units)
        return None if found is None else found.astype(self.X.dtype)

    def in_units(self, to_network):
        """The same problem with all targets, also of the validation set, in the network's units."""
        dtype, validation_set = self.X.dtype, self.validation_set
        if validation_set is not None:
            targets = to_network(validation_set.targets, dtype)
            validation_set = replace(validation_set, targets=targets)
        targets = to_network(self.targets, dtype)
        return replace(self, targets=targets, validation_set=validation_set)

    def training_data(self, rows):
        """The samples to train on, as the kernels read them."""
        return TrainingData(
            X=Samples(self.X),
            y=self.targets,
            sample_weight=self.train_weight,
            loss=self.loss,
            rows=rows,
            loss_parameter=self.loss_parameter,
            mean_weight=mean_weight(self.train_weight, rows),
        )

    def validated_on(self, held_out):
        """The samples to validate on: those set aside, else those that the user passed, or None."""
        if held_out is None:
            return self.validation_set
        return HeldOut.part(held_out, self.call.X, self.X, self.y, self.targets, self.weight)

    def shown_to_callbacks(self, state):
        """Functions that return the training data as the user passed them, by name."""
        if state.held_out is None:
            given = {"X": lambda: self.call.X, "y": lambda: self.y}
        else:
            given = {
                "X": lambda: rows_of(self.call.X, state.rows),
                "y": lambda: self.y[state.rows],
            }
        given["metadata"] = None
        if self.weight is not None:
            given["metadata"] = lambda: {"sample_weight": self.weight[state.rows]}
        return given


def check_validation_set(estimator, call, n_outputs, dtype):
    """The user's validation set, checked like the training data and against it.

    Parameters
    ----------
    estimator : BaseSET
        It knows the features of the training data, and encodes targets.
    call : Call
    n_outputs : int
    dtype : numpy.dtype

    Returns
    -------
    HeldOut or None

    Raises
    ------
    ValueError
    """
    if not call.has_validation_set:
        return None
    parts = {name: getattr(call, name) for name in ("X_val", "y_val", "sample_weight_val")}
    given = next(name for name, part in parts.items() if part is not None)
    for name in ("X_val", "y_val"):
        if parts[name] is None:
            raise ValueError(f"{given} is provided, but {name} was not provided.")
    X = _check_X_val(estimator, call.X_val, dtype)
    y, targets = _check_y_val(estimator, call.y_val, X.shape[0], n_outputs)
    weight = check_sample_weight(call.sample_weight_val, X.shape[0], "sample_weight_val")
    return HeldOut(X, y, targets, weight, lambda: call.X_val)


def _check_X_val(estimator, X_val, dtype):
    check_sparse(X_val, "X_val")
    try:
        try:
            X = check_array(X_val, input_name="X_val", accept_sparse="csr", dtype=dtype, order="C")
        except (ValueError, TypeError) as error:
            raise_explained(error, X_val, "X_val", type(estimator).__name__)
        validate_data(estimator, X_val, reset=False, skip_check_array=True)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"X_val does not match X. {error}") from None
    return X


def _check_y_val(estimator, y_val, n_samples, n_outputs):
    """Targets of the validation set, as the user passed them and as the network learns them."""
    estimator._check_targets(y_val, "y_val")
    try:
        y = check_array(
            y_val,
            accept_sparse="csr",
            ensure_2d=False,
            dtype="numeric" if estimator._y_numeric else None,
            input_name="y_val",
        )
    except (ValueError, TypeError) as error:
        raise ValueError(f"y_val does not match y. {error}") from None
    if n_samples != y.shape[0]:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: X_val has "
            f"{n_samples}, y_val has {y.shape[0]}."
        )
    try:
        y, targets, _, n_found = estimator._encode(y, goes_on=True, is_part=True)
    except (ValueError, TypeError) as error:
        raise ValueError(f"y_val does not match y. {error}") from None
    if n_found != n_outputs:
        raise ValueError(f"y_val has {n_found} outputs, but y has {n_outputs}.")
    return y, targets


def check_part_weights(weight, rows, held_out):
    """Refuse a split for early stopping that leaves a part without samples that count.

    Raises
    ------
    ValueError
    """
    if weight is None:
        return
    for part, name, advice in (
        (rows, "training part", "Decrease"),
        (held_out, "validation set", "Increase"),
    ):
        if not weight[part].any():
            raise ValueError(
                f"All samples of the {name} have a sample_weight of zero. {advice} "
                "'validation_fraction', or set early_stopping=False."
            )


def identity_of(estimator, problem, progress):
    """A digest of all that decides what training results in, taken before it begins.

    Parameters
    ----------
    estimator : BaseSET
        It has the units of features and targets.
    problem : Problem
        Its targets are in these units.
    progress : Progress

    Returns
    -------
    str
    """
    parameters = parameters_of(estimator)
    for name in _NOT_DECISIVE:
        del parameters[name]
    sizes = hidden_sizes(estimator.hidden_layer_sizes)
    parameters["hidden_layer_sizes"] = sizes
    parameters["activation"] = hidden_activations(estimator.activation, len(sizes))
    names = [getattr(estimator, name, None) for name in ("classes_", "feature_names_in_")]
    held_out, of_targets = problem.validation_set, estimator._units_of_targets()
    if of_targets is not None:
        of_targets = (of_targets.offset, of_targets.scale)
    # Without groups the digest is that of before there were groups.
    of_groups = {} if problem.groups is None else {"groups": problem.groups}
    return digest_of(
        of_groups
        | {
            "kind": (type(estimator).__module__, type(estimator).__qualname__),
            "parameters": parameters,
            "before": (progress.n_epochs, progress.n_samples_seen),
            "names": [None if each is None else each.tolist() for each in names],
            "training": (problem.X, problem.targets, (problem.weight, problem.train_weight)),
            "units": (
                (estimator.feature_offset_, estimator.feature_scale_),
                estimator.feature_relevance_,
                of_targets,
            ),
            "held_out": held_out and (held_out.X, held_out.targets, held_out.weight),
        }
    )
