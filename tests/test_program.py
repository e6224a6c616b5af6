"""The program: what it says, what it writes, how it ends."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import needs_documentation
from programs import N_SAMPLES, pages, run, study, write

import sklearn_set
from sklearn_set._cli import program
from sklearn_set._cli.methods import CHANCE, METHODS
from sklearn_set._cli.options import parser

ROOT = Path(sklearn_set.__file__).parents[1]


def refused(capsys, *words):
    """The one line that says why the program does nothing."""
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(r"sklearn-set: [^\n]+\n", error), error
    return error


# ----------------------------------------------------------------------------------- good files


def test_a_report_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    write(tmp_path, study())
    assert run("genes.csv", "--methods", "ridge") == 0
    told = capsys.readouterr()
    understood, _, results = told.out.partition("\n\n")
    assert understood.startswith("genes.csv is a table with commas between its cells.\n")
    assert "Labels are the last column 'type': 2 classes, 'normal' (" in understood
    assert re.search(r"^SETClassifier +[01]\.\d{3} ± 0\.\d{3} ", results, re.MULTILINE)
    assert re.search(r"^ridge, tuned penalty .* – ", results, re.MULTILINE)
    assert re.search(r"^1 +gene\d+ +(tumour|normal) ", results, re.MULTILINE)
    assert results.endswith(
        "\nThe report is genes-report/report.html; README.md beside it lists the rest.\n"
    )
    assert "15 of 15 fits" in told.err
    names = {path.name for path in (tmp_path / "genes-report").iterdir()}
    tables = {"predictions.csv", "scores.csv", "genes.csv"}
    assert names == {"report.html", "README.md", "model.joblib", *tables}
    assert {path.name for path in tmp_path.iterdir()} == {"genes.csv", "genes-report"}
    assert "is there already" not in told.err
    assert run("genes.csv", "--methods", "set") == 0
    assert (tmp_path / "genes-report-2" / "report.html").exists()
    said = capsys.readouterr().err
    assert said.startswith("genes-report is there already: this report goes to genes-report-2.\n")


def test_what_was_understood_is_said_before_any_work(tmp_path, monkeypatch, capsys):
    def fail(*args, **kwargs):
        raise ValueError("work")

    monkeypatch.setattr(program, "compare", fail)
    path = write(tmp_path, study())
    assert run(path, "--output", tmp_path / "out") == 1
    told = capsys.readouterr()
    assert "40 samples, 60 genes, no missing cells." in told.out
    assert told.err == "sklearn-set: work\n"
    assert not (tmp_path / "out").exists()
    assert run(path, "--dry-run") == 0
    assert capsys.readouterr().out == told.out


@pytest.mark.slow
def test_same_seed_same_files_also_with_several_jobs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, study())
    command = ["genes.csv", "--methods", "logistic", "--folds", "2"]
    for name, more in {"a": [], "b": [], "jobs": ["--jobs", 2], "seed": ["--seed", 1]}.items():
        assert run(*command, *more, "--output", name) == 0
    made = {name: pages(tmp_path / name) for name in ("a", "b", "jobs", "seed")}
    for each in made.values():
        del each["README.md"]  # it holds the command
        assert len(each) == 3
    assert made["a"] == made["b"] == made["jobs"]
    assert made["a"]["predictions.csv"] != made["seed"]["predictions.csv"]


@pytest.mark.slow
def test_all_methods_of_both_kinds(tmp_path, capsys):
    frame = study()
    assert run(write(tmp_path, frame), "--folds", "2", "--output", tmp_path / "a") == 0
    frame["type"] = frame["gene1"] * 3 + 40.5
    command = [write(tmp_path, frame), "--target", "type", "--folds", "2", "--repeats", "2"]
    assert run(*command, "--output", tmp_path / "b") == 0
    told = capsys.readouterr().out
    first, second = told.split("The report is", 1)
    for title in ("MLPClassifier", "logistic regression", "ridge", "random forest", "+ SVC"):
        assert f"\n{title}" in first or title in first, title
    for title in ("SETRegressor", "MLPRegressor", "ridge", "random forest", "+ SVR", "no genes"):
        assert title in second, title
    assert "logistic" not in second
    scores = pd.read_csv(tmp_path / "b" / "scores.csv")
    assert list(scores.columns) == ["method", "repeat", "fold", "R²", "MAE"]
    assert scores.groupby("method").size().unique().tolist() == [4]
    assert scores[["R²", "MAE"]].notna().all(axis=None)


@pytest.mark.slow
def test_every_sample_is_predicted_once_in_each_repeat(tmp_path):
    frame = study()
    path = write(tmp_path, frame)
    command = [path, "--methods", "ridge", "--folds", "4", "--repeats", "2"]
    assert run(*command, "--output", tmp_path / "out") == 0
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert table["sample"].tolist() == frame["sample"].tolist() * 2
    assert table["truth"].tolist() == frame["type"].tolist() * 2
    assert table["repeat"].tolist() == [1] * N_SAMPLES + [2] * N_SAMPLES
    assert sorted(table["fold"].unique()) == [1, 2, 3, 4]
    shares = table.filter(like="probability of")
    assert list(shares.columns) == [
        f"SETClassifier: probability of {label}" for label in ("normal", "tumour")
    ]
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=2e-6)
    names = np.array(["normal", "tumour"])
    np.testing.assert_array_equal(names[shares.to_numpy().argmax(axis=1)], table["SETClassifier"])
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    right = (table["truth"] == table["SETClassifier"]).groupby([table["repeat"], table["fold"]])
    ours = scores.loc[scores["method"] == "SETClassifier", "accuracy"]
    np.testing.assert_allclose(ours, right.mean(), atol=1e-6)


@pytest.mark.slow
def test_groups_stay_together(tmp_path):
    frame = study()
    frame.insert(1, "patient", [f"pt{place // 2}" for place in range(N_SAMPLES)])
    command = [write(tmp_path, frame), "--groups", "patient", "--methods", "set"]
    assert run(*command, "--output", tmp_path / "out") == 0
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert table["group"].tolist() == frame["patient"].tolist()
    assert (table.groupby("group")["fold"].nunique() == 1).all()
    assert table["fold"].nunique() == 5


# ---------------------------------------------------------------------------------- wrong files


def test_wrong_files_get_one_line(tmp_path, capsys):
    assert "There is no file" in refused(capsys, tmp_path / "none.csv")
    for name, content, told in (
        ("empty.csv", b"", "is empty"),
        ("noise.csv", bytes(range(256)) * 9, "zero bytes"),
        ("noise.npz", bytes(range(256)) * 9, "cannot be read as an .npz file"),
        ("noise.csv.gz", b"\x1f\x8b" + bytes(range(256)), "cannot be unpacked"),
        ("table.xlsx", b"PK\x03\x04", "unknown kind"),
        ("one.csv", b"a\n1\n2\n", "one column only"),
    ):
        (tmp_path / name).write_bytes(content)
        assert told in refused(capsys, tmp_path / name), name
    frame = study()
    path = write(tmp_path, frame)
    assert "no column 'kind'" in refused(capsys, path, "--target", "kind")
    assert "one class only" in refused(capsys, write(tmp_path, frame.assign(type="a")))
    text = frame.assign(gene5=["low", "high"] * 20)
    assert "text in 1 column" in refused(capsys, write(tmp_path, text))
    twice = frame.assign(sample=["P0", "P0", *frame["sample"][2:]])
    assert "same name in 'sample': 'P0'" in refused(capsys, write(tmp_path, twice))
    assert "numbers in the last column" in refused(capsys, write(tmp_path, frame.iloc[:, :-1]))


def test_too_few_samples_get_one_line(tmp_path, capsys):
    frame = study()
    few = frame.assign(type=np.where(np.arange(N_SAMPLES) < 3, "rare", frame["type"]))
    path = write(tmp_path, few)
    told = refused(capsys, path)
    assert "has 3 samples of class 'rare', expected at least 5, one for each fold. " in told
    assert "Say --folds 3, or take this class out" in told
    assert run(path, "--folds", "3", "--dry-run") == 0
    path = write(tmp_path, frame.assign(batch="a"))
    assert "has 1 group, expected" in refused(capsys, path, "--target", "type", "--groups", "batch")
    frame["patient"] = np.where(frame["type"] == "tumour", "pt0", frame["sample"])
    path = write(tmp_path, frame)
    told = refused(capsys, path, "--target", "type", "--groups", "patient")
    assert "has 1 group of class 'tumour', expected at least 2" in told
    path = write(tmp_path, study().iloc[:6].assign(type=np.linspace(0.5, 3, 6)))
    assert "6 samples, expected at least 10" in refused(capsys, path, "--target", "type")


@pytest.mark.slow
def test_folders_are_not_overwritten(tmp_path, capsys):
    path = write(tmp_path, study())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert "is there already" in refused(capsys, path, "--output", tmp_path / "out")
    assert "is there already" in refused(capsys, path, "--output", path)
    assert "There is no folder" in refused(capsys, path, "--output", tmp_path / "no" / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    assert run(path, "--methods", "set", "--output", tmp_path / "empty") == 0
    assert (tmp_path / "empty" / "report.html").exists()


@pytest.mark.parametrize("module", ["pandas", "matplotlib", "matplotlib.figure"])
def test_what_is_not_installed_is_told_before_any_work(module, tmp_path, capsys, monkeypatch):
    path = write(tmp_path, study())
    monkeypatch.setitem(sys.modules, module, None)
    name = module.partition(".")[0]
    assert f"Install it: pip install {name}" in refused(capsys, path)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--folds", "1"], "must be 2 or more, got 1"),
        (["--repeats", "0"], "must be 1 or more"),
        (["--folds", "x"], "invalid whole number value: 'x'"),
        (["--methods", "svm"], "must be some of set,mlp,logistic,ridge,forest,svc, got 'svm'"),
        (["--jobs", "0"], "must be 1 or more, or -1"),
        (["--seed", "-1"], "must be 0 or more and 2147483647 or less, got -1"),
        (["--raw", "maybe"], "invalid choice: 'maybe'"),
    ],
)
def test_wrong_options_are_refused(words, told, capsys):
    assert run("genes.csv", *words) == 2
    assert told in capsys.readouterr().err


def options_of_the_parser():
    return {name for action in parser()._actions for name in action.option_strings} - {"-h"}


def test_help_has_all_options_and_no_others(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert run("--help") == 0
    told = capsys.readouterr().out
    assert set(re.findall(r"(?<![\w-])--[a-z-]+", told)) == options_of_the_parser()
    assert max(map(len, told.splitlines())) <= 100


@needs_documentation
def test_the_page_has_all_options_and_no_others():
    page = (ROOT / "doc" / "own_table.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(--[a-z-]+)", page, re.MULTILINE)) == options_of_the_parser()
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page)) == options_of_the_parser()
    for name in METHODS:
        assert name == CHANCE or f" {name}," in page or f" {name};" in page, name


# ----------------------------------------------------------------------------- a full disk, Ctrl-C


@pytest.mark.slow
def test_a_report_is_complete_or_not_there(tmp_path, capsys, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("joblib.dump", full)
    path = write(tmp_path, study())
    assert run(path, "--methods", "set", "--output", tmp_path / "out") == 1
    assert capsys.readouterr().err.endswith("sklearn-set: [Errno 28] No space left on device\n")
    assert {each.name for each in tmp_path.iterdir()} == {"genes.csv"}


# Ctrl-C comes in the first fit of a method, or while the report is written.
INTERRUPTED = """
    import os, signal, sys
    import joblib
    from sklearn.neural_network import MLPClassifier
    from sklearn_set import SETClassifier
    from sklearn_set._cli.program import main

    def press(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGINT)
        return real(*args, **kwargs)

    place = sys.argv[1]
    owner, name = {
        "set": (SETClassifier, "_prepare"),
        "mlp": (MLPClassifier, "_backprop"),  # there it ends the training only
        "dump": (joblib, "dump"),
    }[place]
    real = getattr(owner, name)
    setattr(owner, name, press)
    sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a single process")
