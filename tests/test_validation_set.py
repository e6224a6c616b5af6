"""A validation set of the user's own: what is recorded, what decides, what is refused."""

import inspect
import warnings

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, r2_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier, SETRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = make_classification(120, 12, n_informative=6, n_classes=3, random_state=0)
NAMES = np.array(["alpha", "beta", "gamma"])[Y]
T = X[:, 0] - 2 * X[:, 1]
LEARN, JUDGE = np.arange(80), np.arange(80, 120)
SMALL = {"hidden_layer_sizes": 20, "max_iter": 8, "random_state": 0}
WEIGHT = np.random.default_rng(0).uniform(0.5, 2, 120)


def classifier(**parameters):
    return SETClassifier(
        **{"hidden_layer_sizes": 20, "max_iter": 8, "random_state": 0} | parameters
    )


def regressor(**parameters):
    return SETRegressor(**SMALL | parameters)


def fit(model, y, **options):
    return model.fit(X[LEARN], y[LEARN], X_val=X[JUDGE], y_val=y[JUDGE], **options)


@pytest.mark.parametrize(("factory", "y"), [(classifier, NAMES), (regressor, T)])
def test_a_validation_set_is_recorded_and_changes_nothing_else(factory, y):
    model = fit(factory(), y)
    plain = factory().fit(X[LEARN], y[LEARN])
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == model.n_iter_ == 8
    assert model.validation_scores_[-1] == model.score(X[JUDGE], y[JUDGE])
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.loss_curve_ == plain.loss_curve_
    assert (model.best_iter_, model.best_loss_) == (plain.best_iter_, plain.best_loss_)
    for ours, theirs in zip(model.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(ours.toarray(), theirs.toarray())


@pytest.mark.parametrize(("factory", "y"), [(classifier, NAMES), (regressor, T)])
def test_a_network_that_is_judged_ever_worse_is_kept_nevertheless(factory, y):
    wrong = -y[LEARN] if y is T else np.roll(np.unique(y), 1)[np.unique(y, return_inverse=True)[1]]
    model = factory().fit(X[LEARN], y[LEARN], X_val=X[LEARN], y_val=wrong[: len(LEARN)])
    assert np.argmax(model.validation_scores_) < model.n_iter_ - 1
    plain = factory().fit(X[LEARN], y[LEARN])
    assert model.best_iter_ == plain.best_iter_
    for ours, theirs in zip(model.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(ours.toarray(), theirs.toarray())


def test_the_losses_are_those_of_the_predictions():
    model = fit(classifier(), NAMES, sample_weight_val=WEIGHT[JUDGE])
    expected = log_loss(NAMES[JUDGE], model.predict_proba(X[JUDGE]), sample_weight=WEIGHT[JUDGE])
    assert model.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-12)
    assert model.validation_scores_[-1] == model.score(X[JUDGE], NAMES[JUDGE], WEIGHT[JUDGE])
    model = fit(regressor(), T)
    error = (T[JUDGE] - model.predict(X[JUDGE])) / model.target_scale_
    expected = 0.5 * np.mean(error**2)
    assert model.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("factory", "y"), [(classifier, NAMES), (regressor, T)])
def test_with_early_stopping_it_decides_and_nothing_is_held_out(factory, y):
    options = {
        "early_stopping": True,
        "max_iter": 200,
        "n_iter_no_change": 3,
        "learning_rate_init": 0.1,
    }
    model = fit(factory(**options), y)
    assert model.n_iter_ < 200
    assert model.best_iter_ == np.argmax(model.validation_scores_) + 1
    assert model.score(X[JUDGE], y[JUDGE]) == model.best_validation_score_
    assert model.t_ == 80 * model.n_iter_
    # As many epochs without a validation set: the network that was kept is of the best epoch.
    again = factory(max_iter=int(model.best_iter_), learning_rate_init=0.1, tol=0).fit(
        X[LEARN], y[LEARN]
    )
    np.testing.assert_array_equal(model.coefs_[0].toarray(), again.coefs_[0].toarray())


def test_any_scorer_judges():
    options = {"scoring": "neg_log_loss", "early_stopping": True}
    model = fit(classifier(**options), NAMES)
    np.testing.assert_allclose(
        np.negative(model.validation_scores_), model.validation_loss_curve_, rtol=1e-10
    )


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.coo_array, np.asfortranarray])
def test_it_may_be_of_another_format_than_X(kind):
    expected = fit(classifier(), NAMES).validation_loss_curve_
    model = classifier().fit(X[LEARN], NAMES[LEARN], X_val=kind(X[JUDGE]), y_val=NAMES[JUDGE])
    assert model.validation_loss_curve_ == expected


def test_not_every_class_need_occur_in_it():
    some = JUDGE[Y[JUDGE] < 2]
    model = classifier().fit(X[LEARN], NAMES[LEARN], X_val=X[some], y_val=NAMES[some])
    expected = log_loss(NAMES[some], model.predict_proba(X[some]), labels=model.classes_)
    assert model.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-12)


