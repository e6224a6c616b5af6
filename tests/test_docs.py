"""The documentation is true: examples run, names and links exist, quotes and tables match."""

import ast
import functools
import importlib.util
import inspect
import linecache
import re
import subprocess
import sys
import textwrap
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.feature_selection import SETSelector
from sklearn_set.optimizers import HYPER_PARAMETERS, SGD, Adam

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "doc").glob("*.md")),
    *sorted((ROOT / ".github").glob("*.md")),
]
CORE = ROOT / "sklearn_set" / "_core"

if not (CORE.is_dir() and (ROOT / "doc").is_dir()):
    pytest.skip("the sources and the documentation are not in this copy", allow_module_level=True)

FENCE = re.compile(
    r"(?:^ *<!-- from (?P<source>\S+) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its code, and the file it quotes, if any."""

    page: Path
    line: int
    language: str
    source: str | None
    code: str

    def __str__(self):
        return f"{self.page.name}:{self.line}"


def name_of(page):
    return page.name


def text_of(page):
    return page.read_text(encoding="utf-8")


def blocks_of(page):
    text = text_of(page)
    return [
        Block(
            page,
            text.count("\n", 0, match.start("code")) + 1,
            match["language"],
            match["source"],
            textwrap.dedent(match["code"]),
        )
        for match in FENCE.finditer(text)
    ]


def prose_of(page):
    """The page without its fenced blocks."""
    return FENCE.sub("", text_of(page))


def slug(heading):
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


SOURCES = (".py", ".pyx", ".pxd", ".pxi", ".h")

every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)

RUNNABLE = [
    page
    for page in PAGES
    if any(block.language == "python" and not block.source for block in blocks_of(page))
]
QUOTES = [block for page in PAGES for block in blocks_of(page) if block.source]

# Pages whose examples take more than a second.
SLOW = {"README.md", "coming_from_mlp.md", "user_guide.md"}


# ------------------------------------------------------------------------------- examples


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.slow] if page.name in SLOW else [])
        for page in RUNNABLE
    ],
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


GALLERY = sorted((ROOT / "doc" / "examples").glob("plot_*.py"))


def check_gene_selection(printed, titles):
    found = re.search(r"^(\d+) of the 30 strongest genes are informative$", printed, re.MULTILINE)
    assert int(found[1]) >= 24
    assert re.search(r"^SETSelector: recall 0\.[89]\d with 30 genes", printed, re.MULTILINE)
    steady = re.search(r"^(\d+) genes are selected .*; (\d+) of them", printed, re.MULTILINE)
    assert int(steady[2]) >= 0.8 * int(steady[1]) > 12


def check_pictures(printed, titles):
    assert [len(shown) for shown in titles] == [1, 2, 2, 1, 1]


