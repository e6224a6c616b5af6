"""Code that reads new samples as those of the study were read, for the README of a report.

Knows how a file was read, and pandas as its users write it; must not know what is done with the
samples.
"""

import json
from collections import Counter

from scipy import sparse

_PLAIN = """\
table = pd.read_csv("new_samples.csv"{options})  # rows are samples, columns are genes
table = table.rename(columns=str.strip)"""
_TRANSPOSED = """\
table = pd.read_csv("new_samples.csv", index_col=0{options}).T  # rows of the file are genes
table = table.rename(columns=lambda name: str(name).strip())"""
_NUMBERED = """\
{table}
names = pd.Series(table.columns).fillna("").astype(str).str.strip()
number = names.groupby(names).cumcount() + 1  # genes whose names stand more than once
table.columns = names.where(number == 1, names + " #" + number.astype(str))"""
_TABLE = """\
table = pd.read_csv("new_samples.csv", header=None{below})  # rows are samples
table.columns = pd.read_csv("new_samples.csv", header=None, nrows=1, dtype=str{options}).loc[0]"""
_SELECTED = """
table = table[model.feature_names_in_].astype(float)  # the same genes in the same order"""
_ARRAY = """\
X = ...  # an array: rows are samples, columns the same genes in the same order
table = pd.DataFrame(X, columns=model.feature_names_in_)"""
_SPARSE = """\
table = ...  # a sparse matrix: rows are samples, columns the same genes in the same order"""


def loading_of(samples):
    """Lines of Python that make a table of new samples, in a file like the one that was read."""
    if sparse.issparse(samples.values):
        return _SPARSE
    if samples.reading is None:
        return _ARRAY
    form = _TRANSPOSED if samples.transposed else _PLAIN
    if max(Counter(samples.features).values()) > 1:
        table = form.partition("\n")[0] if samples.transposed else _TABLE
        form = _NUMBERED.replace("{table}", table)
    below = {**samples.reading, "skiprows": samples.reading.get("skiprows", 0) + 1}
    return form.format(options=_told(samples.reading), below=_told(below)) + _SELECTED


def _told(options):
    """Options of pandas.read_csv as Python writes them, after other arguments."""
    made = dict(options)
    without = made.pop("without", [])
    said = [f"{name}={json.dumps(option, ensure_ascii=False)}" for name, option in made.items()]
    if without:
        said.append(f"usecols=lambda name: name not in {json.dumps(without, ensure_ascii=False)}")
    return "".join(f", {each}" for each in said)
