"""Breaks of selectors, of their certainty, and of embeddings."""

from breaks import near

BREAKS = [
    *near(
        "test_embedding",
        ("network.layers[: self.layer_ + 1]", "network.layers[: self.layer_ + 2]", "a later layer"),
        (
            "network.with_layers(layers)",
            "type(network)(layers)",
            "an embedding forgets the units of the features",
        ),
        ('{"classes": unique_labels(y)} | params', "params", "a stream of a transformer fails"),
        (
            "if self.random_state is not None and not isinstance(estimator, FrozenEstimator):",
            "if False:",
            "the seed of an embedding is not that of its network",
        ),
        (
            "if _is_fitted(estimator): self._take(estimator, layer)",
            "pass",
            "Ctrl-C loses the network of an embedding",
        ),
        ('method = "fit"', "pass", "a frozen network is trained"),
        (
            "estimator = clone(self._given_estimator())",
            "estimator = self._given_estimator()",
            "no clone",
        ),
        ("self.__dict__ = kept | taken", "self.__dict__.update(taken)", "names of another fit"),
    ),
    *near(
        "test_feature_selection test_selection_randomness test_selection_estimators",
        (
            'np.argsort(-scores, kind="stable")',
            'np.argsort(scores, kind="stable")',
            "the weakest features are selected",
        ),
        (
            "rng.randint(np.iinfo(np.int32).max, size=self.n_networks).tolist()",
            "[0] * self.n_networks",
            "dropped seed: all networks are the same",
        ),
        ("noise += X", "pass", "the autoencoder sees nothing but noise"),
        ('or name.endswith("__random_state")', "", "seeds inside a given estimator"),
        (
            "return max(1, int(n_features * wanted))",
            "return int(n_features * wanted)",
            "no feature is selected",
        ),
        (
            "draft.__dict__.update(given) self.__dict__ = draft.__dict__",
            "self.__dict__ = draft.__dict__",
            "parameters that were converted are not restored",
        ),
        (
            "if X.shape[1] == 1: targets = targets.ravel()",
            "if False: targets = targets.ravel()",
            "one feature alone, without labels",
        ),
        (
            "if value is not None and not takes(estimator, parameter, method):",
            "if False:",
            "weights that an estimator does not take",
        ),
    ),
    *near(
        "test_false_selections",
        (
            "1 / (2 * (2 * share - 1 - 1 / (2 * n_pairs)))",
            "1 / (2 * (2 * share - 1))",
            "too low a bound of false selections",
        ),
        ("max(first, t - 1), n)", "t, n)", "worst distributions that are forgotten"),
    ),
    *near(
        "test_halves test_stability",
        ("return order[::2], order[1::2]", "return order[::2], order[::2]", "halves are the same"),
        (
            'order = order[np.argsort(strata[order], kind="stable")]',
            "",
            "halves are not in proportion",
        ),
        ("self.support_ = counts >= needed", "self.support_ = counts > needed", "a half too many"),
        (
            "(ranks(strength) <= n_wanted) & (strength > 0)",
            "ranks(strength) <= n_wanted",
            "features without strength are selected",
        ),
    ),
    *near(
        "test_n_features",
        (
            "delayed(_strengths)(network, X, y, arguments, train, seed)",
            "delayed(_strengths)(network, X, y, arguments, np.arange(len(y)), seed)",
            "test samples rank the features that they judge",
        ),
        (
            "means >= means[best] - error",
            "means >= means[best]",
            "no standard error is taken off",
        ),
        ("(cv or _FOLDS)", "(_FOLDS)", "the number of folds with groups"),
    ),
]
