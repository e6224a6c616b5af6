"""A dense, slow, obvious SET-MLP in NumPy: the truth that the compiled core is compared with.

Everything is written as a textbook writes it: samples are rows, a layer is a dense matrix of shape
(n_in, n_out) that is zero wherever there is no connection, and every formula stands alone.  The
package does the same sums transposed, in blocks, by slot and in one pass; nothing of that is known
here, and nothing of the package is imported.

Shapes: X (n_samples, n_features); z and a, the pre-activations and outputs of a layer,
(n_samples, n_out); weights, their gradient and their pattern (n_in, n_out); bias (n_out,).
Read row by row, ``matrix[pattern]`` is in the order of the slots.
"""

import numpy as np
from scipy.special import erf, expit, xlogy

# ------------------------------------------------------------------------------- activations


def _normal_density(z):
    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def _normal_distribution(z):
    return (1 + erf(z / np.sqrt(2))) / 2


# name -> (f(z, p), slope f'(z, p)), both element by element; p is the activation's own number.
ACTIVATIONS = {
    "identity": (lambda z, p: z, lambda z, p: np.ones_like(z)),
    "logistic": (lambda z, p: expit(z), lambda z, p: expit(z) * expit(-z)),
    "tanh": (lambda z, p: np.tanh(z), lambda z, p: 1 - np.tanh(z) ** 2),
    "relu": (lambda z, p: np.maximum(z, 0), lambda z, p: (z > 0) * 1.0),
    "leaky_relu": (lambda z, p: np.where(z > 0, z, p * z), lambda z, p: np.where(z > 0, 1, p)),
    "elu": (
        lambda z, p: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda z, p: np.where(z > 0, 1, np.exp(np.minimum(z, 0))),
    ),
    "gelu": (
        lambda z, p: z * _normal_distribution(z),
        lambda z, p: _normal_distribution(z) + z * _normal_density(z),
    ),
    "silu": (
        lambda z, p: z * expit(z),
        lambda z, p: expit(z) + z * expit(z) * expit(-z),
    ),
    "all_relu": (lambda z, p: np.where(z > 0, z, p * z), lambda z, p: np.where(z > 0, 1, p)),
}
KINKED = ("relu", "leaky_relu", "elu", "all_relu")  # something jumps at z = 0


def activation_parameter(name, depth):
    """The activation's own number in the hidden layer `depth`, counted from 0.

    All-ReLU alternates: -0.6 in the first hidden layer, 0.6 in the second, and so on.
    """
    if name == "all_relu":
        return 0.6 if depth % 2 else -0.6
    return {"leaky_relu": 0.01, "elu": 1.0}.get(name, 0.0)


# ------------------------------------------------------------------------------------ losses
#
# Each takes z (n_samples, n_outputs) and the targets, and returns the loss of every sample
# (n_samples,) and its derivative by z (n_samples, n_outputs), which is prediction - target where
# loss and output activation belong together.


def softmax_log_loss(z, labels):
    """Cross-entropy of the softmax; labels (n_samples,) are class numbers."""
    one_hot = np.eye(z.shape[1], dtype=z.dtype)[labels]
    shifted = z - z.max(axis=1, keepdims=True)
    probability = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(one_hot * log_probability).sum(axis=1), probability - one_hot


def soft_log_loss(z, targets):
    """Cross-entropy of the softmax; targets (n_samples, n_outputs) are probabilities."""
    shifted = z - z.max(axis=1, keepdims=True)
    probability = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(targets * log_probability).sum(axis=1), probability - targets


def logistic_log_loss(z, targets):
    """Binary cross-entropy of every output, summed; targets (n_samples, n_outputs)."""
    loss = targets * np.logaddexp(0, -z) + (1 - targets) * np.logaddexp(0, z)
    return loss.sum(axis=1), expit(z) - targets


def squared_error(z, targets):
    """Half squared error; targets (n_samples, n_outputs).

    As in scikit-learn the value is the mean over the outputs, but prediction - target is the
    derivative of the sum over the outputs.
    """
    return ((z - targets) ** 2).mean(axis=1) / 2, z - targets


# The losses' own numbers in the tests.
LOSS_PARAMETERS = {"huber": 0.6, "quantile": 0.7}


