"""One network, trained in several places: an interval on each part, averages in between.

Every function here is pure: its result depends on its arguments alone, which it does not change,
and random numbers come from seeds among them.  So a scheduler may run it anywhere, and again if
its result is lost.  Knows networks, optimizers and the steps of a local fit; must not know Dask.
"""

import copy
from dataclasses import dataclass, replace

import numpy as np

from sklearn_set import machine
from sklearn_set.augmentation import soften
from sklearn_set.evolution import GROWTH_RULES, evolve
from sklearn_set.losses import LOSSES
from sklearn_set.network import SparseNetwork
from sklearn_set.optimizers import SGD, Adam
from sklearn_set.settings import Settings, even_batch
from sklearn_set.state import Progress, Randomness, TrainingState
from sklearn_set.training import TrainingData, outputs_are_finite, probe_some, run_epoch
from sklearn_set.workspace import Workspace

# Replicas divide a batch, but not into fewer samples than these, which take nearly as much time.
_FEWEST = 32

# How the way that a step goes grows with its batch at the same rate: as this power of it.  A step
# of SGD follows the mean gradient, whatever the batch.  Adam divides by what gradients vary: with
# fewer samples they vary more, and it goes less far.
_GROWTH_OF_STEPS = {SGD: 0.0, Adam: 0.5}


@dataclass(frozen=True)
class Model:
    """The network that all replicas begin an interval with.

    Attributes
    ----------
    network : SparseNetwork
    optimizer : SGD or Adam
        With the moments of its connections.
    rng : numpy.random.Generator
        The stream that evolutions draw from.
    n_steps : float
        Mini-batches so far: of replicas that make different numbers of them, the mean.
    """

    network: SparseNetwork
    optimizer: object
    rng: np.random.Generator
    n_steps: float = 0.0

    def __sizeof__(self):
        topologies = [layer.topology for layer in self.network.layers]
        structure = sum(each.indptr.nbytes + each.indices.nbytes for each in topologies)
        return structure + sum(array.nbytes for array in arrays_of(self.network, self.optimizer))


@dataclass(frozen=True)
class Values:
    """What an interval has made of a model's numbers; the topology is that of the model.

    Attributes
    ----------
    arrays : list of ndarray
        In the order of `arrays_of`.
    n_steps, optimizer_steps : float
    weight : float
        What the samples of the interval weigh: their number, or the sum of their weights.
    n_samples : int
    loss : float
        Sum of the samples' losses.
    """

    arrays: list
    n_steps: float
    optimizer_steps: float
    weight: float
    n_samples: int
    loss: float

    def __sizeof__(self):
        return sum(array.nbytes for array in self.arrays)


