"""Tables of words and numbers, for a terminal, for a page and for a spreadsheet.

Knows cells of text; must not know what they say.
"""

import csv
import io
from dataclasses import dataclass
from html import escape


@dataclass
class Table:
    """Cells of text below a head; columns after the first `n_words` hold numbers."""

    head: list
    rows: list
    n_words: int = 1

    def as_text(self):
        """Lines of the table, aligned."""
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        made = []
        for line in lines:
            cells = [
                cell.ljust(width) if place < self.n_words else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            made.append("  ".join(cells).rstrip())
        return "\n".join(made)

    def as_html(self):
        """The table as an element that scrolls if it is too wide."""

        def line(cells, tag):
            made = "".join(
                f"<{tag}{' class=number' if place >= self.n_words else ''}>{escape(cell)}</{tag}>"
                for place, cell in enumerate(cells)
            )
            return f"<tr>{made}</tr>"

        body = "\n".join(line(row, "td") for row in self.rows)
        return (
            f'<div class="wide"><table><thead>{line(self.head, "th")}</thead>\n'
            f"<tbody>{body}</tbody></table></div>"
        )


def as_csv(head, rows):
    """Lines of a file for a spreadsheet or pandas."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return content.getvalue()
