"""Examples of the documentation run; what it quotes is verbatim."""

import ast
import linecache
import re
import subprocess
import sys
import textwrap
import warnings

import pytest
from doc_pages import CORE, GUIDE, PAGES, ROOT, blocks_of, name_of, text_of
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

if not (CORE.is_dir() and (ROOT / "doc").is_dir()):
    pytest.skip("the sources and the documentation are not in this copy", allow_module_level=True)

RUNNABLE = [
    page
    for page in PAGES
    if any(block.language == "python" and not block.source for block in blocks_of(page))
]
QUOTES = [block for page in PAGES for block in blocks_of(page) if block.source]

# Pages whose examples take more than a second.
SLOW = {ROOT / "README.md"}
SLOW |= {ROOT / "doc" / name for name in ("index.md", "coming_from_mlp.md", "recipes.md")}
SLOW |= {page for page in RUNNABLE if page.parent == GUIDE}


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.slow] if page in SLOW else []) for page in RUNNABLE],
    ids=name_of,
)
def test_examples_run(page):
    # In order and in one namespace, as a reader would type them.  One thread, so that the time
    # does not depend on what else the machine does.  Whether the few epochs of an example
    # suffice is not what it is about; every other warning is an error.
    namespace = {"__name__": "__main__"}
    linecache.checkcache(str(page))
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for block in blocks_of(page):
            if block.language == "python" and not block.source:
                # Empty lines in front: a traceback names the line of the page, and shows it.
                code = "\n" * (block.line - 1) + block.code
                exec(compile(code, str(page), "exec"), namespace)


EXAMPLES = ROOT / "doc" / "examples"
GALLERY = sorted(EXAMPLES.glob("*/plot_*.py"))


def check_gene_selection(printed, titles):
    found = re.search(r"^(\d+) of the 30 strongest genes are informative$", printed, re.MULTILINE)
    assert int(found[1]) >= 24
    assert re.search(r"^SETSelector: recall 0\.[89]\d with 30 genes", printed, re.MULTILINE)
    steady = re.search(r"^(\d+) genes are selected .*; (\d+) of them", printed, re.MULTILINE)
    assert int(steady[2]) >= 0.8 * int(steady[1]) > 12


def check_stability_selection(printed, titles):
    selected = re.search(r"^(\d+) genes are selected; (\d+) of them", printed, re.MULTILINE)
    assert int(selected[2]) >= int(selected[1]) - 1 >= 4
    assert float(re.search(r"at most (\S+) false", printed)[1]) <= 1
    means = re.findall(r"(\S+) true and (\S+) false .*; (\S+) \(none\), (\S+) \(uni", printed)
    assert len(means) == 8
    for true, false, worst, unimodal in (map(float, each) for each in means):
        assert true > 3
        assert false <= unimodal <= worst


def check_feature_search(printed, titles):
    assert "features left: [ 40 170 260]\n" in printed
    found, blind = map(float, re.findall(r": (0\.\d{3})$", printed, re.MULTILINE))
    assert found > 0.95 > 0.8 > blind


def check_embedding(printed, titles):
    features, components, hidden = map(float, re.findall(r" by .*: (0\.\d{3})$", printed, re.M))
    assert max(features, components) < 0.5 < 0.8 < hidden
    alone, network, both = map(float, re.findall(r"^R2 .*: (0\.\d{3})$", printed, re.M))
    assert alone < 0.6 < 0.9 < min(network, both)
    within = [int(share) for share in re.findall(r": (\d+)% of the targets", printed)]
    assert 80 <= within[1] < 93 < within[0]


def check_groups(printed, titles):
    found = re.findall(r"held-out loss (\S+), loss on new patients (\S+)$", printed, re.M)
    (without, truth), (whole, true) = [map(float, pair) for pair in found]
    assert without < truth - 0.2
    assert abs(whole - true) < 0.1
    found = re.findall(r"patients (\S+), genes kept (\d+)$", printed, re.M)
    (without, many), (whole, few) = [map(float, pair) for pair in found]
    assert without < whole - 0.05
    assert few < many / 2


def check_pictures(printed, titles):
    assert [len(shown) for shown in titles] == [1, 2, 2, 1, 1]


def check_sparse_text(printed, titles):
    ours, *others = map(float, re.findall(r"accuracy on new documents (\S+)$", printed, re.M))
    assert ours >= 0.97
    assert max(others) < ours + 0.02


def check_reasons(printed, titles):
    assert float(re.search(r"^accuracy (0\.\d\d|1\.00)$", printed, re.MULTILINE)[1]) >= 0.95
    assert float(re.search(r"^largest difference: (\S+)$", printed, re.MULTILINE)[1]) < 1e-12
    assert [len(shown) for shown in titles] == [1, 1, 1, 2]
    assert all(int(re.search(r": (\d+) of 15 differ", each)[1]) >= 13 for each in titles[-1])


