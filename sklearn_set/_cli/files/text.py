"""Bytes of a file as text: unpacked, in UTF-8, with lines that end in newlines.

Content that is no text, or text of an unknown kind, is refused here. Knows bytes; must not know
cells, or what lines mean.
"""

import codecs
import gzip
import re
import zlib

from sklearn_set._cli.files.messages import Refusal, count, reason

_OTHER_KINDS = {
    rb"<!doctype html|<html|<head|<body|<table": "a web page (HTML)",
    rb"<\?xml|<!--|<!doctype": "XML",
    rb"[{\[]\s*[\"{\[]": "JSON",
    rb"\{\\rtf": "a document (RTF)",
    rb"%PDF": "a document (PDF)",
}


def text_of(content):
    """Content as UTF-8 without a mark; what was done to it, in words and as options of pandas."""
    packed = content.startswith(b"\x1f\x8b")
    if packed:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise Refusal(f"cannot be unpacked by gzip: {reason(error)}.") from None
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Refusal("is a workbook or an archive, expected text; save its table as CSV.")
    for pattern, kind in _OTHER_KINDS.items():
        if re.match(pattern, content.removeprefix(codecs.BOM_UTF8).lstrip(), re.IGNORECASE):
            raise Refusal(
                f"is {kind}, expected a table as text; save the table itself as CSV, not what "
                "shows it."
            )
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
    content, above = _without_remarks(content)
    told = f"{f', in {encoding}' if encoding else ''}{', packed by gzip' if packed else ''}{above}"
    options = {"encoding": encoding.lower().replace("windows-", "cp")} if encoding else {}
    if above:
        options["skiprows"] = content[: -len(content.lstrip())].count(b"\n")
    return content, told, options


def _without_remarks(content):
    """Content with empty lines in place of remarks above the table, and a phrase about these.

    Lines keep their numbers. A line that begins with # is the header if it has as many cells as
    the next.
    """
    if not re.match(rb'\s*(#|"?sep=)', content, re.IGNORECASE):
        return content, ""
    lines = content.split(b"\n", 100)
    first = next(place for place, line in enumerate(lines) if line.strip())
    if re.match(rb"#1\.[23]\s*$", lines[first]) and len(lines) > first + 1:
        if b"#1.3" in lines[first]:
            raise Refusal("is a GCT file of version 1.3, expected version 1.2, or CSV.")
        lines[first] = lines[first + 1] = b""
        return b"\n".join(lines), ", in the format GCT"
    n_remarks = 0
    if re.fullmatch(rb'"?sep=.?"?', lines[first].strip(), re.IGNORECASE):  # for spreadsheets
        lines[first], n_remarks = b"", 1
    remarks = []
    for place, line in enumerate(lines):
        if not line.lstrip().startswith(b"#"):
            if line.strip():
                break
            continue
        remarks.append(place)
    else:
        return content, ""  # nothing but remarks, or too many
    if remarks:
        above = lines[remarks[-1]]
        if any(0 < above.count(sign) == line.count(sign) for sign in (b"\t", b";", b",", b"|")):
            lines[remarks.pop()] = above.replace(b"#", b"", 1)
    for remark in remarks:
        lines[remark] = b""
    n_remarks += len(remarks)
    told = f", below {count(n_remarks, 'line')} of remarks" if n_remarks else ""
    return b"\n".join(lines), told


def _as_utf8(content):
    """Content as UTF-8 without a mark, and the name of what it was, if that is another."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16").encode(), "UTF-16"
        except UnicodeDecodeError:
            raise Refusal("begins like UTF-16, but is not.") from None
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return _from_one_byte_each(content)
    return content, ""


def _from_one_byte_each(content):
    """Content of an encoding with one byte for each letter; that of Windows has more letters."""
    latin = content.decode("latin-1")
    try:
        windows = content.decode("cp1252")
    except UnicodeDecodeError:
        windows = latin
    return windows.encode(), "latin-1" if windows == latin else "Windows-1252"
