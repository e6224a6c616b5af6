"""Selection of features, and how certain it is.

The names in `__all__` are the public ones; the modules behind them are for reading.
"""

from sklearn_set.feature_selection._bounds import expected_false_selections
from sklearn_set.feature_selection._selector import SETSelector
from sklearn_set.feature_selection._stability import StabilitySelector

__all__ = ["SETSelector", "StabilitySelector", "expected_false_selections"]
