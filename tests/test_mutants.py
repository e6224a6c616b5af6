"""Every deliberate break can still be made; `tests/mutants.py` runs the tests on them."""

from dataclasses import replace
from pathlib import Path

import pytest
from breaks import Break
from mutants import STEP, breaks_of, broken, is_kernel, module_of, sources_of

TESTS = Path(__file__).resolve().parent

if not (TESTS.parent / "sklearn_set").is_dir():
    pytest.skip("the package is installed without its sources", allow_module_level=True)

BREAKS = breaks_of()


def test_every_break_can_be_made():
    """A text that has changed must change there too; it may move from file to file."""
    sources, problems, kernels = sources_of(TESTS.parent), [], 0
    for each in BREAKS:
        try:
            path, changed = broken(each, sources)
        except ValueError as error:
            problems.append(f"{each.what}: {error}")
            continue
        assert changed != sources[path]
        kernels += is_kernel(path)
    assert problems == []
    assert kernels >= 50
    assert len(BREAKS) - kernels >= 150


def test_breaks_differ():
    assert len({(each.old, each.new, each.where) for each in BREAKS}) == len(BREAKS)


def test_nearest_tests_exist():
    names = {name for each in BREAKS for name in each.near}
    assert [name for name in names if not (TESTS / f"{name}.py").is_file()] == []


def test_a_text_is_found_by_its_words_wherever_it_is(tmp_path):
    folder = tmp_path / "sklearn_set" / "_core"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("if a:\n    b = f(\n        1, 2)\nc = 3\n", encoding="utf-8")
    (folder / "b.pxi").write_text("cdef int c = 3\n", encoding="utf-8")
    sources = sources_of(tmp_path)
    each = Break("b = f( 1, 2)", "b = 0", "nothing", ("test_mutants",))
    path, changed = broken(each, sources)
    assert (path.name, changed) == ("a.py", "if a:\n    b = 0\nc = 3\n")
    for wrong, message in (
        ({"old": "c = 3"}, r"must occur once, but is found 2 times: a\.py, b\.pxi"),
        ({"old": "d = 3"}, "is found 0 times: nowhere"),
        ({"new": "b = ("}, "is no Python"),
    ):
        with pytest.raises(ValueError, match=message):
            broken(replace(each, **wrong), sources)
    assert broken(replace(each, old="c = 3", new="c", where="*.pxi"), sources)[0].name == "b.pxi"
    assert sources_of(tmp_path) == sources


@pytest.mark.parametrize(
    ("kernel", "module"),
    [
        ("connections.pyx", "connections"),
        ("ascending.pxi", "connections"),
        ("system.h", "system"),
        ("stepper.pxi", STEP),
        ("rows.pxd", STEP),
    ],
)
def test_the_module_of_a_kernel_is_known(kernel, module):
    assert module_of(TESTS.parent / "sklearn_set" / "_core" / kernel) == module
