"""How the documentation site is built: `make doc` writes it to doc/_build/html.

The pages are Markdown and can be read without this file.  It adds what a site needs: the reference
made from the docstrings, the gallery made by running the examples, and equations.  Nothing is
loaded from elsewhere, neither by the build nor by the pages, links to other projects excepted.
"""

import importlib
import importlib.metadata as metadata
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

from docutils import nodes
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  an example's, not run
from sphinx import addnodes
from sphinx_gallery.sorting import ExplicitOrder

HERE = Path(__file__).parent
# One thread for the examples, so that their times do not depend on what else the machine does.
# OpenMP looks when it is loaded, which is below.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The extensions beside this file, and the package of this checkout.
sys.path[:0] = [str(HERE), str(HERE.parent)]

import sklearn_set  # noqa: E402

project = "sklearn_set"
author = "the contributors of sklearn_set"
copyright = "the contributors of sklearn_set"
version = release = sklearn_set.__version__

extensions = [
    "equations",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "versions",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "examples", "reference_tables.rst"]
highlight_language = "none"  # a block without a language is a command or a formula, not Python
smartquotes = False  # values in docstrings can be copied: "auto", not in typographic quotes

# ------------------------------------------------------------------------------------ Markdown

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4  # headings have the anchors that they have in a repository's viewer

# ----------------------------------------------------------------------------------- reference

# The public modules in the order of the reference.  What a module's `__all__` names gets a page
# at generated/<module>.<name>.html.
PUBLIC_MODULES = [
    "sklearn_set",
    "sklearn_set.callbacks",
    "sklearn_set.dask",
    "sklearn_set.datasets",
    "sklearn_set.embedding",
    "sklearn_set.export",
    "sklearn_set.feature_selection",
    "sklearn_set.inspection",
]
# Where the guide shows them at work.
GUIDE_PAGES = {
    "sklearn_set": "first_steps",
    "sklearn_set.callbacks": "callbacks",
    "sklearn_set.dask": "large_data",
    "sklearn_set.datasets": "data",
    "sklearn_set.embedding": "explain",
    "sklearn_set.export": "save_export",
    "sklearn_set.feature_selection": "genes",
    "sklearn_set.inspection": "explain",
}

autosummary_generate = ["reference_tables.rst"]
# A function has the same name but for its first letter: on some file systems that is one file.
autosummary_filename_map = {
    "sklearn_set.inspection.Contributions": "sklearn_set.inspection.Contributions_object"
}
autodoc_typehints = "none"  # numpydoc tells the types
python_maximum_signature_line_length = 60  # longer ones flow in their column: see site.css
toc_object_entries_show_parents = "hide"
default_role = "literal"  # `name` in a docstring is a name
numpydoc_show_class_members = False  # the class template lists them
numpydoc_class_members_toctree = False


def write_reference_tables():
    """One section for each public module, with a table of its names, for reference.rst."""
    sections = []
    for name in PUBLIC_MODULES:
        module = importlib.import_module(name)
        names = [public for public in module.__all__ if not public.startswith("_")]
        sections += [
            f"{name}\n{'-' * len(name)}\n",
            f"{module.__doc__.partition(chr(10))[0]}",
            f"In the guide: :doc:`guide/{GUIDE_PAGES[name]}`.\n",
            ".. autosummary::\n   :toctree: generated\n   :nosignatures:\n",
            *(f"   ~{name}.{public}" for public in names),
            "",
        ]
    text = "\n".join(sections)
    tables = HERE / "reference_tables.rst"
    # Written when it changes only, so that an unchanged page is not built again.
    if not tables.exists() or tables.read_text(encoding="utf-8") != text:
        tables.write_text(text, encoding="utf-8")


write_reference_tables()

# ----------------------------------------------------------------------- links to other projects

NEIGHBOURS = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "sklearn": "https://scikit-learn.org/stable/",
    "matplotlib": "https://matplotlib.org/stable/",
}


