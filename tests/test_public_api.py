"""The package keeps its promises on paper: public names, documentation, floors, no side effects.

Sources are read as syntax trees, so that a promise is checked where it is written; docstrings are
validated by numpydoc and their examples are run.
"""

import ast
import doctest
import importlib
import inspect
import re
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpydoc.docscrape import FunctionDoc
from numpydoc.validate import validate
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import get_tags

import sklearn_set
from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.validation import CONSTRAINTS, check_parameters

PACKAGE = Path(sklearn_set.__file__).parent
SOURCES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.parent.name != "_core"
}
PUBLIC_MODULES = [
    "sklearn_set",
    "sklearn_set.callbacks",
    "sklearn_set.datasets",
    "sklearn_set.export",
    "sklearn_set.feature_selection",
    "sklearn_set.inspection",
]
ESTIMATORS = [SETClassifier, SETRegressor]
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS)
every_source = pytest.mark.parametrize("module", SOURCES)


def tree_of(module):
    return ast.parse(SOURCES[module].read_text("utf-8"))


# ----------------------------------------------------------------------------------- public names


def test_all_names_the_public_face():
    assert sorted(sklearn_set.__all__) == sklearn_set.__all__
    assert set(sklearn_set.__all__) >= {
        "SETClassifier",
        "SETRegressor",
        "__version__",
        "show_versions",
    }
    for name in sklearn_set.__all__:
        assert hasattr(sklearn_set, name)


def test_version_is_that_of_the_distribution():
    assert sklearn_set.__version__ == version("sklearn_set")


def test_types_are_marked():
    assert (PACKAGE / "py.typed").is_file()


def test_show_versions_tells_what_a_report_needs(capsys):
    sklearn_set.show_versions()
    told = capsys.readouterr().out
    for word in ("python", "numpy", "scipy", "scikit-learn", "sklearn_set", "OpenMP", "threads"):
        assert re.search(rf"^ *{word}\b", told, re.MULTILINE), word
    assert sklearn_set.__version__ in told


@every_estimator
def test_only_the_layer_sizes_are_positional(estimator):
    _, first, *others = inspect.signature(estimator.__init__).parameters.values()
    assert first.name == "hidden_layer_sizes"
    assert first.kind is first.POSITIONAL_OR_KEYWORD
    assert {parameter.kind for parameter in others} == {first.KEYWORD_ONLY}


# ---------------------------------------------------------------------------------- documentation

# Codes of numpydoc that say nothing about these docstrings.
IGNORED = {
    "ES01",  # a summary of one line may say it all
    "EX01",  # examples stand in the class
    "SA01",  # so do references to others
    "RT02",  # a returned value has a name, as scikit-learn's have
    "SS05",  # takes nouns in the plural ("Outputs of ...") for verbs
}


def public_objects():
    """Full names of the public classes, their own methods and properties, and functions."""
    for module in PUBLIC_MODULES:
        imported = importlib.import_module(module)
        for name in imported.__all__:
            thing = getattr(imported, name)
            if inspect.isfunction(thing):
                yield f"{module}.{name}"
            elif inspect.isclass(thing):
                yield f"{module}.{name}"
                for member, value in inspect.getmembers(thing):
                    function = value.fget if isinstance(value, property) else value
                    function = getattr(function, "__func__", function)  # of a class method
                    if member.startswith("_") or not inspect.isfunction(function):
                        continue
                    if function.__module__.startswith("sklearn_set"):
                        yield f"{module}.{name}.{member}"


PUBLIC_OBJECTS = list(public_objects())


def test_the_list_of_public_objects_is_not_empty():
    assert {
        "sklearn_set.show_versions",
        "sklearn_set.SETClassifier.predict_proba",
        "sklearn_set.SETRegressor.partial_fit",
        "sklearn_set.SETRegressor.coefs_",
        "sklearn_set.datasets.fetch_microarray",
        "sklearn_set.datasets.make_microarray",
        "sklearn_set.export.to_onnx",
        "sklearn_set.inspection.TrainingCurveDisplay.from_estimator",
        "sklearn_set.inspection.TopologyDisplay.plot",
        "sklearn_set.feature_selection.SETSelector.fit",
    } <= set(PUBLIC_OBJECTS)


