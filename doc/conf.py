"""Configuration of Sphinx."""

import re

from sphinx_gallery.sorting import ExplicitOrder

import skdeepcluster

project = "skdeepcluster"
author = "the skdeepcluster developers"
copyright = f"2026, {author}"
version = release = skdeepcluster.__version__

# Nothing here needs a network, neither to build the pages nor to read them: no
# intersphinx, and MathJax comes out of a package.
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
toc_object_entries_show_parents = "hide"
default_role = "literal"

autodoc_typehints = "none"  # numpydoc's Parameters already give the types
autosummary_generate = True
numpydoc_show_class_members = False  # the class template lists them

# Its menu offers parts that MathJax would load from elsewhere.
mathjax3_config = {"options": {"enableMenu": False}}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": ExplicitOrder(
        ["plot_digits.py", "plot_two_step.py", "*", "plot_toy_shapes.py"]
    ),
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skdeepcluster",),
    "capture_repr": (),
    "download_all_examples": False,
    "show_signature": False,
    # The page of times would load scripts and styles over the network.
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = f"skdeepcluster {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
# These pages have no section to navigate in.
html_sidebars = {"api": [], "changelog": [], "security": []}
html_theme_options = {
    "github_url": "https://github.com/skdeepcluster/skdeepcluster",
    "show_prev_next": False,
}


def escape_shapes(app, what, name, obj, options, lines):
    """In "of shape (n_samples, n_components_)" the last underscore makes no link."""
    for number, line in enumerate(lines):
        if " of shape (" in line:
            lines[number] = re.sub(r"_(?=[,)])", r"\\_", line)


def setup(app):
    # Before numpydoc, which comes with priority 500.
    app.connect("autodoc-process-docstring", escape_shapes, priority=400)
