"""The few types that kernels and the stepper share.  Every pointer is borrowed from NumPy."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from sklearn_set._core.lanes cimport real_t

cdef struct LayerView:
    # structure: connections by input neuron (slots), and the same connections by output neuron
    int32_t n_in
    int32_t n_out
    const int32_t* indptr       # (n_in + 1,)
    const int32_t* indices      # (n_connections,) output neuron of each slot
    const int32_t* t_indptr     # (n_out + 1,)
    const int32_t* t_indices    # (n_connections,) input neuron
    const int32_t* t_slots      # (n_connections,) slot
    const int32_t* chunks       # (n_chunks + 1,) cuts of the input neurons
    const int32_t* t_chunks     # (n_t_chunks + 1,) cuts of the output neurons
    # the forward pass: by input neuron, or (t_ arrays set) by output neuron
    bint by_input
    int32_t n_halves            # 1, or 2 where the input neurons are summed in two halves
    int32_t middle              # first input neuron of the second half
    int32_t n_splits            # ranges of output neurons for different threads
    const int32_t* t_splits     # (n_splits + 1,) their cuts; NULL for a single range
    # (n_splits + 1, n_in) slots where an input's outputs change range; NULL for a single range
    const int32_t* splits
    # or, where an input has few connections with each range, the connections range by range
    const int32_t* p_indptr     # (n_splits + 1,) where each begins; NULL where not listed
    const int32_t* p_inputs     # (n_connections,) input neuron, ascending within a range
    const int32_t* p_outputs    # (n_connections,) output neuron
    const int32_t* p_slots      # (n_connections,) slot
    bint is_shared              # by so many threads that rows of deltas are fetched ahead
    int32_t n_chunks
    int32_t n_t_chunks
    # values
    real_t* weights             # (n_connections,)
    real_t* bias                # (n_out,)
    real_t* moments[2]          # (n_connections,) each; NULL where the optimizer has none
    real_t* bias_moments[2]     # (n_out,) each
    # which neurons' rows are zero for the whole batch, and may be passed over
    const uint8_t* silent       # (n_in,)
    uint8_t* silent_outputs     # (n_out,)
    # what happens to the outputs
    int activation
    real_t parameter            # the activation's own number
    real_t* slopes              # (n_out, width) or NULL: slopes that the output does not tell
    double dropout              # probability that an output is dropped, 0 for none

cdef struct BatchView:
    # one mini-batch of the training data
    const int32_t* rows         # (n_batch,) sample numbers
    int32_t n_batch
    Py_ssize_t width            # n_batch rounded up to what the blocks cover
    const real_t* dense         # (n_samples, n_features), or NULL
    const real_t* csr_data      # CSR otherwise
    const int32_t* csr_indices
    const int64_t* csr_indptr
    # each sample is a mean of two rows of X, or all are NULL, and the samples are the rows
    const int32_t* first        # (n_samples,)
    const int32_t* second       # (n_samples,)
    const real_t* share         # (n_samples,) of the first row, from 0 to 1
    int32_t n_features
    # (n_features + 1,) where the connections of a feature begin; NULL unless most have none
    const int32_t* connections
    const real_t* offset        # (n_features,) what is subtracted from the features, or NULL
    real_t factor               # what they are multiplied by then
    const real_t* relevance     # (n_features,) and by this, or NULL
    const int32_t* labels       # (n_samples,), or NULL
    const real_t* targets       # (n_samples, n_outputs), or NULL
    const real_t* sample_weight  # (n_samples,), or NULL
    double dropout              # probability that a feature is dropped, 0 for none
    uint32_t dropout_key        # of this step
