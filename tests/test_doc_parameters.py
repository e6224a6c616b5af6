"""The documentation knows every parameter and attribute, and is right about `MLPClassifier`."""

import ast
import inspect
import re
from email.message import Message

import pytest
import sklearn
from doc_pages import CORE, GUIDE, ROOT, name_of, prose_of, text_of
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.optimizers import HYPER_PARAMETERS, SGD, Adam

speaks_of_1_9 = pytest.mark.skipif(
    not sklearn.__version__.startswith("1.9."), reason="the page speaks of scikit-learn 1.9"
)

if not (CORE.is_dir() and (ROOT / "doc").is_dir()):
    pytest.skip("the sources and the documentation are not in this copy", allow_module_level=True)

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
    text = "".join(map(text_of, [ROOT / "README.md", *GUIDE.glob("*.md")]))
    assert re.search(rf"`{parameter}\b", text)


def test_table_of_parameters_is_that_of_the_code():
    page = text_of(GUIDE / "parameters.md")
    section = page.split("\n## All parameters\n")[1].split("\n## ")[0]
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


def functions_of_conf():
    source = ast.parse(text_of(ROOT / "doc" / "conf.py"))
    source.body = [node for node in source.body if isinstance(node, ast.FunctionDef)]
    conf = {"re": re}
    exec(compile(source, "conf.py", "exec"), conf)
    return conf


def test_pages_link_to_source_and_issues_where_the_project_states_them():
    stated = Message()
    assert functions_of_conf()["icon_links"](stated) == []
    for line in ("Homepage, https://a.b", "Issues, https://a.b/issues", "Source, https://a.b/c, d"):
        stated["Project-URL"] = line
    links = functions_of_conf()["icon_links"](stated)
    assert [(link["name"], link["url"]) for link in links] == [
        ("Source", "https://a.b/c, d"),
        ("Issues", "https://a.b/issues"),
    ]


@pytest.mark.parametrize("shape", ["(n_features_in_,)", "(n_samples, n_features_)"])
def test_names_of_attributes_in_shapes_are_no_links(shape):
    docutils = pytest.importorskip("docutils.core")
    conf = functions_of_conf()
    lines = [f"ndarray of shape {shape}"]
    conf["quote_names_of_attributes"](None, None, None, None, None, lines)
    page = docutils.publish_doctree("\n".join(lines), settings_overrides={"halt_level": 2})
    assert page.astext() == f"ndarray of shape {shape}"


def test_guide_names_every_activation():
    from sklearn_set.activations import ACTIVATIONS

    page = text_of(GUIDE / "method.md")
    section = page.split("\n## Forward\n")[1].split("\n## ")[0]
    assert re.findall(r'^\| `"(\w+)"` \|', section, re.MULTILINE) == list(ACTIVATIONS)
    law = re.search(r'^\| `"auto"` \|.* `"he_uniform"` below ([\w ,]+), else', page, re.M)
    assert re.split(r", | and ", law[1]) == [
        name for name, activation in ACTIVATIONS.items() if activation.is_rectifier
    ]


def test_guide_names_every_optimizer():
    from sklearn_set.optimizers import SOLVERS

    page = text_of(GUIDE / "method.md")
    section = page.split("\n## Optimizer step\n")[1].split("\n## ")[0]
    assert re.findall(r'^`solver="(\w+)"`', section, re.MULTILINE) == list(SOLVERS)


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(GUIDE.glob("*.md"))], ids=name_of)
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


@speaks_of_1_9
def test_comparison_names_what_is_here():
    for what, _, here in comparison():
        if not here.startswith("no:"):
            assert names_in(what) <= names_of([SETClassifier, SETRegressor]), what


@speaks_of_1_9
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