@pytest.mark.parametrize("name", PUBLIC_OBJECTS)
def test_numpydoc_finds_nothing_to_improve(name):
    found = [error for error in validate(name)["errors"] if error[0] not in IGNORED]
    assert found == []


def documented(estimator, section):
    """Name -> (type, text) of a section of the class docstring."""
    return {
        entry.name: (entry.type, "\n".join(entry.desc)) for entry in FunctionDoc(estimator)[section]
    }


@every_estimator
def test_every_parameter_is_documented_and_validated(estimator):
    parameters = list(inspect.signature(estimator).parameters)
    assert list(documented(estimator, "Parameters")) == parameters
    assert set(parameters) <= set(CONSTRAINTS)
    check_parameters(estimator())


def test_no_constraint_is_left_over():
    parameters = {
        name for estimator in ESTIMATORS for name in inspect.signature(estimator).parameters
    }
    assert set(CONSTRAINTS) == parameters


@every_estimator
def test_documented_defaults_are_the_defaults(estimator):
    for name, (kind, _) in documented(estimator, "Parameters").items():
        stated = re.search(r"default=(.*)$", kind)
        assert stated, name
        assert ast.literal_eval(stated[1]) == inspect.signature(estimator).parameters[name].default


@every_estimator
def test_the_attributes_of_a_fitted_estimator_are_those_documented(estimator):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=list("abc"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = estimator(hidden_layer_sizes=5, max_iter=1).fit(X, np.arange(20) % 2)
    fitted = {name for name in dir(model) if name.endswith("_") and not name.startswith("_")}
    assert set(documented(estimator, "Attributes")) == fitted


# What may differ between the two: the metric, and what exists for one of them only.
DIFFERENT_PARAMETERS = {
    "early_stopping",
    "input_dropout",
    "mixup",
    "n_snapshots",
    "scoring",
}
DIFFERENT_ATTRIBUTES = {"out_activation_", "loss_", "validation_loss_curve_"}
ONLY_ONE = {"class_weight", "label_smoothing", "classes_"}
ONLY_ONE |= {"loss", "quantile", "huber_delta", "target_offset_", "target_scale_"}


@pytest.mark.parametrize(
    ("section", "different"),
    [("Parameters", DIFFERENT_PARAMETERS), ("Attributes", DIFFERENT_ATTRIBUTES)],
)
def test_shared_documentation_is_the_same(section, different):
    ours, theirs = (documented(estimator, section) for estimator in ESTIMATORS)
    assert set(ours) ^ set(theirs) <= ONLY_ONE
    shared = [name for name in ours if name in theirs]
    assert shared == [name for name in theirs if name in ours]  # in the same order
    assert {name for name in shared if ours[name] != theirs[name]} == different


def test_shared_defaults_are_the_same():
    ours, theirs = (estimator().get_params() for estimator in ESTIMATORS)
    different = {name for name in set(ours) & set(theirs) if ours[name] != theirs[name]}
    assert different == {"input_dropout", "mixup", "n_snapshots"}


SLOW = {"classifier", "feature_selection", "regressor"}  # their examples take a second or more


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(module, marks=[pytest.mark.slow] if module in SLOW else [])
        for module in SOURCES
    ],
)
def test_the_examples_in_docstrings_run(module):
    if module == "__init__":
        module = ""
    imported = importlib.import_module(f"sklearn_set.{module}".rstrip("."))
    result = doctest.testmod(imported)
    assert result.failed == 0
    if module in (
        "callbacks._checkpoint",
        "classifier",
        "regressor",
        "datasets._generator",
        "feature_selection",
    ):
        assert result.attempted > 0


# ------------------------------------------------------------------------------------------ floors

# From the cellar to the roof.  A module imports from floors below its own.
FLOORS = [
    {"_core", "_typing", "version", "warning"},
    {"machine", "samples", "settings", "state"},
    {"activations", "topology", "workspace"},
    {"network", "losses", "memory", "scaling"},
    {"augmentation", "optimizers", "probe"},
    {"evolution"},
    {"schedule"},
    {"training"},
    {
        "validation",
        "continuation",
        "data_checks",
        "docstrings",
        "sample_weights",
        "holdout",
        "hooks",
        "identity",
    },
    {"fitted", "problem", "validator"},
    {"base"},
    {"callbacks", "classifier", "regressor", "datasets", "inspection"},
    {"ranking"},
    {"feature_selection"},
    {"export"},
    {"__init__"},
]
FLOOR_OF = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}
SPEAKS_SKLEARN = FLOOR_OF["validation"]


