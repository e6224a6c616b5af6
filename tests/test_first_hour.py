"""What newcomers get wrong is answered with the place of the fault and a remedy."""

import pickle
from copy import copy
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from estimator_cases import BINARY, SMALL, T, X, Y, classifier, regressor
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.metrics import get_scorer_names
from sklearn.pipeline import make_pipeline

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.callbacks import EarlyStopping, TopologyRecorder
from sklearn_set.embedding import SETEmbedding
from sklearn_set.feature_selection import SETSelector, StabilitySelector
from sklearn_set.inspection import describe
from sklearn_set.network import warning_of_few_connections
from sklearn_set.validation import InvalidParameterError, did_you_mean

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

FRAME = pd.DataFrame(X, columns=[f"gene {i}" for i in range(8)])

# ------------------------------------------------------------------------------- few connections

WIDE = np.random.default_rng(0).normal(size=(20, 2000))
FEW = r"epsilon=0\.01 gives only 30 connection\(s\) from a layer of 2000 .* Raise epsilon"


@pytest.mark.parametrize("kind", [SETClassifier, SETRegressor])
def test_a_network_of_few_connections_is_told_of(kind):
    model = kind(epsilon=0.01, max_iter=2, random_state=0)
    labels = np.arange(20) % 2
    with pytest.warns(UserWarning, match=FEW):
        model.fit(WIDE, labels)
    inputs = np.diff(model.coefs_[0].tocsc().indptr)
    assert np.count_nonzero(inputs == 0) > inputs.shape[0] / 2  # as it was told
    classes = {"classes": [0, 1]} if kind is SETClassifier else {}
    model = kind(epsilon=0.01, random_state=0)
    with pytest.warns(UserWarning, match=FEW):
        model.partial_fit(WIDE, labels, **classes)
    model.partial_fit(WIDE, labels)  # goes on: nothing new to tell


@pytest.mark.parametrize("epsilon", [1, 1.5, 5, 50])
@pytest.mark.parametrize("hidden", [(1,), (2,), (3, 3), (10,), (1000,), (1000, 10), (10, 1000)])
def test_values_that_people_tune_say_nothing(epsilon, hidden):
    for n_features in (1, 2, 3, 10, 100, 2000, 50_000):
        assert warning_of_few_connections((n_features, *hidden, 1), epsilon) is None


def test_short_networks_within_a_fit_say_nothing_of_their_own():
    """The fit has said it already."""
    model = SETClassifier(epsilon=0.01, max_iter=30, temperature="cv", random_state=0)
    with pytest.warns(UserWarning, match=FEW) as told:
        model.fit(WIDE, np.arange(20) % 2)
    assert len([each for each in told if "Raise epsilon" in str(each.message)]) == 1


def test_the_last_layer_has_no_hidden_neurons():
    assert warning_of_few_connections((5, 100), 0.1) is None
    assert "from a layer of 9 neurons to one of 100 h" in warning_of_few_connections(
        (4000, 9, 100, 3), 0.1
    )


# -------------------------------------------------------------------- attributes that are not there

UNFITTED = [
    SETClassifier(),
    SETRegressor(),
    SETSelector(),
    StabilitySelector(),
    SETEmbedding(),
]


def promised(model):
    """Names of the attributes that a fit gives."""
    names = {name for parent in type(model).__mro__ for name in vars(parent)}
    for parent in type(model).__mro__:
        names |= set(vars(parent).get("__annotations__", {}))
    return sorted(name for name in names if name.endswith("_") and not name.startswith("_"))


@pytest.mark.parametrize("model", UNFITTED, ids=lambda model: type(model).__name__)
def test_what_an_unfitted_estimator_lacks_is_told(model):
    names = promised(model)
    assert "feature_names_in_" in names
    for name in names:
        assert not hasattr(model, name)
        assert getattr(model, name, None) is None
        with pytest.raises(NotFittedError, match=f"not fitted yet: it has no {name}. Call 'fit'"):
            getattr(model, name)
    for name in ("loss_curve", "no_such_attribute_", "_network"):
        with pytest.raises(AttributeError, match=f"object has no attribute '{name}'") as caught:
            getattr(model, name)
        assert not isinstance(caught.value, NotFittedError)


