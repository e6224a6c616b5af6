"""What skops asks before it loads a file: which of our classes a file may hold.

Knows the classes by their names alone, and nothing of skops or of what is in a file.
"""

import numpy as np

from sklearn_set.callbacks import Checkpoint, EarlyStopping, TopologyRecorder
from sklearn_set.classifier import SETClassifier
from sklearn_set.embedding import SETEmbedding
from sklearn_set.feature_selection import SETSelector, StabilitySelector
from sklearn_set.network import ActiveInputs, SparseLayer, SparseNetwork
from sklearn_set.optimizers import SOLVERS
from sklearn_set.regressor import SETRegressor
from sklearn_set.scaling import TargetUnits
from sklearn_set.state import Progress, Randomness
from sklearn_set.topology import Topology

# What `SKOPS_TRUSTED` is, which is documented beside the public names.
TRUSTED: tuple[str, ...] = tuple(
    f"{kind.__module__}.{kind.__qualname__}"
    for kind in (
        SETClassifier,
        SETRegressor,
        SETSelector,
        StabilitySelector,
        SETEmbedding,
        Checkpoint,
        EarlyStopping,
        TopologyRecorder,
        SparseNetwork,
        ActiveInputs,
        SparseLayer,
        Topology,
        Progress,
        Randomness,
        TargetUnits,
        *SOLVERS.values(),
        np.dtype,  # a value of the parameter `dtype`
    )
)
