"""Refusals of a file, and the numbers and lists in them, in words.

Knows text alone; must not know files, tables or samples.
"""

import difflib

import numpy as np


class Refusal(Exception):
    """What is wrong with a file: a sentence without its subject, the file's name."""


def shown(value):
    """A value as Python writes it, on one line and short."""
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def some(values, show=shown, most=5, between=", "):
    """The first few of a list, and how many more there are."""
    listed = between.join(show(value) for value in values[:most])
    rest = len(values) - most
    return listed if rest <= 0 else f"{listed} and {rest:,} more"


def meant(name, names):
    """The one of some names that is most like a name that is none of them, in a sentence."""
    lowered = {each.lower(): each for each in names if each}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.75)
    return f" Perhaps {shown(lowered[close[0]])} is meant." if close else ""


def count(number, noun):
    """A number and its noun, in the plural where needed."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def one_line(error):
    """What an error says, on one line."""
    return " ".join(str(error).split())


def reason(error):
    """What another library says, without its last full stop."""
    return one_line(error).rstrip(" .")