def is_reachable(url):
    """Whether a project's list of pages can be fetched from here."""
    try:
        with urllib.request.urlopen(url + "objects.inv", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


# Without a network the names of other projects stay plain text; that is no reason to warn.
intersphinx_mapping = (
    {name: (url, None) for name, url in NEIGHBOURS.items()}
    if all(map(is_reachable, NEIGHBOURS.values()))
    else {}
)

# ------------------------------------------------------------------------------------- gallery

# Its sections are folders of examples, in this order; scripts beside them are for the command line.
GALLERY = {
    "start": ["microarray_cross_validation", "hyperparameter_search", "regression", "groups"],
    "genes": ["gene_selection", "stability_selection", "feature_search"],
    "explain": ["reasons", "inspection", "embedding"],
    "training": ["evolution", "callbacks"],
    "large": ["sparse_text", "streaming", "million_neurons"],
}

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "subsection_order": ExplicitOrder([f"examples/{section}" for section in GALLERY]),
    "within_subsection_order": ExplicitOrder(
        [f"plot_{name}.py" for names in GALLERY.values() for name in names]
    ),
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"^(?!plot_)",
    "thumbnail_size": (640, 448),
    "doc_module": ("sklearn_set",),
    "backreferences_dir": "generated/backreferences",
    "reference_url": {"sklearn_set": None},
    "image_srcset": ["2x"],
    "download_all_examples": False,
    "write_computation_times": False,
}

# ---------------------------------------------------------------------------------------- site


def icon_links(stated):
    """Links to source and issues in the head of every page, if pyproject.toml states them."""
    icons = {"Source": "fa-solid fa-code", "Issues": "fa-solid fa-circle-dot"}
    addresses = dict(line.split(", ", 1) for line in stated.get_all("Project-URL", []))
    return [
        {"name": name, "url": addresses[name], "icon": icon}
        for name, icon in icons.items()
        if name in addresses
    ]


html_theme = "pydata_sphinx_theme"
html_title = "sklearn_set"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "show_prev_next": True,
    "show_toc_level": 2,
    "navbar_align": "left",
    "header_links_before_dropdown": 5,
    "navbar_start": ["navbar-logo", "versions.jinja"],
    "icon_links": icon_links(metadata.metadata(project)),
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {page.stem: [] for page in HERE.glob("*.md")}  # they have no pages below them
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


# ------------------------------------------------------------------ what docstrings cannot know


def quote_names_of_attributes(app, what, name, thing, options, lines):
    """Quote n_features_ in "of shape (n_samples, n_features_)": docutils takes it for a link."""
    lines[:] = [re.sub(r"(?<=[( ])([a-z]\w*_)(?=[,)])", r"``\1``", line) for line in lines]


def link_examples(app, doctree):
    """Make `doc/examples/genes/plot_gene_selection.py` a link to the page of the gallery."""
    for name in list(doctree.findall(nodes.literal)):
        found = re.fullmatch(r"doc/examples/(\w+/plot_\w+)\.py", name.astext())
        if found and not isinstance(name.parent, nodes.reference):
            link = addnodes.pending_xref(
                refdomain="std",
                reftype="doc",
                reftarget=f"/auto_examples/{found[1]}",
                refdoc=app.env.docname,
                refexplicit=True,
                refwarn=True,
            )
            name.replace_self(link)
            link += name


def leave_as_text(app, env, node, contnode):
    """Leave references within docstrings of scikit-learn as text where its site is out of reach."""
    return contnode if "docstring of sklearn." in (node.source or "") else None


def miss_no_pictures(app, config):
    """Do without pictures of examples where those are not run, by -D plot_gallery=0."""
    if str(config.plot_gallery) in ("0", "False"):
        config.suppress_warnings += ["image.not_readable"]


def setup(app):
    """Register the functions above."""
    app.connect("config-inited", miss_no_pictures)
    app.connect("autodoc-process-docstring", quote_names_of_attributes)
    app.connect("doctree-read", link_examples)
    app.connect("missing-reference", leave_as_text, priority=900)  # after intersphinx
