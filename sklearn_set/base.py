"""What the two public estimators share: the way from X and y to a trained network, and back.

Speaks scikit-learn's language upwards and the package's own downwards.  Everything about time is
in training.py, about the network in network.py; here a call is checked, translated and committed:
`fit` works on a draft of the estimator, so a call that fails leaves the estimator as it was.
"""

import warnings
import weakref
from copy import copy
from dataclasses import replace
from itertools import pairwise

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sklearn_set import machine
from sklearn_set._core import measured
from sklearn_set.data_checks import (
    check_labels,
    check_missing,
    check_real,
    check_sparse,
    validated,
)
from sklearn_set.evolution import GROWTH_RULES
from sklearn_set.holdout import HeldOut, rows_of, split_rows
from sklearn_set.hooks import TRANSIENT, CallbackSupportMixin, FitTask, with_callbacks
from sklearn_set.identity import digest_of
from sklearn_set.losses import LOSSES, mean_loss
from sklearn_set.network import (
    SparseNetwork,
    check_n_samples,
    check_sizes,
    kernel_input,
    training_bytes,
)
from sklearn_set.optimizers import SOLVERS
from sklearn_set.probe import n_probe_samples
from sklearn_set.sample_weights import (
    check_sample_weight,
    mean_weight,
    n_counting,
    near_one,
    relative,
)
from sklearn_set.scaling import FeatureUnits
from sklearn_set.topology import n_erdos_renyi
from sklearn_set.training import (
    Progress,
    Randomness,
    Settings,
    TrainingData,
    TrainingState,
    n_certain_snapshots,
    train,
    will_evolve,
)
from sklearn_set.validation import (
    check_parameters,
    check_precision,
    hidden_activations,
    hidden_sizes,
    shown,
)
from sklearn_set.version import DOCUMENTATION, __version__


class _Call:
    """A call of fit: as long as it lasts, it is alive."""


