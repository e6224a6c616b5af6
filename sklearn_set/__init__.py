"""Truly sparse multilayer perceptrons for scikit-learn, trained with Sparse Evolutionary Training.

Only the names in `__all__` are promised to stay; the other modules are for reading.
"""

from sklearn_set.classifier import SETClassifier
from sklearn_set.machine import show_versions
from sklearn_set.regressor import SETRegressor
from sklearn_set.version import __version__

__all__ = ["SETClassifier", "SETRegressor", "__version__", "show_versions"]
