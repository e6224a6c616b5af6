"""The documentation names what exists: files, tests, recipes, links; design has all files."""

import ast
import functools
import importlib.util
import re

import pytest
from doc_pages import CORE, FENCE, GUIDE, ROOT, blocks_of, every_page, prose_of, text_of

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.embedding import SETEmbedding
from sklearn_set.feature_selection import SETSelector, StabilitySelector

if not (CORE.is_dir() and (ROOT / "doc").is_dir()):
    pytest.skip("the sources and the documentation are not in this copy", allow_module_level=True)


def slug(heading):
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


SOURCES = (".py", ".pyx", ".pxd", ".pxi", ".h")

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
    return paths + [f"doc/{page}" for page in re.findall(r"\]\(([\w/]+\.md)[#)]", step)]


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
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([\w-]+):", makefile, re.MULTILINE)
    code = "\n".join(block.code for block in blocks_of(page))
    mentioned = re.findall(r"`make ([\w-]+)", prose_of(page))
    mentioned += re.findall(r"^make ([\w-]+)", code, re.MULTILINE)
    assert set(mentioned) <= set(targets)


def test_index_lists_every_page():
    index = text_of(ROOT / "doc" / "index.md")
    for page in (ROOT / "doc").glob("*.*"):
        if page.suffix not in (".md", ".rst") or page.name == "reference_tables.rst":
            continue  # the second is made by doc/conf.py for reference.rst
        assert page.name == "index.md" or f"{page.name})" in index, page.name
        assert page.name == "index.md" or f"\n{page.stem}\n" in index, "the menu of the site"


def test_guide_lists_every_page():
    index = text_of(GUIDE / "index.md")
    names = {page.stem for page in GUIDE.iterdir()} - {"index"}
    assert re.findall(r"^- \[.+\]\((\w+)\.md\): ", index, re.MULTILINE) == re.findall(
        r"^(\w+)$", index.partition(":hidden:")[2], re.MULTILINE
    )
    assert set(re.findall(r"^(\w+)$", index, re.MULTILINE)) == names
    assert all(page.suffix == ".md" for page in GUIDE.iterdir())
    front = text_of(ROOT / "doc" / "index.md")
    assert "](guide/index.md)" in front
    assert "\nguide/index\n" in front


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


@pytest.mark.parametrize(
    "kind", [SETClassifier, SETRegressor, SETSelector, StabilitySelector, SETEmbedding]
)
def test_representations_link_to_the_page_of_the_class(kind):
    # The address is stated in pyproject.toml, the names of the pages by the reference.
    (module,) = (
        name
        for name in ("sklearn_set", "sklearn_set.embedding", "sklearn_set.feature_selection")
        if kind.__name__ in importlib.import_module(name).__all__
    )
    page = f"https://sklearn-set.readthedocs.io/en/latest/generated/{module}.{kind.__name__}.html"
    assert f'href="{page}"' in kind()._repr_html_()