@pytest.mark.parametrize(
    "model",
    [classifier(), regressor(), classifier(early_stopping=True), SETSelector(SETRegressor(5))],
    ids=["classifier", "regressor", "early stopping", "selector"],
)
def test_what_a_fitted_estimator_lacks_is_told(model):
    target = T if isinstance(model, (SETRegressor, SETSelector)) else Y
    model.fit(X, target)
    lacking = [name for name in promised(model) if not hasattr(model, name)]
    assert lacking == ["feature_names_in_"]
    with pytest.raises(AttributeError, match="had no names of features that are all strings") as e:
        _ = model.feature_names_in_
    assert not isinstance(e.value, NotFittedError)
    model.fit(FRAME, target)
    assert model.feature_names_in_.shape == (8,)


def test_attributes_of_the_other_kind_of_estimator_are_pythons_affair():
    model = regressor().fit(X, T)
    for name in ("classes_", "temperature_", "predict_proba"):
        with pytest.raises(AttributeError, match=f"object has no attribute '{name}'"):
            getattr(model, name)


def test_an_error_within_an_attribute_is_not_hidden():
    class Broken(SETClassifier):
        @property
        def size_(self):
            return self.no_such_thing

    with pytest.raises(AttributeError, match="no attribute 'no_such_thing'"):
        _ = Broken(**SMALL).fit(X, Y).size_


def test_a_fit_that_asks_whether_it_is_fitted_does_not_ask_for_ever():
    class Asking(SETClassifier):
        def __sklearn_is_fitted__(self):
            return hasattr(self, "classes_")

    assert not hasattr(Asking(), "classes_")
    with pytest.raises(NotFittedError, match="This Asking instance is not fitted yet"):
        Asking().predict(X)


def test_copies_and_pickles_of_estimators_know_what_they_lack():
    for make in (copy, lambda model: pickle.loads(pickle.dumps(model))):
        with pytest.raises(NotFittedError, match="it has no loss_"):
            _ = make(SETClassifier()).loss_


def test_what_a_callback_lacks_is_told():
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    for callback, name in ((EarlyStopping(), "best_score_"), (TopologyRecorder(), "epochs_")):
        assert not hasattr(callback, name)
        with pytest.raises(AttributeError, match=f"has no {name}: .* Pass it to set_callbacks"):
            getattr(callback, name)
    stop = EarlyStopping(lambda *_: np.nan)
    classifier().set_callbacks(stop).fit(X, Y)
    with pytest.raises(AttributeError, match="has no best_iter_: no score of the last fit was"):
        _ = stop.best_iter_


# -------------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    ("scoring", "hint"),
    [
        ("acc", "'accuracy', 'top_k_accuracy' or 'balanced_accuracy'"),
        ("ACCURACY", "'accuracy'"),
        ("auc", "'roc_auc'"),
        ("nothing like it", ""),
    ],
)
def test_an_unknown_scoring_is_told_shortly(scoring, hint):
    names = r"must be a str among those of sklearn.metrics.get_scorer_names\(\), a callable or None"
    selector = SETSelector(n_features_to_select="best", scoring=scoring)
    cases = [
        ("SETClassifier", lambda: classifier(scoring=scoring).fit(X, Y)),
        (
            "SETSelector",
            lambda: selector.fit(X, Y),
        ),
    ]
    for owner, fit in cases:
        with pytest.raises(InvalidParameterError, match=f"of {owner} {names}") as caught:
            fit()
        told = str(caught.value)
        assert f"Got {scoring!r} instead." in told
        assert (f"Did you mean {hint}" in told) if hint else ("mean" not in told)
        assert len(told) < 250


def test_an_unknown_scoring_of_a_callback_is_told_shortly():
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    with pytest.raises(InvalidParameterError, match=r"of EarlyStopping .* Did you mean 'accuracy'"):
        classifier().set_callbacks(EarlyStopping("acuracy")).fit(X, Y)


def test_every_name_of_scikit_learn_is_a_scoring():
    model = classifier(max_iter=1)
    for name in get_scorer_names():
        model.set_params(scoring=name).fit(X, Y)