class BaseSET(CallbackSupportMixin, BaseEstimator):
    """What classifier and regressor share: the way from X and y to a trained network."""

    # The link of the representation in notebooks; scikit-learn asks for these two names.
    _doc_link_module = "sklearn_set"
    _doc_link_template = f"{DOCUMENTATION}/generated/sklearn_set.{{estimator_name}}.html"

    def __init__(
        self,
        hidden_layer_sizes,
        *,
        epsilon,
        zeta,
        rewire_interval,
        zeta_schedule,
        pruning,
        growth,
        newborn_weights,
        activation,
        dropout,
        input_dropout,
        mixup,
        weight_init,
        dtype,
        solver,
        alpha,
        weight_decay,
        batch_size,
        learning_rate,
        learning_rate_init,
        power_t,
        momentum,
        nesterovs_momentum,
        beta_1,
        beta_2,
        adam_epsilon,
        max_iter,
        shuffle,
        tol,
        n_iter_no_change,
        n_snapshots,
        early_stopping,
        validation_fraction,
        scoring,
        warm_start,
        random_state,
        n_jobs,
        verbose,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.epsilon = epsilon
        self.zeta = zeta
        self.rewire_interval = rewire_interval
        self.zeta_schedule = zeta_schedule
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
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    # ------------------------------------------------------------------------- training

    def _fit(self, X, y, sample_weight, *, streaming, classes=None, held_out=None):
        # It dies with this call, however that ends: no interrupt leaves a mark for ever.
        call = _Call()
        mark = weakref.ref(call)
        try:
            # One dictionary operation: of two threads one is refused.
            other = self.__dict__.setdefault("_fitting", mark)
            if other is not mark and other() is not None:
                raise RuntimeError(
                    f"This {type(self).__name__} is being fitted already, by another thread or by "
                    "the one that called a callback. Fit a clone of it instead: sklearn.base.clone."
                )
            self.__dict__["_fitting"] = mark
            return self._fit_with_callbacks(X, y, sample_weight, streaming, classes, held_out)
        finally:
            if self.__dict__.get("_fitting") is mark:
                state = self.__dict__.pop("_training", None)
                self.__dict__.pop("_fitting", None)
                if state is not None:
                    state.release()

    @with_callbacks
    def _fit_with_callbacks(self, X, y, sample_weight, streaming, classes, held_out):
        given, parameters = self.get_params(deep=False), check_parameters(self)
        if streaming and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if self.scoring is not None:
            check_scoring(self, scoring=self.scoring)
        task = FitTask(self, n_epochs=1 if streaming else parameters["max_iter"])
        draft = object.__new__(type(self))
        draft.__dict__.update(self.__dict__)
        draft.__dict__.update(parameters)
        # We check results ourselves: NumPy's settings for overflow are for the user's own code.
        with np.errstate(all="ignore"):
            outcome = draft._fit_draft(
                X, y, sample_weight, held_out, task, streaming=streaming, classes=classes
            )
        draft.__dict__.update(given)
        for name in ("_training", "_fitting"):
            draft.__dict__.pop(name, None)
        if not (streaming or outcome.interrupted):
            # Who has the result of a search may fit it again like any estimator.
            draft.__dict__.pop("_is_clone", None)
        if not (streaming or outcome.converged or outcome.interrupted):
            # Before anything changes: the user may turn this warning into an error.
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )
        # One assignment: the estimator is either what it was or what the draft became.
        self._training.release()
        self.__dict__ = draft.__dict__
        if outcome.interrupted:
            if self.__dict__.get("_is_clone"):
                raise KeyboardInterrupt  # ends the search or the ensemble that made the clone
            warnings.warn("Training interrupted by user.", UserWarning, stacklevel=5)
        return self

    def __sklearn_clone__(self):
        # Clones are fitted by searches and ensembles, which Ctrl-C shall end.
        clone = super().__sklearn_clone__()
        clone._is_clone = True
        return clone

    def _fit_draft(self, X, y, sample_weight, held_out, task, *, streaming, classes):
        goes_on = hasattr(self, "_network") and (streaming or self.warm_start)
        X_given = X
        check_sparse(X, "X")
        self._check_targets(y, "y")
        how = {
            "accept_sparse": "csr",
            "dtype": self._input_dtypes(goes_on),
            "order": "C",
            "multi_output": True,
            "y_numeric": self._y_numeric,
        }
        X, y = validated(self, X, y, reset=not goes_on, **how)
        check_n_samples(X.shape[0])
        check_precision(self.get_params(deep=False), X.dtype, type(self).__name__)
        try:
            y, targets, loss, n_outputs = self._encode(y, classes, goes_on, streaming)
        except TypeError as error:
            raise TypeError(
                f"y must hold labels of one type, which can be sorted: {error}"
            ) from None
        self.n_outputs_, self.out_activation_ = n_outputs, LOSSES[loss].out_activation
        weight = check_sample_weight(sample_weight, X.shape[0])
        train_weight = relative(self._with_class_weight(weight, y, streaming), X.dtype)
        given = None if held_out is None else self._check_held_out(*held_out, n_outputs, X.dtype)

        sizes = (X.shape[1], *hidden_sizes(self.hidden_layer_sizes), n_outputs)
        activations = hidden_activations(self.activation, len(sizes) - 2)
        if goes_on:
            # Training writes into copies: should it fail, the model is not lost.
            self._check_architecture(sizes, activations)
            self._progress, self._randomness = self._progress.copy(), self._randomness.copy()
        else:
            check_sizes(sizes, self.epsilon)
            self._progress = Progress(self.learning_rate_init)
            self._randomness = Randomness(
                check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
            )
        rows, rest = np.arange(X.shape[0], dtype=np.int32), None
        if self.early_stopping and given is None:
            rows, rest = split_rows(
                X.shape[0], self.validation_fraction, self._strata(y), self._randomness.order
            )
            _check_part_weights(train_weight, rows, rest)
        settings = self._settings(rows.shape[0], sizes, streaming)
        n_epochs = 1 if streaming else self.max_iter
        if not streaming:
            self._progress.begin(self.learning_rate_init)
        optimizer = self._make_optimizer()
        self._check_memory(
            sizes,
            activations,
            optimizer,
            settings,
            n_epochs,
            dtype=X.dtype,
            n_counting=n_counting(train_weight, rows),
            is_copy=goes_on,
        )
        network = self._first_network(goes_on, optimizer, sizes, activations, settings, X.dtype)
        if not streaming:
            self._adapt_to_features(network, X, train_weight, rows, settings, goes_on)
        self.feature_offset_, self.feature_scale_ = network.offset, 1 / network.factor
        as_learned = self._adapt_to_targets(
            targets, train_weight, rows, network, goes_on=goes_on, streaming=streaming
        )
        targets = as_learned(targets, X.dtype)
        if given is not None:
            given = replace(given, targets=as_learned(given.targets, X.dtype))
        self._network, self._snapshots = network, ()
        self.n_layers_ = len(sizes)
        state = TrainingState(
            network,
            optimizer,
            self._progress,
            self._randomness,
            rows,
            rest,
            identity=None
            if streaming
            else lambda: self._identity(X, targets, (weight, train_weight), given),
        )
        keeps_moments = streaming or self.warm_start
        state.fitted_attributes = lambda copies: self._fitted_so_far(
            state, copies, keeps_moments, is_validated=held_out is not None
        )
        task.begins(
            state,
            X=lambda: X_given if state.held_out is None else rows_of(X_given, state.rows),
            y=lambda: y if state.held_out is None else y[state.rows],
            metadata=None if weight is None else lambda: {"sample_weight": weight[state.rows]},
        )
        held_out = given
        if state.held_out is not None:
            held_out = HeldOut.part(state.held_out, X_given, X, y, targets, weight)
        # A callback may have put an earlier state of this training in its place.
        self._network, self._progress = state.network, state.progress
        self._randomness = state.randomness
        outcome = train(
            state.network,
            state.optimizer,
            TrainingData(
                kernel_input(X, network.dtype),
                targets,
                train_weight,
                loss,
                state.rows,
                self._loss_parameter(loss),
                mean_weight(train_weight, state.rows),
            ),
            settings,
            state.progress,
            state.randomness,
            n_epochs=n_epochs,
            validate=None if held_out is None else self._validator(held_out, loss, task),
            score_decides=self.early_stopping,
            # Moments weigh as much as the weights: kept only where another call goes on.
            keep_moments=keeps_moments,
            observer=task,
            course=state.course,
        )
        for _ in range(2):
            try:
                self._network, self._snapshots = outcome.network, outcome.snapshots
                self._optimizer = outcome.optimizer
                self._publish(outcome.n_iter, is_validated=held_out is not None)
                break
            except KeyboardInterrupt:
                # What was trained is complete.
                outcome = replace(outcome, interrupted=True)
        try:
            task.ends()
        except KeyboardInterrupt:
            outcome = replace(outcome, interrupted=True)
        return outcome

    def _adapt_to_features(self, network, X, weight, rows, settings, goes_on):
        """Bring features near zero, where they are not and where it matters."""
        if X.shape[1] <= rows.shape[0] and settings.input_dropout == 0:
            # Such features are read as they are, unless they are so odd that nothing is learned.
            some = rows[:: max(1, rows.shape[0] // _LOOKED_AT)]
            if weight is not None and not weight[some].any():
                return
            units = FeatureUnits.of(X, weight, some)
            if units.distance < _FAR and 1 / _ODD < units.typical < _ODD:
                return
            if units.typical > _ABSURD:
                return  # a mistake rather than data: training will tell
        units = FeatureUnits.of(X, weight, rows)
        if units.disparity > _MUCH:
            warnings.warn(
                "The features of X are of very different scales: their standard deviations differ "
                f"by a factor of {units.disparity:.0f}, and those that vary little will hardly "
                "count. Scale them before, for example with make_pipeline(StandardScaler(), "
                f"{type(self).__name__}()), or take logarithms of raw intensities.",
                UserWarning,
                stacklevel=7,
            )
        if goes_on:
            units.install(network)
        else:
            # A feature is dropped to zero: that must be its mean, or samples become others.
            network.offset, network.factor = units.offset, units.factor

    def _check_targets(self, y, name):
        """Refuse bad targets that scikit-learn's checks would convert to numbers or labels."""
        check_missing(y, name)
        (check_real if self._y_numeric else check_labels)(y, name)

    def _first_network(self, goes_on, optimizer, sizes, activations, settings, dtype):
        """The network that training begins with, and the optimizer attached to it."""
        if goes_on:
            network = self._network.copy()
        else:
            network = SparseNetwork.erdos_renyi(
                sizes,
                self.epsilon,
                activations=activations,
                weight_init=settings.weight_init,
                dtype=dtype,
                rng=self._randomness.network,
                n_threads=settings.n_threads,
            )
        previous = getattr(self, "_optimizer", None) if goes_on else None
        if previous is not None and optimizer.can_continue(previous):
            optimizer.continued(previous)
        else:
            optimizer.attach(network)
        return network

    def _check_held_out(self, X, y, sample_weight, n_outputs, dtype):
        """The user's validation set, checked like the training data and against it."""
        parts = {"X_val": X, "y_val": y, "sample_weight_val": sample_weight}
        given = next(name for name, part in parts.items() if part is not None)
        for name in ("X_val", "y_val"):
            if parts[name] is None:
                raise ValueError(f"{given} is provided, but {name} was not provided.")
        X_given = X
        check_sparse(X, "X_val")
        self._check_targets(y, "y_val")
        how = {"accept_sparse": "csr", "dtype": dtype, "order": "C"}
        try:
            X = check_array(X, input_name="X_val", **how)
            validate_data(self, X_given, reset=False, skip_check_array=True)
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"X_val does not go with X. {error}") from None
        try:
            y = check_array(
                y,
                accept_sparse="csr",
                ensure_2d=False,
                dtype="numeric" if self._y_numeric else None,
                input_name="y_val",
            )
        except (ValueError, TypeError) as error:
            raise ValueError(f"y_val does not go with y. {error}") from None
        if X.shape[0] != y.shape[0]:
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: X_val has "
                f"{X.shape[0]}, y_val has {y.shape[0]}."
            )
        try:
            y, targets, _, n_found = self._encode(y, None, goes_on=True, streaming=True)
        except (ValueError, TypeError) as error:
            raise ValueError(f"y_val does not go with y. {error}") from None
        if n_found != n_outputs:
            raise ValueError(f"y_val has {n_found} outputs, but y has {n_outputs}.")
        weight = check_sample_weight(sample_weight, X.shape[0], "sample_weight_val")
        return HeldOut(X, y, targets, weight, lambda: X_given)

    def _fitted_so_far(self, state, copies, keeps_moments, is_validated):
        """What would be set, were training to end now; copies are not changed by more of it."""
        draft = copy(self)
        draft._network, optimizer = state.network, state.optimizer
        if state.course.best is not None:
            draft._network, optimizer = state.course.best, state.course.best_optimizer
        draft._snapshots = tuple(state.course.snapshots)
        draft._progress, draft._randomness = state.progress, state.randomness
        draft._optimizer = optimizer if keeps_moments and not copies else None
        if copies:
            draft._network = draft._network.copy()
            draft._progress, draft._randomness = state.progress.copy(), state.randomness.copy()
        draft._publish(state.course.n_iter, is_validated)
        return {
            name: value
            for name, value in vars(draft).items()
            if name in _PRIVATE_STATE or (name.endswith("_") and not name.startswith("_"))
        }

    def _units_of_targets(self):
        """The units of the targets, which belong to the identity of a fit; classes have none."""
        return None

    def _identity(self, X, targets, weights, held_out):
        """A digest of all that decides how training goes."""
        parameters = self.get_params(deep=False)
        for name in ("n_jobs", "verbose", "dtype"):  # X has the number type already
            del parameters[name]
        sizes = hidden_sizes(self.hidden_layer_sizes)
        parameters["hidden_layer_sizes"] = sizes
        parameters["activation"] = hidden_activations(self.activation, len(sizes))
        names = [getattr(self, name, None) for name in ("classes_", "feature_names_in_")]
        return digest_of(
            {
                "kind": (type(self).__module__, type(self).__qualname__),
                "parameters": parameters,
                "before": (self._progress.n_epochs, self._progress.n_samples_seen),
                "names": [None if each is None else each.tolist() for each in names],
                "training": (X, targets, weights),
                "units": (self.feature_offset_, self.feature_scale_, self._units_of_targets()),
                "held_out": held_out and (held_out.X, held_out.targets, held_out.weight),
            }
        )

    def _input_dtypes(self, goes_on):
        if goes_on:
            return self._network.dtype
        if isinstance(self.dtype, str) and self.dtype == "auto":
            return (np.float64, np.float32)
        return np.dtype(self.dtype)

    def _settings(self, n_samples, sizes, streaming):
        """The parameters of training, with every "auto" decided."""
        # With more features than samples a network can learn any labels by heart: such data
        # want all the help against that there is.
        wide = sizes[0] > n_samples and not streaming
        n_connections = sum(n_erdos_renyi(*pair, self.epsilon) for pair in pairwise(sizes))
        many = n_connections > _MANY_CONNECTIONS
        automatic = {
            "growth": "guided" if wide and not many else "random",
            "input_dropout": 0.5 if wide else 0.0,
            # the more features a sample has, the easier it is learned by heart
            "mixup": min(sizes[0] / n_samples / 10, 4.0) if wide else 0.0,
            "label_smoothing": 0.2 if wide else 0.0,
            "batch_size": max(32, min(_LARGEST_AUTOMATIC_BATCH, n_samples // 10)),
            # "auto" further down is a law by activation
            "weight_init": "small" if len(sizes) <= 3 else "auto",
            "n_snapshots": 10 if wide and not many else 1,
        }
        values = {
            name: getattr(self, name)
            for name in Settings.__dataclass_fields__
            if hasattr(self, name)  # regression has no labels to smooth
        }
        for name, value in automatic.items():
            if values.get(name) == "auto":
                values[name] = value
        if values["n_iter_no_change"] == "auto":
            judged = self.early_stopping or values["mixup"] == 0
            values["n_iter_no_change"] = 10 if judged else np.inf
        if values["learning_rate"] == "auto":
            # To fall to zero in time, a rate must know when training ends.
            end_is_known = values["n_iter_no_change"] == np.inf and not streaming
            values["learning_rate"] = "cosine" if end_is_known else "constant"
        if self.batch_size != "auto" and self.batch_size > n_samples and not streaming:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                "clipped",
                UserWarning,
                stacklevel=7,
            )
        if streaming:
            # The strength of the penalty must not depend on how many samples come at a time.
            of_whole = min(values["batch_size"], _LARGEST_AUTOMATIC_BATCH)
            values["smallest_batch"] = of_whole if n_samples < of_whole else 1
        values["batch_size"] = min(values["batch_size"], n_samples)
        if self.early_stopping or streaming:
            values["n_snapshots"] = 1
        return Settings(n_threads=machine.effective_n_threads(self.n_jobs), **values)

    def _make_optimizer(self):
        hyper = {
            "sgd": {"momentum": self.momentum, "nesterov": self.nesterovs_momentum},
            "adam": {
                "beta_1": self.beta_1,
                "beta_2": self.beta_2,
                "adam_epsilon": self.adam_epsilon,
            },
        }[self.solver]
        return SOLVERS[self.solver](**hyper)

    def _loss_parameter(self, loss):
        """The loss's own number, zero for a loss that has none."""
        name = LOSSES[loss].parameter
        return 0.0 if name is None else float(getattr(self, name))

    def _check_architecture(self, sizes, activations):
        layers = self._network.layers
        caller = "warm_start=True" if self.warm_start else "partial_fit"
        wanted = self.dtype if isinstance(self.dtype, str) else np.dtype(self.dtype).name
        if wanted not in ("auto", self._network.dtype.name):
            raise ValueError(
                f"{caller} goes on with the network it has, of {self._network.dtype.name}, but "
                f"dtype={self.dtype!r}. Set dtype back, or fit a new estimator."
            )
        if self._network.sizes[-1] != sizes[-1]:
            raise ValueError(
                f"{caller} goes on with the network it has, of {self._network.sizes[-1]} outputs, "
                f"but y has {sizes[-1]}. Pass targets as in the first call, or fit a new estimator."
            )
        if self._network.sizes != sizes:
            raise ValueError(
                f"{caller} goes on with the network it has, of layer sizes "
                f"{self._network.sizes}, but hidden_layer_sizes={self.hidden_layer_sizes!r} and "
                f"the data ask for {sizes}. Set hidden_layer_sizes back, or fit a new estimator."
            )
        if tuple(layer.activation for layer in layers[:-1]) != activations:
            raise ValueError(
                f"{caller} goes on with the network it has, whose activations differ from "
                f"activation={self.activation!r}. Set activation back, or fit a new estimator."
            )
        for layer in layers:
            topology = layer.topology
            if topology.n_connections != n_erdos_renyi(topology.n_in, topology.n_out, self.epsilon):
                raise ValueError(
                    f"{caller} goes on with the network it has, whose number of connections "
                    f"differs from what epsilon={self.epsilon} gives. Set epsilon back, or fit "
                    "a new estimator."
                )

    def _check_memory(
        self, sizes, activations, optimizer, settings, n_epochs, *, dtype, n_counting, is_copy
    ):
        """Refuse a training for which memory cannot suffice, before anything is drawn."""
        rewires = will_evolve(self._progress, settings, n_epochs)
        n_probed = 0
        if rewires and GROWTH_RULES[settings.growth].needs_probe:
            n_probed = n_probe_samples(sizes, n_counting, settings.batch_size, dtype)
        _check_memory(
            sizes,
            self.epsilon,
            activations=activations,
            dtype=dtype,
            batch_size=settings.batch_size,
            n_moments=optimizer.n_moments,
            rewires=rewires,
            n_probed=n_probed,
            keeps_best=self.early_stopping,
            n_snapshots=n_certain_snapshots(settings, n_epochs),
            is_copy=is_copy,
        )

    def _validator(self, held_out, loss, task):
        """A function of the network: its score and loss on the held-out samples."""
        X = kernel_input(held_out.X, held_out.X.dtype)
        n_threads = machine.effective_n_threads(self.n_jobs)
        if self.scoring is not None:
            scorer = check_scoring(self, scoring=self.scoring)
            scorer_X = held_out.as_given()
            weight = {} if held_out.weight is None else {"sample_weight": held_out.weight}
        own_weight = near_one(held_out.weight)

        def validate(network):
            raw = network.forward(X, n_threads)
            if self.scoring is None:
                score = self._score_of_outputs(held_out, raw, own_weight)
            else:
                with task.as_user():
                    score = _number(scorer(self, scorer_X, held_out.y, **weight))
            loss_value = mean_loss(
                loss, raw, held_out.targets, own_weight, self._loss_parameter(loss)
            )
            return float(score), loss_value

        return validate

    def _publish(self, n_iter, is_validated):
        """Set the fitted attributes that tell how training went."""
        progress = self._progress
        self.n_iter_ = n_iter
        self.t_ = progress.n_samples_seen
        self.loss_curve_ = progress.loss_curve
        self.loss_ = progress.loss_curve[-1] if progress.loss_curve else np.nan
        self.best_iter_ = progress.best_epoch
        self.best_loss_ = None if self.early_stopping else progress.best_loss
        if is_validated:
            self.validation_scores_ = progress.validation_scores
            self.validation_loss_curve_ = progress.validation_loss_curve
            self.best_validation_score_ = progress.best_validation_score
        else:
            self.validation_scores_ = None
            self.validation_loss_curve_ = None
            self.best_validation_score_ = None
        self.n_connections_ = self._network.n_connections
        self.density_ = self.n_connections_ / self._network.n_positions

    # ------------------------------------------------------------------------ prediction

    def _as_of_now(self):
        """The estimator as it is now: a fit in another thread does not change what is returned."""
        fitted = object.__new__(type(self))
        fitted.__dict__ = self.__dict__
        return fitted

    def _raw(self, X):
        """Pre-activations of the output units, of shape (n_samples, n_outputs).

        Of X's number type or the network's, whichever is wider, as a product of the two would be.
        """
        check_is_fitted(self)
        dtype = self._network.dtype
        how = {"accept_sparse": "csr", "order": "C"}
        X = validated(self, X, dtype=(np.float64, np.float32), reset=False, **how)
        wider = np.result_type(X.dtype, dtype)
        if X.dtype != dtype:
            with np.errstate(all="ignore"):  # too large is refused in words
                X = check_array(X, dtype=dtype, input_name="X", **how)
        # A few rows are predicted sooner than the processors are counted.
        work = self._network.n_connections * X.shape[0] * (1 + len(self._snapshots))
        pays = work > measured.SERIAL_PREDICTION
        n_threads = machine.effective_n_threads(self.n_jobs) if pays else 1
        X = kernel_input(X, dtype)
        with np.errstate(all="ignore"):
            raw = self._network.forward(X, n_threads)
            for network in self._snapshots:
                raw += network.forward(X, n_threads)
            raw /= 1 + len(self._snapshots)
            raw = raw.astype(wider, copy=False)
        if not np.isfinite(raw).all():
            _tell_overflow(raw.dtype, stacklevel=4)
        return raw

    def predict(self, X):
        """Predict with the sparse network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Classes, or a matrix of 0 and 1 for multilabel targets; real numbers, of the model's
            number type, for regression.
        """
        fitted = self._as_of_now()
        raw = fitted._raw(X)
        predicted = fitted._decide(raw)
        if predicted.dtype.kind == "f" and np.isfinite(raw).all() > np.isfinite(predicted).all():
            _tell_overflow(predicted.dtype, stacklevel=3)
        return predicted

    # ---------------------------------------------------------------------- inspection

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_network")

    @property
    def coefs_(self):
        """Weights of every layer as sparse arrays of shape (n_in, n_out), over the model's memory.

        Element ``(i, j)`` of ``coefs_[l]`` is the connection from neuron i of layer l to neuron
        j of layer l + 1.  Building the list copies nothing.
        """
        return [layer.as_csr() for layer in self._fitted_network("coefs_").layers]

    @property
    def intercepts_(self):
        """Biases of every layer: a list of arrays of shape (n_out,)."""
        return [layer.bias for layer in self._fitted_network("intercepts_").layers]

    @property
    def feature_importances_(self):
        """Strength of each feature: sum of the absolute weights of its connections.

        An array of shape (n_features,) that sums to 1; zero for features without connection. The
        networks of all snapshots count alike.
        The measure of QuickSelection (Atashgahi et al., 2021, Machine Learning).
        """
        fitted = self._as_of_now()
        networks = [fitted._fitted_network("feature_importances_"), *fitted._snapshots]
        strength = sum(_input_strength(network.layers[0]) for network in networks)
        total = strength.sum()
        return strength / total if total > 0 else strength

    def _fitted_network(self, name):
        try:
            return self.__dict__["_network"]
        except KeyError:
            raise AttributeError(
                f"This {type(self).__name__} instance is not fitted yet: it has no {name}."
            ) from None

    def __getstate__(self):
        state = super().__getstate__() | {"_sklearn_set_version": __version__}
        for name in ("_training", "_fitting", *TRANSIENT):
            state.pop(name, None)  # what only lasts as long as a call of fit
        return state

    def __setstate__(self, state):
        written_by = state.pop("_sklearn_set_version", None)
        if written_by != __version__:
            warnings.warn(
                f"Trying to unpickle a {type(self).__name__} from sklearn_set {written_by} with "
                f"sklearn_set {__version__}. This might lead to breaking code or invalid "
                "results. Use at your own risk.",
                UserWarning,
                stacklevel=2,
            )
        super().__setstate__(state)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _input_strength(layer):
    """Sum of the absolute weights of every input neuron's connections."""
    strength = np.add.reduceat(
        np.append(np.abs(layer.weights, dtype=np.float64), 0.0), layer.topology.indptr[:-1]
    )
    strength[np.diff(layer.topology.indptr) == 0] = 0.0
    return strength


# What a fitted estimator consists of, beside parameters and names that end in an underscore.
_PRIVATE_STATE = (
    "_network",
    "_snapshots",
    "_optimizer",
    "_progress",
    "_randomness",
    "_multilabel",
    "_target_units",
)

# Connections from which on a few snapshots would be a burden.
_MANY_CONNECTIONS = 1_000_000

# Samples of a batch, as in MLPClassifier.
_LARGEST_AUTOMATIC_BATCH = 200

# Quotient of standard deviations from which on features want to be scaled.
_MUCH = 100

# Standard deviations from zero, and standard deviations, at which a network learns nothing; so many
# samples tell.
_FAR = 20
_ODD = 1e4
_ABSURD = 1e100
_LOOKED_AT = 500

# Bytes that no machine lacks, so that small fits need not look at its memory.
_NEVER_TOO_MUCH = 1 << 26


def _tell_overflow(dtype, stacklevel):
    """Warn that outputs of the network, or predictions, are infinite or not a number."""
    warnings.warn(
        f"overflow: predictions are too large for {dtype}. X may lie far outside the data of fit.",
        RuntimeWarning,
        stacklevel=stacklevel,
    )


def _number(score):
    """What a scorer has returned, as a number."""
    try:
        return float(score)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"`scoring` must be a scorer that returns a number, but it returned {shown(score)}, a "
            f"{type(score).__name__}."
        ) from None


