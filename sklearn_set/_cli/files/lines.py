"""The lines of a table, looked at before a number is read: delimiter, header, widths, text.

The csv module splits the lines into cells, since pandas fills short lines without a warning. Knows
lines of cells; must not know pandas, or whether rows or columns are samples.
"""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from sklearn_set._cli.files.cells import is_number, is_text, tells_labels
from sklearn_set._cli.files.messages import Refusal, count, reason

DELIMITERS = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars", " ": "spaces"}
_GROUPED = re.compile(r"[1-9]\d{0,2}(,\d{3})+|[1-9]\d{0,2}(\.\d{3})+", re.ASCII)  # 1,234,567


@dataclass
class Lines:
    """What the lines of a table look like, before a number is read."""

    delimiter: str
    names: list  # of the columns, stripped
    rows: list  # first cell of every line below the header
    skip: set  # numbers of the lines that hold no cells, and of the header
    named: dict  # first cell -> (number, cells) of lines that may hold labels
    text: list  # first cells of lines whose other cells are text
    n_ends: int  # lines whose last cell is text
    commas: bool  # whether the first lines have decimal commas, and no points

    def title(self, column):
        """What to call a column, also one without a name."""
        return repr(self.names[column]) if self.names[column] else f"column {column + 1}"


def _records(content, delimiter):
    lines = io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="")
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


def _delimiter_of(content):
    """The delimiter that gives the first lines as many cells as the header, and many."""
    best, found = (False, 0.0, 1), None
    for delimiter in DELIMITERS:  # of equals the first: commas may be decimal ones
        widths = []
        try:
            for record in islice(filter(any, _records(content, delimiter)), 20):
                widths.append(len(record))
        except csv.Error:  # a huge cell: of another delimiter, or of a quote that is not closed
            pass
        if not widths:
            continue
        header, *widths = widths
        width, times = Counter(widths or [header]).most_common(1)[0]
        fits = abs(header - width) <= 1
        score = (fits, times / max(len(widths), 1), width)
        if delimiter == " " and (found or width < 3 or score[:2] != (True, 1.0)):
            continue  # spaces stand in many texts
        if width > 1 and score > best:
            best, found = score, delimiter
    if found is None:
        raise Refusal(
            "has one column only: its cells are separated by neither commas, semicolons, tabs, "
            "bars nor spaces."
        )
    return found


class _Grouping:
    """Numbers such as 1,234 beside 567 in the first lines: their signs may mean two things."""

    def __init__(self):
        self._separated, self._short, self._long = set(), set(), set()  # columns of such numbers
        self._cell, self._has_decimals = "", False

    def see(self, record):
        for column, cell in enumerate(map(str.strip, record[:200])):
            if cell.isdecimal():
                (self._short if len(cell) < 4 else self._long).add(column)
            elif _GROUPED.fullmatch(cell):
                self._separated.add(column)
                self._cell = cell
            elif is_number(cell):
                self._has_decimals = True

    def refuse(self):
        both = (self._separated & self._short) - self._long
        if both and not self._has_decimals and 2 * len(both) > len(self._separated):
            sign = "commas" if "," in self._cell else "points"
            raise Refusal(
                f"has numbers such as {self._cell!r} beside whole ones: its {sign} may stand "
                "between thousands or before decimals. Write numbers without signs between "
                "thousands."
            )


def scan(content, wanted=()):
    """Look at every line: its number of cells, its first cell, whether it holds text.

    Lines are kept whose first cell is one of the wanted names, or one that labels often have.
    """
    delimiter = _delimiter_of(content)
    header, skip, named, text, rows, widths = None, set(), {}, [], [], Counter()
    first_of, spare, n_ends, signs, grouping = {}, True, 0, set(), _Grouping()
    records = _records(content, delimiter)
    try:
        for number, record in enumerate(records):
            filled = any(cell.strip() for cell in record)
            if header is None or not filled:
                skip.add(number)
                if filled:
                    header = [cell.strip() for cell in record]
                continue
            if len(rows) < 20:
                grouping.see(record)
                if delimiter != ",":
                    numbers = "".join(filter(is_number, record))
                    signs |= {sign for sign in ".," if sign in numbers}
            widths[len(record)] += 1
            first_of.setdefault(len(record), records.line_num)
            spare = spare and not record[-1].strip()
            name = record[0].strip()
            rows.append(name)
            n_ends += is_text(record[-1])
            all_text = is_text(record[-1]) and not any(map(is_number, islice(record, 1, None)))
            if all_text:
                text.append(name)
            if name in wanted or tells_labels(name) or (all_text and len(text) == 1):
                named.setdefault(name, []).append((number, record))
    except csv.Error as error:
        raise Refusal(f"cannot be read at line {records.line_num}: {reason(error)}.") from None
    if not rows:
        raise Refusal("has a header and no samples below it.")
    grouping.refuse()
    names = _fit_header(header, widths, first_of, spare)
    return Lines(delimiter, names, rows, skip, named, text, n_ends, signs == {","})


def _fit_header(header, widths, first_of, spare):
    """Names for all columns, where the header has one name more or less than the lines cells."""
    width = widths.most_common(1)[0][0]
    if len(widths) > 1:
        odd, cells = min((line, cells) for cells, line in first_of.items() if cells != width)
        raise Refusal(
            f"has lines of different lengths: line {odd} has {count(cells, 'cell')}, most "
            f"have {width}. Quote cells that hold a delimiter, and complete the others."
        )
    if len(header) == width - 1:  # R does not name the rows' names; others end lines by commas
        header = [*header, ""] if spare else ["", *header]
    elif len(header) == width + 1 and not header[-1]:
        header = header[:-1]
    if len(header) != width:
        raise Refusal(f"has {len(header)} names in its header, but {width} cells in a line.")
    if _is_data(header):
        raise Refusal("has numbers in its first line, expected a header: the columns' names.")
    return header


def _is_data(header):
    """Whether most names are numbers, and not those of the columns or samples either."""
    numbers = [name for name in header if is_number(name)]
    if 2 * len(numbers) <= len(header):
        return False
    whole = [int(name) for name in numbers if name.isdecimal()]
    if whole and whole == list(range(whole[0], whole[0] + len(numbers))):
        return False
    all_whole_and_distinct = len(numbers) == len(whole) == len(set(whole))
    return not all_whole_and_distinct or len(numbers) == len([name for name in header if name])