@pytest.mark.parametrize(
    ("value", "names", "question"),
    [
        ("Adam", ["sgd", "adam"], " Did you mean 'adam'?"),
        ("rel", ["leaky_relu", "elu", "relu"], " Did you mean 'relu' or 'leaky_relu'?"),
        ("relu", ["all_relu", "leaky_relu"], " Did you mean 'all_relu' or 'leaky_relu'?"),
        ("lbfgs", ["sgd", "adam"], ""),
        (3, ["sgd", "adam"], ""),
        ("sgd", [], ""),
    ],
)
def test_names_that_resemble(value, names, question):
    assert did_you_mean(value, names) == question


def test_a_wrong_name_in_a_sequence_is_found():
    with pytest.raises(InvalidParameterError, match=r"Got .* instead. Did you mean 'tanh'"):
        classifier(activation=["relu", "tahn"]).fit(X, Y)


def test_a_class_in_place_of_an_instance_is_told():
    for make in (SETSelector, StabilitySelector, SETEmbedding):
        with pytest.raises(InvalidParameterError, match=r"This is the class: write SETRegressor"):
            make(SETRegressor).fit(X, Y)
    with pytest.raises(TypeError, match="Got the class SETRegressor"):
        describe(SETRegressor)


def test_keys_of_class_weight_that_are_no_labels_are_told():
    with pytest.raises(ValueError, match=r"whose keys are \['0', '1'\]: .* labels of y, \[0, 1\]"):
        classifier(class_weight={"0": 1, "1": 2}).fit(X, BINARY)


def test_values_in_messages_are_short():
    with pytest.raises(InvalidParameterError, match=r"Got \['1', .*\.\.\. instead\.") as caught:
        classifier(hidden_layer_sizes=["1"] * 1000).fit(X, Y)
    assert len(str(caught.value)) < 400


def test_an_unknown_parameter_is_told_and_changes_nothing():
    model = classifier()
    before = model.get_params()
    with pytest.raises(
        ValueError, match="Invalid parameter 'hidden_layers' for estimator SETC"
    ) as e:
        model.set_params(epsilon=7, hidden_layers=3)
    assert "Did you mean 'hidden_layer_sizes'? Valid parameters are: ['activation'" in str(e.value)
    assert model.get_params() == before
    with pytest.raises(ValueError, match=r"'epsilon' is 3, which has no parameters\. Set"):
        model.set_params(epsilon__low=3)
    selector = SETSelector()
    with pytest.raises(ValueError, match="'estimator' is None, which has no parameters"):
        selector.set_params(estimator__epsilon=5)
    selector.set_params(estimator=SETClassifier(), estimator__epsilon=5)
    assert selector.estimator.epsilon == 5


# -------------------------------------------------------------------------------------------- data


def with_gaps(value=np.nan):
    """Three values are missing, in two features."""
    table = X.copy()
    table[[3, 5], 4] = table[7, 1] = value
    return table


GAPS = {
    "array": with_gaps(),
    "single": with_gaps().astype(np.float32),
    "list": with_gaps().tolist(),
    "objects": np.where(np.isnan(with_gaps()), None, with_gaps()),
    "text": with_gaps().astype(str),
    "extended": with_gaps().astype(np.longdouble),
    "CSR": sparse.csr_matrix(with_gaps()),
    "COO": sparse.coo_array(with_gaps()),
    "frame": pd.DataFrame(with_gaps(), columns=FRAME.columns),
    "NA": pd.DataFrame(with_gaps(), columns=FRAME.columns).astype("Float64"),
    "infinite": with_gaps(-np.inf),
}
CALLS = {
    "fit": lambda model, data: model.fit(data, Y),
    "partial_fit": lambda model, data: model.partial_fit(data, Y, classes=[0, 1, 2]),
    "predict": lambda model, data: model.predict(data),
    "predict_proba": lambda model, data: model.predict_proba(data),
    "score": lambda model, data: model.score(data, Y),
}


