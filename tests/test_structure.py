"""Imports go down the floors, and every file can be surveyed."""

import ast
import re
from pathlib import Path

import pytest
from conftest import needs_sources
from package_sources import PACKAGE, every_source, tree_of

# ------------------------------------------------------------------------------------------ floors


# From the cellar to the roof.  A module imports from floors below its own.
FLOORS = [
    {"_core", "_typing", "version", "warning"},
    {"machine", "samples", "settings", "state"},
    {"activations", "number_types", "topology", "workspace"},
    {"network", "losses", "memory", "relevance", "scaling"},
    {"attribution", "augmentation", "optimizers", "probe"},
    {"evolution"},
    {"schedule", "search"},
    {"training"},
    {"validation", "refusals"},
    {
        "attributes",
        "continuation",
        "parameters",
        "data_checks",
        "docstrings",
        "sample_weights",
        "holdout",
        "hooks",
        "identity",
    },
    {"class_weights", "fitted", "problem", "validator"},
    {"calibration"},
    {"base"},
    {"callbacks", "classifier", "regressor", "datasets", "inspection"},
    {"dask", "embedding", "ranking"},
    {"feature_selection"},
    {"export"},
    {"_cli"},
    {"__init__", "__main__"},
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
@needs_sources
def test_the_compiled_core_knows_nothing_above_itself(path):
    for line in path.read_text("utf-8").splitlines():
        found = re.match(r"\s*(?:from|c?import)\s+(sklearn\S*)", line)
        if found:
            assert found[1].startswith("sklearn_set._core"), line


# The kernels, from the cellar down.  A file takes from floors below its own, and a room of step.pxi
# uses those that are included before it.
CORE_FLOORS = [
    {"ascending.pxd", "measured.pxd", "lanes.pxd", "shares.pxd"},
    {"types.pxd", "rows.pxd", "parts.pxd"},
    {"activations.pxd", "losses.pxd", "updates.pxd"},
    {"by_output.pxd", "by_input.pxd", "backward_row.pxd"},
    {"backward.pxd", "by_input_near.pxd", "by_part.pxd", "by_split.pxd"},
]
CORE_FLOOR_OF = {name: floor for floor, names in enumerate(CORE_FLOORS) for name in names}
CORE = PACKAGE / "_core"
INCLUDED = re.compile(r'^include "(\w+\.pxi)"$', re.MULTILINE)


@needs_sources
def test_kernels_take_from_below_only():
    assert {path.name for path in CORE.glob("*.pxd")} == CORE_FLOOR_OF.keys()
    for name, floor in CORE_FLOOR_OF.items():
        taken = re.findall(r"^from sklearn_set\._core\.(\w+) c?import", text_of(name), re.MULTILINE)
        assert all(CORE_FLOOR_OF[f"{other}.pxd"] < floor for other in taken), name


@needs_sources
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


@needs_sources
def test_kernels_can_be_surveyed():
    paths = [path for kind in ("pyx", "pxd", "pxi", "h") for path in CORE.glob(f"*.{kind}")]
    n_lines = {path.name: len(path.read_text("utf-8").splitlines()) for path in paths}
    assert {name for name, n in n_lines.items() if n > LINES_OF_FILE} == set()
    assert "connections.pyx" in n_lines


def test_tests_can_be_surveyed():
    """Tables of odd values and the slow reference are one piece each."""
    folder = Path(__file__).parent
    paths = [path for of in ("", "attack/", "breaks/") for path in folder.glob(f"{of}*.py")]
    n_lines = {path.name: len(path.read_text("utf-8").splitlines()) for path in paths}
    too_long = {name for name, n in n_lines.items() if n > LINES_OF_FILE}
    assert too_long == {"reference.py", "odd.py"}
    assert n_lines.keys() >= {"test_structure.py", "fuzz.py", "kernels.py"}


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
