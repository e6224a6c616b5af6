"""A row of a table is told wherever users read of it, and recipes name the few files to touch.

Docstrings take their words from the tables; the user guide has formulas, and is searched for names.
"""

import inspect
import re
from pathlib import Path

import pytest
from conftest import needs_documentation

from sklearn_set import SETClassifier, SETRegressor
from sklearn_set.activations import ACTIVATIONS
from sklearn_set.docstrings import _items, with_tables
from sklearn_set.evolution import (
    GROWTH_RULES,
    GROWTH_TOLD,
    NEWBORN_WEIGHTS,
    PRUNING_RULES,
    PRUNING_TOLD,
)
from sklearn_set.losses import LOSSES, REGRESSION_LOSSES
from sklearn_set.network import WEIGHT_LAWS
from sklearn_set.optimizers import HYPER_PARAMETERS, SOLVERS

ROOT = Path(__file__).parents[1]
LOSSES_TOLD = {name: LOSSES[name].told for name in REGRESSION_LOSSES}


def in_one_line(text):
    return " ".join(text.split())


# ------------------------------------------------------------------------------------ docstrings


@pytest.mark.parametrize(
    ("estimator", "told", "end"),
    [
        (SETRegressor, LOSSES_TOLD, "."),
        *((kind, PRUNING_TOLD, ".") for kind in (SETClassifier, SETRegressor)),
        *((kind, GROWTH_TOLD, ".") for kind in (SETClassifier, SETRegressor)),
    ],
)
def test_docstrings_list_every_row(estimator, told, end):
    items = "; ".join(f'- "{name}", {text}' for name, text in told.items())
    assert f": {items}{end}" in in_one_line(estimator.__doc__)


def test_every_row_has_its_words():
    assert list(PRUNING_TOLD) == list(PRUNING_RULES)
    assert list(GROWTH_TOLD) == list(GROWTH_RULES)
    assert all([*PRUNING_TOLD.values(), *GROWTH_TOLD.values(), *LOSSES_TOLD.values()])
    assert not any(loss.told for name, loss in LOSSES.items() if name not in REGRESSION_LOSSES)


def test_the_robust_losses_are_those_with_medians():
    robust = [f'"{name}"' for name, loss in LOSSES.items() if loss.robust]
    words = ", ".join(robust[:-1]) + " and " + robust[-1]
    assert f"their median for the losses {words}; 0 for" in in_one_line(SETRegressor.__doc__)


def test_lists_are_wrapped_and_code_stays_whole():
    lines = _items({"a": "word " * 16 + "``1 - quantile`` more", "b": "the last"}, end=".")
    assert lines[0].startswith('- "a", word')
    assert lines[1] == "  ``1 - quantile`` more;"
    assert lines[2:] == ['- "b", the last.']
    assert max(map(len, lines)) <= 89


def test_every_list_has_its_place():
    for estimator in (SETClassifier, SETRegressor):
        assert not re.search(r"%\(\w+\)s", estimator.__doc__)
    with pytest.raises(KeyError, match="wines"):
        with_tables(type("Odd", (), {"__doc__": "Some %(wines)s."}))


# ------------------------------------------------------------------------------------ user guide


def section_of(page, heading):
    """The text below a heading, up to the next one of its level or above."""
    text = (ROOT / "doc" / page).read_text("utf-8")
    level, _, _ = heading.partition(" ")
    return re.split(rf"^#{{2,{len(level)}}} ", text.split(f"\n{heading}\n")[1], flags=re.MULTILINE)[
        0
    ]


@needs_documentation
@pytest.mark.parametrize(
    ("parameter", "rows", "heading"),
    [
        ("activation", ACTIVATIONS, "## Forward"),
        ("loss", REGRESSION_LOSSES, "## Loss"),
        ("solver", SOLVERS, "## Optimizer step"),
        ("pruning", PRUNING_RULES, "## Prune"),
        ("growth", GROWTH_RULES, "## Regrow"),
        ("newborn_weights", NEWBORN_WEIGHTS, "## Regrow"),
        ("weight_init", WEIGHT_LAWS, "## Regrow"),
    ],
)
def test_the_guide_explains_every_row(parameter, rows, heading):
    assert parameter in inspect.signature(SETRegressor).parameters
    section = section_of("guide/method.md", heading)
    assert [name for name in rows if not re.search(rf'["`]{name}["`]', section)] == []
    if parameter in ("activation", "weight_init"):  # their lists are long
        return
    table = section_of("guide/parameters.md", "## All parameters")
    line = re.search(rf"^\| `{parameter}` .*", table, re.MULTILINE)[0]
    assert [name for name in rows if f'"{name}"' not in line] == []


# --------------------------------------------------------------------------------------- recipes


def places_of(section):
    """The files to touch: those with which the numbered steps of a recipe begin."""
    steps = re.findall(r"^\d+\. (.*?)(?=\n\n|\n\d+\. |\Z)", section, re.MULTILINE | re.DOTALL)
    begin = [re.match(r"`([\w/.]+)`|The \[user guide\]\(([\w/]+\.md)", step) for step in steps]
    return [found[1] or f"doc/{found[2]}" for found in begin]


# Signatures, where it is the default.
CHOOSE = {f"sklearn_set/{path}.py" for path in ("classifier", "regressor", "dask/_estimators")}


@needs_documentation
@pytest.mark.parametrize(
    ("recipe", "example", "users", "n_files"),
    [
        ("An activation", "leaky_relu", set(), 4),
        ("A loss", "absolute_error", set(), 5),
        ("An optimizer", "adam", CHOOSE, 4),
        ("A growth rule", "guided", set(), 3),
        ("A pruning rule", "magnitude", set(), 4),
    ],
)
def test_recipes_name_every_file_that_knows_their_example(recipe, example, users, n_files):
    """But for those that do not define the example: they choose it."""
    places = places_of(section_of("extending.md", f"## {recipe}"))
    assert len(set(places)) == len(places) == n_files
    defined = rf'\bcdef .*\b{example}\b|"{example}"|\b{example.upper()}\b'
    knowing = {
        path.relative_to(ROOT).as_posix()
        for path in [*(ROOT / "sklearn_set").rglob("*.p*"), ROOT / "tests" / "reference.py"]
        if path.suffix in (".py", ".pxd", ".pxi", ".pyx")
        and re.search(defined, path.read_text("utf-8"))
    }
    assert users < knowing
    assert knowing - users <= set(places)
    for place in places:
        text = (ROOT / place).read_text("utf-8")
        assert re.search(rf"(\b|_){example}\b", text, re.IGNORECASE), place


@needs_documentation
def test_the_recipe_of_a_parameter_names_what_each_of_them_has():
    places = places_of(section_of("extending.md", "## A parameter"))
    assert len(places) == 6
    shared = [inspect.signature(kind).parameters for kind in (SETClassifier, SETRegressor)]
    for name in set(shared[0]) & set(shared[1]) - set(HYPER_PARAMETERS):
        for place in places:
            assert re.search(rf"\b{name}\b", (ROOT / place).read_text("utf-8")), (name, place)
