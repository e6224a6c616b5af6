"""Measurements that count only while the processors do what they can.

A virtual machine's processors are threads of a host.  For seconds at a time it may put two of them
on one core, let other machines work on the cores that they have, or put them where they share no
cache: a processor then does half of what it can, or passes a word to the other five times as
slowly.  A median over a minute only tells how often that happened.  So what the processors can do
is looked at, for a millisecond, before and after each measurement; and what is not undisturbed is
measured again.

What looks is calm.c, compiled with the system's C compiler (the variable CC names another).
"""

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


class Look(NamedTuple):
    """What processors could do at a moment, in seconds; of several looks the best of each."""

    arithmetic: float = math.inf  # of the same sums on every processor, the slowest one's
    lap: float = math.inf  # of a word through all of them

    def better(self, other):
        """The best of both."""
        return Look(*map(min, self, other))

    def is_near(self, best):
        """Whether this is full speed, if the best is.

        Of several processors one may be a little slower.  On a core that two share, sums take 1.7
        times as long, and a lap takes five times as long without a cache in common.
        """
        return self.arithmetic <= 1.25 * best.arithmetic and self.lap <= 2 * best.lap


class Calm:
    """Waits for processors at full speed, and knows whether they stayed so.

    Parameters
    ----------
    patience : float, default=15
        Seconds that a measurement may be put off and repeated, with what it takes itself.
    """

    def __init__(self, patience=15.0):
        self.patience = patience
        self._best = {}
        with tempfile.TemporaryDirectory() as folder:
            library = compile_c(SOURCE, FLAGS, Path(folder))
            self._library = ctypes.CDLL(str(library))

    def look(self, n_threads):
        """Let so many processors work at once, a few times."""
        n_threads = min(n_threads, len(PROCESSORS) or n_threads)
        numbers = PROCESSORS[:n_threads] or [-1] * n_threads
        processors = (ctypes.c_int * n_threads)(*numbers)
        seconds = (ctypes.c_double * 2)()
        best = Look()
        for _ in range(N_LOOKS):
            error = self._library.look(n_threads, processors, seconds)
            if error:
                raise OSError(error, os.strerror(error))
            best = best.better(Look(*seconds))
        self._best[n_threads] = best.better(self._best.get(n_threads, Look()))
        return best

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
            before = self._wait(n_threads, began)
            result = function(*args)
            # Both are judged now: only the second may have shown what full speed is.
            looks = before, self.look(n_threads)
            calm = all(look.is_near(self._full_speed(n_threads)) for look in looks)
            if calm or not self._is_patient(began):
                return result, calm

    def _wait(self, n_threads, began):
        """Wait for full speed or for the end of patience; return the last look."""
        while True:
            look = self.look(n_threads)
            if look.is_near(self._full_speed(n_threads)) or not self._is_patient(began):
                return look
            time.sleep(PAUSE)

    def _full_speed(self, n_threads):
        """The best so far: of arithmetic with any number of threads."""
        n_threads = min(n_threads, len(PROCESSORS) or n_threads)
        arithmetic = min(look.arithmetic for look in self._best.values())
        return Look(arithmetic, self._best[n_threads].lap)

    def _is_patient(self, began):
        return time.perf_counter() - began <= self.patience
