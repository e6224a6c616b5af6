"""
Regression with many features of noise
======================================

Friedman's first function depends on five features, in a curved way and with an interaction. Here
there are 195 more features of noise. ``SETRegressor`` learns from all 200, and its structure shows
which of them matter.
"""

# %%
# ``TransformedTargetRegressor`` gives the targets of all models unit variance, and converts their
# predictions back. ``SETRegressor`` does this by itself, the other models do not.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_friedman1
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_score, train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETRegressor

X, y = make_friedman1(n_samples=600, n_features=200, noise=1.0, random_state=0)


def scaled(model):
    """The model behind a scaler of X and one of y."""
    return TransformedTargetRegressor(
        make_pipeline(StandardScaler(), model), transformer=StandardScaler()
    )


# %%
# All models have the same folds. ``epsilon=2`` means few connections, a good choice if few features
# matter. With ``tol=1e-3`` training ends when the loss, below one half for scaled targets, hardly
# falls any more. One sparse network has the default ``zeta``; the other keeps the structure that
# was drawn.
sparse = scaled(SETRegressor(epsilon=2, tol=1e-3, random_state=0))
models = {
    "SETRegressor": sparse,
    "SETRegressor, zeta=0": scaled(SETRegressor(epsilon=2, zeta=0, tol=1e-3, random_state=0)),
    "MLPRegressor": scaled(MLPRegressor(max_iter=500, random_state=0)),
    "RidgeCV": scaled(RidgeCV(np.logspace(-1, 4, 11))),
    "HistGradientBoosting": scaled(HistGradientBoostingRegressor(random_state=0)),
}
folds = KFold(5, shuffle=True, random_state=0)
for name, model in models.items():
    scores = cross_val_score(model, X, y, cv=folds)
    print(f"{name:<20} R2 {scores.mean():.3f} +- {scores.std():.3f}")

# %%
# The dense network learns the noise, Ridge regression only what is linear. Boosted trees have the
# best score, as they often do if few features of a table matter. Of the two sparse networks, the
# one that does not evolve is a little better: for these data it is enough to be sparse. Compare
# with ``zeta=0`` on yours.
#
# The next figure shows predictions for held-out samples, and the strength of each feature:
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
sparse.fit(X_train, y_train)
strengths = sparse.regressor_[-1].feature_importances_

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
left.plot(y_test, sparse.predict(X_test), "o", alpha=0.6)
left.axline((15, 15), slope=1, color="tab:gray", linestyle=":")
left.set(xlabel="target", ylabel="prediction", title="150 samples held out")
right.bar(np.arange(200), strengths, width=1.0, color="tab:gray")
right.bar(np.arange(5), strengths[:5], width=1.0, color="tab:orange", label="the five that matter")
right.set(xlabel="feature", ylabel="strength", title="feature_importances_")
right.legend()
plt.show()
print("strongest features:", np.argsort(strengths)[::-1][:8])
