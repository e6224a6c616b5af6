"""The options of the program.

Knows words of a command line; must not know what they do.
"""

import argparse
import math
from pathlib import Path

from sklearn_set._cli.methods import CHANCE, METHODS
from sklearn_set._cli.targets import CLASSES, NUMBERS
from sklearn_set._cli.values import RAW
from sklearn_set.version import __version__

_DESCRIPTION = """\
Compare a truly sparse network with other methods on your own table of genes, and write a report.

FILE holds a number for every gene of every sample: .csv, .tsv, .txt or .gct (also with .gz), a
series matrix of GEO, .npz with arrays X and y (or a sparse matrix), or .h5ad. Samples are rows; a
table with genes as rows is recognised and transposed. The program says how it understood the file,
trains all methods on the same folds, and writes tables, pictures, predictions and a model.
"""

_EXAMPLES = """\
examples:
  sklearn-set genes.csv --target type
  sklearn-set counts.tsv.gz --annotations samples.csv --target diagnosis --groups patient
  sklearn-set GSE1_series_matrix.txt.gz --target tissue
  sklearn-set genes.csv --target type --dry-run      only says how the file is understood
"""


def _number(least, most=math.inf, also=None):
    """A type of argparse: whole numbers in a range, and one more."""

    def read(text):
        value = int(text)
        if not least <= value <= most and value != also:
            upper = f" and {most} or less" if most < math.inf else ""
            other = f", or {also}" if also is not None else ""
            raise argparse.ArgumentTypeError(f"must be {least} or more{upper}{other}, got {value}")
        return value

    read.__name__ = "whole number"  # argparse tells it
    return read


def _methods(text):
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in METHODS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"must be some of {','.join(_CHOICES)}, got {text!r}")
    return names


_CHOICES = [name for name in METHODS if name != CHANCE]


def parser():
    """The parser of the command line."""
    made = argparse.ArgumentParser(
        prog="sklearn-set",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("file", metavar="FILE", type=Path, help="the table of samples and genes")
    _add_contents(made.add_argument_group("what the file holds"))
    _add_comparison(made.add_argument_group("how methods are compared"))
    _add_results(made.add_argument_group("what comes out"))
    made.add_argument("--version", action="version", version=f"sklearn_set {__version__}")
    return made


def _add_contents(what):
    what.add_argument(
        "--target",
        metavar="NAME",
        help="column (or row, array, characteristic, column of obs) with the classes or numbers to "
        "predict",
    )
    what.add_argument(
        "--annotations",
        metavar="FILE",
        type=Path,
        help="table with a line for each sample, joined by the samples' names; a series matrix of "
        "GEO will do",
    )
    what.add_argument(
        "--groups",
        metavar="NAME",
        help="column with patients, batches or the like: samples of one are never in both parts "
        "of a fold",
    )
    what.add_argument(
        "--ignore",
        metavar="NAME",
        action="append",
        default=[],
        help="column that is no gene, such as age; may be given several times",
    )
    what.add_argument(
        "--task",
        choices=(CLASSES, NUMBERS),
        help="whether the target holds classes or numbers to estimate; else its values tell",
    )
    what.add_argument(
        "--raw",
        choices=RAW,
        default="auto",
        help="log takes log2(1 + x), keep takes the numbers as they are, auto takes logarithms "
        "of raw intensities and counts (default)",
    )


def _add_comparison(how):
    how.add_argument("--folds", metavar="N", type=_number(2), default=5, help="folds (default: 5)")
    how.add_argument(
        "--repeats", metavar="N", type=_number(1), default=1, help="times with new folds (1)"
    )
    how.add_argument(
        "--methods",
        metavar="A,B",
        type=_methods,
        default=_CHOICES,
        help=f"some of {','.join(_CHOICES)} (default: all); set, the sparse network, always is",
    )
    how.add_argument(
        "--seed", metavar="N", type=_number(0, 2**31 - 1), default=0, help="random seed (0)"
    )
    how.add_argument(
        "--jobs",
        metavar="N",
        type=_number(1, also=-1),
        default=1,
        help="fits at the same time (1); -1 for one per processor, which pays for large tables",
    )


def _add_results(result):
    result.add_argument(
        "--output",
        metavar="FOLDER",
        type=Path,
        help="new folder for the report (default: FILE's name with -report, in this folder)",
    )
    result.add_argument(
        "--dry-run", action="store_true", help="say how the file is understood, and end"
    )
