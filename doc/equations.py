"""A Sphinx extension: equations are written as MathML, which browsers draw without a script.

docutils translates TeX; what it leaves to be improved is mended
here.  Knows nothing of this package.
"""

import xml.etree.ElementTree as ET
from itertools import pairwise

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
ACCENTS = ("~", "\N{MODIFIER LETTER CIRCUMFLEX ACCENT}", "¯", "˙")
FENCES = ("|", "⌊", "⌋")
APPLY = "\N{FUNCTION APPLICATION}"

ET.register_namespace("", NAMESPACE)


def tag(name):
    return f"{{{NAMESPACE}}}{name}"


def mathml(tex, *, as_block):
    """TeX as MathML, a string."""
    # The one entity that XML does not know.
    text = tex2mathml(tex.strip(), as_block=as_block).replace("&ApplyFunction;", APPLY)
    root = ET.fromstring(text)
    for parent in list(root.iter()):
        mend_accent(parent)
        mend_fence(parent)
        separate_functions(parent)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode")


def mend_accent(element):
    r"""Make the index of \tilde x_b an index; docutils sets it below x, as one of a sum."""
    if element.tag != tag("munderover") or element[2].text not in ACCENTS:
        return
    base, index, accent = element
    for child in (base, index, accent):
        element.remove(child)
    element.tag = tag("msub")
    over = ET.SubElement(element, tag("mover"), accent="true")
    over.extend([base, accent])
    element.append(index)


def mend_fence(element):
    """Keep fences without a size of their own as high as a line, and close to what they enclose."""
    if element.tag == tag("mo") and element.text in FENCES and "minsize" not in element.attrib:
        element.attrib.update(stretchy="false", lspace="0", rspace="0")


def separate_functions(element):
    """Leave a little room between log and what follows, unless that is a parenthesis."""
    for place, (first, second) in reversed(list(enumerate(pairwise(element)))):
        if first.text == APPLY and second.text != "(":
            element.insert(place + 1, ET.Element(tag("mspace"), width="0.17em"))


def visit_math(translator, node):
    is_block = isinstance(node, nodes.math_block)
    text = mathml(node.astext(), as_block=is_block)
    translator.body.append(f'<div class="math">{text}</div>' if is_block else text)
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