def test_multilabel_and_several_outputs():
    labels = np.stack([Y == 0, Y > 0, X[:, 0] > 0], axis=1).astype(int)
    model = fit(classifier(), labels)
    assert model.validation_scores_[-1] == model.score(X[JUDGE], labels[JUDGE])
    targets = np.stack([T, -T], axis=1)
    model = fit(regressor(), targets)
    assert model.validation_scores_[-1] == r2_score(targets[JUDGE], model.predict(X[JUDGE]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": X[JUDGE]}, r"^X_val is provided, but y_val was not provided\.$"),
        ({"y_val": NAMES[JUDGE]}, r"^y_val is provided, but X_val was not provided\.$"),
        (
            {"sample_weight_val": WEIGHT[JUDGE]},
            r"^sample_weight_val is provided, but X_val was not provided\.$",
        ),
        ({"X_val": X[JUDGE], "y_val": NAMES[LEARN]}, "inconsistent numbers of samples"),
        ({"X_val": X[JUDGE, :5], "y_val": NAMES[JUDGE]}, "has 5 features"),
        ({"X_val": X[JUDGE] * np.nan, "y_val": NAMES[JUDGE]}, "contains NaN"),
        (
            {"X_val": X[JUDGE], "y_val": np.full(40, "delta")},
            r"^y_val does not match y\. `y` has classes not in `self\.classes_`",
        ),
        ({"X_val": X[JUDGE], "y_val": np.eye(40, 3, dtype=int)}, "y_val does not match y"),
        (
            {"X_val": X[JUDGE], "y_val": NAMES[JUDGE], "sample_weight_val": WEIGHT},
            r"sample_weight_val\.shape == \(120,\), expected \(40,\)",
        ),
        (
            {"X_val": X[JUDGE], "y_val": NAMES[JUDGE], "sample_weight_val": -WEIGHT[JUDGE]},
            "Negative values in data passed to `sample_weight_val`",
        ),
        (
            {"X_val": X[JUDGE], "y_val": NAMES[JUDGE], "sample_weight_val": 0 * WEIGHT[JUDGE]},
            "at least one non-zero number, but all of sample_weight_val",
        ),
    ],
)
def test_what_does_not_go_with_the_training_data_is_refused_at_once(given, message):
    model = classifier().fit(X[LEARN], NAMES[LEARN])
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(X[LEARN], NAMES[LEARN], **given)
    assert vars(model) == before


def test_outputs_must_agree():
    with pytest.raises(ValueError, match=r"^y_val has 2 outputs, but y has 1\.$"):
        regressor().fit(X[LEARN], T[LEARN], X_val=X[JUDGE], y_val=np.stack([T, T], 1)[JUDGE])


@pytest.mark.parametrize("factory", [SETClassifier, SETRegressor])
def test_the_arguments_are_those_of_hist_gradient_boosting(factory):
    theirs = inspect.signature(HistGradientBoostingClassifier.fit).parameters
    ours = inspect.signature(factory.fit).parameters
    for name in ("X_val", "y_val", "sample_weight_val"):
        assert ours[name].kind == ours[name].KEYWORD_ONLY
        assert ours[name].default is None
        assert name in theirs or sklearn.__version__ < "1.7"


def test_metadata_routing_takes_it_through_a_pipeline():
    scaled = StandardScaler().fit(X[LEARN])
    expected = classifier().fit(
        scaled.transform(X[LEARN]),
        NAMES[LEARN],
        X_val=scaled.transform(X[JUDGE]),
        y_val=NAMES[JUDGE],
        sample_weight_val=WEIGHT[JUDGE],
    )
    with sklearn.config_context(enable_metadata_routing=True):
        model = classifier().set_fit_request(X_val=True, y_val=True, sample_weight_val=True)
        pipeline = Pipeline(
            [("scale", StandardScaler()), ("set", model)], transform_input=["X_val"]
        )
        pipeline.fit(
            X[LEARN],
            NAMES[LEARN],
            X_val=X[JUDGE],
            y_val=NAMES[JUDGE],
            sample_weight_val=WEIGHT[JUDGE],
        )
    assert pipeline[-1].validation_loss_curve_ == expected.validation_loss_curve_


def test_verbose_tells_the_validation_loss(capsys):
    model = fit(classifier(verbose=True, max_iter=1), NAMES)
    loss, score = model.validation_loss_curve_[0], model.validation_scores_[0]
    line = f"Iteration 1, loss = {model.loss_:.8f}, validation loss = {loss:.8f}\n"
    assert capsys.readouterr().out.startswith(f"{line}Validation score: {score:f}\n")


def test_a_linear_model_and_a_network_are_judged_alike():
    # From end to end: both models learn, and the curve has the numbers of `score`.
    linear = LogisticRegression().fit(X[LEARN], NAMES[LEARN]).score(X[JUDGE], NAMES[JUDGE])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = fit(classifier(max_iter=60), NAMES)
    assert model.best_validation_score_ > linear - 0.1


def test_targets_that_the_loss_refuses_are_refused_here_too():
    counts = np.abs(T)
    model = regressor(loss="poisson")
    with pytest.raises(ValueError, match=r"^y_val does not match y\. loss='poisson' requires"):
        model.fit(X[LEARN], counts[LEARN], X_val=X[JUDGE], y_val=-counts[JUDGE])
    assert fit(model, counts).validation_loss_curve_[-1] > 0


def test_curves_of_several_calls_have_an_entry_for_every_epoch():
    model = classifier(warm_start=True, max_iter=2).fit(X[LEARN], NAMES[LEARN])
    fit(model, NAMES)
    assert np.isnan(model.validation_scores_).tolist() == [True, True, False, False]
    model.fit(X[LEARN], NAMES[LEARN])
    assert model.validation_scores_ is None  # this call has validated nothing
    fit(model, NAMES)
    expected = [True, True, False, False, True, True, False, False]
    assert np.isnan(model.validation_scores_).tolist() == expected
    assert np.isnan(model.validation_loss_curve_).tolist() == expected
    assert len(model.loss_curve_) == 8
    assert model.best_validation_score_ == max(model.validation_scores_[-2:])
