"""What the two public estimators share: the steps of a fit.

A call is checked (`_prepare`), a network is made ready (`_begin`) and trained (`train`), and its
result becomes fitted attributes (`_publish`).  All this happens to a draft of the estimator, so a
call that fails leaves the estimator as it was.  Knows scikit-learn and all that a fit needs; must
not know labels, which are the classifier's, or what happens within an epoch.
"""

import contextlib
import weakref
from copy import copy
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from sklearn_set import machine
from sklearn_set._typing import Floats
from sklearn_set.attributes import Estimator
from sklearn_set.continuation import check_goes_on
from sklearn_set.data_checks import (
    check_groups,
    check_labels,
    check_missing,
    check_real,
    check_sparse,
    validated,
)
from sklearn_set.evolution import GROWTH_RULES
from sklearn_set.fitted import PRIVATE_STATE, FittedSET
from sklearn_set.holdout import split_for_search, split_rows
from sklearn_set.hooks import CallbackSupport, FitTask, with_callbacks
from sklearn_set.losses import LOSSES
from sklearn_set.memory import check_memory
from sklearn_set.network import check_sizes, warning_of_few_connections
from sklearn_set.number_types import automatic_type
from sklearn_set.optimizers import SOLVERS
from sklearn_set.parameters import check_parameters, parameters_of
from sklearn_set.probe import n_probe_samples
from sklearn_set.problem import Problem, check_part_weights, check_validation_set, identity_of
from sklearn_set.sample_weights import check_sample_weight, n_counting, relative
from sklearn_set.samples import check_n_samples
from sklearn_set.scaling import units_that_matter
from sklearn_set.schedule import n_certain_snapshots, will_evolve
from sklearn_set.search import FeatureSearch
from sklearn_set.settings import decided, name_of_fit
from sklearn_set.state import Progress, Randomness, TrainingState
from sklearn_set.topology import n_erdos_renyi
from sklearn_set.training import train
from sklearn_set.validation import check_precision, hidden_activations, hidden_sizes
from sklearn_set.validator import scorer_of, validator_of
from sklearn_set.version import DOCUMENTATION
from sklearn_set.warning import warn


