"""The report: a page that needs nothing else and can be read anywhere, tables, and a model."""

import base64
import re
import struct
from html.parser import HTMLParser
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
from programs import N_SAMPLES, run, study, write
from scipy import sparse

from sklearn_set._cli.comparing import Comparison
from sklearn_set._cli.findings import Findings, verdict


class Page(HTMLParser):
    """Tags of a page, and whether they are balanced."""

    EMPTY = ("meta", "img", "br", "!doctype")

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.pictures, self.words = [], [], {}, []
        self.tables, self.ids = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        assert len(given) == len(attributes)
        self.ids += [given["id"]] if "id" in given else []
        if tag == "table":
            self.tables.append(self.around)
        self.around = given
        if tag == "img":
            self.pictures[self.figure] = given
        if tag == "figure":
            self.figure = given["id"]
        self.links += [given[name] for name in ("src", "href") if name in given]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.words.append(text)


def page_of(folder):
    return Page((folder / "report.html").read_text("utf-8"))


def check_pictures(page, names):
    assert list(page.pictures) == names
    for picture in page.pictures.values():
        content = base64.b64decode(picture["src"].removeprefix("data:image/png;base64,"))
        assert content.startswith(b"\x89PNG")
        width, height = struct.unpack(">II", content[16:24])
        assert 300 < width < 3000
        assert 300 < height < 3000
        assert re.search(r"\d", picture["alt"])  # it tells numbers, which the caption does not
        assert picture["alt"] not in " ".join(page.words)


def letters(picture, wide):
    """Height of the pixels of ten points in a picture that is shown so wide."""
    content = base64.b64decode(picture["src"].removeprefix("data:image/png;base64,"))
    (width,) = struct.unpack(">I", content[16:20])
    return 10 / 72 * 200 * wide / width  # pictures have 200 dots in an inch


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    frame = study().rename(columns={"gene3": "<b>&$x$"})
    path = write(folder, frame, "<genes>.csv")
    command = [path, "--methods", "ridge,logistic", "--repeats", "2", "--folds", "3"]
    assert run(*command, "--output", folder / "out") == 0
    return frame, folder / "out"


def test_the_page_is_whole_and_needs_nothing_else(report):
    page = page_of(report[1])
    assert page.open == []
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    names = ["scores", "roc", "reliability", "confusion", "genes", "training", "topology"]
    check_pictures(page, names)
    text = (report[1] / "report.html").read_text("utf-8")
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert "<b>" not in text.replace("<body>", "")
    words = " ".join(page.words)
    for told in (
        "<genes>.csv: sklearn_set report",
        "Labels are the last column 'type'",
        "3 folds, 2 times, classes in proportion",
        "the pictures show the first repeat",
        "ridge, tuned penalty",
        "probability of the true class",
        "times the mean strength",
        "in the top 6 of",
        "of what dense layers would have",
        "sklearn-set",
        "Seed 0",
    ):
        assert told in words, told


def test_the_page_can_be_read_on_a_telephone_and_by_keys(report):
    page = page_of(report[1])
    assert len(page.tables) == 3
    for around in page.tables:  # a part of its own that scrolls
        assert around["class"] == "wide"
        assert (around["role"], around["tabindex"]) == ("region", "0")
        assert around["aria-label"]
    assert len(page.ids) == len(set(page.ids))
    assert all(letters(picture, 368) > 9 for picture in page.pictures.values())
    words = " ".join(page.words)
    for short, full in (
        ("AUC", "area under the ROC curve"),
        ("ROC", "receiver operating characteristic"),
        ("SETClassifier", "Sparse Evolutionary Training"),
    ):
        assert short in words
        assert full in words


def test_long_names_of_classes_do_not_overlap(tmp_path):
    frame = study()
    frame["type"] = "a rather long name of a kind of " + frame["type"]
    path = write(tmp_path, frame)
    command = [path, "--target", "type", "--methods", "set", "--folds", "2"]
    assert run(*command, "--output", tmp_path / "out") == 0
    page = page_of(tmp_path / "out")
    predicted = pd.read_csv(tmp_path / "out" / "predictions.csv")
    for name, of_class in predicted.groupby("truth"):
        n_right = (of_class["SETClassifier"] == name).sum()
        assert f"{name} {n_right} of 20" in page.pictures["confusion"]["alt"]
        assert n_right >= 19
    assert letters(page.pictures["confusion"], 368) > 7


def test_the_page_of_a_regression(tmp_path):
    frame = study()
    frame["type"] = frame["gene1"] * 3 + 40.5
    path = write(tmp_path, frame)
    command = [path, "--target", "type", "--methods", "ridge", "--folds", "2"]
    assert run(*command, "--output", tmp_path / "out") == 0
    page = page_of(tmp_path / "out")
    check_pictures(page, ["scores", "estimates", "genes", "training", "topology"])
    words = " ".join(page.words)
    assert "as the target rises" in words
    assert "confusion" not in words