def room_of(module):
    """The folder of a module that is in one; a module on its own is its own room."""
    return module.partition(".")[0]


def imports(tree):
    """Every import as (module, name); a relative import has a module that begins with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((module, alias.name) for alias in node.names)


@every_source
def test_imports_go_downwards_only(module):
    room = room_of(module)
    assert room in FLOOR_OF, "give the new module a floor"
    for imported, name in imports(tree_of(module)):
        assert not imported.startswith("."), "imports are absolute"
        package, _, rest = imported.partition(".")
        if package == "sklearn_set":
            target = room_of(rest) or name
            if target != room:
                assert FLOOR_OF[target] < FLOOR_OF[room], f"{module} imports {target}"


@every_source
def test_only_upper_floors_speak_scikit_learn_and_none_speaks_its_private_words(module):
    for imported, name in imports(tree_of(module)):
        words = [*imported.split("."), name]
        if words[0] != "sklearn":
            continue
        assert FLOOR_OF[room_of(module)] >= SPEAKS_SKLEARN
        private = [word for word in words if word.startswith("_")]
        # _safe_indexing is documented for third parties, its underscore notwithstanding.
        assert private in ([], ["_safe_indexing"])
        if private:
            assert words == ["sklearn", "utils", "_safe_indexing"]


@pytest.mark.parametrize(
    "path",
    sorted(
        path for kind in ("pyx", "pxd", "pxi") for path in (PACKAGE / "_core").glob(f"*.{kind}")
    ),
    ids=lambda path: path.name,
)
def test_the_compiled_core_knows_nothing_above_itself(path):
    for line in path.read_text("utf-8").splitlines():
        found = re.match(r"\s*(?:from|c?import)\s+(sklearn\S*)", line)
        if found:
            assert found[1].startswith("sklearn_set._core"), line


# The kernels, from the cellar down.  A file takes from floors below its own, and a room of step.pxi
# uses those that are included before it.
CORE_FLOORS = [
    {"measured.pxd", "lanes.pxd", "shares.pxd"},
    {"types.pxd", "rows.pxd"},
    {"activations.pxd", "losses.pxd", "updates.pxd"},
    {"by_output.pxd", "by_input.pxd", "backward_row.pxd"},
    {"backward.pxd"},
]
CORE_FLOOR_OF = {name: floor for floor, names in enumerate(CORE_FLOORS) for name in names}
CORE = PACKAGE / "_core"
INCLUDED = re.compile(r'^include "(\w+\.pxi)"$', re.MULTILINE)


def test_kernels_take_from_below_only():
    assert {path.name for path in CORE.glob("*.pxd")} == CORE_FLOOR_OF.keys()
    for name, floor in CORE_FLOOR_OF.items():
        taken = re.findall(r"^from sklearn_set\._core\.(\w+) c?import", text_of(name), re.MULTILINE)
        assert all(CORE_FLOOR_OF[f"{other}.pxd"] < floor for other in taken), name


def test_rooms_use_those_before_them():
    rooms = INCLUDED.findall(text_of("step.pxi"))
    others = {"step.pxi", "ladder.pxi", *INCLUDED.findall(text_of("connections.pyx"))}
    assert {*rooms, *others} == {path.name for path in CORE.glob("*.pxi")}
    pattern = r"^c?def (?!extern)(?:[^\n=(:]* )?\**(\w+)(?=[(:])"
    made = {room: set(re.findall(pattern, text_of(room), re.MULTILINE)) for room in rooms}
    assert all(made[room] for room in rooms if room != "codes.pxi")
    for place, room in enumerate(rooms):
        code = re.sub(r'#[^\n]*|""".*?"""|"[^"\n]*"', "", text_of(room), flags=re.DOTALL)
        words = set(re.findall(r"\w+", code))
        for later in rooms[place + 1 :]:
            assert not words & made[later], (room, later)


def text_of(name):
    return (CORE / name).read_text("utf-8")


# ------------------------------------------------------------------------------------------- sizes

# Lines that a reader can survey.  The docstring of a class is not counted in a file, nor that of a
# function in it.
LINES_OF_FILE = 450
LINES_OF_FUNCTION = 60


def docstring_lines(node):
    """How many lines the docstring of a class or function has."""
    first = node.body[0]
    has_one = ast.get_docstring(node) is not None
    return first.end_lineno - first.lineno + 1 if has_one else 0


def only_stores(function):
    """Whether all it does is to store its parameters, one a line, as scikit-learn wants it."""
    parameters = function.args.args + function.args.kwonlyargs
    stores = {f"self.{parameter.arg} = {parameter.arg}" for parameter in parameters}
    return all(ast.unparse(statement) in stores for statement in function.body)


def too_large(source):
    """Names and lines of what is above the limits: functions, and "file"."""
    nodes = list(ast.walk(ast.parse(source)))
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    n_lines = len(source.splitlines()) - sum(map(docstring_lines, classes))
    found = {"file": n_lines} if n_lines > LINES_OF_FILE else {}
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not only_stores(node):
            n_lines = node.end_lineno - node.lineno + 1 - docstring_lines(node)
            if n_lines > LINES_OF_FUNCTION:
                found[node.name] = n_lines
    return found


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_files_and_functions_can_be_surveyed(path):
    assert too_large(path.read_text("utf-8")) == {}


def test_kernels_can_be_surveyed():
    paths = [path for kind in ("pyx", "pxd", "pxi", "h") for path in CORE.glob(f"*.{kind}")]
    n_lines = {path.name: len(path.read_text("utf-8").splitlines()) for path in paths}
    assert {name for name, n in n_lines.items() if n > LINES_OF_FILE} == set()
    assert "connections.pyx" in n_lines


def test_what_is_too_large_is_found():
    def function(n_lines, docstring=""):
        return f"def f(a):\n{docstring}" + "    a += 1\n" * (n_lines - 1)

    docstring = '    """\n' + "    more\n" * 500 + '    """\n'
    assert too_large(function(60)) == {}
    assert too_large(function(61)) == {"f": 61}
    assert too_large(function(61, docstring)) == {"file": 563, "f": 61}
    assert too_large(f"class A:\n{docstring}" + "b = 1\n" * 449) == {}
    assert too_large(f"class A:\n{docstring}" + "b = 1\n" * 450) == {"file": 451}
    stores = "def f(self, a):\n" + "    self.a = a\n" * 60
    assert too_large(stores) == {}
    assert too_large(stores + "    self.a += 1\n") == {"f": 62}


# --------------------------------------------------------------------------------- good neighbours


def unguarded_prints(tree):
    """Lines that print, neither under an `if` about verbose nor in show_versions."""

    def visit(node, guarded):
        if isinstance(node, ast.If) and "verbose" in ast.unparse(node.test):
            guarded = True
        if isinstance(node, ast.FunctionDef) and node.name == "show_versions":
            guarded = True
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print" and not guarded:
            yield node.lineno
        for child in ast.iter_child_nodes(node):
            yield from visit(child, guarded)

    return list(visit(tree, False))


@every_source
def test_nothing_is_printed_unasked(module):
    assert unguarded_prints(tree_of(module)) == []


def test_an_unasked_print_is_found():
    source = "if verbose:\n    print(1)\nif fast:\n    print(2)\ndef f():\n    print(3)\n"
    assert unguarded_prints(ast.parse(source)) == [4, 6]


def test_compiler_flags_keep_arithmetic_and_portability():
    setup = PACKAGE.parent / "setup.py"
    if not setup.is_file():
        pytest.skip("the package is installed without its sources")
    words = [
        node.value
        for node in ast.walk(ast.parse(setup.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert "-fno-math-errno" in words  # the flags are found where they are looked for
    forbidden = r"fast-math|/fp:fast|Ofast|=native|unsafe-math|associative-math|finite-math"
    assert [word for word in words if re.search(forbidden, word)] == []


def test_subnormal_numbers_survive_the_import_and_a_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        SETRegressor(hidden_layer_sizes=5, max_iter=2).fit([[0.0], [1.0]], [0.0, 1.0])
    for dtype in (np.float32, np.float64):
        tiny = np.full(9, np.finfo(dtype).tiny)
        assert (tiny / 4 > 0).all()


def test_what_targets_are_taken_is_announced():
    classifier, regressor = (get_tags(estimator()) for estimator in ESTIMATORS)
    assert classifier.classifier_tags.multi_label
    assert classifier.input_tags.sparse
    assert regressor.target_tags.multi_output
    assert regressor.input_tags.sparse
