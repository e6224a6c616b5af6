# Whether threads pay at the moment: a pace that is learnt from how long steps take.
#
# Knows seconds alone, and nothing but time depends on it; must not know what a step does.

cdef extern from "system.h" nogil:
    double wall_seconds()


cdef struct Pace:
    # Whether threads pay at the moment.  On a machine whose other processors are busy, two
    # threads may take turns on one of them and wait for each other at every layer: many times
    # slower than one thread.  Nothing but time depends on this choice.
    double serial          # seconds of a step on one thread, lately; 0 for not known yet
    double serial_until    # until when to stay with one thread
    double patience        # for how long, the last time
    double lost            # seconds that threads have lost lately, against one thread


cdef int threads_that_pay(const Pace* pace, int n_threads) noexcept nogil:
    if n_threads == 1 or pace.serial == 0 or wall_seconds() < pace.serial_until:
        return 1
    return n_threads


def n_threads_that_pay(double[::1] pace, int n_threads):
    """The number of threads that the next step would use, for work between steps.

    Parameters
    ----------
    pace : ndarray of shape (4,), float64
        That of a `Workspace`.
    n_threads : int
    """
    return threads_that_pay(<const Pace*> &pace[0], n_threads)


cdef void learn_pace(Pace* pace, int used, double seconds) noexcept nogil:
    if used == 1:
        # A little more each time, so that one lucky step is not the measure for ever.
        if pace.serial == 0 or seconds < pace.serial * 1.05:
            pace.serial = seconds
        else:
            pace.serial *= 1.05
    elif pace.serial > 0:
        # What threads gain makes good what they have lost, but is no credit: beside another program
        # they run well for some milliseconds, and then wait for as long.  One step may have met
        # sleeping threads.
        pace.lost = max(0.0, pace.lost + seconds - pace.serial)
        if pace.lost > pace.serial + 2e-3:
            pace.patience = min(max(2 * pace.patience, 10 * pace.lost), 1.0)
            pace.serial_until = wall_seconds() + pace.patience
            pace.lost = 0
        elif wall_seconds() - pace.serial_until > pace.patience:
            pace.patience = 0  # as long together as they were kept apart