# What must be true of what an example prints, and of the titles of its figures.
CHECKS = {
    "plot_gene_selection.py": check_gene_selection,
    "plot_inspection.py": check_pictures,
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
            titles.append([ax.get_title() for ax in plt.figure(number).axes if ax.get_title()])
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


def test_examples_are_there():
    assert {path.name for path in GALLERY} > set(CHECKS)
    assert {page.name for page in RUNNABLE} > SLOW


@pytest.mark.parametrize("path", GALLERY, ids=name_of)
def test_gallery_examples_begin_with_a_heading(path):
    # sphinx-gallery makes it the title of the page.
    text = ast.get_docstring(ast.parse(text_of(path)))
    title, line = re.match(r"(?:=+\n)?(.+)\n(=+)\n\n\S", text).groups()
    assert len(line) == len(title)


def printed_by(example, options):
    """What an example prints, and what it shows on the way."""
    done = subprocess.run(
        [sys.executable, ROOT / "doc" / "examples" / example, *options.split()],
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


# -------------------------------------------------------------------------------- recipes

EXTENDING = ROOT / "doc" / "extending.md"


def recipes_of(text):
    """Heading -> steps of each recipe; what is not numbered is one step."""
    recipes = {}
    for section in FENCE.sub("", text).split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        recipes[heading] = re.split(r"^(?=\d+\. )", body, flags=re.MULTILINE)
    return recipes


def files_of(step):
    """Files that a step names, by path or by a link to a page."""
    paths = re.findall(r"`((?:sklearn_set|tests|doc)/[\w/.]+|setup\.py)`", step)
    return paths + [f"doc/{page}" for page in re.findall(r"\]\((\w+\.md)[#)]", step)]


def missing_places(step, files):
    """Names in a step that none of the files has; of a dotted name each part must be there."""
    text = "\n".join(text_of(ROOT / file) for file in files)
    names = re.findall(r"`([A-Za-z_][\w.]*?)(?:\[\d+\]|\([^`]*\)|=\w+)?`", step)
    return {
        name
        for name in names
        if not all(re.search(rf"\b{part}\b", text) for part in name.split("."))
    }


@pytest.mark.parametrize("recipe", recipes_of(text_of(EXTENDING)))
def test_recipes_name_files_and_places_that_exist(recipe):
    steps = recipes_of(text_of(EXTENDING))[recipe]
    of_recipe = [file for step in steps for file in files_of(step)]
    assert of_recipe
    for step in steps:
        files = files_of(step)
        assert all((ROOT / file).is_file() for file in files), step
        assert not missing_places(step, files or of_recipe), step


@pytest.mark.parametrize(
    ("step", "missing"),
    [
        ("1. `sklearn_set/losses.py`: a row in `LOSSES`, and `Loss.value`.", set()),
        ("1. `sklearn_set/losses.py`: a row in `LOSES`.", {"LOSES"}),
        ("1. `sklearn_set/losses.py`: `Loss.worth`.", {"Loss.worth"}),
        ("1. `sklearn_set/losses.py`: a line in `UPDATES`.", {"UPDATES"}),
        ("1. A line in `LOSSES`.", {"LOSSES"}),
    ],
)
def test_places_that_do_not_exist_are_noticed(step, missing):
    assert missing_places(step, files_of(step)) == missing


@pytest.mark.parametrize(
    ("recipe", "example", "at_most"),
    [("An activation", "leaky_relu", 5), ("An optimizer", "nesterov", 6)],
)
def test_recipes_name_every_file_of_their_example(recipe, example, at_most):
    """The sources that know the example are those of the recipe, and few."""
    named = {file for step in recipes_of(text_of(EXTENDING))[recipe] for file in files_of(step)}
    assert len(named) <= at_most
    sources = [*(ROOT / "sklearn_set").rglob("*.p*"), ROOT / "tests" / "reference.py"]
    knowing = {
        path.relative_to(ROOT).as_posix()
        for path in sources
        if path.suffix in (".py", ".pxd", ".pxi", ".pyx")
        and re.search(rf"\b{example}\b", text_of(path), re.IGNORECASE)
    }
    assert len(knowing) >= 3
    assert knowing <= named


@pytest.mark.parametrize("source", ["activations.pxd", "updates.pxd"])
def test_heads_of_kernels_point_to_the_recipes(source):
    assert "doc/extending.md" in text_of(CORE / source).split('"""')[1]


def test_files_that_sources_mention_exist():
    sources = [path for path in (ROOT / "sklearn_set").rglob("*") if path.suffix in SOURCES]
    assert len(sources) > 40
    for path in sources:
        pattern = r"\b((?:doc|tests|_core)/[\w/]+\.(?:md|py|pxd|pxi|pyx|h))\b"
        for name in re.findall(pattern, text_of(path)):
            found = (ROOT / "sklearn_set" if name.startswith("_core/") else ROOT) / name
            assert found.is_file(), f"{path.name} mentions {name}"


# ------------------------------------------------------------------------ names and links


@every_page
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text_of(linked)), re.MULTILINE)
            assert anchor in map(slug, headings), f"{page.name}: {target}"


@every_page
def test_files_that_are_mentioned_exist(page):
    names = re.findall(r"`((?:sklearn_set|tests|doc)/[^`<>\s]*)`", prose_of(page))
    names += re.findall(r"\b((?:tests|doc)/[\w/]+\.(?:py|md))\b", text_of(page))
    names = [name for name in names if not name.startswith("doc/_build")]  # what `make doc` makes
    missing = [name for name in names if not (ROOT / name.partition("::")[0]).exists()]
    assert not missing, f"{page.name} mentions files that do not exist: {missing}"


@functools.cache
def names_of_tests(path):
    """Names of the tests of a file, as pytest would be told them."""
    found = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {prefix + each.name for each in members if isinstance(each, ast.FunctionDef)}
    return {name for name in found if name.rpartition("::")[2].startswith("test_")}