def absolute_error(z, targets):
    """Absolute error; value and derivative by several outputs as for the squared error."""
    return np.abs(z - targets).mean(axis=1), np.where(z > targets, 1.0, -1.0)


def huber(z, targets, limit=LOSS_PARAMETERS["huber"]):
    """Half squared error up to `limit`, beyond it the tangent."""
    error = np.abs(z - targets)
    loss = np.where(error <= limit, error**2 / 2, limit * error - limit**2 / 2)
    slope = np.where(error <= limit, z - targets, limit * np.sign(z - targets))
    return loss.mean(axis=1), slope


def quantile(z, targets, q=LOSS_PARAMETERS["quantile"]):
    """The pinball loss: q for every unit too low, 1 - q for every unit too high."""
    loss = np.maximum(q * (targets - z), (1 - q) * (z - targets))
    return loss.mean(axis=1), np.where(z > targets, 1 - q, -q)


def poisson(z, targets):
    """Half the Poisson deviance of the prediction exp(z): as in scikit-learn a sum over outputs."""
    deviance = np.exp(z) - targets - xlogy(targets, np.exp(z) / np.where(targets > 0, targets, 1))
    return deviance.sum(axis=1), np.exp(z) - targets


LOSSES = {
    "softmax_log_loss": softmax_log_loss,
    "logistic_log_loss": logistic_log_loss,
    "squared_error": squared_error,
    "soft_log_loss": soft_log_loss,
    "absolute_error": absolute_error,
    "huber": huber,
    "quantile": quantile,
    "poisson": poisson,
}

# The value is the mean over the outputs, the derivative that of the sum.
AVERAGED = ("squared_error", "absolute_error", "huber", "quantile")

# Errors z - target at which the derivative jumps, or bends.
LOSS_KINKS = {
    "absolute_error": (0.0,),
    "quantile": (0.0,),
    "huber": (-LOSS_PARAMETERS["huber"], LOSS_PARAMETERS["huber"]),
}


# ----------------------------------------------------------------------------------- dropout


def mix(x):
    """The hash lowbias32 of C. Wellons, for an array of uint32 (which wraps around silently)."""
    x = np.atleast_1d(np.asarray(x, dtype=np.uint32))
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


FEATURES = -1


