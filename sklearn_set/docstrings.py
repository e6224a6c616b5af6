"""Parts of the estimators' docstrings that list the rows of a table.

A docstring says ``%(activations)s`` where the list of activations belongs; `with_tables` fills it
in.  Knows the tables of activations and optimizers; must not know estimators.
"""

import re

from sklearn_set.activations import ACTIVATIONS
from sklearn_set.optimizers import SOLVERS

_RECTIFIERS = [name for name, activation in ACTIVATIONS.items() if activation.is_rectifier]
_TOLD = {
    "activations": [f'- "{name}", {each.formula}' for name, each in ACTIVATIONS.items()],
    "rectifiers": [", ".join(_RECTIFIERS)],
    "solvers": [", ".join(f'"{name}"' for name in sorted(SOLVERS))],
    "optimizers": [", or ".join(SOLVERS[name].title for name in sorted(SOLVERS))],
}


def with_tables(kind):
    """Class decorator: fill in what the docstring tells of the tables.

    Raises
    ------
    KeyError
        If the docstring names a list that does not exist.
    """
    if kind.__doc__ is not None:  # python -OO leaves none
        kind.__doc__ = re.sub(r"( *)(.*)%\((\w+)\)s", _filled, kind.__doc__)
    return kind


def _filled(match):
    indent, before, name = match.groups()
    return indent + before + f"\n{indent}".join(_TOLD[name])