@pytest.mark.parametrize("place", ["set", "mlp", "dump"])
def test_ctrl_c_ends_in_one_line(place, tmp_path):
    path = write(tmp_path, study())
    words = [place, path, "--methods", "mlp", "--output", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr.splitlines()[-1] == "sklearn-set: Interrupted: nothing was written."
    assert "Traceback" not in done.stderr
    assert {each.name for each in tmp_path.iterdir()} == {"genes.csv"}


@pytest.mark.slow
def test_ctrl_c_after_the_report_says_that_it_is_there(tmp_path, capsys, monkeypatch):
    def press(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "_tell", press)
    path = write(tmp_path, study())
    assert run(path, "--methods", "set", "--output", tmp_path / "out") == 130
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == f"sklearn-set: Interrupted: {tmp_path / 'out'} is complete."
    assert (tmp_path / "out" / "report.html").exists()


def test_the_handler_of_ctrl_c_is_put_back(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    assert run(write(tmp_path, study()), "--dry-run") == 0
    assert signal.getsignal(signal.SIGINT) is before


# ---------------------------------------------------------------------------------- as a process


@pytest.mark.slow
def test_the_program_runs_as_a_module(tmp_path):
    path = write(tmp_path, study())
    command = [sys.executable, "-m", "sklearn_set", path, "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "40 samples, 60 genes" in done.stdout
    done = subprocess.run([*command[:3], "x.csv"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "sklearn-set: There is no file x.csv.\n"


def test_a_script_is_installed():
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("the package is installed without its sources")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["scripts"] == {"sklearn-set": "sklearn_set._cli.program:main"}
    needed = project["project"]["optional-dependencies"]["report"]
    assert [name.partition(">")[0] for name in needed] == ["pandas", "matplotlib", "tqdm"]


@pytest.mark.slow
@pytest.mark.parametrize("imported", ["sklearn_set", "sklearn_set._cli.program"])
def test_imports_need_nothing_optional(imported):
    code = f"""
        import sys
        for name in ("pandas", "matplotlib", "tqdm", "anndata"):
            sys.modules[name] = None  # as if it were not installed
        import {imported}
        print("sklearn_set._cli" in sys.modules)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{imported != 'sklearn_set'}\n"
