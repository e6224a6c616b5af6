"""Breaks of estimators and their checks."""

from breaks import near

BREAKS = [
    *near(
        "test_calibration test_calibration_evidence",
        ("* (size / usual_size)", "* 1", "outputs of short networks are not made larger"),
        ("np.square(weight).sum())", "weight.sum())", "uneven weights tell as much as even ones"),
        ("(logarithm - np.log(_USUAL)) / _SPREAD", "0", "no prior of temperatures"),
        ("raw -= raw.mean(axis=1, keepdims=True)", "pass", "the mean of classes has a size"),
        ("held_out = held_out[:_ENOUGH]", "pass", "more held-out samples than are needed"),
        ("zeta=0.0,", "", "short networks evolve"),
        (
            "problem.settings.learning_rate_init,\n        n_iter_no_change=np.inf",
            "1.0,\n        n_iter_no_change=np.inf",
            "short networks do not learn at the user's rate",
        ),
        (
            "network.offset, network.factor = like.offset, like.factor",
            "pass",
            "units of short ones",
        ),
        (
            "state.randomness.copy().order.integers(2**32",
            "state.randomness.order.integers(2**32",
            "folds move on",
        ),
        (
            "raise KeyboardInterrupt\n        held_out",
            "pass\n        held_out",
            "Ctrl-C is ignored",
        ),
        ("weight = near_one(weight)", "pass", "squares of weights overflow"),
        ("setattr(model, name, value)", "pass", "parts of a fit are decided anew"),
        ("model._is_clone = model._is_inner = True", "pass", "inner fits warn"),
        ("fold_of[number] = n_in_fold.argmin()", "fold_of[number] = 0", "all groups in one fold"),
        (
            "before = estimator.temperature_ if goes_on else 1.0",
            "before = 1.0",
            "a temperature is forgotten",
        ),
        (
            "return before if is_part else 1.0, before",
            "return before, before",
            "epochs are judged by the temperature of the fit before",
        ),
    ),
    *near(
        "test_number_types",
        ("X.shape[0] + 1)", "X.shape[0])", "as many features as samples are wide, for the type"),
        ("_MANY_FEATURES = 1000", "_MANY_FEATURES = 1", "small data in single precision"),
        ("np.median(n_values)", "np.max(n_values)", "any feature suits single precision"),
        ("n_values.min() >= _LEAST_DISTINCT", "True", "a feature is lost in single precision"),
        ("largest_magnitude(y) > _LARGEST", "False", "targets too large for single precision"),
        ("spread > _NOISE * magnitude", "spread >= 0", "constant features suit nothing"),
        ("return largest == 0", "return False", "zeros do not suit single precision"),
        ("and not (goes_on or call.is_part)", "and not goes_on", "streams in single precision"),
    ),
    *near(
        "test_failed_calls test_early_stopping test_fitted test_estimators "
        "test_clone_and_pickle test_continuation test_weak_spots test_stopping test_trouble",
        (
            'draft.__dict__.update(given) for name in ("_training", "_fitting"):',
            'for name in ("_training", "_fitting"):',
            "parameters that were converted are not restored",
        ),
        (
            "self._progress.copy(), self._randomness.copy()",
            "self._progress, self._randomness",
            "a call that fails changes the progress of the model",
        ),
        (
            "check_random_state(self.random_state).randint(np.iinfo(np.int32).max)",
            "0",
            "dropped seed: all models are the same",
        ),
        (
            "check_part_weights(train_weight, rows, held_out)",
            "pass",
            "a held-out part without weight is not refused",
        ),
        (
            "network = self._network.copy()",
            "network = self._network",
            "a call that fails trains",
            "sklearn_set/base.py",
        ),
        (
            "connected = np.flatnonzero(np.diff(topology.indptr))",
            "connected = np.arange(topology.n_in - 1)",
            "a feature without connection has the strength of the next",
        ),
        (
            "if call.is_part and self.early_stopping:",
            "if False:",
            "early stopping of a stream is not refused",
        ),
        (
            "self.can_continue(previous)",
            "False",
            "moments are not gone on from",
        ),
        ("if written_by != __version__:", "if False:", "models of other versions, without a word"),
        ("clone._is_clone = True", "clone._is_clone = False", "Ctrl-C in a search goes on"),
        (
            'draft.__dict__.pop("_is_clone", None)',
            "pass",
            "Ctrl-C in the result of a search is no warning",
        ),
        ("if other is not mark and other() is not None:", "if False:", "two fits at a time"),
        (
            "frame, level = sys._getframe(1), 2",
            "frame, level = sys._getframe(1), 1",
            "a warning names the last line of the package",
        ),
        (
            "while frame.f_back is not None and _is_ours(",
            "while False and _is_ours(",
            "a warning names the place that warns",
        ),
        (
            '("sklearn_set", "sklearn.callback")',
            '("sklearn_set",)',
            "a warning of fit names a line of scikit-learn's callbacks",
        ),
        (
            'module.startswith(f"{name}.")',
            "module.startswith(name)",
            "a user's package whose name begins like ours is taken for ours",
        ),
        ("self._training.release()", "pass", "data are held until the garbage collector comes"),
        ("progress.loss_curve[-1] if progress", "progress.loss_curve[0] if progress", "loss_"),
        (
            "n_connections != n_erdos_renyi(topology.n_in, topology.n_out, epsilon)",
            "topology.n_connections < 0",
            "another epsilon with warm_start is not refused",
        ),
    ),
    *near(
        "test_auto test_training test_continuation",
        (
            "wide = sizes[0] > n_samples and not is_part",
            "wide = sizes[0] >= n_samples and not is_part",
            "as many features as samples are wide",
        ),
        (
            "min(_LARGEST_AUTOMATIC_BATCH, n_samples // 10))",
            "min(_LARGEST_AUTOMATIC_BATCH, n_samples // 5))",
            "automatic batches",
        ),
        ("<= n_samples < _SAMPLES_PER_FEATURE * sizes[0]", "<= n_samples", "a search in vain"),
        (
            '"small" if len(sizes) <= 3 else "auto"',
            '"small" if len(sizes) < 3 else "auto"',
            "automatic weight_init",
        ),
        (
            "usual_batch if is_part and n_samples < usual_batch else 1",
            "1",
            "the penalty of a stream depends on how many samples come at a time",
        ),
        (
            "1 if early_stopping or is_part else",
            "1 if is_part else",
            "snapshots with early stopping",
        ),
        (
            'values["n_iter_no_change"] == np.inf and not is_part',
            'values["n_iter_no_change"] == np.inf',
            "the rate of a stream falls to zero",
        ),
        ("min(sizes[0] / n_samples / 10, 4.0)", "sizes[0] / n_samples / 10", "automatic mixup"),
    ),
    *near(
        "test_scaling test_continuation",
        (
            "units.install(network)",
            "network.offset, network.factor = units.offset, units.factor",
            "new units of features change what the network predicts",
            "sklearn_set/base.py",
        ),
        ("if units.differ_much else None", "if False else None", "odd scales, without a word"),
        (
            "if not units.equals(before) and",
            "if False and",
            "units of targets change the network's predictions",
        ),
        ("units = before.joined(units)", "pass", "a stream has the units of its last part"),
    ),
    *near(
        "test_estimator_targets test_estimator_weights test_early_stopping test_weak_spots "
        "test_continuation test_sample_weights test_regression_losses",
        ("np.hstack([-raw, raw])", "np.hstack([raw, -raw])", "the classes of two are swapped"),
        ("where=probabilities > 0.5)", "where=probabilities > 2)", "digits of log-probabilities"),
        (
            "near_one(factor) * near_one(weight)",
            "near_one(factor)",
            "class weights in place of sample weights",
        ),
        (
            "if is_part and isinstance(self.class_weight, str):",
            "if False:",
            "balanced weights of a part of a stream",
        ),
        (
            "if goes_on and is_multilabel != self._multilabel:",
            "if False:",
            "sets of labels after classes are not refused",
        ),
        (
            "return None if self._multilabel else y",
            "return None",
            "a held-out part is not stratified",
        ),
        ("if classes is None:", "if False:", "classes of a stream"),
        (
            "return predicted.ravel() if raw.shape[1] == 1 else predicted",
            "return predicted",
            "predictions of one target are two-dimensional",
        ),
        (
            "if not (is_part or targets.any(axis=0).all()):",
            "if False:",
            "an output of zeros for Poisson loss is not refused",
        ),
        ("if (targets < 0).any():", "if False:", "negative counts are not refused"),
        (
            "network.layers[-1], before)",
            "network.layers[0], before)",
            "another layer is rescaled",
        ),
    ),
    *near(
        "test_holdout test_early_stopping test_validation_set",
        ("int(np.ceil(fraction * n_samples))", "int(fraction * n_samples)", "held-out samples"),
        (
            "np.clip(np.floor(ideal), 1, sizes - 1)",
            "np.floor(ideal)",
            "a class held out as a whole",
        ),
        (
            "is_held_out[rng.permutation(members)[:n_taken]] = True",
            "is_held_out[members[:n_taken]] = True",
            "the first samples are held out",
        ),
        ("lambda: rows_of(X_given, rows)", "lambda: X_given", "scorers get all samples"),
        (
            "own_weight = Samples(held_out.X), near_one(held_out.weight)",
            "own_weight = Samples(held_out.X), None",
            "weights of a validation set do not count",
        ),
        (
            "if n_found != n_outputs:",
            "if False:",
            "a validation set of other outputs is not refused",
        ),
    ),
    *near(
        "test_groups test_holdout",
        ("if (after == size).any(): continue", "pass", "a class held out with all its groups"),
        ("is_nearer or not before.all()", "is_nearer", "a class of few samples is left out"),
        ("return np.isin(groups, taken)", "return ~np.isin(groups, taken)", "the others"),
        ("key=lambda draw: draw[:2]", "key=lambda draw: -draw[1]", "the worst draw of groups"),
        (
            "rows[~np.isin(groups[rows], groups[held_out])], held_out",
            "np.setdiff1d(rows, held_out), held_out",
            "samples without weight stay when their group leaves",
        ),
        (
            "{} if problem.groups is None else",
            "{} if True else",
            "a checkpoint is resumed with other groups",
        ),
        (
            "groups=groups if are_held_out else None",
            "groups=groups",
            "groups that decide nothing make another fit",
        ),
        ("order[np.argsort(first)]", "order[:]", "the names of groups decide"),
        ("return np.count_nonzero(values != values)", "return 0", "missing groups and targets"),
    ),
    *near(
        "test_data_checks test_trouble",
        (
            "if indptr[0] != 0 or (indptr[1:] < indptr[:-1]).any():",
            "if indptr[0] != 0:",
            "rows of a malformed matrix that end before they begin",
        ),
        ("not 0 <= values.min() <= values.max() < n", "values.max() >= n", "negative indices"),
        ("if indices.shape[0] != data.shape[0]:", "if False:", "fewer indices than values"),
        ('in ("NAType", "NaTType")', 'in ("NAType",)', "missing times"),
        (
            "isinstance(value, Real) and bool(value != value)",
            "False",
            "missing labels among objects",
        ),
        ("isinstance(value, (Real, np.bool_)) and not", "not", "text as numbers"),
        ("if not np.isin(found, (0, 1)).all():", "if False:", "matrices of other labels"),
    ),
    *near(
        "test_validation test_estimators",
        (
            "return above(value, low) and below(value, high)",
            "return above(value, low)",
            "no upper bounds",
        ),
        (
            '"validation_fraction": (_FRACTION,)',
            '"validation_fraction": (_CLOSED_FRACTION,)',
            "all samples held out",
        ),
        ("_POSITIVE_INT, _INFINITY)", "_POSITIVE_INT)", "endless patience is refused"),
        (
            "if any(size <= 0 for size in sizes):",
            "if any(size < 0 for size in sizes):",
            "no neurons",
        ),
        ("interval(Integral, 0, 2**32 - 1", "interval(Integral, 0, 2**32", "a seed too large"),
    ),
    *near(
        "test_validation_set",
        (
            '"score_decides": early_stopping,',
            '"score_decides": True,',
            "a validation set decides without early stopping",
        ),
        (
            "validation_set = replace(validation_set, targets=targets)",
            "pass",
            "targets of a validation set stay in the user's units",
        ),
    ),
    *near(
        "test_snapshots",
        (
            "raw /= len(networks)",
            "raw /= max(1, len(networks) - 1)",
            "the mean over snapshots",
        ),
        (
            "and before.factor == network.factor",
            "",
            "networks that read data in other units get those of the first",
        ),
        (
            "state.best_network(), tuple(state.course.snapshots)",
            "state.best_network(), ()",
            "snapshots are not published",
        ),
    ),
    *near(
        "test_trouble test_validation test_hooks",
        ("or isinstance(value, np.timedelta64):", ":", "durations as integers"),
        (
            "(not above or value > low) and (not below or value < high)",
            "(not above or value > low)",
            "a beta_2 of one in single precision",
        ),
        (
            "return (interval(Real, accepted.low, accepted.high, accepted.closed),)",
            "return (interval(Real, -inf, inf),)",
            "hyper-parameters of optimizers may be any numbers",
        ),
        (
            "state.course.interrupted = True # what was trained is complete"
            " self._publish(state, problem)",
            "raise",
            "Ctrl-C while a model is published loses it",
        ),
        ("result[name] = accepting.plain(value)", "pass", "NumPy's small integers overflow"),
        (
            "return np.errstate(**self._user)",
            "return np.errstate()",
            "scorers run under our settings",
        ),
    ),
    *near(
        "test_scaling test_regression_losses",
        ("tail=self._tail(),", "tail=None,", "outliers decide the units of robust losses"),
        (
            "min(_OUTLIERS, min(self.quantile, 1 - self.quantile) / 2)",
            "_OUTLIERS",
            "the quantile that is asked for is an outlier",
        ),
    ),
    *near(
        "test_first_hour",
        ("if 2 * n_connections < n_out:", "if False:", "few connections, without a word"),
        (
            "if text is not None and not self._is_part_of_a_fit():",
            "if text is not None:",
            "fits within a fit warn as well",
        ),
        (
            "if error is not None:",
            "if False:",
            "an attribute that is not there, without a reason",
            "sklearn_set/attributes.py",
        ),
        ("if name not in valid:", "if False:", "an unknown parameter, without a name that is near"),
        (
            "if isinstance(scoring, str) and scoring not in names:",
            "if False:",
            "all names of scorers for a wrong one",
        ),
        ("if np.ma.is_masked(X):", "if False:", "masked values are read"),
        (
            'if said.startswith(f"Input {name} contains NaN"):',
            "if False:",
            "missing values are not counted",
        ),
        (
            "worst = at_fault[np.argsort(-counts[at_fault]",
            "worst = at_fault[np.argsort(counts[at_fault]",
            "features with few gaps are named first",
        ),
    ),
]