@every_page
def test_tests_that_are_mentioned_exist(page):
    mentioned = re.findall(r"`(tests/\w+\.py)::([\w:]+)", text_of(page))
    missing = [f"{path}::{name}" for path, name in mentioned if name not in names_of_tests(path)]
    assert not missing, f"{page.name} mentions tests that do not exist: {missing}"


@every_page
def test_make_targets_exist(page):
    if not (ROOT / "Makefile").exists():
        pytest.skip("the Makefile is not in this copy")
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    code = "\n".join(block.code for block in blocks_of(page))
    mentioned = re.findall(r"`make (\w+)", prose_of(page))
    mentioned += re.findall(r"^make (\w+)", code, re.MULTILINE)
    assert set(mentioned) <= set(targets)


def test_index_lists_every_page():
    index = text_of(ROOT / "doc" / "index.md")
    for page in (ROOT / "doc").glob("*.*"):
        if page.suffix not in (".md", ".rst") or page.name == "reference_tables.rst":
            continue  # the second is made by doc/conf.py for reference.rst
        assert page.name == "index.md" or f"{page.name})" in index, page.name
        assert page.name == "index.md" or f"\n{page.stem}\n" in index, "the menu of the site"


def test_switches_are_documented():
    source = "".join(
        (ROOT / path).read_text(encoding="utf-8") for path in ("setup.py", "sklearn_set/machine.py")
    )
    pattern = r"SKLEARN_SET_[A-Z]+"
    assert set(re.findall(pattern, text_of(ROOT / "doc" / "install.md"))) == set(
        re.findall(pattern, source)
    )


def test_changelog_has_unreleased_on_top():
    headings = re.findall(r"^## (.*)$", text_of(ROOT / "doc" / "changelog.md"), re.MULTILINE)
    assert headings[0] == "Unreleased"


# ----------------------------------------------------------------------------- parameters


def defaults():
    """Parameter -> default, of both estimators; the classifier's where they differ."""
    return {
        name: parameter.default
        for estimator in (SETRegressor, SETClassifier)
        for name, parameter in inspect.signature(estimator).parameters.items()
    }


@pytest.mark.parametrize("parameter", defaults())
def test_parameters_are_explained(parameter):
    text = text_of(ROOT / "README.md") + text_of(ROOT / "doc" / "user_guide.md")
    assert re.search(rf"`{parameter}\b", text)


def test_table_of_parameters_is_that_of_the_code():
    guide = text_of(ROOT / "doc" / "user_guide.md")
    section = guide.split("\n## All parameters\n")[1].split("\n## ")[0]
    table = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", section, re.MULTILINE))
    assert {name: value.replace('"', "'") for name, value in table.items()} == {
        name: repr(default) for name, default in defaults().items()
    }


def test_table_of_parameters_knows_those_of_mlp():
    """Every parameter of both classes is in doc/coming_from_mlp.md, with its default.

    But for those of optimizers that MLP does not have, which the guide explains.
    """
    of_mlp = {name for kind in (SGD, Adam) for name in kind.parameters.values()}
    of_other_optimizers = set(HYPER_PARAMETERS) - of_mlp
    page = text_of(ROOT / "doc" / "coming_from_mlp.md")
    section = page.split("\n## Parameter by parameter\n")[1].split("\n## ")[0]
    rows = re.findall(
        r"^\| `(\w+)` \| (?:`([^`]+)`)? ?\| (?:`([^`]+)`)? ?\| ", section, re.MULTILINE
    )
    for estimator, column in ((MLPClassifier, 1), (SETClassifier, 2)):
        table = {row[0]: row[column] for row in rows if row[column]}
        expected = {
            name: repr(parameter.default)
            for name, parameter in inspect.signature(estimator).parameters.items()
        }
        assert table.items() <= expected.items()
        assert set(expected) - set(table) <= of_other_optimizers


