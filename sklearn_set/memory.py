"""How much memory training needs, and how much this process can get.

Knows sizes of networks, what the kernels need and the limits of the system; must not know data or
time.
"""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np

from sklearn_set import machine
from sklearn_set.activations import ACTIVATIONS
from sklearn_set.topology import n_erdos_renyi

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

# Every machine has so many bytes.  Fits that need less do not look at its memory.
_NEVER_TOO_MUCH = 1 << 26

# Memory of a layer's arrays during an evolution, as a multiple of that before: new arrays are there
# beside the old ones.  Masks and maps are not counted.
REWIRING_FACTOR = 2

_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")


def check_memory(sizes, epsilon, *, is_copy, **training):
    """Refuse to train a network for which memory cannot suffice, before anything is drawn.

    The arguments are those of `training_bytes`.

    Raises
    ------
    MemoryError
    """
    parts = training_bytes(sizes, epsilon, is_copy=is_copy, **training)
    needed = sum(parts.values())
    if needed < _NEVER_TOO_MUCH:
        return
    available = available_memory()
    if available is None or needed <= available:
        return
    n_connections = sum(n_erdos_renyi(n_in, n_out, epsilon) for n_in, n_out in pairwise(sizes))
    listed = ", ".join(f"{name}: {size:,} bytes" for name, size in parts.items() if size)
    if is_copy:
        advice = (
            "A fitted estimator goes on with a copy of its network: lower batch_size, or fit a "
            "new one with lower hidden_layer_sizes or epsilon."
        )
    elif parts["snapshots"]:
        advice = "Lower hidden_layer_sizes, epsilon, batch_size or n_snapshots."
    else:
        advice = "Lower hidden_layer_sizes, epsilon or batch_size."
    raise MemoryError(
        f"Training {sum(sizes):,} neurons with {n_connections:,} connections needs at least "
        f"{needed / 2**30:.1f} GiB of memory ({listed}), but only {available / 2**30:.1f} GiB are "
        f"available. {advice}"
    )


def training_bytes(
    sizes,
    epsilon,
    *,
    activations,
    dtype,
    batch_size,
    n_moments,
    rewires=True,
    n_probed=0,
    keeps_best=False,
    n_snapshots=0,
    is_copy=False,
):
    """Bytes that training certainly needs, by what they are for.

    Masks, maps, scratch memory and the draw of the first topology are left out.  So the sum is a
    lower bound: a network that fits into memory is never refused.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of neurons, data and output included.
    epsilon : float
        The SET sparsity.
    activations : sequence of str
        One per hidden layer.
    dtype : numpy.dtype
    batch_size : int
    n_moments : int
        Of the optimizer, per connection.
    rewires : bool, default=True
        Whether an evolution will take place.
    n_probed : int, default=0
        Samples for which an evolution computes gradients.
    keeps_best : bool, default=False
        Whether a copy of the best network so far is kept.
    n_snapshots : int, default=0
        Copies of the network that are kept beside it.
    is_copy : bool, default=False
        Whether the network is a copy of one in memory, with which it shares the topology.

    Returns
    -------
    dict of str to int
    """
    kernels = machine.kernels(dtype.name)
    width = kernels.batch_width(batch_size)
    index = np.dtype(np.int32).itemsize
    values = (1 + n_moments) * dtype.itemsize
    connections = best = rewiring = reverse = 0
    for n_in, n_out in pairwise(sizes):
        n_connections = n_erdos_renyi(n_in, n_out, epsilon)
        of_slots = n_connections * values
        of_topology = n_connections * index + (n_in + 1) * index
        connections += of_slots + n_out * values + (0 if is_copy else of_topology)
        best += (n_connections + n_out) * dtype.itemsize
        if rewires and n_connections < n_in * n_out:
            # The layers below are renewed already.  Their new topologies have no arrays for the
            # other direction yet, which leaves room.
            needed = (REWIRING_FACTOR - 1) * (of_slots + of_topology)
            rewiring = max(rewiring, needed - reverse)
        if not kernels.goes_by_input(width):
            reverse += 2 * n_connections * index
    n_slopes = sum(
        size
        for size, name in zip(sizes[1:-1], activations, strict=True)
        if kernels.stores_slopes(ACTIVATIONS[name].code)
    )
    # Outputs and deltas of all neurons, except deltas of the data and outputs of the last layer.
    probe = n_probed * (2 * sum(sizes) - sizes[0] - sizes[-1]) * dtype.itemsize
    return {
        "connections": connections + (0 if is_copy else reverse),
        "activations of a batch": (sum(sizes) + n_slopes) * width * dtype.itemsize,
        "rewiring a layer": rewiring,
        "samples that growth looks at": probe,
        "best network so far": best if keeps_best else 0,
        "snapshots": n_snapshots * best,
    }


# --------------------------------------------------------------------------- what there is


def available_memory():
    """The most bytes that this process can still get.

    They are physical memory that is free or can be freed, and free swap.  Control groups (both
    versions) and the address space of the process limit them.  Outside Linux they are all physical
    memory.

    Returns
    -------
    int or None
        None if nothing is known.
    """
    memory = _numbers(_PROC / "meminfo")
    swap = memory.get("SwapFree", 0) * 1024
    if "MemAvailable" in memory:
        limits = [memory["MemAvailable"] * 1024 + swap]
    else:
        try:
            limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
        except (AttributeError, ValueError, OSError):  # no such function, name or answer
            limits = []
        limits = [limit for limit in limits if limit > 0]  # -1 stands for an unknown answer
    limits += _free_in_groups(swap)
    if resource is not None:
        address_space = resource.getrlimit(resource.RLIMIT_AS)[0]
        if address_space != resource.RLIM_INFINITY:
            used = _numbers(_PROC / "self" / "status").get("VmSize", 0) * 1024
            limits.append(address_space - used)
    return max(0, min(limits)) if limits else None


def _free_in_groups(swap):
    """Bytes that each control group of this process, and each group above it, has left."""
    try:
        groups = (_PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = _CGROUP / "memory" if controllers else _CGROUP
        # In a container the path may be that of the host.  Then only the root exists.
        folder = root / path.strip("/")
        while True:
            yield from (_free_v1 if controllers else _free_v2)(folder, swap)
            if folder == root:
                break
            folder = folder.parent


def _free_v2(folder, swap):
    limit, used = _number(folder / "memory.max"), _number(folder / "memory.current")
    if limit is None or used is None:
        return
    limit_of_swap = _number(folder / "memory.swap.max")
    if limit_of_swap is not None:
        swap = min(swap, limit_of_swap - (_number(folder / "memory.swap.current") or 0))
    yield limit - used + _reclaimable(folder, "") + swap


def _free_v1(folder, swap):
    for kind, beside in (("memory", swap), ("memory.memsw", 0)):  # memsw: memory and swap
        limit = _number(folder / f"{kind}.limit_in_bytes")
        used = _number(folder / f"{kind}.usage_in_bytes")
        if limit is not None and used is not None:
            yield limit - used + _reclaimable(folder, "total_") + beside


def _reclaimable(folder, prefix):
    """Bytes that a control group uses to cache files, and would give back."""
    usage = _numbers(folder / "memory.stat")
    names = ("active_file", "inactive_file", "slab_reclaimable")
    return sum(usage.get(prefix + name, 0) for name in names)


def _number(path):
    """The number in a file; None without file or number ("max" stands for no limit)."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _numbers(path):
    """Name -> number in a file of lines that begin with both; empty without such a file."""
    try:
        lines = [line.replace(":", " ").split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}
