"""The machine under us: which compiled variant to load, how many threads to start.

Knows processors and OpenMP; must not know networks, estimators or data.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import platform
import sys
import threading
from importlib import metadata

import joblib

from sklearn_set._core import system
from sklearn_set.warning import warn

# Preferred first: name of the variant and the processor feature it needs.
VARIANTS = {"x86_v4": "x86_v4", "x86_v3": "x86_v3", "baseline": None}
VARIANT_VARIABLE = "SKLEARN_SET_VARIANT"

PACKAGES = ("sklearn_set", "scikit-learn", "numpy", "scipy", "joblib")

_REALS = {"float32": "f32", "float64": "f64"}
_forked = False

# So many more threads must be granted than are started.  Between the question and the start, the C
# library may take the memory of eight stacks (64 MB, an arena of its allocator).
_SPARE_THREADS = 8

# OpenMP keeps threads for each thread of the user.  `_here` holds how many this one has, and how
# many it can have.  Only one thread of the user at a time may ask for more.
_here = threading.local()
_asking = threading.Lock()


def available_variants():
    """Compiled variants that this processor can run, the preferred one first."""
    features = system.cpu_features()
    return [
        name
        for name, needed in VARIANTS.items()
        if (needed is None or features[needed])
        and importlib.util.find_spec(_module_name(name, "float32")) is not None
    ]


@functools.cache
def active_variant():
    """Name of the variant in use: the best, or the one that SKLEARN_SET_VARIANT names.

    Raises
    ------
    ImportError
        If the named variant does not exist or the processor cannot run it.
    """
    available = available_variants()
    if not available:
        raise ImportError("sklearn_set was built without its kernels; please reinstall it.")
    forced = os.environ.get(VARIANT_VARIABLE)
    if not forced:
        return available[0]
    if forced not in available:
        raise ImportError(
            f"{VARIANT_VARIABLE}={forced} names a kernel variant that cannot be used here; "
            f"available are {', '.join(available)}."
        )
    return forced


@functools.cache
def kernels(dtype, variant=None):
    """The compiled module for a number type.

    Parameters
    ----------
    dtype : {"float32", "float64"}
    variant : str, default=None
        The active one where None.

    Returns
    -------
    module
        Holds `Stepper`, `forward` and the tables of codes.
    """
    return importlib.import_module(_module_name(variant or active_variant(), str(dtype)))


def _module_name(variant, dtype):
    return f"sklearn_set._core.step_{variant}_{_REALS[dtype]}"


def effective_n_threads(n_jobs=None):
    """Number of threads that `n_jobs` means at this moment.

    Parameters
    ----------
    n_jobs : int or None
        None is what OpenMP would use, at most the processors of the container unless
        OMP_NUM_THREADS is set.  In joblib's worker processes it is their share of the processors.
        -1 is all processors, -2 all but one.  A positive number is used up to the number of
        processors of the machine.

    Returns
    -------
    int
        At least 1.  So many threads have been started, the calling one included.  It is 1 without
        OpenMP.  It is also 1 in a forked process, where libgomp would wait for threads that exist
        only in the parent.

    Warns
    -----
    UserWarning
        If there are fewer processors, or if the system grants fewer threads.
    """
    if system.openmp_version() == 0 or _forked:
        return 1
    name, threads = "n_jobs", n_jobs
    if n_jobs is None:
        threads = system.openmp_max_threads()
        if "OMP_NUM_THREADS" in os.environ:
            name = "OMP_NUM_THREADS"
        else:
            threads = min(threads, joblib.cpu_count())
    elif n_jobs < 0:
        threads = max(1, joblib.cpu_count() + 1 + n_jobs)
    n_most = n_processors()
    if threads > n_most:
        value = threads if threads < 2**63 else "a number beyond 64 bits"
        warn(
            f"{name}={value} asks for more threads than there are processors: {n_most} will be "
            f"used. Lower {name}."
        )
        threads = n_most
    return _started(int(threads), name)


def n_processors():
    """Number of processors of this machine, beyond which threads only wait for each other."""
    return os.cpu_count() or 1


def _started(n_threads, name):
    """Start threads, as many as the system grants; return their number, the calling one included.

    OpenMP ends the process if it cannot start a thread.  So the system is asked first, and the
    threads are started before the data take the memory that the threads need.
    """
    if n_threads == 1:
        return 1
    n_here = getattr(_here, "n_threads", 1)
    n_granted = min(n_threads, getattr(_here, "n_most", n_threads))
    if n_granted > n_here:
        with _asking:
            n_new = n_granted - n_here
            n_possible = system.grantable_threads(2 * n_new + _SPARE_THREADS) - _SPARE_THREADS
            if n_possible < 2 * n_new:
                # Take only half of the possible ones: the data need memory, too.  This limit stays.
                n_granted = _here.n_most = n_here + max(0, n_possible) // 2
            system.start_threads(n_granted)
    _here.n_threads = n_granted  # OpenMP ends those beyond this number
    if n_granted < n_threads:
        warn(
            f"{name} asks for {n_threads} threads, but the system does not grant them to this "
            f"process: {n_granted} will be used. Lower {name}, or raise the limit of its memory "
            "or of its threads (ulimit -v, ulimit -u)."
        )
    return n_granted


def show_versions() -> None:
    """Print versions, the active kernel variant, OpenMP and the number of threads.

    What a report of a problem should contain.
    """
    for name, value in versions().items():
        print(f"{name:>16}: {value}")


def versions():
    """What `show_versions` prints, as a dict."""
    date = system.openmp_version()
    return {
        "python": sys.version.replace("\n", " "),
        "platform": platform.platform(),
        **{name: metadata.version(name) for name in PACKAGES},
        "kernel variant": active_variant(),
        "variants here": ", ".join(available_variants()),
        "OpenMP": date if date else "not compiled in: one thread",
        "threads": effective_n_threads(),
    }


def _after_fork_in_child():
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
