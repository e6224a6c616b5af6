"""SGD and Adam: hyper-parameters, and moments aligned with slots.

The arithmetic of a step is compiled (`_core/updates.pxd`).  Here are the moments, and tables of
what else must be known of an optimizer.  Moments outlive an evolution: survivors keep theirs,
newcomers start at zero.  Knows networks; must not know the rules of evolution or time.
"""

import copy
from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from sklearn_set.topology import carried


@dataclass(frozen=True)
class Update:
    """A compiled update, and what it needs.

    Attributes
    ----------
    code : int
        The kernels' number for it, in the enum of `_core/updates.pxd`.
    n_moments : int, default=0
        Number of moments of each connection.
    hyper : tuple of str, default=()
        The hyper-parameters that the update reads: attributes of the optimizer, and fields of
        `HyperParameters` (`_core/updates.pxd`).
    """

    code: int
    n_moments: int = 0
    hyper: tuple = ()


UPDATES = {
    "plain_sgd": Update(0),
    "momentum": Update(1, 1, ("momentum",)),
    "nesterov": Update(2, 1, ("momentum",)),
    "adam": Update(3, 2, ("beta_1", "beta_2", "adam_epsilon")),
}


@dataclass(frozen=True)
class Interval:
    """The bounds of a number; `closed` says which of them belong to the interval."""

    low: float
    high: float
    closed: str = "left"


# The estimators' parameters that are hyper-parameters of an optimizer, and what they accept.
HYPER_PARAMETERS = {
    "momentum": Interval(0, 1, "both"),
    "nesterovs_momentum": bool,
    "beta_1": Interval(0, 1),
    "beta_2": Interval(0, 1),
    "adam_epsilon": Interval(0, inf, "neither"),
}


class _Optimizer:
    """What all optimizers share: moments for every connection and every bias.

    Each has a `title` for docstrings, and `kernel`, the name of its compiled update.  `parameters`
    maps each argument of the constructor to a parameter of the estimators.
    """

    title: str
    n_steps = 0

    @property
    def kernel_code(self):
        """The kernels' number for the compiled update."""
        return UPDATES[self.kernel].code

    @property
    def n_moments(self):
        """Number of moments of each connection."""
        return UPDATES[self.kernel].n_moments

    @property
    def hyper(self):
        """The hyper-parameters that the compiled update reads, by name."""
        return {name: getattr(self, name) for name in UPDATES[self.kernel].hyper}

    @classmethod
    def of(cls, estimator):
        """An optimizer with the hyper-parameters of an estimator."""
        given = {name: getattr(estimator, other) for name, other in cls.parameters.items()}
        return cls(**given)

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

    def begin(self, network, previous):
        """Go on from the moments of `previous`, if they mean the same; else start from zero."""
        if previous is not None and self.can_continue(previous):
            return self.continued(previous)
        return self.attach(network)

    def can_continue(self, previous):
        """Whether the moments of `previous` mean the same to this optimizer."""
        return type(self) is type(previous) and self.n_moments == previous.n_moments

    def continued(self, previous):
        """Take copies of another optimizer's moments, keep the hyper-parameters, return self."""
        self.moments = _copied(previous.moments)
        self.bias_moments = _copied(previous.bias_moments)
        self.n_steps = previous.n_steps
        return self

    def anew(self, network):
        """An optimizer of the same hyper-parameters that begins with another network."""
        other = copy.copy(self).attach(network)
        other.n_steps = 0
        return other

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

    title = "stochastic gradient descent with momentum"
    parameters: ClassVar = {"momentum": "momentum", "nesterov": "nesterovs_momentum"}

    def __init__(self, momentum=0.9, nesterov=True):
        self.momentum = momentum
        self.nesterov = nesterov

    @property
    def kernel(self):
        """Name of the compiled update."""
        if self.momentum == 0:
            return "plain_sgd"
        return "nesterov" if self.nesterov else "momentum"

    def next_step_size(self, learning_rate):
        """The factor of the next step's direction."""
        return learning_rate


class Adam(_Optimizer):
    """Adam (Kingma and Ba, 2014, arXiv 1412.6980, the last form of section 2).

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
    adam_epsilon : float
    """

    title = "Adam"
    kernel = "adam"
    parameters: ClassVar = {name: name for name in UPDATES["adam"].hyper}

    def __init__(self, beta_1=0.9, beta_2=0.999, adam_epsilon=1e-8):
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.adam_epsilon = adam_epsilon

    def next_step_size(self, learning_rate):
        """The learning rate, corrected for moments that start at zero; counts the step."""
        self.n_steps += 1
        return (
            learning_rate * np.sqrt(1 - self.beta_2**self.n_steps) / (1 - self.beta_1**self.n_steps)
        )


# The value of the parameter `solver` -> its optimizer.
SOLVERS: dict[str, type[_Optimizer]] = {"sgd": SGD, "adam": Adam}