def test_reference_has_every_public_module():
    """Modules that promise something, by `__all__`, are those that doc/conf.py lists."""
    package = ROOT / "sklearn_set"
    promising = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (*package.glob("*.py"), *package.glob("*/__init__.py"))
        if re.search(r"^__all__ = ", text_of(path), re.MULTILINE)
    }
    listed = next(
        ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(text_of(ROOT / "doc" / "conf.py")))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PUBLIC_MODULES"
    )
    assert listed[0] == "sklearn_set"
    assert set(listed) == promising
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("shape", ["(n_features_in_,)", "(n_samples, n_features_)"])
def test_names_of_attributes_in_shapes_are_no_links(shape):
    docutils = pytest.importorskip("docutils.core")
    source = ast.parse(text_of(ROOT / "doc" / "conf.py"))
    source.body = [node for node in source.body if isinstance(node, ast.FunctionDef)]
    conf = {"re": re}
    exec(compile(source, "conf.py", "exec"), conf)
    lines = [f"ndarray of shape {shape}"]
    conf["quote_names_of_attributes"](None, None, None, None, None, lines)
    page = docutils.publish_doctree("\n".join(lines), settings_overrides={"halt_level": 2})
    assert page.astext() == f"ndarray of shape {shape}"


def test_guide_names_every_activation():
    from sklearn_set.activations import ACTIVATIONS

    guide = text_of(ROOT / "doc" / "user_guide.md")
    section = guide.split("\n### Forward\n")[1].split("\n### ")[0]
    assert re.findall(r'^\| `"(\w+)"` \|', section, re.MULTILINE) == list(ACTIVATIONS)
    law = re.search(r'^\| `"auto"` \|.* `"he_uniform"` below ([\w ,]+), else', guide, re.M)
    assert re.split(r", | and ", law[1]) == [
        name for name, activation in ACTIVATIONS.items() if activation.is_rectifier
    ]


def test_guide_names_every_optimizer():
    from sklearn_set.optimizers import SOLVERS

    guide = text_of(ROOT / "doc" / "user_guide.md")
    section = guide.split("\n### Optimizer step\n")[1].split("\n### ")[0]
    assert re.findall(r'^`solver="(\w+)"`', section, re.MULTILINE) == list(SOLVERS)


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "doc" / "user_guide.md"], ids=name_of)
def test_attributes_exist(page):
    documented = set()
    for path in (ROOT / "sklearn_set").rglob("*.py"):
        for attributes in re.findall(
            r"\n *Attributes\n *-+\n(.*?)\n\n *\w+( \w+)?\n *--", path.read_text("utf-8"), re.S
        ):
            documented |= set(re.findall(r"^ *(\w+_) : ", attributes[0], re.MULTILINE))
    mentioned = set(re.findall(r"`([a-z]\w*[a-z]_)`", prose_of(page)))
    assert mentioned <= documented


# --------------------------------------------------------------------- compared with MLP


def comparison():
    """Rows of the tables of doc/compatibility.md: what, in MLP, here."""
    section = text_of(ROOT / "doc" / "compatibility.md").split("\n## What each has\n")[1]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    return [row for row in rows if row[0] != "feature"]


def names_in(cell):
    return set(re.findall(r"`([a-z]\w*)`", cell))


def names_of(estimators):
    """Parameters, methods and fitted attributes."""
    found = set()
    for estimator in estimators:
        found |= {*dir(estimator), *inspect.signature(estimator).parameters}
        attributes = estimator.__doc__.split("Attributes\n")[1].split("See Also\n")[0]
        found |= set(re.findall(r"^ *(\w+_) : ", attributes, re.MULTILINE))
    return found


def test_comparison_rests_on_tests():
    rows = comparison()
    assert len(rows) > 60
    for what, there, here in rows:
        assert re.match(r"(yes|no)\b", there), what
        assert re.search(r": `tests/test_\w+\.py::test_\w+`$", here), what


def test_comparison_names_what_is_here():
    for what, _, here in comparison():
        if not here.startswith("no:"):
            assert names_in(what) <= names_of([SETClassifier, SETRegressor]), what


@pytest.mark.skipif(
    not sklearn.__version__.startswith("1.9."), reason="the page speaks of scikit-learn 1.9"
)
def test_comparison_is_right_about_mlp():
    known, told = names_of([MLPClassifier, MLPRegressor]), set()
    for what, there, _ in comparison():
        if there.startswith("yes"):
            assert names_in(what) <= known, what
            told |= names_in(what) | names_in(there)
        else:
            assert not names_in(what) & known, what
    parameters = {name for each in (MLPClassifier, MLPRegressor) for name in each().get_params()}
    assert not parameters - told


