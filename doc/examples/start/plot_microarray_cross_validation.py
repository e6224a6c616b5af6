"""
Cross-validation on microarray data
===================================

The data have the shape of a microarray study: 150 samples of 5,000 genes in three classes. One gene
in a hundred differs between classes; the others are noise, correlated in modules. Four models are
cross-validated on the same folds, with the same scaler. All have their default parameters, except
for the penalty of the last.
"""

# %%
# A generator of the package makes the data, so the example runs offline. Replace them by your own
# X, an array of samples by genes.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray

X, y = make_microarray(150, 5000, n_classes=3, random_state=0, dtype="float32")
folds = StratifiedKFold(5, shuffle=True, random_state=0)
models = {
    "SETClassifier": SETClassifier(random_state=0),
    "MLPClassifier": MLPClassifier(random_state=0),
    "LogisticRegression": LogisticRegression(),
    "LinearSVC, L1 penalty": LinearSVC(penalty="l1", dual=False, max_iter=10_000, random_state=0),
}

# %%
# The scaler is part of the model, so it never sees the samples of the test fold.
scores = {}
for name, model in models.items():
    result = cross_validate(make_pipeline(StandardScaler(), model), X, y, cv=folds)
    scores[name] = result["test_score"]
    print(
        f"{name:<22} accuracy {scores[name].mean():.3f} +- {scores[name].std():.3f}, "
        f"{result['fit_time'].mean():.2f} s per fit"
    )

# %%
# Each point is a fold, the bar is the mean, and the dotted line is the score of guessing.
fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
for place, values in enumerate(reversed(scores.values())):
    ax.barh(place, values.mean(), color="tab:blue", alpha=0.4)
    ax.plot(values, np.full(folds.n_splits, place), "o", color="tab:blue")
ax.set_yticks(range(len(scores)), reversed(scores))
ax.axvline(1 / 3, color="tab:gray", linestyle=":")
ax.set(xlabel="accuracy", xlim=(0, 1.02))
plt.show()

# %%
# The dense network and the dense linear model cannot forget the useless genes. The sparse network
# can, and so can the L1 penalty, in less time. Always compare with a linear model.
#
# Cross-validated predictions show which classes the model confuses:
model = make_pipeline(StandardScaler(), models["SETClassifier"])
predicted = cross_val_predict(model, X, y, cv=folds)
display = ConfusionMatrixDisplay.from_predictions(y, predicted, cmap="Blues", colorbar=False)
display.ax_.set_title(f"SETClassifier, {(predicted == y).sum()} of {len(y)} samples right")
plt.show()

# %%
# After a fit on all samples the model says how large it is:
network = model.fit(X, y)[-1]
n_dense = round(network.n_connections_ / network.density_)
print(
    f"{network.n_connections_:,} connections; dense layers of these sizes have {n_dense:,} weights"
)