@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", GAPS)
def test_missing_values_are_counted_and_named(kind, call):
    model = classifier() if "fit" in call else classifier().fit(X, Y)
    named = "'gene 4' (2), 'gene 1' (1)" if kind in ("frame", "NA") else "4 (2), 1 (1)"
    what = "too large" if kind == "infinite" else "missing"
    with pytest.raises(ValueError, match=r"^Input X contains (NaN|infinity)") as caught:
        CALLS[call](model, GAPS[kind])
    told = str(caught.value)
    assert f": 3 of 480 values are {what}, in 2 of 8 features: {named}. " in told
    assert ("make_pipeline(SimpleImputer(), SETClassifier())" in told) == (what == "missing")
    assert "HistGradientBoosting" not in told


def test_the_remedy_helps():
    make_pipeline(SimpleImputer(), classifier()).fit(with_gaps(), Y)


@pytest.mark.parametrize("make", [SETSelector, StabilitySelector])
def test_missing_values_for_selectors(make):
    message = r"in 8 of 8 features: 0 \(60\), 1 \(60\), 2 \(60\) and 5 more. " + make.__name__
    with pytest.raises(ValueError, match=message):
        make().fit(X * np.nan, Y)


def test_missing_values_of_a_validation_set():
    with pytest.raises(ValueError, match=r"X_val does not match X. Input X_val contains NaN: 3 of"):
        classifier().fit(X, Y, X_val=with_gaps(), y_val=Y)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_missing_targets_are_counted(make):
    y = BINARY.astype(float)
    y[:3] = np.nan
    with pytest.raises(ValueError, match=r"y contains NaN: 3 of 60 targets are missing .* Remove"):
        make().fit(X, y)


def test_targets_that_are_no_classes_are_told():
    with pytest.raises(ValueError, match=r"Unknown label type: continuous.* Use SETRegressor"):
        classifier().fit(X, T)
    mixed = np.array([1, "a"] * 30, dtype=object)
    with pytest.raises(ValueError, match="Labels of several types, int, str, have no order"):
        classifier().fit(X, mixed)


def test_columns_in_another_order_are_told():
    model = classifier().fit(FRAME, Y)
    other = FRAME[FRAME.columns[::-1]]
    with pytest.raises(ValueError, match=r"Pass the columns in that order: X\[model.feature_names"):
        model.predict(other)
    np.testing.assert_array_equal(
        model.predict(other[model.feature_names_in_]), model.predict(FRAME)
    )


TABLES = {
    "text": (FRAME.assign(name="ann"), "'ann', in feature 'name' of sample 0. Leave out"),
    "one text": (
        FRAME.astype(object).mask(FRAME.eq(FRAME.iloc[2, 3]), "high"),
        "'high', in feature 'gene 3' of sample 2. Leave out",
    ),
    "list": ([["0.5", 1, "x"]] * 60, "'x', in feature 2 of sample 0. Leave out"),
    "categories": (
        FRAME.assign(tissue=pd.Categorical(["colon"] * 60)),
        "'colon', in feature 'tissue' of sample 0. Leave out",
    ),
    "dates": (FRAME.assign(day=pd.Timestamp(2020, 1, 1)), "columns of the types .*Leave out dates"),
    "a path": ("data.csv", "X must be a table of numbers, got the text 'data.csv'.*read_csv"),
    "Path": (Path("data.csv"), "X must be a table of numbers, got the text 'data.csv'"),
    "a dict": (
        {"gene": [1.0] * 60},
        "X must be a table of numbers, as array, matrix",
    ),
    "rows": ([[1, 2], [3]] * 30, "X must be a table whose rows are of one length"),
    "masked": (np.ma.masked_greater(X, 1), r"X has \d+ masked values.*X.filled\(np.nan\)"),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("kind", TABLES)
def test_a_table_that_is_none_of_numbers_is_told(kind, method):
    table, message = TABLES[kind]
    call = partial(getattr(classifier(), method), **{"classes": [0, 1, 2]} if "_" in method else {})
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        call(table, Y)
    assert type(caught.value) in (ValueError, TypeError)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("value", [b"ten", pd.NA, {}], ids=repr)
def test_the_place_of_any_value_that_is_no_number_is_told(value):
    table = X.astype(object)
    table[4, 2] = value
    for data, feature in ((table, "2"), (pd.DataFrame(table, columns=FRAME.columns), "'gene 2'")):
        with pytest.raises((ValueError, TypeError), match=f"in feature {feature} of sample 4"):
            classifier().fit(data, Y)
