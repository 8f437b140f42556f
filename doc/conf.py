"""Configuration of Sphinx."""

import skdeepcluster

project = "skdeepcluster"
author = "the skdeepcluster developers"
copyright = f"2026, {author}"
version = release = skdeepcluster.__version__

# No intersphinx: the documentation builds without a network.
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "literal"

autodoc_typehints = "none"  # numpydoc's Parameters already give the types
autosummary_generate = True
numpydoc_show_class_members = False  # the class template lists them

html_theme = "pydata_sphinx_theme"
html_title = f"skdeepcluster {release}"
html_show_sourcelink = False
html_theme_options = {
    "github_url": "https://github.com/skdeepcluster/skdeepcluster",
    "show_prev_next": False,
}
