"""
Hyperparameter search: epsilon, zeta and width
==============================================

``epsilon`` sets the number of connections, ``zeta`` the share of them that an evolution replaces,
and ``hidden_layer_sizes`` the number of neurons that share them. GridSearchCV tries the first two
together. Successive halving picks the width, and spends most epochs on the best candidates.
"""

# %%
# The data are 216 samples of 1,000 genes, 30 of which differ a little between two classes. A
# quarter of the samples is put aside: the score of the chosen candidate is too good, and only
# samples that the search has not seen show what the choice is worth.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    StratifiedKFold,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray

X, y = make_microarray(216, 1000, n_informative=30, class_sep=0.8, random_state=0, dtype="float32")
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
folds = StratifiedKFold(4, shuffle=True, random_state=0)
model = make_pipeline(StandardScaler(), SETClassifier((100,), random_state=0))

# %%
# Epsilon and zeta together
# -------------------------
# In a pipeline, the name of a parameter begins with the name of its step. ``n_jobs=-1`` would
# spread the fits over the processors; then leave the ``n_jobs`` of the estimator at None.
grid = {
    "setclassifier__epsilon": [1, 2, 5, 20],
    "setclassifier__zeta": [0.0, 0.1, 0.3, 0.5],
}
search = GridSearchCV(model, grid, cv=folds).fit(X_train, y_train)
print("best:", search.best_params_)
print(f"cross-validated {search.best_score_:.3f}")
print(f"on new samples {search.score(X_test, y_test):.3f}")

# %%
# Look at the whole table, not only at the best cell: neighbours should agree. In the column of
# ``zeta=0`` the network keeps the structure that was drawn. What the other columns gain over it is
# the worth of evolution for these data.
shape = [len(values) for values in grid.values()]
table = search.cv_results_["mean_test_score"].reshape(shape)

fig, ax = plt.subplots(figsize=(5.5, 4), layout="constrained")
image = ax.imshow(table, cmap="viridis")
for (row, column), score in np.ndenumerate(table):
    color = "black" if score > (table.min() + table.max()) / 2 else "white"
    ax.text(column, row, f"{score:.3f}", ha="center", va="center", color=color)
ax.set_xticks(range(shape[1]), grid["setclassifier__zeta"])
ax.set_yticks(range(shape[0]), grid["setclassifier__epsilon"])
ax.set(xlabel="zeta", ylabel="epsilon", title="Accuracy, mean of four folds")
fig.colorbar(image)
plt.show()

# %%
# Widths by successive halving
# ----------------------------
# With more features than samples, training lasts ``max_iter`` epochs. So epochs can be the resource
# of successive halving: all candidates get ten epochs, the best third of them thirty, and the best
# of those ninety.
widths = [(20,), (50,), (100,), (200,), (500,), (1000,), (50, 50), (100, 100), (200, 200)]
halving = HalvingGridSearchCV(
    search.best_estimator_,
    {"setclassifier__hidden_layer_sizes": widths},
    resource="setclassifier__max_iter",
    min_resources=10,
    max_resources=90,
    factor=3,
    cv=folds,
    random_state=0,
).fit(X_train, y_train)
for iteration, epochs in enumerate(halving.n_resources_):
    of_iteration = halving.cv_results_["iter"] == iteration
    scores = halving.cv_results_["mean_test_score"][of_iteration]
    candidates = np.array(halving.cv_results_["params"])[of_iteration]
    for which in np.argsort(-scores):
        width = candidates[which]["setclassifier__hidden_layer_sizes"]
        print(f"{epochs} epochs  {scores[which]:.3f}  {width}")

# %%
# Ten epochs are few: candidates that learn slowly, like those with two hidden layers here, are out
# before they have learned anything. Raise ``min_resources`` if that matters. The winner is fitted
# with ninety epochs on all training samples. This is its score on the samples put aside:
print(halving.best_params_["setclassifier__hidden_layer_sizes"])
print(f"on new samples {halving.score(X_test, y_test):.3f}")
