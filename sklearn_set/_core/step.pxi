# One module of kernels, put together; compiled once per variant and number type.
#
# Kernels (.pxd) are serial.  The rooms below (.pxi) cut the work into chunks of neurons and let one
# thread have each.  Every output has one writer and sums over chunks are taken in the order of the
# chunks, so the result does not depend on the number of threads.  A room may use those above it.
# None knows epochs, evolution or scikit-learn.

import numpy as np

from sklearn_set._core.lanes cimport LANES, real_t
from sklearn_set._core.measured cimport FLUSH_SLOTS

REAL_DTYPE = np.dtype("float32" if sizeof(real_t) == 4 else "float64")
N_LANES = LANES
# Gradients that may wait in a thread's scratch memory, beside those of one neuron.
N_WAITING_GRADIENTS = FLUSH_SLOTS

include "codes.pxi"
include "views.pxi"
include "pace.pxi"
include "gather.pxi"
include "layers.pxi"
include "stepper.pxi"
include "prediction.pxi"
include "positions.pxi"
