"""What the program finds: folds, scores, genes."""

import re
import sys
import types

import numpy as np
import pandas as pd
import pytest
from programs import run, write
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_set._cli import progress
from sklearn_set._cli.comparing import Fit, compare, folds_of
from sklearn_set._cli.files.samples import Samples
from sklearn_set._cli.genes import ranking_of
from sklearn_set._cli.methods import METHODS, Method, methods_for, pipeline_of
from sklearn_set._cli.scoring import Predictions, mean_and_spread, scores_of
from sklearn_set._cli.understanding import understand

RNG = np.random.default_rng(0)
Y = np.array(["a", "b", "c"])[RNG.permutation(np.repeat([0, 1, 2], 12))]
X = RNG.normal(size=(36, 30)) + 2.0 * (Y[:, None] == np.array(["a", "b", "c"])[np.arange(30) % 3])


def understood(values=X, labels=Y, **more):
    genes = [f"g{place}" for place in range(values.shape[1])]
    options = {name: more.pop(name) for name in ("task", "raw") if name in more}
    samples = Samples(values, "a test", features=genes, labels=np.asarray(labels), **more)
    return understand(samples, "test", **options)


def never():
    """No Ctrl-C."""


# --------------------------------------------------------------------------------------- scores


def test_scores_are_those_of_scikit_learn():
    classes = np.array(["a", "b", "c"])
    shares = RNG.dirichlet([1, 1, 1], 36)
    said = Predictions(classes[shares.argmax(axis=1)], shares, shares)
    scores = scores_of(Y, said, classes)
    assert scores["accuracy"] == np.mean(said.labels == Y)
    assert scores["balanced accuracy"] == pytest.approx(balanced_accuracy_score(Y, said.labels))
    assert scores["AUC"] == pytest.approx(roc_auc_score(Y, shares, multi_class="ovr"))
    assert scores["log-loss"] == pytest.approx(log_loss(Y, shares))
    two = Y != "c"
    said = Predictions(said.labels[two], None, shares[two, :2] * [-1, 1])
    scores = scores_of(Y[two], said, classes[:2])
    assert scores["AUC"] == pytest.approx(roc_auc_score(Y[two] == "b", shares[two, 1]))
    assert np.isnan(scores["log-loss"])


def test_a_fold_without_a_class_has_scores():
    classes, shares = np.array(["a", "b", "c"]), np.eye(3)[[0, 1, 2, 0]]
    said = Predictions(classes[[0, 1, 2, 0]], shares, shares)
    scores = scores_of(np.array(["a", "b", "b", "a"]), said, classes)
    assert scores["balanced accuracy"] == pytest.approx((1 + 0.5) / 2)
    assert scores["AUC"] == pytest.approx((1 + 0.75) / 2)
    only = scores_of(np.array(["a", "a", "a", "a"]), said, classes)
    assert np.isnan(only["AUC"])
    assert mean_and_spread([np.nan, 1.0, 3.0]) == (2.0, 1.0)
    assert np.isnan(mean_and_spread([np.nan])).all()


# ---------------------------------------------------------------------------------------- folds


def test_folds_keep_proportions_and_change_with_repeat_and_seed():
    data = understood()
    folds = folds_of(data, 4, 2, seed=3)
    assert [(fold.repeat, fold.number) for fold in folds] == [
        (repeat, number) for repeat in (0, 1) for number in (1, 2, 3, 4)
    ]
    for fold in folds:
        assert np.unique(data.y[fold.test], return_counts=True)[1].tolist() == [3, 3, 3]
        np.testing.assert_array_equal(np.sort([*fold.train, *fold.test]), np.arange(36))
    assert not np.array_equal(folds[0].test, folds[4].test)
    np.testing.assert_array_equal(folds[4].test, folds_of(data, 4, 1, seed=4)[0].test)


def test_all_methods_are_compared_on_the_same_folds():
    data = understood()
    folds = folds_of(data, 3, 1, seed=0)
    methods = methods_for(data, ["svc", "ridge"])
    assert methods == ["set", "ridge", "svc", "chance"]
    comparison = compare(data, methods, folds, seed=0, n_jobs=1, check_stop=never)
    for method in methods:
        said = comparison.out_of_fold(method)
        assert len(said.labels) == 36
        by_hand = [np.mean(said.labels[fold.test] == data.y[fold.test]) for fold in folds]
        np.testing.assert_allclose(comparison.scores(method, "accuracy"), by_hand)
    assert comparison.scores("set", "accuracy").mean() > 0.8
    assert comparison.scores("chance", "AUC").tolist() == [0.5] * 3
    assert comparison.strengths.shape == (3, 30)