def dropout_key(seed, step_number, depth):
    """Key of one step and layer: the number of the layer in base 64 with that of the step.

    The last digits make the old key; what stands before them is mixed in where there is any.
    """
    layer = 63 if depth == FEATURES else depth if depth < 63 else depth + 1
    key = mix(np.uint32(seed) ^ mix((step_number * 64 + layer % 64) % 2**32))
    digits = [step_number // 2**26 % 2**32, step_number // 2**58, layer // 64]
    if any(digits):
        for digit in digits:
            key = mix(key ^ mix(digit))
    return key


def dropout_mask(n_samples, n_neurons, dropout, seed, step_number, depth, dtype=np.float64):
    """Inverted dropout: 0 with probability `dropout`, else 1 / (1 - dropout).

    A function of (seed, step, layer, neuron, position in the batch) alone; the layer of the
    features is `FEATURES`.  The probability is rounded to `dtype`, that of the kernel, so that the
    mask is the same to the last bit.

    Returns
    -------
    ndarray of shape (n_samples, n_neurons)
    """
    golden = np.uint32(0x9E3779B9)
    key = dropout_key(seed, step_number, depth)
    neuron = np.arange(n_neurons, dtype=np.uint32)
    state = mix(key ^ mix(neuron + golden))
    position = np.arange(n_samples, dtype=np.uint32)
    number = mix(state[np.newaxis, :] + position[:, np.newaxis] * golden)
    if dropout < 0.999:
        dropout = float(np.dtype(dtype).type(dropout))
        return (number >= np.uint32(dropout * 2**32)) / (1 - dropout)
    # Not rounded, and decided by twice as many bits.
    dropout = min(float(dropout), 1 - 2**-53)
    limit, rest = divmod(dropout * 2**32, 1)
    kept = number > limit
    kept |= (number == limit) & (mix(mix(key ^ number) + neuron) >= rest * 2**32)
    return kept / (1 - dropout)


# ----------------------------------------------------------------------------------- updates
#
# Each takes the values, their gradient, their moments (a list, replaced in place), the rate, the
# number of this step counted from 1 and the optimizer's hyper-parameters; it returns what is to be
# added to the values.  Moments that are subnormal become zero, and so do values (in `step`).


def flushed(values, factor=1):
    """Zero instead of numbers whose magnitude is below the smallest normal one times `factor`."""
    return np.where(np.abs(values) < factor * np.finfo(values.dtype).tiny, 0, values)


def plain_sgd(values, gradient, moments, rate, t):
    """The gradient, downhill."""
    return -rate * gradient


def momentum(values, gradient, moments, rate, t, *, momentum):
    """Polyak's momentum: the velocity remembers."""
    moments[0] = flushed(momentum * moments[0] - rate * gradient)
    return moments[0]


def nesterov(values, gradient, moments, rate, t, *, momentum):
    """Nesterov's momentum in the form of Sutskever et al. (2013): the velocity one step ahead."""
    moments[0] = flushed(momentum * moments[0] - rate * gradient)
    return momentum * moments[0] - rate * gradient


def adam(values, gradient, moments, rate, t, *, beta_1, beta_2, adam_epsilon):
    """Adam in the form with corrected moments.

    The last form of section 2 of the paper, scikit-learn's and ours, adds epsilon before the
    second moment is corrected: in this form epsilon is divided by the same correction.
    """
    moments[0] = flushed(beta_1 * moments[0] + (1 - beta_1) * gradient)
    moments[1] = flushed(beta_2 * moments[1] + flushed((1 - beta_2) * gradient**2))
    mean, square = moments[0] / (1 - beta_1**t), moments[1] / (1 - beta_2**t)
    return -rate * mean / (np.sqrt(square) + adam_epsilon / np.sqrt(1 - beta_2**t))


# Thirds everywhere: no number type holds them, so a scalar that passes through a narrower type
# on its way to the kernel is wrong by 1e-8.
THIRD = 1 / 3

# name -> (formula, number of moments, the optimizer that steps by it and its settings in the tests)
SOLVERS = {
    "plain_sgd": (plain_sgd, 0, "sgd", {"momentum": 0.0}),
    "momentum": (momentum, 1, "sgd", {"momentum": 2 * THIRD, "nesterov": False}),
    "nesterov": (nesterov, 1, "sgd", {"momentum": 2 * THIRD, "nesterov": True}),
    "adam": (
        adam,
        2,
        "adam",
        {"beta_1": 2 * THIRD, "beta_2": 1 - THIRD / 10, "adam_epsilon": THIRD / 100},
    ),
}


# ----------------------------------------------------------------------------------- network


class DenseMLP:
    """The network as dense matrices.

    Parameters
    ----------
    weights : list of ndarray of shape (n_in, n_out)
        Zero where there is no connection.
    patterns : list of ndarray of shape (n_in, n_out), bool
        Where there is one; its weight may be zero too.
    biases : list of ndarray of shape (n_out,)
    activations : list of (name, parameter)
        One per layer, the output layer's ("identity", 0.0) included.
    dtype : dtype, default=float64
        Of all arithmetic here.
    """

    def __init__(self, weights, patterns, biases, activations, dtype=np.float64):
        self.dtype = np.dtype(dtype)
        self.weights = [matrix.astype(dtype) for matrix in weights]
        self.patterns = patterns
        self.biases = [bias.astype(dtype) for bias in biases]
        self.activations = activations
        self.n_steps = 0
        self.moments = None

    @classmethod
    def of(cls, network, dtype=np.float64):
        """A copy of a `SparseNetwork`, of which only the arrays are read."""
        patterns = [pattern_of(layer.topology) for layer in network.layers]
        weights = [np.zeros(pattern.shape, dtype) for pattern in patterns]
        for matrix, pattern, layer in zip(weights, patterns, network.layers, strict=True):
            matrix[pattern] = layer.weights
        return cls(
            weights,
            patterns,
            [layer.bias for layer in network.layers],
            [(layer.activation, layer.activation_parameter) for layer in network.layers],
            dtype,
        )

    def forward(self, X, masks=None):
        """Pre-activations z[l] of every layer, and the inputs a[l] of every layer, a[0] = X.

        `masks` are the dropout masks of the hidden layers' outputs.
        """
        z, a = [], [np.asarray(X, dtype=self.dtype)]
        for depth, (name, parameter) in enumerate(self.activations):
            z.append(a[depth] @ self.weights[depth] + self.biases[depth])
            a.append(ACTIVATIONS[name][0](z[depth], parameter))
            if masks is not None and depth < len(masks):
                a[-1] = a[-1] * masks[depth]
        return z, a[:-1]

    def masks(self, n_samples, dropout, seed, step_number, kernel_dtype):
        """Dropout masks of all hidden layers."""
        return [
            dropout_mask(n_samples, bias.shape[0], dropout, seed, step_number, depth, kernel_dtype)
            for depth, bias in enumerate(self.biases[:-1])
        ]

    def gradients(self, X, y, loss, sample_weight=None, alpha=0.0, masks=None):
        """Loss, and its gradients on the pattern, by backpropagation.

        Parameters
        ----------
        X : ndarray of shape (n_batch, n_features)
        y : ndarray of shape (n_batch,) or (n_batch, n_outputs)
        loss : str
        sample_weight : ndarray of shape (n_batch,), default=None
            Divided by its sum.
        alpha : float
            ``alpha / 2 * (sum of squared weights) / (number of samples that count)`` is added to
            the loss; biases are not penalised.
        masks : list of ndarray, default=None
            Dropout masks of the hidden layers.

        Returns
        -------
        value : float
        weight_gradients : list of ndarray of shape (n_in, n_out)
            Zero off the pattern.
        bias_gradients : list of ndarray of shape (n_out,)
        """
        X = np.asarray(X, dtype=self.dtype)
        weight = np.ones(X.shape[0]) if sample_weight is None else sample_weight
        weight = np.asarray(weight, dtype=self.dtype)
        z, a = self.forward(X, masks)
        losses, residual = LOSSES[loss](z[-1], y)
        squares = sum((matrix**2).sum() for matrix in self.weights)
        n_counting = np.count_nonzero(weight)  # their mean weight is one
        value = weight @ losses / weight.sum() + alpha / 2 * squares / n_counting

        delta = residual * (weight / weight.sum())[:, np.newaxis]
        weight_gradients, bias_gradients = [], []
        for depth in reversed(range(len(z))):
            penalty = alpha * self.weights[depth] / n_counting
            weight_gradients.insert(0, (a[depth].T @ delta + penalty) * self.patterns[depth])
            bias_gradients.insert(0, delta.sum(axis=0))
            if depth > 0:
                name, parameter = self.activations[depth - 1]
                delta = delta @ self.weights[depth].T
                if masks is not None:
                    delta = delta * masks[depth - 1]
                delta = delta * ACTIVATIONS[name][1](z[depth - 1], parameter)
        return value, weight_gradients, bias_gradients

    def begin(self, solver):
        """Moments of zero."""
        n_moments = SOLVERS[solver][1]
        self.moments = [
            [np.zeros_like(matrix) for _ in range(n_moments)] for matrix in self.weights
        ]
        self.bias_moments = [
            [np.zeros_like(bias) for _ in range(n_moments)] for bias in self.biases
        ]

    def step(
        self,
        X,
        y,
        loss,
        solver,
        rate,
        *,
        sample_weight=None,
        alpha=0.0,
        weight_decay=0.0,
        masks=None,
        **hyper,
    ):
        """One optimizer step; returns the loss before it.

        `weight_decay` is decoupled: weights, not biases, lose the share ``rate * weight_decay``
        beside the optimizer's own step (Loshchilov and Hutter, 2019).  Of penalised weights those
        become zero, too, whose penalty would be subnormal.
        """
        formula = SOLVERS[solver][0]
        if self.moments is None:
            self.begin(solver)
        self.n_steps += 1
        value, on_weights, on_biases = self.gradients(X, y, loss, sample_weight, alpha, masks)
        for depth in range(len(self.weights)):
            w, b = self.weights[depth], self.biases[depth]
            change = formula(w, on_weights[depth], self.moments[depth], rate, self.n_steps, **hyper)
            kept = w - rate * weight_decay * w
            self.weights[depth] = flushed(kept + change, 1e12 if alpha > 0 else 1)
            change = formula(
                b, on_biases[depth], self.bias_moments[depth], rate, self.n_steps, **hyper
            )
            self.biases[depth] = flushed(b + change)
        return value


# ---------------------------------------------------------------------------------- topology


def pattern_of(topology):
    """Boolean matrix of shape (n_in, n_out): who is connected with whom."""
    pattern = np.zeros((topology.n_in, topology.n_out), dtype=bool)
    for i in range(topology.n_in):
        pattern[i, topology.indices[topology.indptr[i] : topology.indptr[i + 1]]] = True
    return pattern


def slots_of(pattern):
    """CSR arrays indptr and indices of a pattern: slots run row by row."""
    indptr = np.concatenate([[0], np.cumsum(pattern.sum(axis=1))])
    return indptr.astype(np.int32), np.nonzero(pattern)[1].astype(np.int32)


def transpose(indptr, indices, n_out):
    """The same connections by output neuron: t_indptr, t_indices (input neurons), t_slots."""
    lists = [[] for _ in range(n_out)]
    for i in range(len(indptr) - 1):
        for slot in range(indptr[i], indptr[i + 1]):
            lists[indices[slot]].append((i, slot))
    t_indptr = np.cumsum([0] + [len(connections) for connections in lists])
    flat = [pair for connections in lists for pair in connections]
    return t_indptr, np.array([i for i, _ in flat]), np.array([slot for _, slot in flat])


def erdos_renyi(n_in, n_out, epsilon, rng):
    """A random pattern with exactly min(round(epsilon (n_in + n_out)), n_in n_out) connections."""
    n_connections = min(round(epsilon * (n_in + n_out)), n_in * n_out)
    pattern = np.zeros(n_in * n_out, dtype=bool)
    pattern[rng.choice(n_in * n_out, n_connections, replace=False)] = True
    return pattern.reshape(n_in, n_out)


def prune(weights, zeta, at_most=None):
    """SET's removal: of each sign the floor(zeta n) connections nearest zero, the first of equals.

    Parameters
    ----------
    weights : ndarray of shape (n_connections,)
        By slot; zero counts as positive.
    zeta : float
    at_most : int, default=None
        Where both signs together exceed it, their counts are lowered in proportion.

    Returns
    -------
    keep : ndarray of shape (n_connections,), bool
    """
    signs = [
        [k for k in range(len(weights)) if weights[k] >= 0],
        [k for k in range(len(weights)) if weights[k] < 0],
    ]
    counts = [int(zeta * len(slots)) for slots in signs]
    if at_most is not None and sum(counts) > at_most:
        n_positive = at_most * counts[0] // sum(counts)
        counts = [n_positive, at_most - n_positive]
    keep = np.ones(len(weights), dtype=bool)
    for slots, count in zip(signs, counts, strict=True):
        keep[sorted(slots, key=lambda k: (abs(weights[k]), k))[:count]] = False
    return keep


def prune_by_magnitude(weights, zeta):
    """The floor(zeta n) connections nearest zero go, whatever their sign; returns `keep`.

    Not-a-number is as far from zero as infinity.
    """
    sizes = [abs(w) if w == w else np.inf for w in weights]
    nearest_zero = sorted(range(len(sizes)), key=lambda k: (sizes[k], k))
    keep = np.ones(len(sizes), dtype=bool)
    keep[nearest_zero[: int(zeta * len(sizes))]] = False
    return keep


def regrow(pattern, keep, ranks):
    """SET's addition: connections at the free positions of the given ranks, counted row by row.

    Parameters
    ----------
    pattern : ndarray of shape (n_in, n_out), bool
    keep : ndarray of shape (n_connections,), bool
        By slot; the others are free again.
    ranks : ndarray of shape (n_new,), int

    Returns
    -------
    kept, grown : ndarray of shape (n_in, n_out), bool
        The survivors and the newcomers; together they are the new pattern.
    """
    kept = np.zeros_like(pattern)
    kept[pattern] = keep
    grown = np.zeros(pattern.size, dtype=bool)
    grown[np.flatnonzero(~kept)[ranks]] = True
    return kept, grown.reshape(pattern.shape)
