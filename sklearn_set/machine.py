"""The machine under us: which compiled variant to load, and how many threads to use.

Knows processors and OpenMP; must not know networks, estimators or data.
"""

import functools
import importlib
import importlib.util
import os
import platform
import sys
from importlib import metadata

import joblib

from sklearn_set._core import system

# Preferred first: name of the variant and the processor feature it needs.
VARIANTS = {"x86_v4": "x86_v4", "x86_v3": "x86_v3", "baseline": None}
VARIANT_VARIABLE = "SKLEARN_SET_VARIANT"

PACKAGES = ("sklearn_set", "scikit-learn", "numpy", "scipy", "joblib")

_REALS = {"float32": "f32", "float64": "f64"}
_forked = False


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
        None is what OpenMP would use (in joblib's worker processes their share of the
        processors, one where there are as many workers; bound by the processors of the machine
        or container unless OMP_NUM_THREADS says otherwise); -1 all processors, -2 all but one;
        a positive number exactly that many.

    Returns
    -------
    int
        At least 1; always 1 without OpenMP, and in a process forked from one that may have
        used threads, where libgomp would wait for threads that no longer exist.
    """
    if system.openmp_version() == 0 or _forked:
        return 1
    if n_jobs is None:
        threads = system.openmp_max_threads()
        if "OMP_NUM_THREADS" in os.environ:
            return threads
        return min(threads, joblib.cpu_count())
    if n_jobs < 0:
        return max(1, joblib.cpu_count() + 1 + n_jobs)
    return int(n_jobs)


def show_versions():
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
