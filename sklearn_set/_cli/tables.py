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
    name: int = 0  # the column that tells rows apart

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

    def as_html(self, title):
        """The table as an element that scrolls if it is too wide, also by keys."""

        def line(cells, tag):
            made = []
            for place, cell in enumerate(cells):
                scope = ' scope="col"' if tag == "th" else ""
                kinds = ["name"] if place == self.name else []
                kinds += ["number"] if place >= self.n_words else []
                kind = f' class="{" ".join(kinds)}"' if kinds else ""
                made.append(f"<{tag}{scope}{kind}>{escape(cell)}</{tag}>")
            return f"<tr>{''.join(made)}</tr>"

        body = "\n".join(line(row, "td") for row in self.rows)
        return (
            f'<div class="wide" role="region" aria-label="{escape(title)}" tabindex="0"><table>'
            f"<thead>{line(self.head, 'th')}</thead>\n<tbody>{body}</tbody></table></div>"
        )


def as_csv(head, rows):
    """Lines of a file for a spreadsheet or pandas."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return content.getvalue()
