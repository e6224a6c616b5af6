"""How often each component of a mixture occurs, by expectation maximisation.

For what is asked of data before training.  Serial: the steps are short, and each needs the one
before.  Knows likelihoods; must not know of what.
"""

import numpy as np


def proportions(
    const double[:, ::1] likelihood, const double[::1] counts, double prior, int n_steps,
):
    """How often each component occurs, after some steps from equal proportions.

    Parameters
    ----------
    likelihood : ndarray of shape (n_values, n_components)
        Of each value, if it came from each component; only proportions within a row count.
    counts : ndarray of shape (n_values,)
        How often each value was seen.
    prior : float
        So many more values are taken to have come from the first component.
    n_steps : int

    Returns
    -------
    ndarray of shape (n_components,)
        They sum to one.
    """
    cdef Py_ssize_t n_values = likelihood.shape[0], n_components = likelihood.shape[1], _, s, t
    cdef double total, each, all_counts = prior
    often_array = np.full(n_components, 1.0 / n_components)
    cdef double[::1] often = often_array
    cdef double[::1] found = np.empty(n_components)
    for s in range(n_values):
        all_counts += counts[s]
    with nogil:
        for _ in range(n_steps):
            found[:] = 0
            for s in range(n_values):
                total = 0
                for t in range(n_components):
                    total += often[t] * likelihood[s, t]
                each = counts[s] / total
                for t in range(n_components):
                    found[t] += each * likelihood[s, t]
            for t in range(n_components):
                often[t] *= found[t]
            often[0] += prior
            for t in range(n_components):
                often[t] /= all_counts
    return often_array