class BaseSET(FittedSET, CallbackSupport, Estimator):
    """What classifier and regressor share: the way from X and y to a trained network.

    What depends on the kind of targets is in methods of the subclass:

    - `_encode` returns what the network learns of y;
    - `_with_class_weight` and `_strata` know classes, if there are any;
    - `_adapt_to_targets` sets the units of the targets;
    - `_decide` turns outputs of the network into predictions;
    - `_score_of_outputs` judges them;
    - `_calibrate` looks at a network whose training has ended.
    """

    n_connections_: int
    density_: float
    n_iter_: int
    t_: int
    loss_: float
    best_loss_: float | None
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None
    best_validation_score_: float | None
    best_iter_: int
    search_curve_: list[tuple[int, float]] | None
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    feature_offset_: Floats | None
    feature_scale_: float
    feature_relevance_: Floats | None
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    # The link of the representation in notebooks; scikit-learn asks for these two names.
    _doc_link_module = "sklearn_set"
    _doc_link_template = f"{DOCUMENTATION}/generated/sklearn_set.{{estimator_name}}.html"

    # ------------------------------------------------------------------------- the call

    def _fit(self, call):
        # The mark is a weak reference.  It dies with the call, so no interrupt leaves it behind.
        mark = weakref.ref(call)
        try:
            # This is one dictionary operation: of two threads that fit, one is refused.
            other = self.__dict__.setdefault("_fitting", mark)
            if other is not mark and other() is not None:
                raise RuntimeError(
                    f"This {type(self).__name__} is being fitted already, by another thread or by "
                    "the one that called a callback. Fit a clone of it instead: sklearn.base.clone."
                )
            self.__dict__["_fitting"] = mark
            return self._fit_with_callbacks(call)
        finally:
            if self.__dict__.get("_fitting") is mark:
                state = self.__dict__.pop("_training", None)
                self.__dict__.pop("_fitting", None)
                if state is not None:
                    state.release()

    @with_callbacks
    def _fit_with_callbacks(self, call):
        given, parameters = parameters_of(self), check_parameters(self)
        if call.is_part and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if self.scoring is not None:
            scorer_of(self, self.scoring, self)
        task = FitTask(self, n_epochs=1 if call.is_part else parameters["max_iter"])
        draft = object.__new__(type(self))
        draft.__dict__.update(self.__dict__ | parameters)
        # Overflow is refused in words.  The user's settings of NumPy are for the user's own code.
        with np.errstate(all="ignore"):
            course = draft._fit_draft(call, task)
        draft.__dict__.update(given)
        for name in ("_training", "_fitting"):
            draft.__dict__.pop(name, None)
        if not (call.is_part or course.interrupted):
            # The result of a search may be fitted again like any other estimator.
            draft.__dict__.pop("_is_clone", None)
        has_ended = course.converged or course.interrupted
        if not (call.is_part or has_ended or self._is_part_of_a_fit()):
            # Warn before anything changes, since a filter may turn the warning into an error.
            warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
            )
        # One assignment: the estimator is either what it was or what the draft became.
        self._training.release()
        self.__dict__ = draft.__dict__
        if course.interrupted:
            if self.__dict__.get("_is_clone"):
                raise KeyboardInterrupt  # ends the search or the ensemble that made the clone
            warn("Training interrupted by user.")
        return self

    def __sklearn_clone__(self):
        # Searches and ensembles fit clones.  Ctrl-C must end them, not just one of their fits.
        clone = super().__sklearn_clone__()
        clone._is_clone = True
        return clone

    def _fit_draft(self, call, task):
        """Prepare, begin, train and publish; return the course that training took."""
        goes_on = hasattr(self, "_network") and (call.is_part or self.warm_start)
        kept = self._begin_temperature(call.is_part, goes_on)
        problem = self._prepare(call, goes_on)
        state, problem = self._begin(problem, goes_on)
        task.begins(state, **problem.shown_to_callbacks(state))
        # Only now: a callback may have replaced the state by one from a checkpoint.
        self._network, self._snapshots = state.network, ()  # for the user's scorer
        train(
            state,
            problem.training_data(state.rows),
            problem.settings,
            validate=validator_of(self, problem, state.held_out, task),
            observer=task,
        )
        self._keep_temperature(kept)
        try:
            if self._is_calibrated() and not (call.is_part or state.course.interrupted):
                self._calibrate(problem, state)
                state.course.is_calibrated = True
            self._publish(state, problem)
        except KeyboardInterrupt:
            state.course.interrupted = True  # what was trained is complete
            self._publish(state, problem)
        try:
            task.ends()
        except KeyboardInterrupt:
            state.course.interrupted = True
        return state.course

    # ------------------------------------------------------------------------- prepare

    def _prepare(self, call, goes_on):
        """Check everything, and decide how to train."""
        X, y = self._checked(call, goes_on)
        y, targets, loss, n_outputs = self._encoded(y, call, goes_on)
        self.n_outputs_, self.out_activation_ = n_outputs, LOSSES[loss].out_activation
        weight = check_sample_weight(call.sample_weight, X.shape[0])
        train_weight = relative(self._with_class_weight(weight, y, call.is_part), X.dtype)
        validation_set = check_validation_set(self, call, n_outputs, X.dtype)
        groups = check_groups(call.groups, X.shape[0])

        sizes = (X.shape[1], *hidden_sizes(self.hidden_layer_sizes), n_outputs)
        activations = hidden_activations(self.activation, len(sizes) - 2)
        self._begin_progress(sizes, activations, goes_on)
        rows, held_out, search_rows = np.arange(X.shape[0], dtype=np.int32), None, None
        split_by = self._strata(y), self._randomness.order, groups
        if self.early_stopping and validation_set is None:
            rows, held_out = split_rows(X.shape[0], self.validation_fraction, *split_by)
            check_part_weights(train_weight, rows, held_out)
        settings = decided(
            vars(self),
            sizes=sizes,
            n_connections=sum(n_erdos_renyi(*pair, self.epsilon) for pair in pairwise(sizes)),
            n_samples=rows.shape[0],
            n_counting=n_counting(train_weight, rows),
            is_part=call.is_part,
            goes_on=goes_on,
            n_threads=machine.effective_n_threads(self.n_jobs),
            fit_name=name_of_fit(self.__dict__.get("_is_clone", False)),
        )
        if not call.is_part:
            settings.introduce(self, rows.shape[0], sizes[0])
        if settings.n_search_epochs:
            search_rows = split_for_search(rows, train_weight, *split_by)
        are_held_out = held_out is not None or search_rows is not None or self._is_calibrated()
        return Problem(
            call=call,
            X=X,
            y=y,
            targets=targets,
            weight=weight,
            train_weight=train_weight,
            loss=loss,
            loss_parameter=self._loss_parameter(loss),
            validation_set=validation_set,
            rows=rows,
            held_out=held_out,
            search_rows=search_rows,
            groups=groups if are_held_out else None,
            sizes=sizes,
            activations=activations,
            settings=settings,
        )

    def _begin_progress(self, sizes, activations, goes_on):
        """Check the network to come, and set counters and random streams."""
        if goes_on:
            check_goes_on(self._network, vars(self), sizes, activations)
            # Training changes copies: if it fails, the model is as it was.
            self._progress, self._randomness = self._progress.copy(), self._randomness.copy()
        else:
            check_sizes(sizes, self.epsilon)
            self._progress = Progress(self.learning_rate_init)
            self._randomness = Randomness(
                check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
            )

    def _checked(self, call, goes_on):
        """X and y as arrays."""
        check_sparse(call.X, "X")
        self._check_targets(call.y, "y")
        X, y = validated(
            self,
            call.X,
            call.y,
            reset=not goes_on,
            accept_sparse="csr",
            dtype=self._network.dtype if goes_on else self._accepted_dtypes(),
            order="C",
            multi_output=True,
            y_numeric=self._y_numeric,
        )
        check_n_samples(X.shape[0])
        if self._follows_X() and not (goes_on or call.is_part):
            X = X.astype(self._automatic_type(X, y), copy=False)
        check_precision(vars(self), X.dtype, type(self).__name__)
        return X, y

    def _automatic_type(self, X, y):
        """The number type that suits the data, and the parameters too."""
        dtype = automatic_type(X, y if self._y_numeric else None)
        with contextlib.suppress(ValueError):  # another type may say more
            check_precision(vars(self), dtype, type(self).__name__)
            return dtype
        return X.dtype

    def _check_targets(self, y, name):
        """Refuse bad targets that scikit-learn's checks would convert to numbers or labels."""
        check_missing(y, name)
        (check_real if self._y_numeric else check_labels)(y, name)

    def _accepted_dtypes(self):
        """Number types that X may have; X of any other is converted to the first of them."""
        return (np.float64, np.float32) if self._follows_X() else np.dtype(self.dtype)

    def _follows_X(self):
        """Whether the number type depends on X."""
        return isinstance(self.dtype, str) and self.dtype == "auto"

    def _encoded(self, y, call, goes_on):
        """Return what `_encode` does; refuse labels that cannot be sorted, in words."""
        try:
            return self._encode(y, goes_on=goes_on, is_part=call.is_part, classes=call.classes)
        except TypeError as error:
            raise TypeError(
                f"y must hold labels of one type, which can be sorted: {error}"
            ) from None

    def _loss_parameter(self, loss):
        """The loss's own number, zero for a loss that has none."""
        name = LOSSES[loss].parameter
        return 0.0 if name is None else float(getattr(self, name))

    # ------------------------------------------------------------------------- begin

    def _begin(self, problem, goes_on):
        """Return the state that training begins with, and the problem in the network's units."""
        is_part = problem.call.is_part
        if not is_part:
            self._progress.begin(self.learning_rate_init)
        optimizer = SOLVERS[self.solver].of(self)
        self._check_memory(problem, optimizer, goes_on)
        rng = self._randomness.network
        network = self._network.copy() if goes_on else problem.draw_network(self.epsilon, rng)
        if not goes_on:
            self._warn_of(warning_of_few_connections(problem.sizes, self.epsilon))
        optimizer.begin(network, getattr(self, "_optimizer", None) if goes_on else None)
        if not is_part:
            self._adapt_to_features(network, problem, goes_on)
            if problem.settings.feature_relevance:
                network.relevance = problem.relevance(problem.rows, network)
        self.feature_offset_, self.feature_scale_ = network.offset, 1 / network.factor
        self.feature_relevance_ = network.relevance
        problem = problem.in_units(self._adapt_to_targets(network, problem, goes_on))
        self.n_layers_ = len(problem.sizes)
        state = TrainingState(
            network,
            optimizer,
            self._progress,
            self._randomness,
            problem.rows,
            problem.held_out,
        )
        if problem.search_rows is not None:
            settings = problem.settings
            state.course.search = FeatureSearch(
                *problem.search_rows, settings.n_search_epochs, settings.max_iter
            )
        if not is_part:
            state.identity = lambda: identity_of(self, problem, self._progress)
        state.fitted_attributes = lambda copies: self._fitted_attributes(state, problem, copies)
        return state, problem

    def _check_memory(self, problem, optimizer, goes_on):
        """Refuse a training for which memory cannot suffice, before anything is drawn."""
        settings, dtype = problem.settings, problem.X.dtype
        rewires = will_evolve(self._progress, settings)
        n_probed = 0
        if rewires and GROWTH_RULES[settings.growth].needs_probe:
            n_samples = n_counting(problem.train_weight, problem.rows)
            n_probed = n_probe_samples(problem.sizes, n_samples, settings.batch_size, dtype)
        check_memory(
            problem.sizes,
            self.epsilon,
            activations=problem.activations,
            dtype=dtype,
            batch_size=settings.batch_size,
            n_moments=optimizer.n_moments,
            rewires=rewires,
            n_probed=n_probed,
            keeps_best=settings.score_decides,
            n_snapshots=n_certain_snapshots(settings),
            is_copy=goes_on,
        )

    def _adapt_to_features(self, network, problem, goes_on):
        """Let the network shift and scale the features, if training needs it."""
        is_dropping = problem.settings.input_dropout > 0  # to zero, which should be near the mean
        units = units_that_matter(problem.X, problem.train_weight, problem.rows, is_dropping)
        if units is None:
            return
        self._warn_of_scales(units)
        if goes_on:
            units.install(network)
        else:
            network.offset, network.factor = units.offset, units.factor

    def _warn_of_scales(self, units):
        """Tell of features whose scales are so different that few of them would count."""
        self._warn_of(units.warning(type(self).__name__) if units.differ_much else None)

    def _warn_of(self, text):
        """Warn, if there is something to tell and no other fit tells it."""
        if text is not None and not self._is_part_of_a_fit():
            warn(text)

    # ------------------------------------------------------------------------- publish

    def _is_part_of_a_fit(self):
        """Whether another fit, of which the user knows, calls this one and warns for it."""
        return "_is_inner" in self.__dict__

    def _begin_temperature(self, is_part, goes_on):
        """Set what outputs are divided by in training; return what for `_keep_temperature`."""

    def _keep_temperature(self, kept):
        """Set what outputs are divided by after it, unless held-out samples tell more."""

    def _is_calibrated(self):
        """Whether held-out samples tell, after training, what outputs of the network mean."""
        return False

    def _calibrate(self, problem, state):
        """Learn what outputs of the network mean."""

    def _publish(self, state, problem):
        """Set all fitted attributes from the state in which training ended."""
        self._take(state, problem)
        self._publish_course(state.course, problem.is_validated)

    def _take(self, state, problem):
        """Keep the networks that predict, and what a later call goes on with."""
        self._network, self._snapshots = state.best_network(), tuple(state.course.snapshots)
        self._optimizer = state.best_optimizer() if problem.settings.keeps_moments else None
        self._progress, self._randomness = state.progress, state.randomness
        self._decided = problem.settings.told(parameters_of(self))

    def _fitted_attributes(self, state, problem, copies):
        """The attributes that `_publish` would set now; training does not change copies of them."""
        draft = copy(self)
        draft._take(state, problem)
        if copies:
            draft._network, draft._optimizer = draft._network.copy(), None
            draft._progress, draft._randomness = state.progress.copy(), state.randomness.copy()
        draft._publish_course(state.course, problem.is_validated)
        return {
            name: value
            for name, value in vars(draft).items()
            if name in PRIVATE_STATE or (name.endswith("_") and not name.startswith("_"))
        }

    def _publish_course(self, course, is_validated):
        """Set the fitted attributes that tell how training went."""
        progress = self._progress
        self.n_iter_ = course.n_iter
        self.search_curve_ = None if course.search is None else list(course.search.curve)
        self.t_ = progress.n_samples_seen
        self.loss_curve_ = progress.loss_curve
        self.loss_ = progress.loss_curve[-1] if progress.loss_curve else np.nan
        self.best_iter_ = progress.best_epoch
        self.best_loss_ = None if self.early_stopping else progress.best_loss
        self.validation_scores_ = progress.validation_scores if is_validated else None
        self.validation_loss_curve_ = progress.validation_loss_curve if is_validated else None
        self.best_validation_score_ = progress.best_validation_score if is_validated else None
        self.n_connections_ = self._network.n_connections
        self.density_ = self.n_connections_ / self._network.n_positions
