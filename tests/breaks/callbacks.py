"""Breaks of callbacks and of what they save."""

from breaks import near

BREAKS = [
    *near(
        "test_hooks test_callbacks test_callback_early_stopping test_resume",
        (
            'saved["identity"] != run["identity"]',
            "False",
            "a checkpoint of other data is gone on from",
        ),
        (
            "state.course.n_iter % self.every == 0: self._save",
            "True: self._save",
            "every epoch is saved",
        ),
        (
            '_NOT_DECISIVE = ("n_jobs", "verbose", "dtype")',
            '_NOT_DECISIVE = ("verbose", "dtype")',
            "a fit is not resumed with other n_jobs",
        ),
        (
            '_NOT_DECISIVE = ("n_jobs", "verbose", "dtype")',
            '_NOT_DECISIVE = ("n_jobs", "dtype")',
            "a fit is not resumed with other verbose",
        ),
        (
            "(progress.n_epochs, progress.n_samples_seen),",
            "(),",
            "a fit is resumed that began with another model",
        ),
        ('"rows", "held_out", "course",', '"rows", "course",', "a checkpoint forgets held_out"),
        (
            "key = name, self.claimed.count(name)",
            "key = name, 0",
            "two observers of one name share their notes",
        ),
        (
            '0 if score >= found["best"] + self.tol else',
            '0 if score >= found["best"] else',
            "tol of EarlyStopping",
        ),
        (
            'return found["n_bad"] >= self.n_iter_no_change',
            'return found["n_bad"] > self.n_iter_no_change',
            "EarlyStopping is one epoch late",
        ),
        (
            "best = copy(fitted_estimator).set_callbacks()",
            "best = fitted_estimator",
            "the best estimator holds the callback",
        ),
        (
            "rows * topology.n_out + topology.indices",
            "rows * topology.n_in + topology.indices",
            "renewed connections are counted wrongly",
        ),
        ('return self.__dict__ | {"_runs": {}}', "return dict(self.__dict__)", "runs are pickled"),
        ("if (self.X_val is None) != (self.y_val is None):", "if False:", "X_val without y_val"),
    ),
    *near(
        "test_identity test_resume test_resume_of_other_fits",
        (
            "value.__code__, defaults, cells",
            "value.__code__, cells",
            "functions of other defaults are the same",
        ),
        ("*(digests if is_ordered else sorted(digests))", "*digests", "the order of sets counts"),
        ('and text != "-0x0.0p+0"', "", "minus zero is zero"),
        (
            "(value.dtype, value.shape, content)",
            "(value.dtype, content)",
            "arrays of other shapes are the same",
        ),
    ),
    *near(
        "attack/test_checkpoints attack/test_saving test_resume",
        ('hashlib.file_digest(file, "sha256").digest() != digest', "False", "damaged checkpoints"),
        ("!= _HEADER.size + length", "< 0", "checkpoints that were cut"),
        ("os.O_RDWR | os.O_CREAT | os.O_EXCL", "os.O_RDWR | os.O_CREAT", "a file is overwritten"),
        ("os.fsync(file.fileno())", "pass", "a checkpoint may be lost with the power"),
    ),
    *near(
        "test_hooks",
        ("del course.snapshots[-1]", "pass", "the last network counts twice as a snapshot"),
    ),
    *near(
        "test_callback_early_stopping",
        (
            "was_cut = self.course.interrupted and search is not None",
            "was_cut = search is not None",
            "callbacks judge what the search would choose, not the last epoch",
        ),
    ),
]