def _check_part_weights(weight, rows, held_out):
    """Early stopping needs samples that count in both parts."""
    if weight is None:
        return
    for part, name, what in (
        (rows, "training part", "Decrease"),
        (held_out, "validation set", "Increase"),
    ):
        if not weight[part].any():
            raise ValueError(
                f"All samples of the {name} have a sample_weight of zero. {what} "
                "'validation_fraction', or set early_stopping=False."
            )


def _check_memory(sizes, epsilon, *, is_copy, **how):
    """Refuse, before anything is drawn, a network for whose training memory cannot suffice.

    The arguments are those of `training_bytes`.

    Raises
    ------
    MemoryError
    """
    parts = training_bytes(sizes, epsilon, is_copy=is_copy, **how)
    needed = sum(parts.values())
    if needed < _NEVER_TOO_MUCH:
        return
    available = machine.available_memory()
    if available is None or needed <= available:
        return
    n_connections = sum(n_erdos_renyi(n_in, n_out, epsilon) for n_in, n_out in pairwise(sizes))
    listed = ", ".join(f"{name}: {size:,} bytes" for name, size in parts.items() if size)
    if is_copy:
        advice = (
            "A fitted estimator goes on with a copy of its network: lower batch_size, or fit a "
            "new one with lower hidden_layer_sizes or epsilon."
        )
    elif parts["snapshots"]:
        advice = "Lower hidden_layer_sizes, epsilon, batch_size or n_snapshots."
    else:
        advice = "Lower hidden_layer_sizes, epsilon or batch_size."
    raise MemoryError(
        f"Training {sum(sizes):,} neurons with {n_connections:,} connections needs at least "
        f"{needed / 2**30:.1f} GiB of memory ({listed}), but only {available / 2**30:.1f} GiB are "
        f"available. {advice}"
    )
