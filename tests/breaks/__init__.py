"""Deliberate breaks of the package, each of which some test must notice: see `tests/mutants.py`.

A break replaces a short text, which must occur exactly once in the sources, by another one.  It is
looked for in all of them, so that code may move from file to file.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    """One change of the sources.

    Attributes
    ----------
    old, new : str
        The text and what replaces it; any white space of the sources is as good as that of `old`.
    what : str
        What is broken.
    near : tuple of str
        Files of tests that are nearest, without folder and ending; they run first.
    where : str
        Pattern of the files in which it is looked for.
    """

    old: str
    new: str
    what: str
    near: tuple
    where: str = "*"


def near(tests, *breaks):
    """Breaks that the same files of tests are nearest to, as tuples of the other attributes."""
    return [Break(*each[:3], tuple(tests.split()), *each[3:]) for each in breaks]
