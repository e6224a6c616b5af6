"""
==========================================
Feature contributions: why this prediction
==========================================

Why does the network call this patient ill? Contributions split the output for a sample into parts,
one for each gene, which add up. They are computed through the connections alone, in less time than
a fit takes. Here they are drawn for one patient and for a cohort, and become importances.
"""

# %%
# The data
# --------
# The data are 200 patients and 2,000 genes, 15 of which differ between ill (1) and healthy (0). A
# star marks their names. The network learns from two thirds of the patients; the other third is to
# be explained.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray
from sklearn_set.inspection import (
    ContributionDisplay,
    FeatureImportanceDisplay,
    attribution_importances,
    contributions,
)

study = make_microarray(200, 2000, n_informative=15, random_state=0, return_X_y=False)
names = np.array(study.feature_names, dtype=object)
names[study.informative] += "*"
X_train, X_test, y_train, y_test = train_test_split(
    study.data, study.target, test_size=1 / 3, stratify=study.target, random_state=0
)
# Double precision, so that sums agree to the last digits; the default here is float32.
classifier = SETClassifier(dtype="float64", random_state=0)
model = make_pipeline(StandardScaler(), classifier).fit(X_train, y_train)
print(f"accuracy {model.score(X_test, y_test):.2f}")

# %%
# One patient
# -----------
# A contribution is the distance of a gene from its baseline times the mean slope of the output on
# the way from there: integrated gradients. The baseline is zero, which is the mean of the training
# data behind a StandardScaler. With the output at the baseline, contributions add up to what
# ``decision_function`` gives, the log-odds of being ill.

reasons = contributions(model, X_test, feature_names=names)
scores = reasons.base_values + reasons.values.sum(axis=1)
print("largest difference:", np.abs(scores - model.decision_function(X_test)).max())

surest = int(np.argmax(scores))
bars = ContributionDisplay.from_contributions(reasons, sample=surest, max_features=12)
bars.ax_.set_title("The patient who is most certainly ill")
plt.show()

# %%
# A cohort
# --------
# Each point is a patient. Where orange points, patients in whom the gene is highly expressed, are
# on the right, a high expression speaks for the illness; where blue ones are, a low one does.

points = ContributionDisplay.from_contributions(reasons, max_features=15)
points.ax_.set_title(f"The strongest genes in {len(X_test)} patients")
plt.show()

# %%
# Compared with the healthy
# -------------------------
# A baseline of your own asks another question. With some healthy patients as the baseline,
# contributions tell what sets this patient apart from them. The baseline is in the units of the
# features that the network gets, so it passes the scaler first.

healthy = model[:-1].transform(X_train[y_train == 0])
patient = X_test[[surest]]
apart = ContributionDisplay.from_estimator(
    model, patient, baseline=healthy, feature_names=names, max_features=12
)
apart.ax_.set_title("What sets this patient apart from the healthy")
plt.show()

# %%
# Importances
# -----------
# ``feature_importances_`` is the strength of the connections that leave a gene. The mean magnitude
# of its contributions is another measure, which looks at all layers and at the data.

importances = {
    "Strength": model[-1].feature_importances_,
    "Attribution": attribution_importances(model, X_train),
}
figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
for (title, values), ax in zip(importances.items(), axes, strict=True):
    strongest = np.argsort(-values)[:15]
    found = np.isin(strongest, study.informative).sum()
    FeatureImportanceDisplay.from_importances(values, feature_names=names, max_features=15, ax=ax)
    ax.set_title(f"{title}: {found} of 15 differ")
plt.show()
