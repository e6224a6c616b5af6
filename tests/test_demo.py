"""The demo compares and tunes, and made the table of README.md; a file goes to the program."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import needs_documentation
from programs import run, study, write

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "doc" / "examples" / "demo.py"


def load_demo():
    spec = importlib.util.spec_from_file_location("demo", DEMO)
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    return demo


@needs_documentation
def test_the_demo_compares_and_tunes_on_three_sets(monkeypatch):
    demo, compared, tuned = load_demo(), [], []
    monkeypatch.setattr(demo, "compare", lambda *given: compared.append(given))
    monkeypatch.setattr(demo, "tune", lambda *given: tuned.append(given))
    demo.main([])
    assert [(name, X.shape) for name, X, _ in compared] == [
        ("breast cancer", (569, 30)),
        ("digits", (1797, 64)),
        ("generated microarray", (200, 20_000)),
    ]
    assert all(X.dtype == np.float32 for X, _ in tuned)
    assert len(tuned) == 3


@pytest.mark.slow
@needs_documentation
def test_the_demo_prints_a_table_and_what_tuning_is_worth(capsys):
    demo = load_demo()
    frame = study(60, 80)
    X, y = frame.iloc[:, 1:-1].to_numpy(np.float32), (frame["type"] == "tumour").to_numpy()
    demo.compare("small", X, y)
    demo.tune(X, y)
    told = capsys.readouterr().out
    assert "small: 60 samples x 80 features, classes of" in told
    for name in ("SETClassifier", "MLPClassifier", "LogisticRegression"):
        assert re.search(rf"^{name} +[01]\.\d{{3}} \+- ", told, re.MULTILINE), name
    assert re.search(r"GridSearchCV: best .*; held-out accuracy [01]\.\d{3}, default", told)


def rows_of(page):
    """Cells of the rows of a page's first table that has accuracies."""
    text = (ROOT / page).read_text("utf-8").split("| model | accuracy |", 1)[1]
    rows = [line for line in text.split("\n\n")[0].split("\n")[2:] if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


@needs_documentation
def test_the_table_of_the_readme_is_that_of_the_demo(monkeypatch, capsys):
    """Its head, rows and numbers of connections; accuracy and seconds are those of a machine."""
    demo = load_demo()
    fits = [demo.SETClassifier(max_iter=1), demo.MLPClassifier(max_iter=1)]
    fits += [demo.LogisticRegression(max_iter=1)]
    monkeypatch.setattr(demo, "models", lambda: fits)
    sets = demo.data_sets()
    monkeypatch.setattr(demo, "FOLDS", demo.StratifiedKFold(2))
    few = {name: (X[:100], y[:100]) for name, (X, y) in sets.items()}
    monkeypatch.setattr(demo, "data_sets", lambda: few)
    demo.main(["--table"])
    readme = (ROOT / "README.md").read_text("utf-8")
    table = re.search(r"<!-- demo table: .*? --table -->\n(.*?)\n<!-- end -->", readme, re.S)[1]
    numbers = re.compile(r"\d\.\d{3} ± \d\.\d{3}|\d+\.\d\d(?= \|)")
    printed = capsys.readouterr().out.rstrip("\n")
    for name, (X, _) in sets.items():
        printed = printed.replace(f"| {name}, 100 ×", f"| {name}, {len(X):,} ×")  # noqa: RUF001
    assert numbers.sub("0", table) == numbers.sub("0", printed)
    assert len(numbers.findall(table)) == 2 * 9


@needs_documentation
def test_the_benchmarks_have_the_numbers_of_the_readme():
    first, second = rows_of("README.md"), rows_of("doc/benchmarks.md")
    assert len(first) == 9
    assert first == [[*row[:4], row[-1]] for row in second]


@needs_documentation
def test_make_demo_with_a_file_calls_the_program(tmp_path):
    """The options that the Makefile writes are those of the program."""
    if not (ROOT / "Makefile").is_file():
        pytest.skip("the Makefile is not in this copy")
    rule = re.search(r"^demo:.*\n\t(.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1]
    assert '$(if $(DATA),-m sklearn_set "$(DATA)"' in rule
    written = re.findall(r"(--\w+)", rule)
    assert written == ["--target"]
    assert run(write(tmp_path, study()), *written, "type", "--dry-run") == 0
