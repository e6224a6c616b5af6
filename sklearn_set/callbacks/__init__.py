"""Callbacks on scikit-learn's protocol: stop by any score, save and resume, record the topology.

They are set with ``estimator.set_callbacks(...)``, which needs scikit-learn 1.9.  Only the names in
`__all__` are public; the modules behind them are for reading.
"""

from sklearn_set.callbacks._checkpoint import Checkpoint, load_checkpoint
from sklearn_set.callbacks._early_stopping import EarlyStopping
from sklearn_set.callbacks._topology_recorder import TopologyRecorder

__all__ = ["Checkpoint", "EarlyStopping", "TopologyRecorder", "load_checkpoint"]