# What must be true of what an example prints, and of the titles of its figures.
CHECKS = {
    "plot_embedding.py": check_embedding,
    "plot_feature_search.py": check_feature_search,
    "plot_gene_selection.py": check_gene_selection,
    "plot_groups.py": check_groups,
    "plot_inspection.py": check_pictures,
    "plot_reasons.py": check_reasons,
    "plot_sparse_text.py": check_sparse_text,
    "plot_stability_selection.py": check_stability_selection,
}


@pytest.mark.slow
@pytest.mark.parametrize("path", GALLERY, ids=name_of)
def test_gallery_runs(path, monkeypatch, capsys):
    plt = pytest.importorskip("matplotlib.pyplot")
    if "sklearn_set.callbacks" in text_of(path):
        pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    # Figures are drawn, nobody looks at them.
    titles = []

    def show():
        for number in plt.get_fignums():
            axes = plt.figure(number).axes
            titles.append([ax.get_title() for ax in axes if ax.get_title()])
            for ax in axes:
                if "epoch" in ax.get_xlabel().lower():
                    assert all(tick == round(tick) for tick in ax.get_xticks()), "no whole epochs"
        plt.close("all")

    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", show)
    linecache.checkcache(str(path))
    # A warning would be printed on the page, with paths of the machine that built it: an example
    # whose epochs are few ignores the ConvergenceWarning itself, and says why.
    with threadpool_limits(1), warnings.catch_warnings():
        exec(compile(text_of(path), str(path), "exec"), {"__name__": "__main__"})
    assert titles, "an example of the gallery has a picture"
    assert plt.get_fignums() == [], "plt.show() comes after every figure"
    if path.name in CHECKS:
        CHECKS[path.name](capsys.readouterr().out, titles)


def test_gallery_has_every_example_in_a_section():
    """doc/conf.py has the order of sections and of examples; each section has its heading."""
    sections = next(
        ast.literal_eval(node.value)
        for node in ast.parse(text_of(ROOT / "doc" / "conf.py")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "GALLERY"
    )
    listed = [
        EXAMPLES / section / f"plot_{name}.py" for section in sections for name in sections[section]
    ]
    assert sorted(listed) == sorted(EXAMPLES.rglob("plot_*.py"))
    for section in sections:
        title, line, *about = text_of(EXAMPLES / section / "GALLERY_HEADER.rst").splitlines()
        assert line == "-" * len(title)
        assert any(about)


def test_examples_are_there():
    assert {path.name for path in GALLERY} > set(CHECKS)
    assert set(RUNNABLE) > SLOW
    assert sum(page.parent == GUIDE for page in SLOW) >= 10


@pytest.mark.parametrize("path", GALLERY, ids=name_of)
def test_gallery_examples_begin_with_a_heading(path):
    # sphinx-gallery makes it the title of the page.
    text = ast.get_docstring(ast.parse(text_of(path)))
    title, line = re.match(r"(?:=+\n)?(.+)\n(=+)\n\n\S", text).groups()
    assert len(line) == len(title)


def printed_by(example, options):
    """What an example prints, and what it shows on the way."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / example, *options.split()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.slow
def test_example_of_a_million_neurons():
    options = "--hidden 300 200 --epochs 3 --samples 60 --features 400"
    printed, shown = printed_by("million_neurons.py", options)
    assert "60 samples x 400 genes, 3 classes; 45 samples to learn from, 15 to be" in printed
    assert "903 neurons in layers of 400, 300, 200, 3\n6,600 connections" in printed
    assert re.search(r"^\d+\.\d s per epoch.*\n\d\.\d\d GiB peak memory", printed, re.MULTILINE)
    scores = dict(re.findall(r"^(\w[\w, ]*?) +(\d\.\d{3}) +\d+\.\d$", printed, re.MULTILINE))
    assert next(iter(scores)) == "SETClassifier"
    assert len(scores) == 4
    assert all(0 <= float(score) <= 1 for score in scores.values())
    assert re.findall(r"^ +\d+\.\d s  Iteration (\d), loss = ", shown, re.MULTILINE) == [*"123"]


@pytest.mark.slow
def test_example_of_fifty_million_neurons():
    printed, shown = printed_by("fifty_million_neurons.py", "--neurons 4001")
    figures = [line.split("  ")[-1].partition(",")[0] for line in printed.splitlines()]
    assert figures == [
        "neurons",
        "connections; density 3.4e-03",
        "to build the network",
        "per epoch of 4 steps",
        "per evolution",
        "to predict 32 samples",
        "peak memory",
        "accuracy on these samples",
    ]
    assert "       4,102  neurons, in layers of 100, 2,000, 2,001, 1\n" in printed
    assert shown.count("Iteration") == 5


@pytest.mark.parametrize("block", QUOTES, ids=str)
def test_quotes_are_verbatim(block):
    quoted = block.code.rstrip("\n").split("\n")
    lines = (ROOT / block.source).read_text(encoding="utf-8").split("\n")
    found = any(
        textwrap.dedent("\n".join(lines[start : start + len(quoted)])).split("\n") == quoted
        for start in range(len(lines) - len(quoted) + 1)
    )
    assert found, f"{block.source} does not contain\n{block.code}"


def test_quotes_are_found():
    assert len(QUOTES) >= 10