@pytest.mark.slow
def test_every_prediction_is_by_a_model_that_has_not_seen_the_sample():
    """Labels without any relation to the genes are guessed by chance."""
    rng = np.random.default_rng(1)
    data = understood(rng.normal(size=(60, 300)), np.array(["a", "b"] * 30))
    folds = folds_of(data, 5, 1, seed=0)
    methods = methods_for(data, list(METHODS))
    comparison = compare(data, methods, folds, seed=0, n_jobs=1, check_stop=never)
    for method in methods:
        assert abs(comparison.scores(method, "accuracy").mean() - 0.5) < 0.25, method


def test_a_swallowed_interrupt_ends_the_comparison():
    data = understood()
    calls = []

    def check_stop():
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    folds = folds_of(data, 3, 1, seed=0)
    with pytest.raises(KeyboardInterrupt):
        compare(data, ["set", "chance"], folds, seed=0, n_jobs=1, check_stop=check_stop)
    assert len(calls) == 2


@pytest.mark.slow
@pytest.mark.parametrize("method", list(METHODS))
def test_missing_cells_and_sparse_matrices_are_learned_by_all(method):
    holes = X.copy()
    holes[RNG.random(X.shape) < 0.1] = np.nan
    holes[:, 4] = np.nan
    data = understood(holes)
    folds = folds_of(data, 3, 1, seed=0)
    methods = ["set", method] if method != "set" else ["set"]
    by_holes = compare(data, methods, folds, seed=0, n_jobs=1, check_stop=never)
    thin = understood(sparse.csr_array(np.where(X > 0, X, 0)))
    by_thin = compare(thin, methods, folds, seed=0, n_jobs=1, check_stop=never)
    least = 0.5 if method != "chance" else 0.3
    for comparison in (by_holes, by_thin):
        assert comparison.scores(method, "accuracy").mean() > least
        assert not comparison.warned()[method], comparison.warned()


def test_warnings_are_counted_not_lost(monkeypatch):
    hasty = Method("hasty", None, lambda seed, n_genes: MLPRegressor(max_iter=1))
    monkeypatch.setitem(METHODS, "mlp", hasty)
    data = understood(labels=X[:, 0], task="regression")
    folds = folds_of(data, 2, 1, seed=0)
    methods = methods_for(data, ["mlp", "logistic"])
    assert methods == ["set", "mlp", "chance"]
    comparison = compare(data, methods, folds, seed=0, n_jobs=1, check_stop=never)
    (text, times), *_ = comparison.warned()["mlp"].most_common()
    assert text.startswith("ConvergenceWarning: Stochastic Optimizer")
    assert times == 2


def test_linear_algebra_has_one_thread_in_a_fit(monkeypatch):
    seen = []

    class Spy(DummyClassifier):
        def fit(self, X, y):
            seen.extend(each for each in threadpool_info() if each["user_api"] == "blas")
            return super().fit(X, y)

    monkeypatch.setitem(METHODS, "mlp", Method("spy", lambda seed, n_genes: Spy(), None))
    data = understood()
    with threadpool_limits(2, user_api="blas"):
        folds = folds_of(data, 2, 1, seed=0)
        compare(data, ["set", "mlp"], folds, seed=0, n_jobs=1, check_stop=never)
    assert {each["num_threads"] for each in seen} == {1}


def test_a_method_that_fails_is_named(monkeypatch):
    wrong = Method("wrong", lambda seed, n_genes: MLPClassifier(alpha=-1), None)
    monkeypatch.setitem(METHODS, "mlp", wrong)
    data = understood()
    folds = folds_of(data, 2, 1, seed=0)
    with pytest.raises(ValueError, match=r"Method mlp failed on fold 1: The 'alpha'.* --methods"):
        compare(data, ["set", "mlp"], folds, seed=0, n_jobs=1, check_stop=never)


# ---------------------------------------------------------------------------------------- genes


