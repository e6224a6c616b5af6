"""Tools of others work with the estimators.  doc/other_tools.md quotes what is done here.

Each test is skipped where its tool is not installed.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.datasets import make_microarray

# What the tools warn of is theirs.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

X, y = make_microarray(120, 300, n_informative=30, random_state=0)
model = SETClassifier(max_iter=40, random_state=0, n_jobs=1)
GENES = [f"gene {number}" for number in range(300)]


def test_shap_draws_contributions():
    pytest.importorskip("shap")
    from sklearn_set.inspection import contributions

    model = make_pipeline(StandardScaler(), SETClassifier(max_iter=40, random_state=0)).fit(X, y)
    reasons = contributions(model, X[:5]).to_shap()  # for shap.plots.beeswarm and the others
    total = reasons.base_values + reasons.values.sum(axis=1)
    np.testing.assert_allclose(total, model.decision_function(X[:5]), rtol=1e-6, atol=1e-8)


def test_shap_explains_probabilities():
    shap = pytest.importorskip("shap")
    fitted = clone(model).fit(X, y)
    masker = shap.maskers.Partition(X[:20], clustering="correlation")
    explainer = shap.Explainer(fitted.predict_proba, masker, algorithm="partition")
    reasons = explainer(X[:2], max_evals=500)
    assert reasons.values.shape == (2, 300, 2)
    total = reasons.base_values + reasons.values.sum(axis=1)
    np.testing.assert_allclose(total, fitted.predict_proba(X[:2]), atol=1e-5)


def test_imbalanced_learn_samples_within_folds():
    pytest.importorskip("imblearn")
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import make_pipeline

    X_rare, y_rare = X[y < (np.arange(120) % 4 == 0) + 1], y[y < (np.arange(120) % 4 == 0) + 1]
    resampled = make_pipeline(StandardScaler(), SMOTE(k_neighbors=3, random_state=0), model)
    scores = cross_val_score(resampled, X_rare, y_rare, scoring="balanced_accuracy")
    assert 2 * np.sum(y_rare == 1) < np.sum(y_rare == 0)
    assert scores.mean() > 0.6


def test_imbalanced_learn_bags_the_estimator():
    pytest.importorskip("imblearn")
    from imblearn.ensemble import BalancedBaggingClassifier
    from imblearn.pipeline import make_pipeline
    from imblearn.under_sampling import RandomUnderSampler

    few = SETClassifier(max_iter=10, random_state=0)
    bagged = BalancedBaggingClassifier(few, n_estimators=3, random_state=0).fit(X, y)
    assert bagged.score(X, y) > 0.6
    frame = pd.DataFrame(X, columns=GENES)
    sampled = make_pipeline(RandomUnderSampler(random_state=0), few).fit(frame, y)
    assert list(sampled[-1].feature_names_in_) == GENES


def test_skore_reports():
    pytest.importorskip("skore")
    from skore import CrossValidationReport, EstimatorReport

    report = CrossValidationReport(make_pipeline(StandardScaler(), model), X, y, splitter=5)
    table = report.metrics.summarize().frame()  # accuracy, AUC, log-loss, Brier score, seconds
    told = {str(name).lower() for name in table.index.get_level_values(0)}
    assert {"accuracy", "log_loss"} <= {name.replace(" ", "_") for name in told}
    fitted = clone(model).fit(X[:80], y[:80])
    single = EstimatorReport(fitted, X_test=X[80:], y_test=y[80:])
    assert single.metrics.accuracy() == fitted.score(X[80:], y[80:])


def test_optuna_studies():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial):
        tried = clone(model).set_params(
            epsilon=trial.suggest_float("epsilon", 2, 40, log=True),
            zeta=trial.suggest_float("zeta", 0.0, 0.5),
        )
        return cross_val_score(tried, X, y, cv=3, scoring="neg_log_loss").mean()

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=5)
    best = clone(model).set_params(**study.best_params).fit(X, y)
    assert [trial.state.name for trial in study.trials] == 5 * ["COMPLETE"]
    assert best.epsilon == study.best_params["epsilon"]


def test_optuna_stops_poor_trials():
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    class Prune:
        """Ends a fit that is worse after an epoch than other trials were."""

        def __init__(self, trial):
            self.trial = trial

        def setup(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "epoch":
                self.trial.report(fitted_estimator.score(X[80:], y[80:]), context.task_id)
                if self.trial.should_prune():
                    raise optuna.TrialPruned

        def teardown(self, estimator, context):
            pass

    def objective(trial):
        rate = trial.suggest_categorical("learning_rate_init", [1e-9, 1e-2])
        tried = clone(model).set_params(learning_rate_init=rate)
        tried.set_callbacks(Prune(trial)).fit(X[:80], y[:80])
        return tried.score(X[80:], y[80:])

    pruner = optuna.pruners.ThresholdPruner(lower=2, n_warmup_steps=3)  # no trial is as good
    study = optuna.create_study(direction="maximize", pruner=pruner)
    study.optimize(objective, n_trials=2)
    assert [trial.state.name for trial in study.trials] == 2 * ["PRUNED"]
    assert [len(trial.intermediate_values) for trial in study.trials] == [4, 4]


def test_optuna_searches_like_a_grid():
    optuna = pytest.importorskip("optuna")
    integration = pytest.importorskip("optuna_integration")
    space = {"epsilon": optuna.distributions.FloatDistribution(2, 40, log=True)}
    search = integration.OptunaSearchCV(model, space, cv=3, n_trials=3, random_state=0)
    assert search.fit(X, y).best_estimator_.epsilon == search.best_params_["epsilon"]


def test_scikit_optimize_searches_like_a_grid():
    pytest.importorskip("skopt")
    from skopt import BayesSearchCV

    space = {"epsilon": (2.0, 40.0, "log-uniform"), "zeta": (0.0, 0.5)}
    search = BayesSearchCV(model, space, n_iter=6, cv=3, random_state=0).fit(X, y)
    assert search.best_estimator_.epsilon == search.best_params_["epsilon"]


def test_mlflow_logs_models(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    from sklearn_set.export import SKOPS_TRUSTED

    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.create_experiment("study", artifact_location=(tmp_path / "models").as_uri())
    mlflow.set_experiment("study")
    fitted = make_pipeline(StandardScaler(), model).fit(X, y)

    trusted = list(SKOPS_TRUSTED)
    with mlflow.start_run():
        mlflow.log_params(fitted[-1].get_params())
        mlflow.log_metrics({"loss": fitted[-1].loss_, "epochs": fitted[-1].n_iter_})
        logged = mlflow.sklearn.log_model(fitted, name="model", skops_trusted_types=trusted)
    loaded = mlflow.sklearn.load_model(logged.model_uri)

    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    served = mlflow.pyfunc.load_model(logged.model_uri)
    np.testing.assert_array_equal(served.predict(X), fitted.predict(X))


def test_anndata_holds_the_matrix():
    anndata = pytest.importorskip("anndata")
    counts = np.random.default_rng(0).poisson(0.4, (120, 300)).astype(np.float32)
    labels = np.where(counts[:, :5].sum(axis=1) > 2, "T cell", "B cell")
    obs = pd.DataFrame({"kind": pd.Categorical(labels)}, index=[f"cell {n}" for n in range(120)])
    adata = anndata.AnnData(sparse.csr_matrix(counts), obs=obs)

    train = adata[:90]
    pipeline = make_pipeline(MaxAbsScaler(), model)
    pipeline.fit(train.X, train.obs["kind"])
    adata.obs["predicted"] = pipeline.predict(adata.X)

    assert set(adata.obs["predicted"]) <= {"T cell", "B cell"}
    for given in (train, adata[:90, :50], anndata.AnnData(counts, obs=obs)[:90]):
        expected = clone(model).fit(given.X.copy(), labels[:90])
        again = clone(model).fit(given.X, given.obs["kind"])
        np.testing.assert_array_equal(
            again.predict_proba(given.X), expected.predict_proba(given.X.copy())
        )
    with pytest.raises(TypeError, match="X must be a matrix, got AnnData instead"):
        clone(model).fit(adata, labels)


def test_anndata_in_a_file_is_read_part_by_part(tmp_path):
    anndata = pytest.importorskip("anndata")
    path = tmp_path / "cells.h5ad"
    counts = sparse.random_array((120, 300), density=0.3, rng=0, format="csr", dtype=np.float32)
    obs = pd.DataFrame({"kind": np.where(y, "T cell", "B cell")}, index=map(str, range(120)))
    anndata.AnnData(counts, obs=obs).write_h5ad(path)

    adata = anndata.read_h5ad(path, backed="r")
    streamed = SETClassifier(random_state=0)
    for start in range(0, adata.n_obs, 40):
        part = adata[start : start + 40].to_memory()
        streamed.partial_fit(part.X, part.obs["kind"], classes=["B cell", "T cell"])

    assert streamed.t_ == 120
    with pytest.raises(TypeError, match=r"X is in a file, .*: pass X\[:\], or X\[:100\]"):
        clone(model).fit(adata.X, y)
    assert clone(model).fit(adata.X[:], y).n_features_in_ == 300


def create_model(task):
    ours = SETClassifier if task == "classification" else SETRegressor
    return make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), ours(random_state=0, n_jobs=1)
    )


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_benchmark_makes_models_anew(task):
    # What TabBench-Bio does: a clone for every fold, arrays, missing values.
    holes = np.where(np.random.default_rng(0).random(X.shape) < 0.01, np.nan, X)
    targets = np.array(["a", "b"])[y] if task == "classification" else X[:, :10].sum(axis=1)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    for train, test in folds.split(X, y):
        predicted = clone(create_model(task)).fit(holes[train], targets[train]).predict(holes[test])
        assert predicted.shape == targets[test].shape
        assert predicted.dtype.kind == targets.dtype.kind
