"""Who is connected with whom: structure only, no values.

A connection lives in one slot.  Slots run by input neuron, so `indptr` and `indices` are those
of a CSR matrix of shape (n_in, n_out); the arrays with the prefix `t_` tell the same connections
by output neuron.  Knows positions and random numbers; must not know weights or training.
"""

import numpy as np

from sklearn_set._core import connections, directions, draws, measured
from sklearn_set.samples import some_of

MAX_CONNECTIONS = np.iinfo(np.int32).max

# So many connections tell how outputs are distributed.
_SAMPLED = 1 << 13


# These follow from indptr and indices, and are made on first use.  Several threads may need one at
# the same time.  So a property reads the attribute once, makes the whole value if there is none,
# and sets it by one assignment.  If two threads make it, their values are equal.
_NOT_DERIVED = {
    "_t_indptr": None,
    "_transposed": None,
    "_chunks": None,
    "_t_chunks": None,
    "_splits": None,
    "_by_part": None,
}


class Topology:
    """The connections between two layers of neurons.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of input and of output neurons.
    indptr : ndarray of shape (n_in + 1,), int32
        Slots of input neuron i are ``indptr[i]`` to ``indptr[i + 1]``.
    indices : ndarray of shape (n_connections,), int32
        Output neuron of each slot, ascending within an input neuron.

    Attributes
    ----------
    t_indptr : ndarray of shape (n_out + 1,), int32
    t_indices : ndarray of shape (n_connections,), int32
        Input neurons of output neuron j at ``t_indptr[j]`` to ``t_indptr[j + 1]``, ascending.
    t_slots : ndarray of shape (n_connections,), int32
        Slot of each of those.
    chunks, t_chunks : ndarray, int32
        Cuts of the input (output) neurons into parts of about equal work.
    """

    def __init__(self, n_in, n_out, indptr, indices):
        self.n_in = n_in
        self.n_out = n_out
        self.indptr = indptr
        self.indices = indices
        self.__dict__.update(_NOT_DERIVED)
        self._protect()

    def _protect(self):
        # coefs_ shares these arrays: its in-place methods must fail rather than spoil the model.
        self.indptr.flags.writeable = False
        self.indices.flags.writeable = False

    @property
    def n_connections(self):
        """Number of connections."""
        return self.indices.shape[0]

    @property
    def n_positions(self):
        """Number of pairs of neurons, connected or not."""
        return self.n_in * self.n_out

    @property
    def t_indptr(self):
        """See the class."""
        return self._counted()

    @property
    def t_indices(self):
        """See the class."""
        return self.by_output()[1]

    @property
    def t_slots(self):
        """See the class."""
        return self.by_output()[2]

    @property
    def chunks(self):
        """See the class."""
        chunks = self._chunks
        if chunks is None:
            chunks = _chunks_of(self.indptr, measured.CHUNK_WORK)
            self._chunks = chunks
        return chunks

    @property
    def t_chunks(self):
        """See the class."""
        t_chunks = self._t_chunks
        if t_chunks is None:
            t_chunks = _chunks_of(self.t_indptr, measured.T_CHUNK_WORK)
            self._t_chunks = t_chunks
        return t_chunks

    def by_output(self, n_threads=1):
        """The connections by output neuron: t_indptr, t_indices and t_slots."""
        t_indptr = self._counted(n_threads)
        transposed = self._transposed
        if transposed is None:
            transposed = directions.transpose(self.indptr, self.indices, t_indptr, n_threads)
            self._transposed = transposed
        return t_indptr, *transposed

    def splits(self, n_parts, n_threads=1):
        """Cut the output neurons into parts of about equal numbers of connections.

        Parameters
        ----------
        n_parts : int
        n_threads : int, default=1
            Changes nothing but time.

        Returns
        -------
        splits : ndarray of shape (n_parts + 1, n_in), int32
            Slots of input neuron i with an output in part p are ``[p, i]`` to ``[p + 1, i]``.
        t_splits : ndarray of shape (n_parts + 1,), int32
            The cuts.
        """
        splits = self._splits
        if splits is None or splits[1].shape[0] != n_parts + 1:
            t_splits = self._cuts(n_parts)
            splits = directions.split(self.indptr, self.indices, t_splits, n_threads), t_splits
            self._splits = splits
        return splits

    def by_part(self, n_parts, n_threads=1):
        """The connections, part of the output neurons by part, and by slot within one.

        Parameters
        ----------
        n_parts : int
            As for `splits`.
        n_threads : int, default=1
            Changes nothing but time.

        Returns
        -------
        t_splits : ndarray of shape (n_parts + 1,), int32
            The cuts between the parts.
        p_indptr : ndarray of shape (n_parts + 1,), int32
            Where the connections of each part begin.
        p_inputs, p_outputs, p_slots : ndarray of shape (n_connections,), int32
            Input neuron, output neuron and slot of each.
        """
        by_part = self._by_part
        if by_part is None or by_part[0].shape[0] != n_parts + 1:
            t_splits = self._cuts(n_parts)
            listed = directions.list_by_part(self.indptr, self.indices, t_splits, n_threads)
            by_part = t_splits, *listed
            self._by_part = by_part
        return by_part

    def _cuts(self, n_parts):
        # A sample of the outputs tells where to cut; to count all takes as long as to split.
        sample = np.sort(some_of(self.indices, _SAMPLED))
        sample = np.append(sample, np.int32(self.n_out))  # there may be no connection
        cuts = sample[np.linspace(0, sample.shape[0] - 1, n_parts + 1).astype(np.intp)]
        cuts[0] = 0
        return cuts

    def _counted(self, n_threads=1):
        t_indptr = self._t_indptr
        if t_indptr is None:
            t_indptr = directions.count_by_output(self.indices, self.n_out, n_threads)
            self._t_indptr = t_indptr
        return t_indptr

    def __getstate__(self):
        # The other direction follows from this one, so a pickle leaves it out.
        return self.__dict__ | _NOT_DERIVED

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._protect()