def test_genes_are_ranked_by_all_models():
    data = understood(labels=np.where(X[:, 3] > 1, "a", "b"))
    strengths = np.full((4, 30), 0.5)
    strengths[:, 3] = 9, 9, 9, 9
    strengths[0, 7] = 4
    strengths[2] *= 100  # the scale of a model does not matter
    ranking = ranking_of(data, strengths)
    assert ranking.n_top == 3
    assert ranking.order[:2].tolist() == [3, 7]
    assert ranking.times[3] == 4
    assert ranking.times[7] == 1
    shares = strengths / strengths.sum(axis=1, keepdims=True)  # as in feature_importances_
    assert ranking.strength == pytest.approx(30 * shares.mean(axis=0))
    assert ranking.strength.mean() == pytest.approx(1)
    assert ranking.effect_of[3] == "a"
    difference = data.X[data.y == "a", 3].mean() - data.X[data.y == "b", 3].mean()
    assert ranking.effect[3] == pytest.approx(difference, rel=1e-5)
    assert ranking.effect_name == "difference"


def test_effects_have_units_that_suit_the_numbers():
    counts = np.round(np.exp(3 + X))
    raw = understood(counts)
    assert ranking_of(raw, np.ones((1, 30))).effect_name == "log2 difference to the next class"
    below = understood(np.exp(5 + X) - 60, labels=np.where(Y == "a", "a", "b"))
    assert below.takes_logarithms
    ranking = ranking_of(below, np.ones((1, 30)))
    assert ranking.effect_name == "difference in SD"
    assert ranking.effect.max() < 2.5
    target = understood(labels=X[:, 3] - X[:, 4], task="regression")
    ranking = ranking_of(target, np.ones((1, 30)))
    expected = [np.corrcoef(column, target.y)[0, 1] for column in X.T]
    np.testing.assert_allclose(ranking.effect, expected, atol=1e-5)
    assert ranking.effect_of[3:5] == ["rises", "falls"]
    thin = understood(sparse.csr_array(X), labels=target.y, task="regression")
    np.testing.assert_allclose(ranking_of(thin, np.ones((1, 30))).effect, expected, atol=1e-4)


@pytest.mark.slow
def test_known_genes_are_found(tmp_path):
    values = RNG.normal(size=(60, 400))
    labels = np.repeat(["sick", "well"], 30)
    values[:30, [5, 50, 150]] += 3
    frame = pd.DataFrame(values, columns=[f"g{place}" for place in range(400)])
    path = write(tmp_path, frame.assign(state=labels))
    assert run(path, "--methods", "set", "--output", tmp_path / "out") == 0
    genes = pd.read_csv(tmp_path / "out" / "genes.csv")
    assert set(genes["gene"][:3]) == {"g5", "g50", "g150"}
    assert set(genes["highest in"][:3]) == {"sick"}
    assert (genes.iloc[:3, 3] == 5).all()
    assert len(genes) == 400


# ------------------------------------------------------------------------------------- progress


def test_progress_is_told_without_tqdm(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert list(progress.shown(iter("abc"), 3, str.upper)) == ["a", "b", "c"]
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(r"3 of 3 fits, 0 s, last: C\n", told.err)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0)
    assert list(progress.shown(iter("ab"), 2, str.upper)) == ["a", "b"]
    assert capsys.readouterr().err.count("\n") == 2


def test_progress_is_a_bar_of_tqdm_where_it_is(capsys, monkeypatch):
    made = []

    class Bar:
        def __init__(self, **options):
            self.options, self.n, self.open = options, 0, True
            made.append(self)

        def __enter__(self):
            return self

        def __exit__(self, *args):
            self.open = False

        def set_postfix_str(self, text, refresh):
            self.text = text

        def update(self):
            self.n += 1

    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    steps = progress.shown(iter("abc"), 3, str.upper)
    assert next(steps) == "a"
    (bar,) = made
    assert bar.options["total"] == 3
    assert bar.options["file"] is sys.stderr
    assert bar.text == "A"
    steps.close()  # as an interrupt does
    assert not bar.open
    assert bar.n == 1


@pytest.mark.parametrize("n_classes", [2, 3, 12])
def test_pipelines_have_the_steps_that_a_study_needs(n_classes):
    data = understood(labels=np.arange(36) % n_classes)
    names = [name for name, _ in pipeline_of("ridge", data, 0).steps]
    assert names == ["scale", "model"]
    assert Fit.__dataclass_fields__.keys() >= {"method", "fold", "scores", "seconds"}
