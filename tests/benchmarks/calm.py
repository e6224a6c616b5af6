"""Measurements that count only while the processors do what they can.

A virtual machine's processors are threads of a host.  For seconds at a time it may put two of them
on one core, let other machines work on the cores that they have, or put them where they share no
cache: a processor then does half of what it can, or passes a word to the other five times as
slowly.  A median over a minute only tells how often that happened.  So what the processors can do
is looked at, for a millisecond, before and after each measurement; and what is not undisturbed is
measured again.

The host chooses anew whenever a processor falls asleep and wakes, as that of a thread does which
waits for its work.  From the look before a measurement to the one after it, threads of the lowest
priority keep the processors awake.

What looks is calm.c, compiled with the system's C compiler (the variable CC names another).
"""

import contextlib
import ctypes
import math
import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from placement import PROCESSORS
from reporting import compile_c

SOURCE = Path(__file__).with_suffix(".c")
FLAGS = ["-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", "-pthread"]
N_LOOKS = 3
PAUSE = 0.05
LEARNING = 3.0  # seconds, for each number of processors


class Look(NamedTuple):
    """What processors could do at a moment, in seconds; of several looks the best of each."""

    arithmetic: float = math.inf  # of the same sums on every processor, the slowest one's
    lap: float = math.inf  # of a word through all of them
    reach: float = math.inf  # of a number from the second-level cache, the slowest one's
    loads: float = math.inf  # of one of many numbers from the first-level cache, the slowest one's

    def better(self, other):
        """The best of both."""
        return Look(*map(min, self, other))

    def is_near(self, best):
        """Whether this is full speed, if the best is.

        The best of many looks is a few percent better than most. On a core that two share, sums
        take up to 1.7 times as long; without a cache in common, a lap takes five times as long.
        Programs that compute little may share a core too, and fill its caches or take its turns to
        load: steps take 1.5 times as long then, loads 1.15 times.
        """
        return (
            self.arithmetic <= 1.08 * best.arithmetic
            and self.lap <= 2 * best.lap
            and self.reach <= 1.15 * best.reach
            and self.loads <= 1.08 * best.loads
        )


class Calm:
    """Waits for processors at full speed, and knows whether they stayed so.

    Parameters
    ----------
    patience : float, default=15
        Seconds that a measurement may be put off and repeated, with what it takes itself.
    known : dict, default=None
        What another one knows by now; else it is learnt, which takes some seconds.

    Attributes
    ----------
    known : dict
        Full speed, as a `Look`, by the number of processors.
    """

    def __init__(self, patience=15.0, known=None):
        self.patience = patience
        self.known = {int(n): Look(*look) for n, look in (known or {}).items()}
        with tempfile.TemporaryDirectory() as folder:
            library = compile_c(SOURCE, FLAGS, Path(folder))
            self._library = ctypes.CDLL(str(library))

        if not self.known:
            for n_threads in {1, len(PROCESSORS) or 1}:
                self._learn(n_threads)

    def look(self, n_threads):
        """Let so many processors work at once, a few times."""
        seconds = (ctypes.c_double * 4)()
        best = Look()
        for _ in range(N_LOOKS):
            check(self._library.look(*array_of(processors_of(n_threads)), seconds))
            best = best.better(Look(*seconds))
        self._remember(len(processors_of(n_threads)), best)
        return best

    def _learn(self, n_threads):
        """Look again and again, and let the host choose anew in between."""
        began = time.perf_counter()
        while time.perf_counter() - began < min(LEARNING, self.patience):
            with self._awake(n_threads):
                self.look(n_threads)
            time.sleep(PAUSE)

    def _remember(self, n_processors, look):
        known = self.known.get(n_processors, Look())
        if look.arithmetic < known.arithmetic / 1.25:  # known laps were those of a shared core
            self.known[n_processors] = look
        elif look.arithmetic <= known.arithmetic * 1.25:
            self.known[n_processors] = known.better(look)

    def measure(self, n_threads, function, *args):
        """Call a function while `n_threads` processors are at full speed.

        Where patience ends, the last call's result is returned nevertheless.

        Returns
        -------
        result
            What the function returns.
        calm : bool
            Whether the processors were at full speed right before and right after it.
        """
        began = time.perf_counter()
        while True:
            with self._awake(n_threads):
                before = self.look(n_threads)
                impatient = time.perf_counter() - began > self.patience
                if impatient or self._is_full_speed(before, n_threads):
                    result = function(*args)
                    after = self.look(n_threads)
                    # Both are judged now: only the second may have shown what full speed is.
                    calm = all(self._is_full_speed(look, n_threads) for look in (before, after))
                    if calm or time.perf_counter() - began > self.patience:
                        return result, calm
            time.sleep(PAUSE)  # for the host to choose anew

    def _is_full_speed(self, look, n_threads):
        """Against the best so far: of arithmetic with any number of threads."""
        arithmetic = min(known.arithmetic for known in self.known.values())
        best = self.known[len(processors_of(n_threads))]
        return look.is_near(best._replace(arithmetic=arithmetic))

    @contextlib.contextmanager
    def _awake(self, n_threads):
        n_processors, processors = array_of(processors_of(n_threads))
        try:
            check(self._library.hold(n_processors, processors))
            yield
        finally:
            self._library.release()


def processors_of(n_threads):
    """A processor for every thread, -1 for any; not more than there are."""
    return PROCESSORS[:n_threads] or [-1] * n_threads


def array_of(numbers):
    """The length of an array of C, and the array."""
    return len(numbers), (ctypes.c_int * len(numbers))(*numbers)


def check(error):
    if error:
        raise OSError(error, os.strerror(error))
