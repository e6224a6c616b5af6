"""Breaks of who is connected with whom: topology, evolution, the search for features."""

from breaks import near

BREAKS = [
    *near(
        "test_topology",
        (
            "n_positions else round(expected)",
            "n_positions else int(expected)",
            "rounding of epsilon",
        ),
        (
            "rng.choice(size + excess, excess, replace=False, shuffle=False)",
            "np.arange(excess)",
            "the smallest of too many draws are dropped",
        ),
        (
            "drawn = np.unique(np.concatenate([drawn, others]))",
            "drawn = np.sort(np.concatenate([drawn, others]))",
            "a second round of draws may repeat the first",
        ),
        (
            "rng.multinomial(n_draws, np.diff(cuts) / population)",
            "np.full(n_parts, n_draws // n_parts)",
            "each range of positions has the same number of connections",
        ),
        (
            "sample = np.append(sample, np.int32(self.n_out))",
            "pass",
            "the last output neurons belong to no thread if they have no connection",
        ),
        ("splits[1].shape[0] != n_parts + 1", "False", "splits for another number of threads"),
        ("self.__dict__ | _NOT_DERIVED", "dict(self.__dict__)", "pickles hold what can be derived"),
    ),
    *near(
        "test_fitted test_topology",
        ("self.indptr.flags.writeable = False", "pass", "coefs_ can spoil the structure"),
        ("self.indices.flags.writeable = False", "pass", "coefs_ can spoil the structure"),
    ),
    *near(
        "test_pruning test_growth test_evolution",
        (
            "(topology.n_positions - topology.n_connections) // 2",
            "topology.n_positions - topology.n_connections",
            "nearly full layers renew every free position",
        ),
        (
            "prune_nearest_zero(np.abs(layer.weights), zeta,",
            "prune_nearest_zero(layer.weights, zeta,",
            "magnitude prunes of each sign",
        ),
        (
            "return draw_distinct(n_free, n_new, rng, n_threads)",
            "return draw_distinct(n_free - n_new, n_new, rng, n_threads)",
            "the last free positions never get a connection",
        ),
        ("np.abs(gradients, out=gradients)", "pass", "guided growth by signed gradients"),
        ("gradients[np.isnan(gradients)] = 0", "pass", "gradients that are not a number"),
        (
            "np.random.default_rng(seed).choice(ties, n_of_ties, replace=False)",
            "ties[:n_of_ties]",
            "of equal gradients the first grow",
        ),
        (
            "moments = optimizer.carried(depth, source, n_threads)",
            "moments = optimizer.moments[depth]",
            "moments stay behind when connections move",
        ),
        ('if newborn_weights == "initial":', 'if newborn_weights != "initial":', "newborn weights"),
    ),
    *near(
        "test_topology test_growth test_network test_estimators",
        ("np.sqrt(6 / fan_in)", "np.sqrt(3 / fan_in)", "the law of initial weights"),
        (
            '"he_uniform" if ACTIVATIONS[activation].is_rectifier else "glorot_uniform"',
            '"glorot_uniform" if ACTIVATIONS[activation].is_rectifier else "he_uniform"',
            "laws of initial weights are swapped",
        ),
        ("if unconnected:", "if False:", "an output unit without a connection is not refused"),
        ("self.weights.copy(),", "self.weights,", "copies of a network share its weights"),
    ),
    *near(
        "test_network",
        (
            "SparseNetwork(layers, *self.units, self.inputs)",
            "SparseNetwork(layers, self.offset, 1.0, self.relevance, self.inputs)",
            "a copy of a network forgets the scale of features",
        ),
        ("size *= self.factor", "pass", "the bound of outputs forgets the scale of features"),
        (
            "self.parameter[depth % len(self.parameter)]",
            "self.parameter[0]",
            "the slope of All-ReLU does not alternate",
        ),
    ),
    *near(
        "test_search test_active_inputs test_holdout",
        ("counting[rng.integers(_ONE_OF) :: _ONE_OF]", "counting[::2]", "half is held out"),
        (
            'counting[np.argsort(strata[counting], kind="stable")]',
            "counting",
            "a class may be held out as a whole",
        ),
        (
            "rows if weight is None else rows[weight[rows] > 0]",
            "rows",
            "samples of weight zero judge",
        ),
        ("(fewest / n_features) ** part", "(1 - part)", "the number of features falls evenly"),
        ("np.where(inputs.active, strength, -1)", "strength", "features come back"),
        (
            "np.square(np.square(size, out=size), out=size)",
            "pass",
            "many small weights are as strong as a few large ones",
        ),
        (
            "min(since) < min(before) - _STALLED * abs(min(before))",
            "min(since) < min(before)",
            "the path waits for every small improvement",
        ),
        ("(excess.mean(axis=1) <= error)", "(excess.mean(axis=1) <= 0)", "no error"),
        (
            "self._candidates[min(epoch for epoch in self._candidates if fit[epoch])]",
            "self._candidates[max(self._candidates)]",
            "the last network wins",
        ),
        (
            "(fit[number] and number % step == 0) or number >= newest - _SMOOTHED",
            "True",
            "every network is kept",
        ),
        ("fit[number] and number % step == 0", "fit[number]", "long searches keep many networks"),
        (
            "losses = {number: each for number, each in losses.items() if number in needed}",
            "pass",
            "losses of all epochs are kept",
        ),
        (
            "if self.partial is None or self.partial.shape[0] < n_rows:",
            "if self.partial is None:",
            "sums of a network that has grown spoil memory",
        ),
        ("layer.topology = copy(layer.topology)", "pass", "networks are kept with what follows"),
        (
            "raise DivergenceError(DIVERGED) # they are training samples, too",
            "losses = np.nan_to_num(losses)",
            "an infinite loss is judged",
        ),
        (
            "progress.forget_the_best() # of other samples and another penalty",
            "pass",
            "losses during a search count as the best",
        ),
        (
            'and parameters["rewire_interval"] < n_search_epochs',
            "",
            "samples are held out for a search that no evolution helps",
        ),
        ("self._losses, self._candidates, self._strength = {}, {}, None", "pass", "networks stay"),
        (
            "settings.alpha * max(inputs.share, _LEAST_PENALTY)",
            "settings.alpha",
            "the penalty of all features for a few",
        ),
        (
            "replace(data, rows=search.rows), replace(settings, batch_size=batch_size)",
            "data, replace(settings, batch_size=batch_size)",
            "held-out samples are learned",
        ),
        (
            "search.choice() if was_cut else None",
            "None",
            "Ctrl-C leaves the network that the search has come to",
        ),
        (
            "min(n_wanted, layer.topology.n_positions)",
            "layer.topology.n_connections",
            "connections of features that go are lost",
        ),
        (
            "np.where(source < 0, source, slots[source])",
            "source",
            "survivors among active features get the weights of others",
        ),
        (
            "layer_probe = layer_probe.of_inputs(active)",
            "pass",
            "gradients of other features",
        ),
        (
            "degrees[active] = np.diff(part.indptr)",
            "degrees[: part.n_in] = np.diff(part.indptr)",
            "connections at other features",
        ),
        (
            "n_connections = network.inputs.n_connections",
            "pass",
            "no fit goes on after a search",
        ),
    ),
]
