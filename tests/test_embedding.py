"""Outputs of hidden layers are those of a slow network; a transformer in every respect."""

import pickle

import numpy as np
import pandas as pd
import pytest
import reference
from conftest import assert_close
from peaks import peak_of
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_set import SETClassifier, SETRegressor, embedding, machine, network
from sklearn_set.embedding import SETEmbedding

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"
)

N = 80
_rng = np.random.default_rng(0)
X = _rng.normal(size=(N, 9)) * (_rng.random((N, 9)) < 0.7)
Y = np.digitize(X[:, :3].sum(axis=1), [-1, 1])
T = X[:, :3].sum(axis=1)
WEIGHT = _rng.uniform(0.5, 2, N)
GROUPS = np.arange(N) // 4

SMALL = {"epsilon": 3, "max_iter": 4, "batch_size": 20, "random_state": 0}
SIZES = (12, 7, 10)


def classifier(sizes=SIZES, **parameters):
    return SETClassifier(sizes, **SMALL | parameters)


def regressor(sizes=SIZES, **parameters):
    return SETRegressor(sizes, **SMALL | parameters)


def hidden_of(model, X, layer):
    """The slow, obvious outputs of a hidden layer of a fitted estimator, in double precision."""
    net = model._network
    X = X.toarray() if sparse.issparse(X) else np.asarray(X)
    X = X.astype(net.dtype).astype(np.float64)
    if net.offset is not None:
        X = X - net.offset
    _, inputs = reference.DenseMLP.of(net).forward(net.per_feature(X * net.factor))
    return inputs[1:][layer]


@pytest.mark.filterwarnings("ignore:Skipping check:sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [
        SETEmbedding(random_state=0),
        SETEmbedding(SETRegressor((20, 10), max_iter=5), layer=0, random_state=0),
    ]
)
def test_common_check(estimator, check):
    check(estimator)


# ------------------------------------------------------------------------------ what comes out


@pytest.mark.parametrize("name", reference.ACTIVATIONS)
@pytest.mark.parametrize("layer", [0, 1, 2, -1, -2, -3])
def test_outputs_of_every_layer_are_those_of_a_slow_network(name, layer):
    model = SETEmbedding(classifier(activation=name, weight_init="he_uniform"), layer=layer)
    hidden = model.fit(X, Y).transform(X)
    assert model.layer_ == layer % 3
    assert_close(hidden, hidden_of(model.estimator_, X, layer), "float64")
    fitted = classifier(activation=name, weight_init="he_uniform").fit(X, Y)
    np.testing.assert_array_equal(model.estimator_.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["dense", "csr", "csc", "frame"])
def test_data_of_every_kind(kind, dtype):
    make = {
        "dense": np.asfortranarray,
        "csr": sparse.csr_array,
        "csc": sparse.csc_matrix,
        "frame": lambda X: pd.DataFrame(X, columns=list("abcdefghi")),
    }[kind]
    data = X.astype(dtype)
    model = SETEmbedding(regressor()).fit(make(data), T)
    hidden = model.transform(make(data))
    assert hidden.dtype == dtype
    assert_close(hidden, hidden_of(model.estimator_, data, -1), dtype)
    np.testing.assert_array_equal(hidden, model.transform(data if kind != "frame" else make(data)))
    if kind == "frame":
        assert model.feature_names_in_.tolist() == list("abcdefghi")
        with pytest.raises(ValueError, match="feature names should match"):
            model.transform(make(data).rename(columns={"a": "z"}))
        assert not hasattr(model.fit(data, T), "feature_names_in_")


def test_units_of_features_are_those_of_the_network():
    far = X * 100 + 5000
    model = SETEmbedding(classifier(input_dropout=0.2)).fit(far, Y)
    assert model.estimator_.feature_offset_ is not None
    assert_close(model.transform(far), hidden_of(model.estimator_, far, -1), "float64")


