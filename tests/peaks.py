"""How much memory a call needs, as the tests that bound it ask."""

import tracemalloc


def peak_of(call, n_runs=1):
    """The most bytes that NumPy and Python held during a call, beyond those before.

    Threads that other tests left behind are counted as well.  Where a bound leaves no room for
    theirs, the smallest of several runs is the call's own.
    """
    return min(_peak_of_one(call) for _ in range(n_runs))


def _peak_of_one(call):
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
