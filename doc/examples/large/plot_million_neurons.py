"""
A million neurons on an ordinary computer
=========================================

This network has a hidden layer of a million neurons between 10,000 genes and three classes. Dense
layers of these sizes would have ten thousand million weights, 37 GiB in single precision. The
sparse layers have six million connections, and only these are stored and computed.

The scripts ``doc/examples/million_neurons.py`` and ``doc/examples/fifty_million_neurons.py`` of the
repository train deeper networks, of 1.06 and of 50 million neurons, from the command line; the
:doc:`user guide </guide/memory>` has their figures.
"""

# %%
# The data are 200 samples in three classes. One gene in a hundred tells the classes apart.
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray

X, y = make_microarray(200, 10_000, n_classes=3, random_state=0, dtype="float32")
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

# %%
# A neuron of a layer as wide as this has three inputs on average. Small batches give new
# connections some steps before they are judged. With more features than samples, ``fit`` takes
# ``max_iter`` epochs. Here twenty are enough with a constant rate.
model = SETClassifier(
    1_000_000,
    epsilon=3,
    batch_size=16,
    learning_rate="constant",
    max_iter=20,
    random_state=0,
)
start = time.perf_counter()
model.fit(X_train, y_train)
seconds = time.perf_counter() - start
print(f"{seconds / model.n_iter_:.1f} s per epoch, evolution included")
print(f"{model.score(X_test, y_test):.2f} of the test samples right; guessing gives 0.33")

# %%
# The fitted model stores a weight and an index for every connection, and a bias for every neuron.
n_dense = round(model.n_connections_ / model.density_)
n_bytes = sum(
    part.nbytes for coef in model.coefs_ for part in (coef.data, coef.indices, coef.indptr)
)
n_bytes += sum(intercept.nbytes for intercept in model.intercepts_)
print(f"{model.n_connections_:,} connections instead of {n_dense:,} weights")
print(f"{n_bytes / 2**20:.0f} MiB instead of {4 * n_dense / 2**30:.0f} GiB")

# %%
# The loss contains the penalty on six million weights. It falls most while the network forgets the
# weights that were drawn. On the right, the genes that tell the classes apart are stronger than the
# others. The generator knows which they are.
study = make_microarray(200, 10_000, n_classes=3, random_state=0, dtype="float32", return_X_y=False)
informative = np.isin(np.arange(10_000), study.informative)

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
left.plot(np.arange(1, model.n_iter_ + 1), model.loss_curve_)
left.set(xlabel="epoch", ylabel="training loss, penalty included")
left.locator_params(axis="x", integer=True)
strengths = model.feature_importances_ * X.shape[1]
bins = np.linspace(strengths.min(), strengths.max(), 60)
for name, which in (("informative genes", informative), ("other genes", ~informative)):
    right.hist(strengths[which], bins, density=True, alpha=0.6, label=name)
left.set_yscale("log")
right.set(xlabel="strength of a gene (mean: 1)", ylabel="density")
right.legend()
plt.show()