def empty(n_in, n_out):
    """A topology without connections."""
    return Topology(n_in, n_out, np.zeros(n_in + 1, np.int32), np.empty(0, np.int32))


def _chunks_of(indptr, work):
    """Cuts between chunks, the units of parallel work.

    They depend on the topology alone.  So sums over chunks are the same for any number of threads.
    """
    return directions.equal_work(indptr, work, measured.MAX_CHUNKS)


def n_erdos_renyi(n_in, n_out, epsilon):
    """Number of connections that the SET sparsity `epsilon` gives to a layer.

    It is ``min(round(epsilon * (n_in + n_out)), n_in * n_out)``: linear in the number of neurons
    (Mocanu et al., 2018, Nature Communications 9:2383, eq. 1, with the expected number made
    exact).
    """
    expected, n_positions = epsilon * (n_in + n_out), n_in * n_out
    return n_positions if expected >= n_positions else round(expected)


def erdos_renyi(n_in, n_out, epsilon, rng, n_threads=1):
    """Draw a random topology with exactly `n_erdos_renyi` connections, all sets equally likely.

    Memory and time grow with the connections; nothing of size n_in x n_out exists.

    Parameters
    ----------
    n_in, n_out : int
    epsilon : float
    rng : numpy.random.Generator
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    Topology
    """
    n_connections = n_erdos_renyi(n_in, n_out, epsilon)
    ranks = draw_distinct(n_in * n_out, n_connections, rng, n_threads)
    return regrown(empty(n_in, n_out), np.empty(0, np.uint8), ranks, n_threads)[0]


def regrown(topology, keep, ranks, n_threads=1):
    """A topology with the kept slots of another one, and with newcomers.

    Parameters
    ----------
    topology : Topology
    keep : ndarray of shape (n_connections,), uint8 or bool
    ranks : ndarray of shape (n_new,), int64
        Newcomers as ascending ranks among the positions that no kept connection holds.
    n_threads : int, default=1

    Returns
    -------
    topology : Topology
    source : ndarray of shape (n_connections,), int32
        The slot that each connection had before; -1 for newcomers.
    """
    indptr, indices, source = connections.splice(
        topology.indptr, topology.indices, keep.view(np.uint8), ranks, topology.n_out, n_threads
    )
    return Topology(topology.n_in, topology.n_out, indptr, indices), source


def positions_of_ranks(topology, keep, ranks, n_threads=1):
    """Find the free positions that have the given ranks.

    Parameters
    ----------
    topology : Topology
    keep : ndarray of shape (n_connections,), uint8 or bool
    ranks : ndarray of shape (n_ranks,), int64
        Ascending, among the positions that no kept connection holds.
    n_threads : int, default=1

    Returns
    -------
    ndarray of shape (n_ranks,), int64
        Positions, numbered ``input * n_out + output``.
    """
    return connections.locate(
        topology.indptr, topology.indices, keep.view(np.uint8), ranks, topology.n_out, n_threads
    )


def sums_by_input(topology, values):
    """Sums of values of connections, over those of each input neuron.

    Parameters
    ----------
    topology : Topology
    values : ndarray of shape (n_connections,), float64
        By slot.

    Returns
    -------
    ndarray of shape (n_in,), float64
    """
    connected = np.flatnonzero(np.diff(topology.indptr))
    sums = np.zeros(topology.n_in)
    if connected.shape[0]:
        sums[connected] = np.add.reduceat(values, topology.indptr[connected])
    return sums


