"""
Feature search: which features one fit keeps
============================================

Two classes are the inside and the outside of a sphere in three of 300 features. None of the three
separates the classes alone. With ``feature_search`` the features that do not matter lose their
connections, for good. This example watches them go.
"""

# %%
# The callback ``TopologyRecorder`` counts the connections of every feature after each epoch. It
# needs scikit-learn 1.9 or newer; the search itself does not.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from sklearn_set import SETClassifier
from sklearn_set.callbacks import TopologyRecorder

rng = np.random.default_rng(0)
X = rng.normal(size=(1500, 300))
true = np.array([40, 170, 260])
y = (X[:, true] ** 2).sum(axis=1) > 2.4
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

recorder = TopologyRecorder()
model = SETClassifier(random_state=0).set_callbacks(recorder).fit(X_train, y_train)
blind = SETClassifier(feature_search=False, n_iter_no_change=np.inf, random_state=0)
blind.fit(X_train, y_train)
print("features left:", np.flatnonzero(model.active_features_))
print(f"accuracy on new samples: {model.score(X_test, y_test):.3f}")
print(f"without a search: {blind.score(X_test, y_test):.3f}")

# %%
# On the left, all features take part at first, until the loss on the samples that the search holds
# out stalls. Then the number of features falls by the same factor in every epoch. The loss falls
# too as long as those that go are noise, and rises as soon as one that matters goes.
#
# On the right, each line is a feature, and falls to zero where it loses its connections. The others
# take them over, up to one for each of the 1,000 hidden neurons. Shortly before the end of the
# search, one of the three goes as well. But the network that wins is one from before, and has it.
n_active, losses = np.transpose(model.search_curve_)
epochs = np.arange(1, len(losses) + 1)
degrees = recorder.input_degrees_[0]
noise = np.setdiff1d(np.arange(X.shape[1]), true)

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.plot(epochs, n_active, color="tab:blue")
left.set(yscale="log", xlabel="epoch", title="The search: fewer features, and the loss falls")
left.locator_params(axis="x", integer=True)
left.set_ylabel("features with connections", color="tab:blue")
beside = left.twinx()
beside.plot(epochs, losses, color="tab:red")
beside.set_ylabel("loss on held-out samples", color="tab:red")
beside.set_ylim(0, None)

gray = right.plot(recorder.epochs_, degrees[:, noise], color="tab:gray", alpha=0.4, lw=0.8)
orange = right.plot(recorder.epochs_, degrees[:, true], color="tab:orange", lw=2)
end = right.axvline(len(losses), color="black", linestyle=":")
right.set(xlabel="epoch", ylabel="connections", title="The connections of each feature")
right.locator_params(axis="x", integer=True)
right.set_yscale("symlog", linthresh=10)
right.set_ylim(-0.5, 1200)
fig.legend(
    [orange[0], gray[0], end],
    ["the three that matter", "297 features of noise", "end of the search"],
    loc="outside lower right",
    ncols=3,
)
plt.show()
