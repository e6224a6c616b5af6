"""What the processor and the compiler's OpenMP offer.  Asked by machine.py, decides nothing."""

cdef extern from "system.h" nogil:
    int c_openmp_version "openmp_version"()
    int c_openmp_max_threads "openmp_max_threads"()
    int openmp_start_threads(int n)
    int c_grantable_threads "grantable_threads"(int n)
    bint cpu_has_x86_v3()
    bint cpu_has_x86_v4()


def openmp_version():
    """The OpenMP date the kernels were compiled with, such as 201511; 0 for a serial build."""
    return c_openmp_version()


def openmp_max_threads():
    """Threads that OpenMP would use now, by its environment and by threadpoolctl's limits."""
    return c_openmp_max_threads()


def grantable_threads(int n):
    """How many of `n` more threads the system would grant this process now, all at a time."""
    cdef int granted
    with nogil:
        granted = c_grantable_threads(n)
    return granted


def start_threads(int n):
    """Let OpenMP start its threads, so many with the calling one; return how many there are."""
    cdef int started
    with nogil:
        started = openmp_start_threads(n)
    return started


def cpu_features():
    """Instruction sets that a variant may need, and whether this processor has them."""
    return {"x86_v3": bool(cpu_has_x86_v3()), "x86_v4": bool(cpu_has_x86_v4())}
