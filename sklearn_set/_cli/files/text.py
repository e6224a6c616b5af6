"""Bytes of a file as text: unpacked, in UTF-8, with lines that end in newlines.

Content that is no text, or text of an unknown kind, is refused here. Knows bytes; must not know
cells, or what lines mean.
"""

import codecs
import gzip
import zlib

from sklearn_set._cli.files.messages import Refusal, reason


def text_of(content):
    """Content as UTF-8 without a mark, and what was done to it, in words for the notes."""
    packed = content.startswith(b"\x1f\x8b")
    if packed:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise Refusal(f"cannot be unpacked by gzip: {reason(error)}.") from None
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Refusal("is a workbook or an archive, expected text; save its table as CSV.")
    content, encoding = _as_utf8(content)
    if b"\0" in content:
        raise Refusal("holds zero bytes, expected text.")
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    start = content.lstrip()[:1]
    if not start:
        raise Refusal("is empty, expected a header and a line for each sample.")
    if start == b"^":
        raise Refusal("is a SOFT file, expected the series matrix that GEO offers beside it.")
    return content, f"{encoding}{', packed by gzip' if packed else ''}"


def _as_utf8(content):
    """Content as UTF-8 without a mark, and what it was, in words for the notes."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16").encode(), ", in UTF-16"
        except UnicodeDecodeError:
            raise Refusal("begins like UTF-16, but is not.") from None
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1").encode(), ", in latin-1"
    return content, ""
