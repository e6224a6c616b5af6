"""The demo tells what it has read from a file, and trains on it."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import needs_documentation
from user_files import REAL, csv_text, samples

DEMO = Path(__file__).resolve().parents[1] / "doc" / "examples" / "demo.py"


@pytest.fixture
def table(tmp_path):
    """A file with an index of pandas, decimal commas and hashes."""
    X = np.random.default_rng(0).normal(size=(40, 3))
    frame = pd.DataFrame(X, columns=["g #1", "g2", "g3"])
    frame["kind"] = np.where(X[:, 0] > 0, "tumor #1", "tumor #2")
    frame.to_csv(tmp_path / "a.csv", sep=";", decimal=",")
    return tmp_path / "a.csv"


TOLD = """
a.csv is a table with semicolons between its cells, decimal commas.
40 samples, 3 features, no missing cells.
Labels are the last column 'kind': 2 classes, 'tumor #1' (19), 'tumor #2' (21).
Left out: column 1 (numbers or names of the samples).
"""


def load_demo():
    spec = importlib.util.spec_from_file_location("demo", DEMO)
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    return demo


def run_demo(*options):
    return subprocess.run(
        [sys.executable, DEMO, *map(str, options)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@needs_documentation
def test_the_demo_tells_what_it_read(table, monkeypatch, capsys):
    demo, compared, tuned = load_demo(), [], []
    monkeypatch.setattr(demo, "compare", lambda *given: compared.append(given))
    monkeypatch.setattr(demo, "tune", lambda *given: tuned.append(given))
    monkeypatch.setattr(sys, "argv", ["demo.py", "--data", str(table)])
    demo.main()
    assert capsys.readouterr().out.endswith(TOLD)
    ((name, X, y),) = compared
    assert name == "a.csv"
    assert X.shape == (40, 3)
    assert set(y) == {"tumor #1", "tumor #2"}
    assert len(tuned) == 1


@pytest.mark.slow
@needs_documentation
@pytest.mark.slow
def test_the_demo_reads_a_file(table):
    done = run_demo("--data", table)
    assert done.returncode == 0, done.stderr
    assert f"{TOLD}\na.csv: 40 samples x 3 features, classes of 19, 21 samples;" in done.stdout
    assert "GridSearchCV: best" in done.stdout


@pytest.mark.slow
@needs_documentation
def test_the_demo_refuses_a_file_in_one_line(table):
    done = run_demo("--data", table, "--target", "typ")
    assert done.returncode == 1
    assert re.fullmatch(r".*a\.csv has no column 'typ'[^\n]*\n", done.stderr), done.stderr


@needs_documentation
@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["a"] * 6 + ["b"] * 3 + ["c"] * 3, r"1 of 3 classes have 5 samples or more"),
        (REAL, r"a\.csv has numbers as labels.*TARGET="),
    ],
)
def test_the_demo_ends_where_there_are_no_classes(labels, told, tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text(csv_text(samples(labels)))
    monkeypatch.setattr(sys, "argv", ["demo.py", "--data", str(path)])
    with pytest.raises(SystemExit, match=told):
        load_demo().main()