@dataclass(frozen=True)
class Interval:
    """How to train between two averages.

    Attributes
    ----------
    settings : Settings
    loss : str
    loss_parameter : float
    mean_weight : float
        Of the samples of all parts.
    learning_rate : float
        Of a local fit.
    seed : int
    epoch : int
    n_jobs : int or None
        None is one thread.
    n_replicas : int
    divides_batch : bool
        Whether the batch of the settings is that of all replicas together, which they divide.
    length : int or None
        Steps from one average to the next; None for an epoch.
    n_pieces : int
        In how many segments a part is seen if `length` is None: of whole batches, about as many.
    warmth : float
        How much of `pace` the rate has already, from 0 to 1.
    """

    settings: Settings
    loss: str
    loss_parameter: float
    mean_weight: float
    learning_rate: float
    seed: int
    epoch: int
    n_jobs: int | None
    n_replicas: int
    divides_batch: bool
    length: int | None
    n_pieces: int = 1
    warmth: float = 1.0

    def batch_size(self, n_samples):
        """Samples per mini-batch of a part."""
        at_most = self.settings.batch_size
        if not self.divides_batch:
            return min(at_most, n_samples)
        share = -(-at_most // self.n_replicas)
        return even_batch(n_samples, max(share, min(_FEWEST, at_most)))

    def n_segments(self, n_samples):
        """In how many intervals a part of so many samples is seen once."""
        n_steps = -(-n_samples // self.batch_size(n_samples))
        if self.length is None:
            return min(self.n_pieces, n_steps)
        return -(-n_steps // self.length)

    def segment(self, n_samples, number):
        """The samples of a segment, as a slice of a part."""
        size, n_segments = self.batch_size(n_samples), self.n_segments(n_samples)
        n_steps = -(-n_samples // size)
        if self.length is None:
            first, last = (end * n_steps // n_segments for end in (number, number + 1))
        else:
            first, last = number * self.length, (number + 1) * self.length
        return slice(first * size, last * size)

    def pace(self, size, optimizer):
        """What the rate is multiplied by in batches of `size` samples.

        Each replica sees a part of the samples.  With this factor the mean of the replicas goes as
        far in an epoch as a local fit does: through so many times fewer steps, each of a batch that
        may be smaller.  And its noise is that of a local fit, since that of the replicas cancels.
        """
        share = size / self.settings.batch_size
        full = self.n_replicas * share ** (1 - _GROWTH_OF_STEPS[type(optimizer)])
        return 1 + (full - 1) * self.warmth

    def n_threads(self):
        """Threads of the kernels, on the machine that asks."""
        return 1 if self.n_jobs is None else machine.effective_n_threads(self.n_jobs)


def arrays_of(network, optimizer):
    """All numbers that training changes: weights, biases and their moments, layer by layer."""
    arrays = []
    for depth, layer in enumerate(network.layers):
        arrays += [layer.weights, layer.bias]
        arrays += [*optimizer.moments[depth], *optimizer.bias_moments[depth]]
    return arrays


def drawn(randomness, optimizer, network, offset, factor):
    """Draw the first model.

    Parameters
    ----------
    randomness : Randomness
    optimizer : SGD or Adam
    network : dict
        Arguments of `SparseNetwork.erdos_renyi`.
    offset, factor
        Those of the network.
    """
    rng, optimizer = randomness.copy().network, copy.copy(optimizer)
    first = SparseNetwork.erdos_renyi(rng=rng, **network)
    first.offset, first.factor = offset, factor
    return Model(first, optimizer.attach(first), rng)


def same(model):
    """The model itself: as the result of a task it can be had again."""
    return model


def _with(model, values):
    """A model of the same topology with the numbers in `values`, which it copies."""
    network, optimizer = model.network.copy(), model.optimizer.copy()
    for target, source in zip(arrays_of(network, optimizer), values.arrays, strict=True):
        target[:] = source
    optimizer.n_steps = round(values.optimizer_steps)
    return Model(network, optimizer, model.rng, values.n_steps)


def trained(model, before, part, segment, interval):
    """Train on a part, or on one segment of it, and return the values.

    Parameters
    ----------
    model : Model
    before : Values or None
        Where the replica has come to in this interval; None for the model itself.
    part : Part
    segment : int
    interval : Interval
    """
    if before is None:
        model = Model(model.network.copy(), model.optimizer.copy(), model.rng, model.n_steps)
    else:
        model = _with(model, before)
    n_samples = part.n_samples
    size, n_threads = interval.batch_size(n_samples), interval.n_threads()
    shuffled = Randomness([interval.seed, interval.epoch, part.number])
    rows = np.arange(n_samples, dtype=np.int32)
    if interval.settings.shuffle:
        rows = shuffled.order.permutation(rows)
    rows = rows[interval.segment(n_samples, segment)]
    settings = replace(interval.settings, shuffle=False, batch_size=size, n_threads=n_threads)
    if size < interval.settings.batch_size:
        # else a batch that is smaller than it should be would be penalised more than others
        settings = replace(settings, smallest_batch=interval.settings.batch_size)
    rate = interval.learning_rate * interval.pace(size, model.optimizer)
    progress = Progress(rate, n_steps=round(model.n_steps))
    randomness = Randomness([interval.seed, interval.epoch, part.number, segment])
    state = TrainingState(model.network, model.optimizer, progress, randomness, rows, None)
    data = _data_of(part, interval, rows)
    if LOSSES[data.loss].of_classes and (settings.mixup > 0 or settings.label_smoothing > 0):
        data = soften(data, model.network.sizes[-1], settings.label_smoothing)
    with np.errstate(all="ignore"):  # overflow is refused in words
        loss = run_epoch(state, data, settings, Workspace(model.network, size, n_threads))
    n_rows = rows.shape[0]
    weight = n_rows if part.weight is None else float(part.weight[rows].sum(dtype=np.float64))
    return Values(
        arrays_of(model.network, model.optimizer),
        model.n_steps + (progress.n_steps - round(model.n_steps)),
        float(model.optimizer.n_steps),
        weight + (before.weight if before else 0.0),
        n_rows + (before.n_samples if before else 0),
        loss * n_rows + (before.loss if before else 0.0),
    )


def merged(one, other):
    """The mean of two values, weighted by their samples."""
    total = one.weight + other.weight
    share = one.weight / total if total > 0 else 0.5
    rest = 1.0 - share
    return Values(
        [a * share + b * rest for a, b in zip(one.arrays, other.arrays, strict=True)],
        one.n_steps * share + other.n_steps * rest,
        one.optimizer_steps * share + other.optimizer_steps * rest,
        total,
        one.n_samples + other.n_samples,
        one.loss + other.loss,
    )


def told(values):
    """What a client must know of an interval: number of samples and sum of losses."""
    return values.n_samples, values.loss


def averaged(model, values):
    """The model of the next interval."""
    return _with(model, values)


def evolved(model, part, interval):
    """Renew connections of the averaged network, once for all replicas.

    Parameters
    ----------
    model : Model
    part : Part or None
        The samples that growth looks at, if it looks at any.
    interval : Interval
    """
    settings, n_threads = interval.settings, interval.n_threads()
    # A network's arrays are replaced, not changed; biases are not touched.
    network, optimizer = model.network.copy(), model.optimizer.copy()
    randomness = Randomness([interval.seed, interval.epoch])
    randomness.network = copy.deepcopy(model.rng)

    def probe():
        rows = np.arange(part.n_samples, dtype=np.int32)
        state = TrainingState(network, optimizer, None, randomness, rows, None)
        return probe_some(state, _data_of(part, interval, rows), settings, n_threads)

    with np.errstate(all="ignore"):
        evolve(
            network,
            optimizer,
            settings.zeta,
            weight_init=settings.weight_init,
            rng=randomness.network,
            pruning=settings.pruning,
            growth=settings.growth,
            newborn_weights=settings.newborn_weights,
            probe=probe,
            n_threads=n_threads,
        )
    return Model(network, optimizer, randomness.network, model.n_steps)


def needs_samples(settings):
    """Whether evolutions look at samples."""
    return GROWTH_RULES[settings.growth].needs_probe


def has_finite_outputs(part, model, interval):
    """Whether all outputs of the network for a part are finite."""
    rows = np.arange(part.n_samples, dtype=np.int32)
    data = _data_of(part, interval, rows)
    return outputs_are_finite([model.network], data, interval.n_threads())


def _data_of(part, interval, rows):
    """A part's samples, as the kernels read them."""
    return TrainingData(
        X=part.X,
        y=part.y,
        sample_weight=part.weight,
        loss=interval.loss,
        rows=rows,
        loss_parameter=interval.loss_parameter,
        mean_weight=interval.mean_weight,
    )
