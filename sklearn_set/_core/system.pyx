"""What the processor and the compiler's OpenMP offer.  Asked by machine.py, decides nothing."""

cdef extern from "system.h" nogil:
    int c_openmp_version "openmp_version"()
    int c_openmp_max_threads "openmp_max_threads"()
    bint cpu_has_x86_v3()
    bint cpu_has_x86_v4()


def openmp_version():
    """The OpenMP date the kernels were compiled with, such as 201511; 0 for a serial build."""
    return c_openmp_version()


def openmp_max_threads():
    """Threads that OpenMP would use now, by its environment and by threadpoolctl's limits."""
    return c_openmp_max_threads()


def cpu_features():
    """Instruction sets that a variant may need, and whether this processor has them."""
    return {"x86_v3": bool(cpu_has_x86_v3()), "x86_v4": bool(cpu_has_x86_v4())}
