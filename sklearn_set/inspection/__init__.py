"""Pictures of fitted networks, as displays like those of scikit-learn, and reasons for predictions.

Displays need matplotlib.  The names in `__all__` are the public ones; the modules behind them are
for reading.
"""

from sklearn_set.inspection._contribution_display import ContributionDisplay
from sklearn_set.inspection._contributions import (
    Contributions,
    attribution_importances,
    contributions,
)
from sklearn_set.inspection._description import describe
from sklearn_set.inspection._feature_importance import FeatureImportanceDisplay
from sklearn_set.inspection._selection_frequency import SelectionFrequencyDisplay
from sklearn_set.inspection._topology import TopologyDisplay
from sklearn_set.inspection._training_curve import TrainingCurveDisplay

__all__ = [
    "ContributionDisplay",
    "Contributions",
    "FeatureImportanceDisplay",
    "SelectionFrequencyDisplay",
    "TopologyDisplay",
    "TrainingCurveDisplay",
    "attribution_importances",
    "contributions",
    "describe",
]