def test_the_wider_number_type_is_that_of_the_result():
    model = SETEmbedding(classifier(dtype="float32")).fit(X, Y)
    assert model.transform(X).dtype == np.float64
    assert model.transform(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_array_equal(model.transform(X), model.transform(X.astype(np.float32)))


def test_snapshots_have_no_part_in_it():
    wide = np.random.default_rng(0).normal(size=(40, 60))
    wide[:, 0] += 5 * (np.arange(40) % 2)
    model = SETEmbedding(classifier(n_snapshots=3, max_iter=8)).fit(wide, np.arange(40) % 2)
    assert model.estimator_.feature_relevance_ is not None
    assert len(model.estimator_._snapshots) == 2
    assert_close(model.transform(wide), hidden_of(model.estimator_, wide, -1), "float64")
    assert model.transform(wide).shape == (40, 10)


def test_no_weight_is_copied_and_looking_changes_nothing():
    model = SETEmbedding(classifier(), layer=1).fit(X, Y)
    before = pickle.dumps(model)
    (part,) = model._networks()
    whole = model.estimator_._network
    assert part.sizes == (9, 12, 7)
    assert all(a is b for a, b in zip(part.layers, whole.layers[:2], strict=True))
    model.transform(X)
    assert pickle.dumps(model) == before


@pytest.mark.parametrize("n_rows", [1, 2, 63, 64, 65, 80])
def test_a_sample_is_transformed_alike_among_any_others(n_rows):
    model = SETEmbedding(classifier()).fit(X, Y)
    np.testing.assert_array_equal(model.transform(X[:n_rows]), model.transform(X)[:n_rows])


def test_threads_change_nothing(monkeypatch):
    asked = []

    def spy(networks, X, n_threads=1):
        asked.append(n_threads)
        return network.sum_of_outputs(networks, X, n_threads)

    monkeypatch.setattr(embedding, "sum_of_outputs", spy)
    many = np.random.default_rng(0).normal(size=(3000, 50))
    sizes = (400,)
    monkeypatch.setattr(network, "threads_pay", lambda *_: True)
    monkeypatch.setattr(embedding, "threads_pay", lambda *_: True)
    results = [
        SETEmbedding(classifier(sizes, epsilon=10, max_iter=1, batch_size=500, n_jobs=n_jobs))
        .fit(many, many[:, 0] > 0)
        .transform(many)
        for n_jobs in (1, 3)
    ]
    assert asked == [1, 3]
    np.testing.assert_array_equal(*results)


def test_memory_is_that_of_the_result(monkeypatch):
    """Beside X and the result, only a block of samples has tables."""
    model = SETEmbedding(classifier((500,), max_iter=1)).fit(X, Y)
    many = np.tile(X, (50, 1))
    model.transform(many[:100])
    results = []
    peak = peak_of(lambda: results.append(model.transform(many)))
    assert results[0].nbytes == 8 * 4000 * 500
    assert peak < results[0].nbytes * 1.2 + 2**20


def test_outputs_that_overflow_are_told():
    model = SETEmbedding(classifier(dtype="float32", weight_init="he_uniform")).fit(X, Y)
    model.estimator_.coefs_[0].data *= 1e3
    with pytest.warns(RuntimeWarning, match="overflow: outputs of hidden neurons are too large"):
        assert not np.isfinite(model.transform(X * 1e37)).all()


# ---------------------------------------------------------------------------- as a transformer


def test_names_and_frames():
    model = SETEmbedding(classifier()).set_output(transform="pandas")
    frame = pd.DataFrame(X, index=np.arange(N) + 5)
    hidden = model.fit_transform(frame, Y)
    names = [f"setembedding{number}" for number in range(10)]
    assert hidden.columns.tolist() == model.get_feature_names_out().tolist() == names
    assert hidden.index.tolist() == frame.index.tolist()
    np.testing.assert_array_equal(hidden, model.set_output(transform="default").transform(frame))


def test_in_pipelines_searches_and_cross_validation():
    model = make_pipeline(StandardScaler(), SETEmbedding(classifier()), KNeighborsClassifier())
    assert cross_val_score(model, X, Y, cv=3).shape == (3,)
    grid = {
        "setembedding__estimator__epsilon": [2, 4],
        "setembedding__layer": [0, -1],
        "kneighborsclassifier__n_neighbors": [3],
    }
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, Y)
    best = search.best_estimator_
    assert best[1].estimator_.epsilon == search.best_params_["setembedding__estimator__epsilon"]
    twin = pickle.loads(pickle.dumps(best))
    np.testing.assert_array_equal(twin.predict(X), best.predict(X))
    assert not hasattr(clone(best)[1], "estimator_")


