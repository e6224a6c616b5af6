"""The benchmarks run: each says what it does, and measures something small."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sklearn_set.datasets import make_microarray

FOLDER = Path(__file__).parent / "benchmarks"
SCRIPTS = (
    "accuracy",
    "bench_default_fits",
    "bench_export",
    "bench_fit",
    "bench_peers",
    "bench_predict",
    "bench_report",
    "bench_search",
    "bench_stability",
    "bench_step",
    "bench_threads",
    "compare",
    "finding",
    "growth",
    "limits",
    "probabilities",
    "reproduction",
    "selection",
)

SMALL = {
    "bench_export": ["--sizes", "200", "100", "--epsilon", "2", "--samples", "1", "8"],
    "bench_fit": ["W1,32", "--epochs", "2"],
    "bench_peers": [
        *("--workloads", "W1,32", "--tools", "sklearn"),
        *("--rounds", "1", "--budget", "0.05", "--calm", "0"),
    ],
    "bench_predict": ["--workloads", "W1", "--samples", "1,8", "--rounds", "2"],
    "bench_report": ["--here", "--samples", "20", "--genes", "60", "--methods", "ridge"],
    "bench_search": ["--samples", "40", "--features", "100", "--epochs", "2", "--rounds", "1"],
    "bench_stability": [
        *("--samples", "30", "--genes", "50", "--informative", "5", "--pairs", "4"),
        *("--methods", "small network", "F-test"),
    ],
    "bench_step": [
        *("--workloads", "W1", "--batches", "32", "--threads", "1", "--rounds", "1"),
        *("--structure-rounds", "1", "--no-limits", "--patience", "0"),
    ],
    "bench_threads": ["W1,32", "--threads", "1,2", "--epochs", "2", "--phases"],
    "probabilities": [
        *("--data", "iris", "wine", "--splits", "1"),
        *("--methods", "SET", "SET bare", "Centroids", "HistGradientBoosting"),
    ],
    "growth": ["--series", "connections", "--max-connections", "1e5"],
}

ACCURACY = ("--data", "iris", "wine", "diabetes", "--methods", "SET", "Ridge", "5-NN")
ACCURACY += ("--repeats", "1")  # of five folds


@pytest.fixture
def modules(monkeypatch):
    """The benchmarks' modules can be imported."""
    monkeypatch.syspath_prepend(FOLDER)


