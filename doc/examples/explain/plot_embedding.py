"""
======================================
Hidden neurons as features (embedding)
======================================

Methods that measure distances fail if most features are noise. The hidden neurons of a network that
has learned the targets measure what matters. :class:`~sklearn_set.embedding.SETEmbedding` puts
their outputs in front of another model: nearest neighbours, a map in two dimensions, and a Gaussian
process.
"""

# %%
# Nearest neighbours
# ------------------
# There are four classes and 200 features, of which eight tell about them, and only together. Scaled
# to one spread, noise is as loud as what matters, so the nearest neighbours of a sample are hardly
# better than any other samples.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification, make_friedman1
from sklearn.decomposition import PCA
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.manifold import TSNE
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.embedding import SETEmbedding

X, y = make_classification(
    800, 200, n_informative=8, n_redundant=0, n_classes=4, class_sep=1.3, random_state=0
)
neighbors = KNeighborsClassifier(n_neighbors=10)
embedding = SETEmbedding(SETClassifier(random_state=0))
for name, steps in {
    "features": [neighbors],
    "principal components": [PCA(n_components=8, random_state=0), neighbors],
    "hidden neurons": [embedding, neighbors],
}.items():
    scores = cross_val_score(make_pipeline(StandardScaler(), *steps), X, y, cv=4)
    print(f"accuracy of neighbours by {name}: {scores.mean():.3f}")

# %%
# A map
# -----
# t-SNE keeps neighbours together. It is given samples that the network has not seen: by their
# features, and by the outputs of the hidden neurons.
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
fig, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
for ax, title, transformer in (
    (axes[0], "Features", StandardScaler()),
    (axes[1], "Hidden neurons", make_pipeline(StandardScaler(), embedding)),
):
    hidden = transformer.fit(X_train, y_train).transform(X_test)
    points = TSNE(random_state=0).fit_transform(hidden)
    for label in range(4):
        ax.scatter(*points[y_test == label].T, s=18, alpha=0.8, label=f"class {label}")
    ax.set(title=title, xticks=[], yticks=[])
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
plt.show()

# %%
# A Gaussian process
# ------------------
# Friedman's function has five features; 195 of noise are beside them. A Gaussian process with one
# length for all features cannot tell them apart. On the hidden neurons of a regressor it predicts
# a little better than the regressor itself, and says how far to trust it. That is somewhat too far:
# it has seen the training samples through neurons that know their targets.
X, y = make_friedman1(500, 200, noise=1.0, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
regressor = SETRegressor(random_state=0)


def gaussian_process(length):
    """One length scale, found by maximum likelihood, and noise."""
    return GaussianProcessRegressor(RBF(length) + WhiteKernel(0.1), normalize_y=True)


models = {
    "Gaussian process": make_pipeline(StandardScaler(), gaussian_process(10.0)),
    "network": make_pipeline(StandardScaler(), regressor),
    "both": make_pipeline(
        StandardScaler(), SETEmbedding(regressor), StandardScaler(), gaussian_process(30.0)
    ),
}
for name, model in models.items():
    print(f"R2 of {name}: {model.fit(X_train, y_train).score(X_test, y_test):.3f}")

fig, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained", sharex=True, sharey=True)
for ax, name in zip(axes, ("Gaussian process", "both"), strict=True):
    predicted, spread = models[name].predict(X_test, return_std=True)
    within = np.mean(np.abs(y_test - predicted) < 2 * spread)
    print(f"{name}: {within:.0%} of the targets are within two standard deviations")
    ax.errorbar(y_test, predicted, 2 * spread, fmt=".", color="tab:blue", ecolor="0.8")
    ax.axline((15, 15), slope=1, color="black", linestyle=":")
    ax.set(xlabel="target", title=name)
axes[0].set_ylabel("prediction, two standard deviations")
axes[1].set_title("Gaussian process on hidden neurons")
axes[0].set_title("Gaussian process on features")
plt.show()
