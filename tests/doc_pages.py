"""Pages of the documentation, and what stands in them; for its tests."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "doc").glob("*.md")),
    *sorted((ROOT / "doc" / "guide").glob("*.md")),
    *sorted((ROOT / ".github").glob("*.md")),
]
GUIDE = ROOT / "doc" / "guide"
CORE = ROOT / "sklearn_set" / "_core"

FENCE = re.compile(
    r"(?:^ *<!-- from (?P<source>\S+) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its code, and the file it quotes, if any."""

    page: Path
    line: int
    language: str
    source: str | None
    code: str

    def __str__(self):
        return f"{name_of(self.page)}:{self.line}"


def name_of(page):
    """The name of a page or an example; those of the guide have their folder before it."""
    return page.relative_to(page.parents[1]).as_posix() if page.parent == GUIDE else page.name


def text_of(page):
    return page.read_text(encoding="utf-8")


def blocks_of(page):
    text = text_of(page)
    return [
        Block(
            page,
            text.count("\n", 0, match.start("code")) + 1,
            match["language"],
            match["source"],
            textwrap.dedent(match["code"]),
        )
        for match in FENCE.finditer(text)
    ]


def prose_of(page):
    """The page without its fenced blocks."""
    return FENCE.sub("", text_of(page))


every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)