def run(script, *arguments):
    result = subprocess.run(
        [sys.executable, "-W", "ignore", FOLDER / f"{script}.py", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


# In one process, which imports what they share once.
ASK_FOR_HELP = """
import runpy, sys

folder, *scripts = sys.argv[1:]
sys.path.insert(0, folder)
for script in scripts:
    sys.argv = [script, "--help"]
    try:
        runpy.run_path(f"{folder}/{script}.py", run_name="__main__")
    except SystemExit as end:
        assert end.code == 0, script
"""


@pytest.mark.slow
def test_help():
    command = [sys.executable, "-W", "ignore", "-c", ASK_FOR_HELP, FOLDER, *SCRIPTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    for script in SCRIPTS:
        assert f"usage: {script}.py " in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("script", SMALL)
def test_small_measurement(script, tmp_path):
    without_json = ("bench_export", "bench_fit")
    options = [] if script in without_json else ["--json", str(tmp_path / "figures.json")]
    assert run(script, *SMALL[script], *options).count("\n|") >= 2  # a table
    if options:
        assert json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("n_epochs", ["0", "1"])
def test_a_fit_of_one_epoch_is_no_measurement(modules, monkeypatch, capsys, n_epochs):
    bench_fit = importlib.import_module("bench_fit")
    monkeypatch.setattr(sys, "argv", ["bench_fit.py", "--epochs", n_epochs])
    with pytest.raises(SystemExit, match="2"):
        bench_fit.main()
    told = f"error: --epochs must be 2 or more, got {n_epochs}: the first warms up"
    assert told in capsys.readouterr().err


@pytest.mark.slow
def test_predictions_of_estimators():
    table = run("bench_predict", "--estimators", "--busy", "--rounds", "2")
    assert table.count("| SETClassifier") == 6


@pytest.mark.slow
def test_accuracy_goes_on_with_what_is_there(tmp_path):
    results = tmp_path / "results.jsonl"
    command = (*ACCURACY, "--jobs", "2", "--results", str(results))
    first = run("accuracy", *command)
    lines = results.read_text(encoding="utf-8").splitlines(keepends=True)
    scores = scores_of(lines)
    assert len(lines) == 5 * (2 * 3 + 2)  # two sets of classes; there is no 5-NN for regressions
    assert "\n| SET |" in first
    assert "R2, mean over 5 splits" in first

    results.write_text("".join(lines[:25]) + lines[25][:20], encoding="utf-8")  # as if killed
    second = run("accuracy", *command)
    again = results.read_text(encoding="utf-8").splitlines(keepends=True)
    assert again[:25] == lines[:25]
    assert len(again) == len(lines)
    assert scores_of(again) == scores
    assert "\n| SET |" in second

    third = run("accuracy", *command, "--set", "short: max_iter=2", "--json", f"{results}.json")
    assert "\n| short |" in third
    assert third.count("minus SET ± standard error") == 2
    assert len(results.read_text(encoding="utf-8").splitlines()) == len(lines) + 15
    sections = json.loads(Path(f"{results}.json").read_text(encoding="utf-8"))["results"]
    assert [section["title"] for section in sections] == ["other", "regression"]
    assert sections[1]["gains"]["short"].keys() == set(sections[1]["means"])


@pytest.mark.slow
def test_accuracy_draws(tmp_path):
    pytest.importorskip("matplotlib")
    pictures = [tmp_path / "scores.png", tmp_path / "ranks.png"]
    options = ["--plot", str(pictures[0]), "--plot-ranks", str(pictures[1])]
    quickly = ("--methods", "Ridge", "5-NN", "SVC", "--jobs", "2")
    run("accuracy", *ACCURACY, *quickly, *options)
    assert all(picture.stat().st_size > 0 for picture in pictures)


def scores_of(lines):
    records = map(json.loads, lines)
    return {
        tuple(each[name] for name in ("data", "method", "repeat", "fold")): each["score"]
        for each in records
    }


@pytest.mark.slow
def test_accuracy_tunes(tmp_path):
    results = tmp_path / "results.jsonl"
    output = run("accuracy", "--data", "iris", "--tune", "--results", str(results))
    assert "\n| iris |" in output
    assert "Mean gain over 1 data sets" in output
    assert len(results.read_text(encoding="utf-8").splitlines()) == 10


@pytest.mark.slow
def test_selection_says_which_data_are_missing(tmp_path):
    output = run("selection", str(tmp_path), "--data", "khan", "golub")
    assert f"khan is left out: there is neither khan.npz nor khan_X.npz in {tmp_path}." in output
    assert output.count("left out") == 2
    assert "it is a file, and no FOLDER is given" in run("selection")


@pytest.mark.slow
def test_selection_measures(tmp_path):
    X, y = make_microarray(n_samples=30, n_features=60, n_informative=6, random_state=0)
    np.savez(tmp_path / "khan.npz", X=X.astype(np.float32), y=y)
    figures = tmp_path / "figures.json"
    options = ["--data", "khan", "--genes", "6", "--json", str(figures)]
    options += ["--methods", "KBest", "one network", "at random"]
    output = run("selection", str(tmp_path), *options)
    assert output.count("\n| one network |") == 4
    results = json.loads(figures.read_text(encoding="utf-8"))["results"]
    by_method = {each["method"]: each for each in results}
    assert list(by_method) == ["KBest", "one network", "at random"]
    assert all(len(genes) == 6 for each in results for genes in each["selected"])
    assert by_method["one network"]["kuncheva"] > 0.3 > by_method["at random"]["kuncheva"]


@pytest.mark.usefixtures("modules")
def test_stability_of_worked_examples():
    from selection import stability

    same = stability([[0, 1], [1, 0], [0, 1]], 10)
    assert same == {"jaccard": 1, "kuncheva": 1}
    # two in common of four and six: by chance 4 * 4 / 16 = 1 would be
    half = stability([[0, 1, 2, 3], [2, 3, 4, 5]], 16)
    assert half == {"jaccard": pytest.approx(2 / 6), "kuncheva": pytest.approx(1 / 3)}
    by_chance = stability([[0, 1, 2, 3], [3, 4, 5, 6]], 16)
    assert by_chance["kuncheva"] == 0


@pytest.mark.usefixtures("modules")
def test_gains_of_worked_examples():
    from reporting import gain, mean_gain, shown_gain

    # differences of .1 and .3: deviation .1 * sqrt(2), over sqrt(2)
    assert gain([0.6, 0.9], [0.5, 0.6]) == (pytest.approx(0.2), pytest.approx(0.1))
    assert shown_gain(gain([0.6, 0.9], [0.5, 0.6])) == "+0.200 ± 0.100"
    assert shown_gain(gain([0.5], [0.6])) == "-0.100"
    assert mean_gain([(0.2, 0.3), (-0.4, 0.4)]) == (pytest.approx(-0.1), pytest.approx(0.25))


@pytest.mark.usefixtures("modules")
def test_average_ranks_share_ties():
    from ranking import average_ranks

    scores = [[0.9, 0.8, 0.7], [0.8, 0.8, 0.9], [0.3 / 3, 0.1, 0.1 + 1e-15]]
    np.testing.assert_allclose(average_ranks(scores), [(1 + 2.5 + 2) / 3, 6.5 / 3, 6 / 3])


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(("n_methods", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_difference_is_the_published_one(n_methods, q):
    from ranking import critical_difference

    expected = q * np.sqrt(n_methods * (n_methods + 1) / (6 * 10))
    np.testing.assert_allclose(critical_difference(n_methods, 10), expected, rtol=3e-4)


@pytest.mark.usefixtures("modules")
def test_groups_alike_are_maximal():
    from ranking import groups_alike

    assert groups_alike([1, 2, 3, 5, 5.5, 8], 2) == [(0, 2), (2, 3), (3, 4)]
    assert groups_alike([1, 2, 3], 0.5) == []
    assert groups_alike([1.5, 1.5, 3], 2) == [(0, 2)]


@pytest.mark.usefixtures("modules")
def test_comparison_of_two_methods():
    from ranking import compare, friedman, holm

    pytest.importorskip("scipy", minversion="1.15", reason="exact with ties since SciPy 1.15")
    result = compare([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [0.8, 0.8, 0.8, 0.3, 0.1, 0.1 + 0.3])
    assert (result["wins"], result["ties"], result["losses"]) == (3, 2, 1)
    assert result["difference"] == pytest.approx(0.7 / 6)
    assert 0 < result["p"] < 1
    assert compare([0.5] * 6, [0.5] * 6)["p"] == 1
    assert compare([0.5] * 5, [0.4] * 5)["p"] is None
    assert compare(np.arange(2, 8), np.ones(6))["p"] == pytest.approx(2 / 2**6)
    assert holm([0.02, 0.01, 0.5]) == pytest.approx([0.04, 0.03, 0.5])
    assert holm([0.04, 0.03, 0.9]) == pytest.approx([0.09, 0.09, 0.9])
    assert friedman([[3, 2, 1]] * 4)[0] == pytest.approx(8)
    assert friedman([[1, 1, 1]] * 4) is None


@pytest.mark.usefixtures("modules")
def test_configurations_of_the_command_line():
    from methods import configuration

    assert configuration("a b: zeta=0, hidden_layer_sizes=(10, 20), n_iter_no_change=inf") == (
        "a b",
        {"zeta": 0, "hidden_layer_sizes": (10, 20), "n_iter_no_change": float("inf")},
    )
    for text in ("zeta=0", ": zeta=0", "a: zeta", "a: zeta=x", "a: zeta=0) + f(", "a: **{}"):
        with pytest.raises(ValueError, match=r"^'.*'"):
            configuration(text)


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(("name", "group"), [("iris", "other"), ("diabetes", "regression")])
def test_parameters_tell_configurations_apart(name, group):
    from methods import Source, methods_of, parameters_of, pipeline, tuned

    source = Source(name, group)
    makers = methods_of(group, {"other zeta": {"zeta": 0.1}, "the default": {}})
    told = [json.dumps(parameters_of(pipeline(source, make(0)))) for make in makers.values()]
    assert len(set(told)) == len(told) - 1  # another label for the default
    assert "SET" in told[0]
    search = json.dumps(parameters_of(tuned(source, 0)))
    assert search not in told
    assert "Infinity" not in "".join(told)


@pytest.mark.usefixtures("modules")
def test_methods_of_missing_packages_are_left_out_with_a_message(monkeypatch, capsys):
    import others

    monkeypatch.setitem(others.PACKAGES, "LassoNet", "a_package_that_is_missing")
    monkeypatch.setitem(others.PACKAGES, "GeneICL", "sklearn")
    left = others.without_missing(["SET", "LassoNet", "GeneICL", "Centroids"])
    assert left == ["SET", "GeneICL", "Centroids"]
    told = capsys.readouterr().err
    assert told == "left out: LassoNet, as a_package_that_is_missing is not installed\n"


@pytest.mark.slow
@pytest.mark.usefixtures("modules")
@pytest.mark.filterwarnings("ignore")  # those of the packages are theirs
@pytest.mark.parametrize("method", ["HistGradientBoosting", "Centroids", "LassoNet", "GeneICL"])
def test_other_methods_tell_classes_and_probabilities(method):
    import others

    if method in others.PACKAGES:
        pytest.importorskip(others.PACKAGES[method])
    X, y = make_microarray(60, 30, n_informative=10, class_sep=3.0, random_state=0)
    names = np.array(["tumour", "normal"])[y]
    model = others.OTHERS[method](0).fit(X[:40].astype(np.float32), names[:40])
    chances = model.predict_proba(X[40:].astype(np.float32))
    assert list(model.classes_) == ["normal", "tumour"]
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)
    assert (model.predict(X[40:].astype(np.float32)) == names[40:]).mean() > 0.7


@pytest.mark.usefixtures("modules")
def test_the_first_splits_are_those_of_the_protocol():
    from methods import MAX_REPEATS, Source, load
    from sklearn.model_selection import RepeatedStratifiedKFold

    X, y, splits = load(Source("iris", "other"))
    assert len(splits) == 5 * MAX_REPEATS
    protocol = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0).split(X, y)
    for (train, test), (expected, held_out) in zip(splits, protocol, strict=False):
        np.testing.assert_array_equal(train, expected)
        np.testing.assert_array_equal(test, held_out)


@pytest.mark.usefixtures("modules")
def test_logarithms_of_raw_intensities():
    from methods import signed_log
    from scipy import sparse

    X = np.array([[-3, 0, 5]], dtype=np.float32)
    np.testing.assert_allclose(signed_log(X), [[-np.log(4), 0, np.log(6)]], rtol=1e-6)
    np.testing.assert_array_equal(signed_log(sparse.csr_array(X)).toarray(), signed_log(X))
    assert signed_log(X).dtype == np.float32


@pytest.mark.usefixtures("modules")
def test_looks_at_the_processors_take_time():
    from calm import Calm

    look = Calm(patience=0).look(2)
    assert 1e-6 < look.arithmetic < 1
    assert 1e-9 < look.lap < 1
    assert 1e-11 < look.loads < look.reach < 1e-3


@pytest.fixture
def calm(modules, monkeypatch):
    """A Calm that counts as its own seconds what it sees: 1 is full speed."""
    import calm as module

    class Scripted(module.Calm):
        def __init__(self, patience, seen):
            self.seen = iter(seen)
            super().__init__(patience, known={2: (9, 9)})

        def look(self, n_threads):
            look = module.Look(*next(self.seen))
            self._remember(n_threads, look)
            return look

    monkeypatch.setattr(module, "PAUSE", 0)
    return Scripted


def test_measurements_wait_for_full_speed(calm):
    # Waits at the second to fourth look, is disturbed during the first call, not the second.
    seen = [(1, 1), (1.7, 1), (1.2, 1), (1, 5), (1.05, 1.5), (1, 5), (1, 1), (1, 1)]
    calm = calm(60, seen)
    calm.look(2)
    calls = iter(range(9))
    assert calm.measure(2, lambda: next(calls)) == (1, True)
    assert next(calm.seen, None) is None


def test_full_speed_is_not_that_of_a_shared_core(calm):
    # On one core sums take longer, but words need not go far.
    calm = calm(60, [(1.7, 0.2), (1, 1), (1.7, 0.2), (1, 1.1), (1, 1)])
    for _ in range(2):
        calm.look(2)
    calls = iter(range(9))
    assert calm.measure(2, lambda: next(calls)) == (0, True)


def test_full_speed_may_be_learnt_last(calm):
    calm = calm(60, [(1.7, 1), (1, 1), (1, 1), (1, 1)])
    calls = iter(range(9))
    assert calm.measure(2, lambda: next(calls)) == (1, True)


def test_measurements_wait_for_the_caches_too(calm):
    slow_reach, slow_loads = (1, 1, 1.3, 1), (1, 1, 1, 1.2)
    calm = calm(60, [(1, 1, 1, 1), slow_reach, slow_loads, (1, 1, 1.1, 1.05), (1, 1, 1, 1)])
    calm.look(2)
    assert calm.measure(2, lambda: "calm") == ("calm", True)
    assert next(calm.seen, None) is None


def test_measurements_end_with_patience(calm):
    calm = calm(0, [(1, 1), (1.7, 1), (1.7, 1)])
    calm.look(2)
    assert calm.measure(2, lambda: "disturbed") == ("disturbed", False)
