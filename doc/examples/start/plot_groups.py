"""
===================================
Groups: several samples per patient
===================================

Samples of one patient resemble each other. If some of them train a network and others judge it, it
seems to know the disease where it only knows the patient. With ``groups``, ``fit`` holds out whole
patients, as :class:`~sklearn.model_selection.StratifiedGroupKFold` does outside of it.
"""

# %%
# The data
# --------
# There are 60 patients with six samples each, and 300 genes. Five genes differ between the healthy
# and the ill; all genes differ between patients. Two hundred other patients will tell the truth.
import matplotlib.pyplot as plt
import numpy as np
import sklearn
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold, cross_validate

from sklearn_set import SETClassifier

N_PATIENTS, N_OTHERS, N_SAMPLES, N_GENES = 60, 200, 6, 300


def study(seed):
    """Samples of the patients, their labels and groups; samples and labels of the others."""
    rng = np.random.default_rng(seed)
    ill = np.arange(N_PATIENTS + N_OTHERS) % 2
    patients = rng.normal(size=(ill.shape[0], N_GENES))
    patients[:, :5] += np.where(ill, 0.8, -0.8)[:, np.newaxis]
    number = np.repeat(np.arange(ill.shape[0]), N_SAMPLES)
    samples = patients[number] + rng.normal(size=(number.shape[0], N_GENES))
    known = number < N_PATIENTS
    return samples[known], ill[number[known]], number[known], samples[~known], ill[number[~known]]


X, y, groups, X_new, y_new = study(0)

# %%
# When to stop
# ------------
# Early stopping by the loss on a quarter of the samples, without groups and with them, in eight
# such studies. Outputs are taken as they are (``temperature=1``): early stopping judges these.
shared = {
    "random_state": 0,
    "scoring": "neg_log_loss",
    "learning_rate": "constant",
    "temperature": 1,
}
stopping = {"early_stopping": True, "validation_fraction": 0.25, **shared}
models = {}
for name, uses in {"without groups": False, "with groups": True}.items():
    losses = []
    for seed in reversed(range(8)):
        data, labels, number, others, other_labels = study(seed)
        model = SETClassifier(**stopping).fit(data, labels, groups=number if uses else None)
        truth = log_loss(other_labels, model.predict_proba(others))
        losses.append((-model.best_validation_score_, truth))
    models[name] = model  # of the first study
    held_out, truth = np.mean(losses, axis=0)
    print(f"{name}: held-out loss {held_out:.2f}, loss on new patients {truth:.2f}")

# %%
# Without groups the held-out loss falls as long as the network learns the patients by heart. With
# groups it is, on average, as high as on new patients, and tells when to stop. The lines are those
# of the first study, whose fifteen held-out patients are easy ones. A third network learns from
# three quarters of its patients, too, and records its loss on the new ones.
watched = SETClassifier(n_iter_no_change=np.inf, feature_search=False, **shared)
most = groups < 45
watched.fit(X[most], y[most], X_val=X_new, y_val=y_new)
fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for name, model, color in (
    ("held out, without groups", models["without groups"], "tab:red"),
    ("held out, with groups", models["with groups"], "tab:blue"),
):
    losses = model.validation_loss_curve_
    ax.plot(np.arange(1, len(losses) + 1), losses, color=color, label=name)
    ax.plot(model.best_iter_, losses[model.best_iter_ - 1], "o", color=color)
losses = watched.validation_loss_curve_[: models["without groups"].n_iter_]
ax.plot(np.arange(1, len(losses) + 1), losses, color="black", linestyle=":", label="new patients")
ax.set(xlabel="epoch", ylabel="log-loss", title="Who judges the network (dots: the best epoch)")
ax.locator_params(axis="x", integer=True)
ax.legend()
plt.show()

# %%
# In cross-validation
# -------------------
# Metadata routing hands the groups to the splits outside and to those inside of `fit`. The search
# for the genes that matter holds out a fifth of the samples, too. If these are of patients who are
# learned as well, genes that tell patients apart seem to help. (Over other draws of these data the
# gain in accuracy is smaller, some hundredths.)
sklearn.set_config(enable_metadata_routing=True)
for uses in (False, True):
    model = SETClassifier(feature_search=True, random_state=0).set_fit_request(groups=uses)
    result = cross_validate(
        model,
        X,
        y,
        params={"groups": groups},
        cv=StratifiedGroupKFold(5),
        return_estimator=True,
    )
    n_genes = np.mean([fitted.active_features_.sum() for fitted in result["estimator"]])
    print(
        f"groups inside: {uses!s:5} accuracy on other patients "
        f"{result['test_score'].mean():.2f}, genes kept {n_genes:.0f}"
    )
sklearn.set_config(enable_metadata_routing=False)
