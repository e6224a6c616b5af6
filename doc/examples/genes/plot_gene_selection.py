"""
========================================
Which genes: selection by input strength
========================================

In generated data we know which genes differ between the classes. This example counts how many of
them :class:`~sklearn_set.feature_selection.SETSelector` finds, compares it with an F-test of each
gene alone, and shows how steady the selections are when the samples change.
"""

# %%
# The data
# --------
# The data are 100 samples of 2,000 genes, 30 of which are informative. Neighbouring genes are
# co-expressed, like the genes of a pathway. All features get the same scale, so their strengths can
# be compared.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler

from sklearn_set.datasets import make_microarray
from sklearn_set.feature_selection import SETSelector

N_INFORMATIVE = 30
study = make_microarray(
    n_samples=100,
    n_features=2000,
    n_informative=N_INFORMATIVE,
    class_sep=0.9,
    random_state=0,
    dtype="float32",
    return_X_y=False,
)
X = StandardScaler().fit_transform(study.data)
y = study.target
is_informative = np.isin(np.arange(X.shape[1]), study.informative)

# %%
# Five networks, one score
# ------------------------
# Every network starts from its own topology. A gene has a share of the strength of all input
# neurons; its score is the mean share over the networks. :attr:`ranking_` orders genes by score.

selector = SETSelector(n_features_to_select=N_INFORMATIVE, random_state=0).fit(X, y)
found = is_informative[selector.support_].sum()
print(f"{found} of the {N_INFORMATIVE} strongest genes are informative")

# %%
# Recall
# ------
# Recall is the share of the informative genes that are among the first k of the ranking, for every
# k. The ranking by the F-test is beside it.

univariate = SelectKBest(f_classif, k=N_INFORMATIVE).fit(X, y)
rankings = {
    "SETSelector": np.argsort(selector.ranking_),
    "F-test": np.argsort(-univariate.scores_, kind="stable"),
}
recall = {name: is_informative[order].cumsum() / N_INFORMATIVE for name, order in rankings.items()}
for name, values in recall.items():
    print(f"{name}: recall {values[29]:.2f} with 30 genes, {values[99]:.2f} with 100")

# %%
# Stability
# ---------
# The selection is repeated on eight random parts, each of four fifths of the samples. A gene that
# most of them select does not depend on a few patients. Another example,
# :ref:`sphx_glr_auto_examples_genes_plot_stability_selection.py`, bounds how many such genes are
# false.

splits = StratifiedShuffleSplit(n_splits=8, train_size=0.8, random_state=0)
frequency = np.zeros(X.shape[1])
resampled = SETSelector(n_features_to_select=N_INFORMATIVE, n_networks=1, random_state=0)
for train, _ in splits.split(X, y):
    frequency += resampled.fit(X[train], y[train]).support_
frequency /= splits.get_n_splits()

steady = frequency >= 0.75
print(
    f"{steady.sum()} genes are selected in at least three quarters of the resamples; "
    f"{(steady & is_informative).sum()} of them are informative"
)

# %%
# The picture
# -----------

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")

genes = np.arange(X.shape[1])
for kind, color, label in (
    (~is_informative, "0.7", "other genes"),
    (is_informative, "tab:red", "informative genes"),
):
    left.plot(genes[kind], 1000 * selector.scores_[kind], ".", color=color, label=label)
cut = 1000 * selector.scores_[selector.support_].min()
left.axhline(cut, color="k", linewidth=0.8, linestyle=":", label="selected above")
left.set(xlabel="gene", ylabel="share of the strength, per mille", title="Strength")
left.set_ylim(0, 1300 * selector.scores_.max())  # room for the legend
left.legend(loc="upper left", ncols=2, fontsize="small")

for name, values in recall.items():
    middle.plot(np.arange(1, 101), values[:100], label=name)
middle.axvline(N_INFORMATIVE, color="k", linewidth=0.8, linestyle=":")
middle.set(
    xlabel="genes kept", ylabel="recall of informative genes", ylim=(0, 1.02), title="Recall"
)
middle.legend(loc="lower right")

edges = np.linspace(-1 / 16, 17 / 16, 10)
once = frequency > 0
right.hist(
    [frequency[once & is_informative], frequency[once & ~is_informative]],
    bins=edges,
    stacked=True,
    color=["tab:red", "0.7"],
    label=["informative genes", "other genes"],
)
right.set(xlabel="share of the resamples", ylabel="genes", title="Selected how often")
right.legend()

plt.show()
