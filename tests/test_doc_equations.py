"""Equations of the documentation are drawn as TeX would."""

import importlib.util
import re

import pytest
from doc_pages import CORE, ROOT, every_page, prose_of

if not (CORE.is_dir() and (ROOT / "doc").is_dir()):
    pytest.skip("the sources and the documentation are not in this copy", allow_module_level=True)


def mathml(tex):
    """An equation as the site has it, without white space and name space."""
    spec = importlib.util.spec_from_file_location("equations", ROOT / "doc" / "equations.py")
    equations = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(equations)
    text = re.sub(r">\s+<", "><", equations.mathml(tex, as_block=True))
    return re.search(r"<math [^>]*>(.*)</math>", text)[1]


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        (
            r"\tilde x_b",
            '<msub><mover accent="true"><mi>x</mi><mo stretchy="false">~</mo></mover>'
            "<mi>b</mi></msub>",
        ),
        (
            r"\sum_b^n",
            '<munderover><mo movablelimits="true">∑</mo><mi>b</mi><mi>n</mi></munderover>',
        ),
        (r"\tanh z", '<mi>tanh</mi><mo>\u2061</mo><mspace width="0.17em" /><mi>z</mi>'),
        (
            r"\log(z)",
            '<mi>log</mi><mo>\u2061</mo><mo stretchy="false">(</mo><mi>z</mi>'
            '<mo stretchy="false">)</mo>',
        ),
        (r"|C", '<mo stretchy="false" lspace="0" rspace="0">|</mo><mi>C</mi>'),
    ],
)
def test_equations_are_drawn_as_tex_would(tex, expected):
    assert mathml(tex) == expected


@every_page
def test_equations_can_be_drawn(page):
    text = re.sub(r"`[^`]*`", "", prose_of(page))
    for block, inline in re.findall(r"\$\$(.+?)\$\$|\$(.+?)\$", text, re.DOTALL):
        assert "<m" in mathml(block or inline)
