"""Sources of the package, for tests of its structure."""

import ast
from pathlib import Path

import pytest

import sklearn_set

PACKAGE = Path(sklearn_set.__file__).parent
SOURCES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.parent.name != "_core"
}

every_source = pytest.mark.parametrize("module", SOURCES)


def tree_of(module):
    return ast.parse(SOURCES[module].read_text("utf-8"))
