"""
Data larger than memory: partial_fit
====================================

A file of samples is mapped into memory and read part by part. ``partial_fit`` trains for one epoch
on its part. It continues from all earlier calls: with their network, optimizer and random numbers.
So memory holds the network and one part, however long the file is.
"""

# %%
# The example writes its file, so it runs offline: 2,000 samples of 3,000 features in three classes,
# 24 MB. With a file of 24 GB, only the time would change.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray

X_all, y_all = make_microarray(
    2400, 3000, n_informative=30, n_classes=3, class_sep=0.7, random_state=0, dtype="float32"
)
X_test, y_test = X_all[2000:], y_all[2000:]
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "samples.npy"
np.save(path, X_all[:2000])
labels = y_all[:2000]
del X_all

samples = np.load(path, mmap_mode="r")
print(type(samples).__name__, samples.shape, samples.dtype)
parts = [slice(start, start + 200) for start in range(0, len(samples), 200)]

# %%
# The scaler learns from the parts, too. This pass reads the file once.
scaler = StandardScaler()
for part in parts:
    scaler.partial_fit(samples[part])
X_test = scaler.transform(X_test)

# %%
# The first call names all classes, since a part need not contain every one of them. Each call
# counts as an epoch, also for evolution. So ``rewire_interval`` is the number of parts: a
# connection meets all of the data before it is judged. ``partial_fit`` mixes no samples, and drops
# no features unless you set ``input_dropout``, as here.
model = SETClassifier(
    (200,), epsilon=10, rewire_interval=len(parts), input_dropout=0.3, random_state=0
)
seen, scores, losses = [], [], []
for _ in range(10):  # passes over the file
    for part in parts:
        model.partial_fit(scaler.transform(samples[part]), labels[part], classes=[0, 1, 2])
    seen.append(model.t_)
    scores.append(model.score(X_test, y_test))
    losses.append(np.mean(model.loss_curve_[-len(parts) :]))
print(f"{model.t_:,} samples seen, accuracy on new samples {scores[-1]:.3f}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharex=True)
left.plot(seen, losses, "o-")
left.set(xlabel="samples seen", ylabel="training loss, mean of a pass")
right.plot(seen, scores, "o-", color="tab:orange")
right.axhline(1 / 3, color="tab:gray", linestyle=":")
right.set(xlabel="samples seen", ylabel="accuracy on new samples", ylim=(0.3, 1.02))
plt.show()

# %%
# You can save the model at any time with ``pickle`` or ``joblib``, and continue later as if nothing
# had happened. After ``partial_fit`` the model includes the optimizer's moments and the state of
# the random numbers.
del samples  # closes the file
folder.cleanup()
