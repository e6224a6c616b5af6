"""Breaks of training and what it uses: losses, optimizers, scales, memory, threads."""

from breaks import near

BREAKS = [
    *near(
        "test_optimizers test_continuation test_weak_spots",
        (
            "np.sqrt(1 - self.beta_2**self.n_steps)",
            "(1 - self.beta_2**self.n_steps)",
            "Adam's correction of the second moment",
        ),
        (
            "self.n_steps = previous.n_steps",
            "self.n_steps = 0",
            "Adam's steps are counted anew in every call",
        ),
        ("[moment.copy() for moment in layer]", "list(layer)", "moments of a copy are shared"),
        (
            'if self.momentum == 0: return "plain_sgd"',
            "pass",
            "plain SGD stores velocities",
        ),
    ),
    *near(
        "test_losses test_regression_losses test_probe",
        ("small * (size - 0.5 * small)", "small * (size - small)", "huber's validation loss"),
        (
            "np.average(sample_losses(loss, raw, y, parameter), weights=sample_weight)",
            "np.average(values)",
            "the validation loss forgets weights",
        ),
        ("slope[slope > 0] *= 1 - quantile", "slope[slope > 0] *= quantile", "the other quantile"),
        ("- y * raw - y + np.exp(raw)", "- y * raw + np.exp(raw)", "Poisson's validation loss"),
        (
            "(weight / weight.sum()).astype(table.dtype)",
            "weight.astype(table.dtype)",
            "gradients of a probe are sums instead of means",
        ),
        ("1 - np.tanh(z) ** 2", "1 - np.tanh(z)", "the slope of tanh in a probe"),
        (
            "ndtr(z) + z * _normal_density(z)",
            "ndtr(z) - z * _normal_density(z)",
            "wrong sign in the slope of gelu in a probe",
        ),
        (
            "max(batch_size, _MIN_SAMPLES), n_affordable)",
            "max(batch_size, _MIN_SAMPLES))",
            "a probe of a huge network takes any memory",
        ),
    ),
    *near(
        "test_augmentation",
        ("label_smoothing / 2", "label_smoothing", "smoothed labels of two classes"),
        ("np.maximum(share, 1 - share)", "share", "the partner may have the larger share"),
        ("order[place].astype(np.int32)", "order.astype(np.int32)", "mixup with itself"),
        (
            "order = order[weight[order] > 0]",
            "pass",
            "mixup with samples of weight zero",
        ),
        ("own / total, others / total", "own, others", "mixed targets of weighted samples"),
    ),
    *near(
        "test_training test_training_evolution test_schedules test_stopping test_snapshots "
        "test_hooks test_auto test_continuation test_weak_spots",
        (
            'if settings.learning_rate == "constant":',
            "if False:",
            "a stream does not follow a changed learning_rate_init",
        ),
        ("progress.n_epochs > 0", "progress.n_epochs >= 0", "evolution before the first epoch"),
        (
            "progress.n_epochs % settings.rewire_interval == 0",
            "progress.n_epochs % settings.rewire_interval <= 1",
            "evolution more often than asked for",
        ),
        (
            "progress.n_epochs - progress.n_epochs_before - n_search",
            "progress.n_epochs - n_search",
            "the cosine rate does not begin anew with warm_start",
        ),
        (
            "left // interval < n_snapshots",
            "left // interval <= n_snapshots",
            "one snapshot too many",
        ),
        (
            "if settings.shuffle: order =",
            "if True: order =",
            "shuffle=False shuffles",
        ),
        (
            "dropout_seed=state.randomness.dropout_seed,",
            "dropout_seed=0,",
            "dropped seed: dropout masks of all models are the same",
        ),
        (
            "stepper.step(rows, rate, step_size, progress.n_steps)",
            "stepper.step(rows, rate, step_size, 0)",
            "dropout masks of all steps are the same",
        ),
        ("and not data.sample_weight[rows].any()", "and False", "a batch without weight"),
        (
            "progress.n_samples_seen += data.rows.shape[0]",
            "progress.n_samples_seen += 1",
            "t_, and the schedule by it",
        ),
        (
            "improved = loss <= progress.best_loss - settings.tol",
            "improved = loss <= progress.best_loss",
            "tol does not count",
        ),
        (
            "progress.best_validation_score + settings.tol",
            "progress.best_validation_score",
            "tol does not count for scores",
        ),
        (
            "return loss < progress.validation_loss_curve[progress.best_epoch - 1]",
            "return False",
            "of equal scores the first is kept",
        ),
        ("self.best_loss = np.inf", "pass", "the best loss is not reset with warm_start"),
        (
            "settings.learning_rate_init / divisor",
            "progress.learning_rate / divisor",
            "invscaling divides what it has divided",
        ),
        ("0.5 * (1 + np.cos(np.pi * phase))", "(1 + np.cos(np.pi * phase))", "the cosine rate"),
        (
            "progress.n_without_improvement < settings.n_iter_no_change:",
            "progress.n_without_improvement <= settings.n_iter_no_change:",
            "training ends one epoch late",
        ),
        (
            "progress.n_without_improvement = 0 stop = False",
            "stop = False",
            "patience is not reset after an adaptive rate has fallen",
        ),
        (
            "best = state.network.copy()",
            "best = state.network",
            "the best network is the last",
        ),
        (
            "state.optimizer.copy() if settings.keeps_moments else None",
            "state.optimizer if settings.keeps_moments else None",
            "moments of the best network are those of the last",
        ),
        (
            "ended_as_told = course.has_ended or settings.n_iter_no_change == np.inf",
            "ended_as_told = course.has_ended",
            "training that was to last so long warns that it did not converge",
        ),
        ("if activate is np.exp:", "if False:", "predictions that overflow as exponentials"),
        (
            "randomness.order.choice(rows, n, replace=False)",
            "rows[:n]",
            "growth looks at the same samples in every epoch",
        ),
    ),
    *near(
        "test_scaling test_regression_losses test_snapshots",
        (
            "mean**2 > variance, variance > 0",
            "mean**2 > 4 * variance, variance > 0",
            "features within two deviations of zero keep their mean",
        ),
        (
            "np.mean(deviation[deviation <= high] ** 2)",
            "np.mean(deviation**2)",
            "one huge feature decides the scale of all",
        ),
        (
            "-np.rint(np.log2(typical) + exponent)",
            "np.rint(np.log2(typical) + exponent)",
            "wrong sign: large features become larger",
        ),
        (
            "+ own * others * (apart / size) ** 2",
            "",
            "the spread of a stream forgets that its parts lie apart",
        ),
        (
            "(before.offset - self.offset) / self.scale, 0.0)",
            "(self.offset - before.offset) / self.scale, 0.0)",
            "wrong sign when the units of targets change",
        ),
        ("+ np.log(factor)", "- np.log(factor)", "wrong sign when the units of counts change"),
        (
            "layer.weights *= network.factor / self.factor",
            "layer.weights *= self.factor / network.factor",
            "units of features that change, the wrong way round",
        ),
        (
            "np.full_like(scale, np.sqrt(np.mean((scale / size) ** 2)) * size)",
            "scale",
            "an autoencoder weighs all features alike",
        ),
        ("min(share + 1e-9, 1.0)", "share", "quantiles of weights times a constant"),
    ),
    *near(
        "test_sample_weights test_estimator_weights",
        ("if multiples.mean() <= FEW and", "if False and", "counts are not told from weights"),
        ("if multiples.mean() <= FEW and", "if", "any whole multiples are counts"),
        (
            "max(np.count_nonzero(weight), 1)",
            "weight.shape[0]",
            "samples of weight zero count for the mean weight",
        ),
        ("check_non_negative(weight, f", "(lambda *_: 0)(weight, f", "negative weights"),
    ),
    *near(
        "test_memory",
        ("best if keeps_best else 0", "best", "memory of a best network that is not kept"),
    ),
    *near(
        "test_threads test_available_memory test_machine",
        (
            "joblib.cpu_count() + 1 + n_jobs",
            "joblib.cpu_count() + n_jobs",
            "n_jobs=-1 is all processors but one",
        ),
        ("if threads > n_most:", "if False:", "more threads than processors"),
        (
            "_forked = True",
            "_forked = False",
            "threads in a forked process: it would wait for ever",
        ),
        (
            '.get("VmSize", 0) * 1024',
            '.get("VmSize", 0) * 0',
            "what the process has is not taken from the limit of its memory",
        ),
        ("min(swap, limit_of_swap -", "max(swap, limit_of_swap -", "the limit of swap of a group"),
        ("if folder == root:", "if True:", "limits of the groups above"),
    ),
    *near(
        "test_relevance",
        ("often[0] += prior", "pass", "nothing speaks for features that tell nothing"),
        ("n_tests * np.log1p(", "np.log1p(", "the best of many targets looks like the only one"),
    ),
    *near(
        "test_step",
        (
            "max(float(values.max()), -float(values.min())) if values.size",
            "float(values.max()) if values.size",
            "the largest magnitude of data forgets negative numbers",
        ),
    ),
    *near(
        "test_attribution",
        (
            "near = ~far",
            "near = far & False",
            "a neuron that does not change has no slope",
        ),
        (
            "far = np.abs(run) > _NEAR * size",
            "far = np.abs(run) > _NEAR",
            "small features never reach a corner",
        ),
        (
            "n_pieces = question.n_pieces if len(z) > 2 else 1",
            "n_pieces = 1",
            "deep networks get the rescale rule",
        ),
        (
            "ground[0] + (piece / n_pieces) * (z[0] - ground[0])",
            "(piece / n_pieces) * z[0]",
            "pieces of the way from zero",
        ),
        (
            "inputs *= question.baselines.shape[0]",
            "pass",
            "gradients with several baselines",
        ),
        (
            "(baseline - (0.0 if offset is None else offset)) * factor",
            "baseline * factor - (0.0 if offset is None else offset)",
            "units of a baseline",
        ),
        (
            "share = 1 / (len(networks) * question.baselines.shape[0])",
            "share = 1 / len(networks)",
            "a sum over the baselines in place of a mean",
        ),
        (
            "if len(under_way) > n_threads:",
            "if len(under_way) > 1000:",
            "all blocks are in memory at once",
        ),
    ),
]
