"""A processor for every thread, so that measurements of several threads can be repeated.

A scheduler may put two threads that wait for each other on one processor and leave them there:
virtual machines that pack their load do it for seconds.  What is measured then is the scheduler.
"""

import os
from pathlib import Path

# What the process may use before any thread of it is bound.
PROCESSORS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def place_threads(n_threads):
    """Bind the threads that this process has by now; those to come are not bound.

    Every pool consists of the main thread, which gets the first processor, and of workers made
    one after the other, which get the next ones.  Without effect where the system offers no
    binding, where there are fewer processors than threads, or for one thread.

    Parameters
    ----------
    n_threads : int
        Size of the pools.

    Returns
    -------
    bool
        Whether threads were bound.
    """
    tasks = Path("/proc/self/task")
    if n_threads < 2 or len(PROCESSORS) < n_threads or not tasks.is_dir():
        return False
    main, *workers = sorted(filter(is_working, (int(task.name) for task in tasks.iterdir())))
    for number, worker in enumerate(workers):
        os.sched_setaffinity(worker, {PROCESSORS[1 + number % (n_threads - 1)]})
    os.sched_setaffinity(main, {PROCESSORS[0]})
    return True


def is_working(thread):
    """Not one of those that only keep a processor awake (see calm.py), each bound to its own."""
    return os.sched_getscheduler(thread) != os.SCHED_IDLE
