"""Parts of the estimators' docstrings that list the rows of a table.

A docstring says ``%(activations)s`` where the list of activations belongs; `with_tables` fills it
in.  Knows the tables of activations, losses, rules of evolution and optimizers; must not know
estimators.
"""

import re
import textwrap

from sklearn_set.activations import ACTIVATIONS
from sklearn_set.evolution import GROWTH_RULES, GROWTH_TOLD, PRUNING_RULES, PRUNING_TOLD
from sklearn_set.losses import LOSSES, REGRESSION_LOSSES
from sklearn_set.optimizers import SOLVERS

_RECTIFIERS = [name for name, activation in ACTIVATIONS.items() if activation.is_rectifier]
_ROBUST = [f'"{name}"' for name, loss in LOSSES.items() if loss.robust]


def _items(told, end=";"):
    """The lines of a list in sentences, wide as the docstrings; `end` is the last mark."""
    texts = [f'- "{name}", {text};' for name, text in told.items()]
    texts[-1] = texts[-1].removesuffix(";") + end
    return [line for text in texts for line in _wrapped(text)]


def _wrapped(text):
    # Quoted code stays on one line: a minus sign at the beginning of a line looks like an item.
    text = re.sub(r"``.*?``", lambda code: code[0].replace(" ", "\xa0"), text)
    lines = textwrap.wrap(text, 89, subsequent_indent="  ", break_on_hyphens=False)
    return [line.replace("\xa0", " ") for line in lines]


def _names(table):
    return [", ".join(f'"{name}"' for name in table)]


_TOLD = {
    "activations": [f'- "{name}", {each.formula}' for name, each in ACTIVATIONS.items()],
    "rectifiers": [", ".join(_RECTIFIERS)],
    "losses": _items({name: LOSSES[name].told for name in REGRESSION_LOSSES}, end="."),
    "robust_losses": [" and ".join([", ".join(_ROBUST[:-1]), _ROBUST[-1]])],
    "pruning_rules": _names(PRUNING_RULES),
    "pruning": _items(PRUNING_TOLD, end="."),
    "growth_rules": _names(GROWTH_RULES),
    "growth": _items(GROWTH_TOLD, end="."),
    "solvers": _names(sorted(SOLVERS)),
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
