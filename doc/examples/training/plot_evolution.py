"""
How evolution changes a sparse layer
====================================

A sparse layer starts with connections drawn at random. Between epochs SET removes those nearest
zero and draws as many new ones. So their number stays the same, but their places change. The
network of this example is small enough to show every connection.

The first four of 16 features tell the two classes apart; the others are noise.
"""

# %%
# A dense layer between 16 features and 12 hidden neurons has 192 weights. With ``epsilon=1.5`` the
# sparse layer has 42 connections. No evolution comes before the first epoch, so a fit of one epoch
# shows the places that were drawn. ``n_iter_no_change=np.inf`` asks for all ``max_iter`` epochs.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier

N_FEATURES, N_INFORMATIVE, N_HIDDEN = 16, 4, 12

rng = np.random.default_rng(0)
y = rng.integers(2, size=1000)
X = rng.normal(size=(1000, N_FEATURES))
X[:, :N_INFORMATIVE] += y[:, np.newaxis]  # a shift of one standard deviation
X = StandardScaler().fit_transform(X)

first, last = (
    SETClassifier(
        N_HIDDEN, epsilon=1.5, max_iter=n_epochs, n_iter_no_change=np.inf, random_state=0
    ).fit(X, y)
    for n_epochs in (1, 200)
)
for model in (first, last):
    n_found = (model.coefs_[0].tocoo().row < N_INFORMATIVE).sum()
    print(
        f"epoch {model.n_iter_}: {model.coefs_[0].nnz} connections, {n_found} of them and "
        f"{model.feature_importances_[:N_INFORMATIVE].sum():.0%} of their strength at the "
        "informative features"
    )

# %%
# The informative features, in colour, have gained connections. Wide lines are large weights. The
# other features have thin lines left, and the next evolution will try these connections elsewhere.
# Thin lines never vanish, because each evolution draws three connections in ten anew, anywhere.


def draw(ax, title, rows, columns, widths):
    """Features on the left, hidden neurons on the right, and a line for every connection."""
    left, right = np.linspace(1, 0, N_FEATURES), np.linspace(0.93, 0.07, N_HIDDEN)
    informative = np.arange(N_FEATURES) < N_INFORMATIVE
    for row, column, width in zip(rows, columns, widths, strict=True):
        color = "tab:orange" if informative[row] else "tab:gray"
        ax.plot([0, 1], [left[row], right[column]], color=color, lw=width, zorder=1)
    colors = np.where(informative, "tab:orange", "tab:gray")
    ax.scatter(np.zeros(N_FEATURES), left, c=colors, s=60, zorder=2)
    ax.scatter(np.ones(N_HIDDEN), right, c="tab:blue", s=60, zorder=2)
    ax.set_title(title)
    ax.axis("off")


fig, axes = plt.subplots(1, 3, figsize=(10, 4), layout="constrained")
draw(axes[0], "dense: 192 weights", *np.indices((N_FEATURES, N_HIDDEN)).reshape(2, -1), [0.5] * 192)
for ax, model, title in (
    (axes[1], first, "SET, as drawn: 42 connections"),
    (axes[2], last, "SET, after 200 epochs: still 42"),
):
    weights = model.coefs_[0].tocoo()
    strength = np.abs(weights.data)
    draw(ax, title, weights.row, weights.col, 0.4 + 3 * strength / strength.max())
plt.show()

# %%
# ``partial_fit`` trains for one epoch, so you can look after each. Every row of the picture is a
# feature, every column an epoch, and the shade is the number of connections of the feature.
watched = SETClassifier(N_HIDDEN, epsilon=1.5, random_state=0)
degrees = []
for _ in range(200):
    watched.partial_fit(X, y, classes=[0, 1])
    degrees.append(np.diff(watched.coefs_[0].indptr))

fig, ax = plt.subplots(figsize=(8, 3.5), layout="constrained")
image = ax.imshow(np.transpose(degrees), aspect="auto", interpolation="none", cmap="Blues")
ax.axhline(N_INFORMATIVE - 0.5, color="tab:orange")
ax.set(xlabel="epoch", ylabel="feature", title="The informative features are above the line")
fig.colorbar(image, label="connections")
plt.show()