def test_what_it_learns_helps_neighbors():
    data, y = make_classification(
        300, 100, n_informative=5, n_redundant=0, n_classes=3, random_state=0
    )
    alone = cross_val_score(KNeighborsClassifier(), data, y, cv=3).mean()
    model = make_pipeline(SETEmbedding(random_state=0), KNeighborsClassifier())
    assert cross_val_score(model, data, y, cv=3).mean() > alone + 0.2


def test_the_seed_replaces_that_of_the_estimator():
    def hidden(**parameters):
        estimator = parameters.pop("estimator", None)
        return SETEmbedding(estimator, **parameters).fit(X, Y).transform(X)

    small = {"hidden_layer_sizes": 8, "max_iter": 2}
    own = hidden(estimator=SETClassifier(random_state=3, **small))
    np.testing.assert_array_equal(
        hidden(estimator=SETClassifier(random_state=5, **small), random_state=3), own
    )
    np.testing.assert_array_equal(
        hidden(estimator=SETClassifier(**small), random_state=np.random.RandomState(0)),
        hidden(estimator=SETClassifier(**small), random_state=np.random.RandomState(0)),
    )
    assert (hidden(estimator=SETClassifier(random_state=5, **small)) != own).any()
    given = SETClassifier(**small)
    SETEmbedding(given, random_state=3).fit(X, Y)
    assert given.random_state is None
    assert not hasattr(given, "coefs_")


def test_none_is_a_classifier_with_its_defaults():
    model = SETEmbedding(random_state=0).fit(X, Y)
    of_defaults = SETClassifier(random_state=0).get_params()
    # nobody asks it for probabilities
    assert model.estimator_.get_params() == of_defaults | {"temperature": 1.0}
    assert model.transform(X).shape == (N, 1000)


# ------------------------------------------------------------------------- fitted estimators


def test_a_frozen_estimator_is_used_as_it_is():
    fitted = classifier().fit(X, Y)
    model = SETEmbedding(FrozenEstimator(fitted), layer=1, random_state=7)
    for call in (model.fit, model.partial_fit):
        hidden = call(X).transform(X)
        assert model.estimator_.estimator is fitted
        assert_close(hidden, hidden_of(fitted, X, 1), "float64")
    assert clone(model).fit(X[:3], Y[:3]).estimator_.estimator is fitted
    np.testing.assert_array_equal(clone(model).fit_transform(X), hidden)
    # What decides is the network, not what its estimator is told later.
    fitted.set_params(hidden_layer_sizes=())
    np.testing.assert_array_equal(clone(model).fit_transform(X), hidden)
    with pytest.raises(NotFittedError):
        SETEmbedding(FrozenEstimator(classifier())).fit(X, Y)


