"""
============================================
Plot a network: training, topology, features
============================================

What did the network learn, which connections does it keep, and which features does it use? Three
displays show it. They work like those of scikit-learn: ``from_estimator`` draws, takes ``ax``, and
returns an object that holds the data and all that was drawn.
"""

# %%
# The course of training
# ----------------------
# The data are images of digits, 8 x 8 pixels each. Early stopping holds out a tenth of the samples,
# and keeps the network of the best epoch. The displays accept a pipeline as well as a network.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.callbacks import TopologyRecorder
from sklearn_set.datasets import make_microarray
from sklearn_set.inspection import (
    FeatureImportanceDisplay,
    TopologyDisplay,
    TrainingCurveDisplay,
)

X, y = load_digits(return_X_y=True)
model = make_pipeline(
    MinMaxScaler(),
    SETClassifier((300,), epsilon=4, alpha=0.01, early_stopping=True, random_state=0),
)
model.fit(X, y)
curves = TrainingCurveDisplay.from_estimator(model)
curves.ax_.set_title("Digits: training with early stopping")
plt.show()

# %%
# Who is connected
# ----------------
# Without evolution (``zeta=0``), the same network keeps the random topology from which both start.
# Evolution spreads the degrees of the pixels: some pixels lose most of their connections, others
# become hubs. Hidden neurons, which are all alike at the start, change less.

settings = {"epsilon": 4, "alpha": 0.01, "max_iter": 60, "n_iter_no_change": np.inf}
scaled = MinMaxScaler().fit_transform(X)
evolved = SETClassifier((300,), random_state=0, **settings).fit(scaled, y)
initial = SETClassifier((300,), zeta=0, random_state=0, **settings).fit(scaled, y)

_, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for neurons, ax in zip(("input", "output"), axes, strict=True):
    TopologyDisplay.from_estimator(evolved, initial=initial, neurons=neurons, ax=ax)
axes[0].set_title("Pixels")
axes[1].set_title("Hidden neurons")
plt.show()

# %%
# If features are pixels, their degrees make an image. Connections have left the left and right
# margins, where digits have hardly any ink.

_, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
top = max(np.diff(network.coefs_[0].indptr).max() for network in (initial, evolved))
for network, title, ax in zip(
    (initial, evolved), ("Before evolution", "After evolution"), axes, strict=True
):
    TopologyDisplay.from_estimator(
        network,
        kind="input_image",
        image_shape=(8, 8),
        ax=ax,
        im_kw={"vmin": 0, "vmax": top},
    )
    ax.set_title(title)
plt.show()

# %%
# How degrees change
# ------------------
# A callback records the degrees during training. The display draws them over the epochs. Callbacks
# need scikit-learn 1.9.

recorder = TopologyRecorder()
network = SETClassifier(
    (300,), epsilon=4, alpha=0.01, max_iter=40, n_iter_no_change=np.inf, random_state=0
)
network.set_callbacks(recorder).fit(scaled, y)
evolution = TopologyDisplay.from_record(
    recorder.epochs_, recorder.input_degrees_[0], recorder.output_degrees_[0]
)
evolution.ax_.set_title("Digits: degrees in the first layer")
plt.show()

# %%
# Which genes
# -----------
# The data are a microarray of 1,000 genes, 20 of which differ between the classes. Networks of five
# resamples show how far you can trust their importances.

data = make_microarray(200, 1000, n_informative=20, random_state=0, return_X_y=False)
names = [
    f"{name}*" if gene in data.informative else name for gene, name in enumerate(data.feature_names)
]
importances = []
for rows, _ in StratifiedKFold(5).split(data.data, data.target):
    genes = make_pipeline(StandardScaler(), SETClassifier((100,), epsilon=10, random_state=0))
    genes.fit(data.data[rows], data.target[rows])
    importances.append(genes[-1].feature_importances_)
bars = FeatureImportanceDisplay.from_importances(importances, feature_names=names, max_features=25)
bars.ax_.set_title("The strongest genes; * marks those that differ")
plt.show()
