"""A study with known features, and selectors; for tests of feature selection."""

import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_set.datasets import make_microarray
from sklearn_set.feature_selection import SETSelector

N_INFORMATIVE = 5
STUDY = make_microarray(
    n_samples=80,
    n_features=100,
    class_sep=2,
    n_informative=N_INFORMATIVE,
    module_correlation=0,
    random_state=0,
    return_X_y=False,
)
X = StandardScaler().fit_transform(STUDY.data)
Y = STUDY.target
GENES = STUDY.informative
REAL = X[:, GENES].sum(axis=1) + 5

# Reconstruction of few features, quickly.
QUICK = {"unsupervised": True, "max_iter": 3, "n_networks": 2}


def selector(**parameters):
    defaults = {"n_features_to_select": N_INFORMATIVE, "n_networks": 2, "random_state": 0}
    if "estimator" not in parameters:
        defaults["max_iter"] = 25
    return SETSelector(**defaults | parameters)


def n_found(fitted):
    return np.isin(GENES, fitted.get_support(indices=True)).sum()