def test_streams_go_on_with_the_network():
    stream = classifier()
    model = SETEmbedding(clone(stream))
    for part in range(0, N, 20):
        rows = slice(part, part + 20)
        first = {"classes": [0, 1, 2]} if part == 0 else {}
        model.partial_fit(X[rows], Y[rows], sample_weight=WEIGHT[rows], **first)
        stream.partial_fit(X[rows], Y[rows], WEIGHT[rows], **first)
    np.testing.assert_array_equal(model.estimator_.predict_proba(X), stream.predict_proba(X))
    before = model.transform(X)
    with pytest.raises(ValueError, match="classes not in"):
        model.partial_fit(X, Y + 1)
    np.testing.assert_array_equal(model.transform(X), before)
    model.fit(X, Y)
    assert model.estimator_.t_ == 4 * N


def test_a_stream_without_classes_knows_those_of_the_first_part():
    model = SETEmbedding(classifier()).partial_fit(X[Y != 2], Y[Y != 2])
    assert model.estimator_.classes_.tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`"):
        model.partial_fit(X, Y)
    labels = np.column_stack([Y == 0, Y == 1]).astype(int)
    assert SETEmbedding(classifier()).partial_fit(X, labels).estimator_.n_outputs_ == 2
    with pytest.raises(ValueError, match="Input y contains NaN"):
        SETEmbedding(classifier()).partial_fit(X, np.where(Y == 1, None, Y))
    with pytest.raises(ValueError, match="requires y to be passed"):
        SETEmbedding(classifier()).partial_fit(X)
    assert SETEmbedding(regressor()).partial_fit(X, T).transform(X).shape == (N, 10)


# --------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"estimator": Ridge()},
            "'estimator' parameter of SETEmbedding must be a SETClassifier, a",
        ),
        ({"estimator": FrozenEstimator(Ridge())}, "'estimator' parameter of SETEmbedding"),
        ({"estimator": SETClassifier}, "'estimator' parameter of SETEmbedding"),
        ({"layer": 1.0}, "'layer' parameter of SETEmbedding must be an int"),
        ({"layer": "last"}, "'layer' parameter of SETEmbedding must be an int"),
        ({"layer": 3}, "must be a hidden layer of the SETClassifier, whose .* -3 to 2. Got 3"),
        ({"layer": -4}, "must be a hidden layer of the SETClassifier, whose .* -3 to 2. Got -4"),
        ({"estimator__hidden_layer_sizes": ()}, "SETClassifier, which has no hidden layer. Got -1"),
        ({"random_state": "a"}, "'random_state' parameter of SETEmbedding"),
        ({"estimator__zeta": 2}, "'zeta' parameter of SETClassifier"),
        ({"estimator__hidden_layer_sizes": "a"}, "'hidden_layer_sizes' parameter of SETClassifier"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_bad_parameters_are_refused(parameters, message, method):
    model = SETEmbedding(classifier()).set_params(**parameters)
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(model, method)(X, Y)
    assert vars(model).keys() == vars(SETEmbedding()).keys()


def test_a_call_that_fails_changes_nothing():
    model = SETEmbedding(classifier(), layer=0).fit(X, Y)
    before, state = model.transform(X), dict(vars(model))
    for bad in ((X[:, :3], Y[:3]), (X, None), (X, T)):
        with pytest.raises(ValueError):  # noqa: PT011, the estimator's own words
            model.fit(*bad)
    model.layer = 9
    with pytest.raises(ValueError, match="Got 9"):
        model.partial_fit(X, Y)
    model.layer = 0
    assert vars(model) == state
    np.testing.assert_array_equal(model.transform(X), before)
    with pytest.raises(NotFittedError):
        SETEmbedding().transform(X)
    with pytest.raises(ValueError, match="X has 3 features, but SETEmbedding is expecting 9"):
        model.transform(X[:, :3])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.transform(np.where(X > 2, np.nan, X))


def test_ctrl_c_ends_searches_and_keeps_what_is_trained(monkeypatch):
    from sklearn_set import training

    run_epoch, n_left = training.run_epoch, [2]

    def interrupted(*args):
        n_left[0] -= 1
        if n_left[0] < 0:
            raise KeyboardInterrupt
        return run_epoch(*args)

    monkeypatch.setattr(training, "run_epoch", interrupted)
    model = SETEmbedding(classifier(max_iter=9))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert model.estimator_.n_iter_ == 2
    assert model.transform(X).shape == (N, 10)


# ---------------------------------------------------------------------------------- routing


def test_arguments_of_fit_are_passed_on():
    model = SETEmbedding(classifier()).fit(X, Y, sample_weight=WEIGHT)
    weighted = classifier().fit(X, Y, WEIGHT)
    np.testing.assert_array_equal(model.estimator_.predict_proba(X), weighted.predict_proba(X))
    piped = make_pipeline(SETEmbedding(classifier()), LogisticRegression())
    piped.fit(X, Y, setembedding__sample_weight=WEIGHT)
    np.testing.assert_array_equal(piped[0].transform(X), model.transform(X))
    with pytest.raises(TypeError, match="unexpected keyword argument 'weights'"):
        SETEmbedding(classifier()).fit(X, Y, weights=WEIGHT)


def test_without_arguments_nothing_is_routed():
    plain = SETEmbedding(classifier()).fit_transform(X, Y)
    with config_context(enable_metadata_routing=True):
        np.testing.assert_array_equal(SETEmbedding(classifier()).fit_transform(X, Y), plain)
        frozen = FrozenEstimator(classifier().fit(X, Y))
        for call in (SETEmbedding(frozen).fit, SETEmbedding(frozen).partial_fit):
            np.testing.assert_array_equal(call(X, Y).transform(X), plain)
        stream = SETEmbedding(classifier()).partial_fit(X, Y)
        assert stream.partial_fit(X, Y).estimator_.t_ == 2 * N


def test_arguments_of_fit_are_routed():
    stops = {"early_stopping": True, "validation_fraction": 0.3}
    network = classifier(**stops)
    expected = clone(network).fit(X, Y, WEIGHT, groups=GROUPS).predict_proba(X)
    with config_context(enable_metadata_routing=True):
        network.set_fit_request(sample_weight=True, groups=True)
        given = {"sample_weight": WEIGHT, "groups": GROUPS}
        for fit in ("fit", "fit_transform"):
            model = SETEmbedding(network)
            getattr(model, fit)(X, Y, **given)
            np.testing.assert_array_equal(model.estimator_.predict_proba(X), expected)
        piped = make_pipeline(SETEmbedding(network), KNeighborsClassifier())
        piped.fit(X, Y, **given)
        np.testing.assert_array_equal(piped[0].estimator_.predict_proba(X), expected)
        search = GridSearchCV(
            piped, {"setembedding__layer": [0, 2]}, cv=StratifiedGroupKFold(2), error_score="raise"
        ).fit(X, Y, groups=GROUPS)
        fitted = search.best_estimator_[0].estimator_
        expected = clone(network).fit(X, Y, groups=GROUPS).predict_proba(X)
        np.testing.assert_array_equal(fitted.predict_proba(X), expected)
        stream = classifier().set_partial_fit_request(sample_weight=True, classes=True)
        model = SETEmbedding(stream).partial_fit(X, Y, sample_weight=WEIGHT, classes=[0, 1, 2, 3])
        assert model.estimator_.classes_.tolist() == [0, 1, 2, 3]
        with pytest.raises(ValueError, match="sample_weight"):
            SETEmbedding(classifier()).fit(X, Y, sample_weight=WEIGHT)


def test_the_number_of_threads_is_that_of_the_estimator(monkeypatch):
    asked = []
    monkeypatch.setattr(embedding, "threads_pay", lambda *_: True)
    monkeypatch.setattr(machine, "effective_n_threads", lambda n_jobs: asked.append(n_jobs) or 1)
    model = SETEmbedding(FrozenEstimator(classifier(n_jobs=2).fit(X, Y))).fit(X)
    asked.clear()
    model.transform(X)
    assert asked == [2]
