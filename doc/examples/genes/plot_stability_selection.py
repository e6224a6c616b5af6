"""
================================
Which genes: stability selection
================================

A list of the strongest genes always has the length that was asked for, whether the genes mean
something or not. :class:`~sklearn_set.feature_selection.StabilitySelector` selects from random
halves of the samples, keeps the genes that the halves agree on, and bounds how many of them are
false. In generated data we know which are. So this example can look whether the bound holds.
"""

# %%
# One study
# ---------
# The data are 100 samples of 500 genes. Ten genes differ between the classes, by one standard
# deviation of their noise. All others are noise.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray
from sklearn_set.feature_selection import StabilitySelector, expected_false_selections
from sklearn_set.inspection import SelectionFrequencyDisplay

N_GENES = 500


def make_study(seed):
    study = make_microarray(
        n_samples=100,
        n_features=N_GENES,
        n_informative=10,
        class_sep=1,
        module_correlation=0,
        dtype="float32",
        random_state=seed,
        return_X_y=False,
    )
    is_informative = np.isin(np.arange(N_GENES), study.informative)
    return StandardScaler().fit_transform(study.data), study.target, is_informative


X, y, is_informative = make_study(0)

# %%
# A selection takes two fits for each pair of halves, a hundred by default. So the network is small,
# and learns fast. Each half selects the 20 genes of the strongest input neurons.

network = SETClassifier(
    20,
    epsilon=50,
    learning_rate_init=0.01,
    mixup=0,
    input_dropout=0,
    feature_search=False,
    max_iter=50,
    n_iter_no_change=np.inf,
    n_jobs=1,
)
selector = StabilitySelector(network, n_features_per_half=20, random_state=0).fit(X, y)
n_true = is_informative[selector.support_].sum()
print(f"{selector.n_features_} genes are selected; {n_true} of them are informative")
print(
    f"threshold {selector.threshold_}, "
    f"at most {selector.expected_false_selections_:.2f} false selections expected"
)

# %%
# The picture
# -----------
# The bars are selection frequencies, the line is the threshold. It is the lowest one that keeps to
# `max_false_selections`, here one. Informative genes have a star.

names = [f"gene {i} ★" if known else f"gene {i}" for i, known in enumerate(is_informative)]
display = SelectionFrequencyDisplay.from_estimator(selector, feature_names=names)
plt.show()

# %%
# Does the bound hold?
# --------------------
# It is a bound on an expectation: the mean over studies. So we make twelve of them, and count the
# genes of noise above each threshold. Frequencies do not depend on the threshold.

N_STUDIES, N_PAIRS = 12, 20
thresholds = np.arange(0.6, 0.96, 0.05)
resampled = StabilitySelector(network, n_features_per_half=20, n_pairs=N_PAIRS, threshold=0.75)
n_false = np.zeros((N_STUDIES, len(thresholds)))
n_true = np.zeros((N_STUDIES, len(thresholds)))
for seed in range(N_STUDIES):
    X, y, is_informative = make_study(100 + seed)
    frequencies = resampled.set_params(random_state=seed).fit(X, y).selection_frequencies_
    is_selected = frequencies >= thresholds[:, np.newaxis] - 1e-9
    n_false[seed] = (is_selected & ~is_informative).sum(axis=1)
    n_true[seed] = (is_selected & is_informative).sum(axis=1)

bounds = {
    assumption: [
        expected_false_selections(20, N_GENES, each, n_pairs=N_PAIRS, assumption=assumption)
        for each in thresholds
    ]
    for assumption in ("none", "unimodal", "r-concave")
}
for place, threshold in enumerate(thresholds):
    print(
        f"threshold {threshold:.2f}: {n_true[:, place].mean():.1f} true and "
        f"{n_false[:, place].mean():.2f} false selections in the mean; "
        + ", ".join(f"{values[place]:.2f} ({name})" for name, values in bounds.items())
    )

# %%
# The fewer assumptions, the higher the bound. Of a single list of twenty genes, by contrast,
# nothing is known: at most ten of them can be informative here.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for (name, values), style in zip(bounds.items(), ("-", "--", ":"), strict=True):
    left.plot(thresholds, values, style, color="k", label=f"bound, assumption: {name}")
left.plot(thresholds, n_false.mean(axis=0), "o", color="tab:red", label="mean of the studies")
left.set(xlabel="threshold", ylabel="false selections", title="False selections")
left.legend(fontsize="small")
right.plot(thresholds, n_true.mean(axis=0), "o-", color="tab:blue")
right.axhline(10, color="k", linewidth=0.8, linestyle=":", label="all informative genes")
right.set(xlabel="threshold", ylabel="true selections", ylim=(0, 10.5), title="True selections")
right.legend(loc="lower left", fontsize="small")
plt.show()