# ------------------------------------------------------------------------------ equations


def mathml(tex):
    """An equation as the site has it, without white space and name space."""
    spec = importlib.util.spec_from_file_location("equations", ROOT / "doc" / "equations.py")
    equations = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(equations)
    text = re.sub(r">\s+<", "><", equations.mathml(tex, as_block=True))
    return re.search(r"<math [^>]*>(.*)</math>", text)[1]


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        (
            r"\tilde x_b",
            '<msub><mover accent="true"><mi>x</mi><mo stretchy="false">~</mo></mover>'
            "<mi>b</mi></msub>",
        ),
        (
            r"\sum_b^n",
            '<munderover><mo movablelimits="true">∑</mo><mi>b</mi><mi>n</mi></munderover>',
        ),
        (r"\tanh z", '<mi>tanh</mi><mo>\u2061</mo><mspace width="0.17em" /><mi>z</mi>'),
        (
            r"\log(z)",
            '<mi>log</mi><mo>\u2061</mo><mo stretchy="false">(</mo><mi>z</mi>'
            '<mo stretchy="false">)</mo>',
        ),
        (r"|C", '<mo stretchy="false" lspace="0" rspace="0">|</mo><mi>C</mi>'),
    ],
)
def test_equations_are_drawn_as_tex_would(tex, expected):
    assert mathml(tex) == expected


@every_page
def test_equations_can_be_drawn(page):
    text = re.sub(r"`[^`]*`", "", prose_of(page))
    for block, inline in re.findall(r"\$\$(.+?)\$\$|\$(.+?)\$", text, re.DOTALL):
        assert "<m" in mathml(block or inline)


# --------------------------------------------------------------------------------- design


def test_design_has_a_line_for_every_file():
    design = text_of(ROOT / "doc" / "design.md")
    files = [
        path
        for path in (ROOT / "sklearn_set").rglob("*")
        if path.suffix in (".py", ".pyx", ".pxd", ".pxi", ".h")
    ]
    assert len(files) > 20
    for path in files:
        assert f"\n| `{path.relative_to(ROOT).as_posix()}` |" in design, path.name


def test_only_what_python_calls_knows_threads():
    # law 5 of doc/design.md
    sources = [path for path in CORE.iterdir() if path.suffix in (".pyx", ".pxd", ".pxi")]
    knowing = {path.name for path in sources if "prange" in path.read_text(encoding="utf-8")}
    (law,) = re.findall(r"^\| 5 \| (.*?) \|", text_of(ROOT / "doc" / "design.md"), re.MULTILINE)
    assert {path for path in knowing if path.endswith(".pxd")} == set()
    assert set(re.findall(r"`(\w+\.\w+)`", law)) == knowing | {"step.pxi"}


@pytest.mark.parametrize(
    ("word", "signs"),
    [("atomics", r"atomic|interlocked"), ("lock", r"mutex|spin_?lock|set_lock|critical|semaphore")],
)
def test_design_tells_of_every_atomic_and_every_lock(word, signs):
    using = {
        path.name
        for path in CORE.iterdir()
        if path.suffix in (".pyx", ".pxd", ".pxi", ".h")
        and re.search(signs, text_of(path), re.IGNORECASE)
    }
    design = " ".join(text_of(ROOT / "doc" / "design.md").split())
    (paragraph,) = re.findall(r"A step takes no locks\. .*?The one sum over chunks", design)
    told = [sentence for sentence in paragraph.split(". ") if word in sentence]
    assert set(re.findall(r"`(\w+\.\w+)`", " ".join(told))) == using


# ------------------------------------------------------------------------------------------ links


@pytest.mark.parametrize("kind", [SETClassifier, SETRegressor, SETSelector])
def test_representations_link_to_the_page_of_the_class(kind):
    # The address is stated in pyproject.toml, the names of the pages by the reference.
    (module,) = (
        name
        for name in ("sklearn_set", "sklearn_set.feature_selection")
        if kind.__name__ in importlib.import_module(name).__all__
    )
    page = f"https://sklearn-set.readthedocs.io/en/latest/generated/{module}.{kind.__name__}.html"
    assert f'href="{page}"' in kind()._repr_html_()