def test_the_model_is_that_of_all_samples_and_knows_its_genes(report):
    frame, folder = report
    model = joblib.load(folder / "model.joblib")
    table = frame.drop(columns=["sample", "type"])
    assert list(model.feature_names_in_) == list(table.columns)
    turned = table[table.columns[::-1]][model.feature_names_in_]
    assert np.mean(model.predict(turned) == frame["type"]) > 0.9
    readme = (folder / "README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    turned.to_csv(folder / "new_samples.csv")
    told = []
    code = code.replace('"model.joblib"', repr(str(folder / "model.joblib")))
    code = code.replace('"new_samples.csv"', repr(str(folder / "new_samples.csv")))
    exec(code, {"print": told.append})
    np.testing.assert_array_equal(told[0], model.predict(turned))
    assert told[1].shape == (N_SAMPLES, 2)


@pytest.mark.slow
def test_the_model_takes_logarithms_and_fills_cells_itself(tmp_path):
    frame = study()
    genes = frame.columns[1:-1]
    frame[genes] = np.exp(6 + frame[genes])
    frame.loc[3, "gene7"] = np.nan
    path = write(tmp_path, frame)
    assert run(path, "--methods", "set", "--output", tmp_path / "out") == 0
    model = joblib.load(tmp_path / "out" / "model.joblib")
    assert [name for name, _ in model.steps] == ["log2", "impute", "scale", "model"]
    assert np.mean(model.predict(frame[genes]) == frame["type"]) > 0.9
    readme = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "takes log2(1 + x) itself. Missing cells are filled in." in readme


@pytest.mark.slow
def test_a_model_of_sparse_samples(tmp_path):
    frame = study()
    X = frame[frame.columns[1:-1]].to_numpy()
    matrix = sparse.csr_array(np.where(X > 0, X, 0))
    sparse.save_npz(tmp_path / "X.npz", matrix)
    labels = pd.DataFrame({"id": range(N_SAMPLES), "label": frame["type"]})
    labels.to_csv(tmp_path / "y.csv", index=False)
    command = [tmp_path / "X.npz", "--annotations", tmp_path / "y.csv", "--methods", "set"]
    assert run(*command, "--output", tmp_path / "out") == 0
    model = joblib.load(tmp_path / "out" / "model.joblib")
    assert np.mean(model.predict(matrix) == frame["type"]) > 0.9
    assert "a sparse matrix" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_genes_of_noise_are_no_findings(tmp_path, capsys):
    """Models that share samples agree on noise: scores tell, and the list of genes says it."""
    frame = study(60, 400)
    frame.iloc[:, 1:-1] = np.random.default_rng(3).normal(8, 1, (60, 400)).round(3)
    command = [write(tmp_path, frame), "--methods", "ridge", "--output", tmp_path / "out"]
    assert run(*command) == 0
    told = capsys.readouterr().out
    summary, _, genes = told.partition("The strongest genes of")
    assert "is no better than guessing, so the list of genes means nothing." in summary
    assert "SETClassifier is no better than guessing, so this list of genes means nothing" in genes
    assert "5 of 5 models" in genes  # of noise
    assert "the models share most of their samples, so that genes of noise repeat" in genes
    assert "StabilitySelector of sklearn_set.feature_selection" in genes
    assert "by chance" not in genes
    words = " ".join(page_of(tmp_path / "out").words)
    assert "is no better than guessing, so the list of genes means nothing." in words
    assert "is no better than guessing, so this list of genes means nothing" in words
    assert "this list of genes means nothing" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_genes_that_predict_come_without_a_warning(report):
    words = " ".join(page_of(report[1]).words)
    assert "no better than guessing" not in words
    assert "the models share many of their samples" in words  # of three folds
    assert "The column 'difference' tells how far a gene's mean" in words
    readme = (report[1] / "README.md").read_text("utf-8")
    assert "look like logarithms or the like: the model takes them as they are." in readme
    assert "no better than guessing" not in (report[1] / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("ours", "best", "told"),
    [
        ([0.9, 0.8, 0.9], [0.7, 0.6, 0.6], "On these folds SETClassifier is better"),
        ([0.7, 0.6, 0.6], [0.9, 0.8, 0.9], "On these folds ridge, tuned penalty is better"),
        ([0.9, 0.7, 0.8], [0.8, 0.9, 0.7], "cannot tell which of the two is better"),
        ([0.9, 0.3, 0.5], [0.9, 0.8, 0.9], "no better than guessing"),
        ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5], "no better than guessing"),
    ],
)
def test_a_verdict_is_given_for_every_difference(ours, best, told):
    scores = {"set": ours, "ridge": best, "chance": [0.5] * 3}
    fits = {
        method: [SimpleNamespace(scores={"balanced accuracy": value}) for value in values]
        for method, values in scores.items()
    }
    data = SimpleNamespace(is_classification=True)
    found = Findings(data, Comparison([], list(scores), fits), None, None, 3, 1, 0)
    assert told in verdict(found)
    judged = ("On these folds" in verdict(found)) + ("cannot tell which" in verdict(found))
    assert judged == 1
    assert ("no better than guessing" in verdict(found)) == (told == "no better than guessing")
