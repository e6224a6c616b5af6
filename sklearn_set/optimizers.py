"""SGD and Adam: hyper-parameters, and moments aligned with slots.

The arithmetic of a step is compiled (`_core/updates.pxd`); here is what has memory.  Moments are
carried through an evolution: survivors keep theirs, newcomers start at zero.  Knows networks,
but neither evolution's rules nor time.
"""

import copy

import numpy as np

from sklearn_set.topology import carried


class _Optimizer:
    """What both optimizers share: moments for every connection and every bias."""

    n_moments = 0
    n_steps = 0

    def attach(self, network):
        """Start with moments of zero for every connection and bias of `network`."""
        self.moments = [
            [np.zeros_like(layer.weights) for _ in range(self.n_moments)]
            for layer in network.layers
        ]
        self.bias_moments = [
            [np.zeros_like(layer.bias) for _ in range(self.n_moments)] for layer in network.layers
        ]
        return self

    def carried(self, depth, source, n_threads=1):
        """Moments of one layer after an evolution, by new slot; nothing is changed yet."""
        return [carried(source, moment, moment[:0], n_threads) for moment in self.moments[depth]]

    def can_continue(self, previous):
        """Whether the moments of `previous` mean the same to this optimizer."""
        return type(self) is type(previous) and self.n_moments == previous.n_moments

    def continued(self, previous):
        """Go on from copies of another optimizer's moments, with this one's hyper-parameters."""
        self.moments = _copied(previous.moments)
        self.bias_moments = _copied(previous.bias_moments)
        self.n_steps = previous.n_steps
        return self

    def copy(self):
        """An optimizer with moments of its own."""
        return copy.copy(self).continued(self)


def _copied(moments):
    return [[moment.copy() for moment in layer] for layer in moments]


class SGD(_Optimizer):
    """Stochastic gradient descent with momentum (Sutskever et al., 2013, for Nesterov's form).

    ``v <- momentum v - rate g``, then ``w <- w + v``, or ``w <- w + momentum v - rate g`` with
    Nesterov's momentum.  Without momentum nothing is stored.

    Parameters
    ----------
    momentum : float in [0, 1]
    nesterov : bool
    """

    def __init__(self, momentum=0.9, nesterov=True):
        self.momentum = momentum
        self.nesterov = nesterov

    @property
    def n_moments(self):
        """Arrays per connection."""
        return int(self.momentum > 0)

    @property
    def kernel(self):
        """Name of the compiled update."""
        if self.momentum == 0:
            return "plain_sgd"
        return "nesterov" if self.nesterov else "momentum"

    def next_step_size(self, learning_rate):
        """What the next step multiplies its direction by."""
        return learning_rate


class Adam(_Optimizer):
    """Adam (Kingma and Ba, 2014, arXiv 1412.6980, the last form of section 2).

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
    adam_epsilon : float
    """

    n_moments = 2
    kernel = "adam"

    def __init__(self, beta_1=0.9, beta_2=0.999, adam_epsilon=1e-8):
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.adam_epsilon = adam_epsilon

    def next_step_size(self, learning_rate):
        """The learning rate with the bias of the first steps' moments corrected."""
        self.n_steps += 1
        return (
            learning_rate * np.sqrt(1 - self.beta_2**self.n_steps) / (1 - self.beta_1**self.n_steps)
        )


SOLVERS = {"sgd": SGD, "adam": Adam}
