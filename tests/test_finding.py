"""The benchmark of finding features: its laws, its figures, and what configurations gain."""

import importlib
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def finding(monkeypatch):
    """The benchmark's module, which imports others of its folder."""
    monkeypatch.syspath_prepend(Path(__file__).parent / "benchmarks")
    return importlib.import_module("finding")


def test_finding_measures(finding, tmp_path, monkeypatch, capsys):
    tiny = finding.Family(80, 12, 3, finding.linear, is_regression=True)
    monkeypatch.setattr(finding, "FAMILIES", {"tiny": tiny})
    monkeypatch.setattr(finding, "N_TEST", 100)
    figures = tmp_path / "figures.json"
    options = ["--methods", "true features", "SET", "L1", "MLP", "--draws", "2", "--seed", "0"]
    monkeypatch.setattr("sys.argv", ["finding.py", str(tmp_path), *options, "--json", str(figures)])
    finding.main()
    output = capsys.readouterr().out
    assert "madelon is left out: there is neither madelon.npz nor madelon_X.npz in" in output
    assert output.count("\n| tiny |") == 4
    results = json.loads(figures.read_text(encoding="utf-8"))["results"]["tiny"]
    assert results.pop("chance") == [0, 0]
    assert [len(outcomes) for outcomes in results.values()] == [2] * 4
    assert all(each["score"] > 0.9 for each in (*results["true features"], *results["L1"]))
    assert all(each["precision"] == 1 for each in (*results["SET"], *results["L1"]))
    assert all(3 <= each["left"] <= 12 for each in (*results["SET"], *results["L1"]))
    assert all(each["precision"] is None for each in results["MLP"])
    for way in ("integrated", "gradient"):
        assert all(each[way] == 1 for each in results["SET"])
        assert all(each[way] is None for each in (*results["L1"], *results["true features"]))


def test_finding_compares_configurations_with_the_defaults(finding, monkeypatch, capsys):
    families = {
        "numbers": finding.Family(80, 12, 3, finding.linear, is_regression=True),
        "classes": finding.Family(80, 12, 3, finding.ring),
    }
    draw, drawn = finding.draw, []

    def watched(family, seed):
        drawn.append(family)
        return draw(family, seed)

    monkeypatch.setattr(finding, "FAMILIES", families)
    monkeypatch.setattr(finding, "N_TEST", 100)
    monkeypatch.setattr(finding, "draw", watched)

    def run_with(*families, method="SET", against="SET", **configurations):
        added = (("--set", f"{label}: {text}") for label, text in configurations.items())
        options = ["--families", *families, "--methods", method, "--against", against]
        options += ["--draws", "2", "--samples", "60"]
        monkeypatch.setattr("sys.argv", ["finding.py", *options, *itertools.chain(*added)])
        finding.main()
        return capsys.readouterr().out

    output = run_with("numbers", "classes", same="max_iter=100", short="max_iter=1")
    assert {family.n_samples for family in drawn} == {60}
    table = output.split("score minus that of SET ± standard error")[1]
    for row in ("numbers", "classes", "mean"):
        same, short = re.search(rf"\| {row} \| (.*) \| (.*) \|", table).groups()
        assert same == "+0.000 ± 0.000"
        assert short != same
    assert "-" in re.search(r"\| numbers \| .* \| (.*) ±", table)[1]
    assert "| smoothed |" in run_with("classes", smoothed="label_smoothing=0.1")
    output = run_with("numbers", method="static", against="static", fixed="zeta=0")
    assert "| numbers | +0.000 ± 0.000 |" in output.split("minus that of static ±")[1]
    for message, wrong in (
        ("'static' is not one of the methods", {"against": "static", "same": ""}),
        ("'label_smoothing' for estimator SETRegressor", {"smoothed": "label_smoothing=0.1"}),
        ("the label 'static' is the name of a method", {"static": "zeta=0"}),
        ("is not of the form", {"": "zeta"}),
    ):
        with pytest.raises(SystemExit):
            run_with("classes", "numbers", **wrong)
        assert message in capsys.readouterr().err.replace('"', "'")


def test_figures_of_finding(finding):
    def outcomes(*scores, **found):
        found = dict.fromkeys(("precision", "integrated", "gradient", "left")) | found
        return [found | {"score": score, "seconds": 3 - score} for score in scores]

    of_family = {
        "chance": [0.5, 0.7],
        finding.LIMIT: outcomes(1, 1),
        "SET": outcomes(0.8, 1, precision=0.5, left=1200, integrated=0.75, gradient=0.25),
        "MLP": outcomes(0.5, 0.5),
        "RandomForest": outcomes(0.6, 0.6, precision=1),
    }
    score, precision, attribution, seconds = finding.FIGURES.values()
    names = (finding.LIMIT, "SET")
    assert [attribution(of_family, name) for name in names] == ["", "0.75 / 0.25"]
    assert [score(of_family, name) for name in (finding.LIMIT, "SET", "MLP")] == [
        "1.000",
        "0.900 (75)",
        "0.500 (-25)",
    ]
    assert [precision(of_family, name) for name in (finding.LIMIT, "SET", "RandomForest")] == [
        "",
        "0.50 (1,200)",
        "1.00",
    ]
    assert seconds(of_family, "SET") == "2.0"
    without_limit = {"chance": [0.5], "SET": outcomes(0.8)}
    assert score(without_limit, "SET") == "0.800"
    figures = finding.FIGURES.values()
    assert [figure(without_limit, finding.LIMIT) for figure in figures] == [""] * 4


def test_draws_differ_in_data_and_in_the_order_of_columns(finding):
    orders = set()
    for name, family in finding.FAMILIES.items():
        small = family._replace(n_samples=50, n_features=family.n_true + 6)
        data, same, other = (finding.draw(small, seed) for seed in ([0, 0], [0, 0], [0, 1]))
        assert data.X.shape == (50, family.n_true + 6), name
        assert data.true.shape == (family.n_true,)
        np.testing.assert_array_equal(data.X, same.X)
        assert not np.array_equal(data.y, other.y)
        orders |= {tuple(data.true), tuple(other.true)}
    assert len(orders) > len(finding.FAMILIES)


def test_laws_of_families(finding):
    rng = np.random.default_rng(0)
    X, y = finding.ring(2000, 5, 3, rng)
    assert X[y == 0, :3].std() < 0.9 < 1.1 < X[y == 1, :3].std()
    X, y = finding.product(200, 4, 2, rng)
    np.testing.assert_array_equal(y, X[:, 0] * X[:, 1] < 0)
    X, y = finding.correlated(300, 23, 3, rng)
    np.testing.assert_array_equal(X[:, 3:13], X[:, 13:])
    assert np.abs(np.corrcoef(X[:, :13].T)[:3, 3:]).max() < 0.3
    X, y = finding.FAMILIES["few_of_5000"].law(4000, 6, 5, rng)
    between = X[y == 1].mean(axis=0) - X[y == 0].mean(axis=0)
    np.testing.assert_allclose(np.abs(between), [2, 2, 2, 2, 2, 0], atol=0.2)
    X, y = finding.one_is_sure(4000, 32, 31, rng)
    means = np.array([X[y == label].mean(axis=0) for label in range(4)])
    assert means[0, 0] > 7.5
    np.testing.assert_allclose(means[1:, 1:31].sum(axis=1), 15, atol=2)
    np.testing.assert_allclose(means[:, 31], 0, atol=0.2)
    X, y = finding.skewed(3000, 8, 5, rng)
    scales = X.std(axis=0)
    assert scales.max() > 100 * scales.min()
    assert abs(y.mean() - 0.5) < 0.01