def of_inputs(topology, active):
    """The part of a topology that belongs to some input neurons, as a topology of its own.

    Parameters
    ----------
    topology : Topology
    active : ndarray of shape (n_in,), bool
        The input neurons.

    Returns
    -------
    part : Topology
        Its input neurons are the active ones, in the same order.
    slots : ndarray of shape (part.n_connections,), int32, or None
        The slot that each of its connections has in `topology`; None if others have none, so that
        all slots are the same.
    """
    degrees = np.diff(topology.indptr)
    indptr = np.concatenate([[0], np.cumsum(degrees[active])]).astype(np.int32)
    slots, indices = None, topology.indices
    if indptr[-1] < topology.n_connections:
        slots = np.flatnonzero(np.repeat(active, degrees)).astype(np.int32)
        indices = indices[slots]
    return Topology(indptr.shape[0] - 1, topology.n_out, indptr, indices), slots


def among_inputs(part, active):
    """A topology in which the active input neurons have the connections of `part`, others none.

    Parameters
    ----------
    part : Topology
        As `of_inputs` makes it.
    active : ndarray of shape (n_in,), bool

    Returns
    -------
    Topology
    """
    degrees = np.zeros(active.shape[0], np.int32)
    degrees[active] = np.diff(part.indptr)
    indptr = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int32)
    return Topology(active.shape[0], part.n_out, indptr, part.indices)


def carried(source, old, newborn, n_threads=1):
    """Values of connections after an evolution: survivors keep theirs, newcomers take `newborn`.

    Parameters
    ----------
    source : ndarray of shape (n_connections,), int32
        As `regrown` returns it.
    old : ndarray
        Values by old slot.
    newborn : ndarray
        Values of the newcomers, in the order of their slots; empty for zeros.
    n_threads : int, default=1

    Returns
    -------
    ndarray of shape (n_connections,)
    """
    bits = np.dtype(f"u{old.itemsize}")
    result = connections.carry(source, old.view(bits), newborn.view(bits), n_threads)
    return result.view(old.dtype)


def draw_distinct(population, size, rng, n_threads=1):
    """Draw `size` distinct numbers below `population`, ascending, all sets equally likely.

    A few more than needed are drawn with replacement.  The distinct ones are kept, and the excess
    is dropped at random.  All sets of distinct values of one size are equally likely, and so are
    random parts of them.  Time grows with `size`, whatever the population.

    Parameters
    ----------
    population : int
    size : int
        At most `population`.
    rng : numpy.random.Generator
    n_threads : int, default=1
        Changes nothing but time.

    Returns
    -------
    ndarray of shape (size,), int64
    """
    if 2 * size > population:
        chosen = np.ones(population, dtype=bool)
        chosen[draw_distinct(population, population - size, rng, n_threads)] = False
        return np.flatnonzero(chosen).astype(np.int64, copy=False)
    if size == 0:
        return np.empty(0, np.int64)
    # So many draws give `size` distinct values on average; a little more makes a second round
    # rare.
    expected = -population * np.log1p(-size / population)
    n_draws = int(np.ceil(expected + 6 * np.sqrt(expected - size) + 4))
    counts, drawn, n_distinct = _draw_in_parts(population, n_draws, rng, n_threads)
    excess = int(n_distinct.sum()) - size
    if excess < 0:
        drawn = draws.gather_parts(drawn, counts, n_distinct, np.empty(0, np.int64), n_threads)
        return _topped_up(drawn, population, size, rng)
    too_many = np.sort(rng.choice(size + excess, excess, replace=False, shuffle=False))
    return draws.gather_parts(drawn, counts, n_distinct, too_many, n_threads)


def _draw_in_parts(population, n_draws, rng, n_threads):
    """Draws with replacement, by ranges of the population, so that threads share the work.

    How many fall into a range follows the multinomial law.
    """
    n_parts = max(1, n_draws // measured.DRAWS_IN_A_PART)
    cuts = [population * part // n_parts for part in range(n_parts + 1)]
    cuts, counts = np.array(cuts, np.int64), np.array([n_draws], np.int64)
    if n_parts > 1:
        counts = rng.multinomial(n_draws, np.diff(cuts) / population).astype(np.int64)
    seed = rng.integers(2**64, dtype=np.uint64)
    return counts, *draws.draw_parts(cuts, counts, seed, n_threads)


def _topped_up(drawn, population, size, rng):
    """Draw on until there are enough distinct numbers; drop the excess at random."""
    while drawn.shape[0] < size:
        others = rng.integers(population, size=2 * (size - drawn.shape[0]) + 4)
        drawn = np.unique(np.concatenate([drawn, others]))
    return np.sort(rng.choice(drawn, size, replace=False, shuffle=False))
