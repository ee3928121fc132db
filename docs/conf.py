"""How Sphinx builds the documentation site: `make docs` writes it to docs/_build."""

import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from extensions import api_pages, model_pages  # noqa: E402  the folder is no installed package

project = "Zoo"
author = "the authors of Zoo"
copyright = author
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build", "extensions"]

html_theme = "furo"
html_title = "Zoo"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["zoo.css"]
copybutton_exclude = ".linenos, .gp, .go"

myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
maximum_signature_line_length = 88
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
# Shapes such as `[n, classes]` in docstrings are no names of variables.
suppress_warnings = ["ref.python"]


def keep_words_of_attributes(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Escape the first colon of an attribute, which napoleon takes for the end of a type."""
    if what in ("attribute", "data", "property") and lines:
        lines[0] = lines[0].replace(": ", "\\: ", 1)


def plain_docstrings(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Rewrite a docstring for autodoc, in place."""
    lines[:] = api_pages.as_restructured_text(lines)


def write_pages(app: Any) -> None:
    """Write the pages that come from the code, before Sphinx looks for sources."""
    model_pages.write_pages(DOCS / "models")
    api_pages.write_pages(DOCS / "api")


def setup(app: Any) -> None:
    """Register what happens while Sphinx builds."""
    app.connect("config-inited", lambda app, config: write_pages(app))
    app.connect("autodoc-process-docstring", keep_words_of_attributes, priority=100)
    app.connect("autodoc-process-docstring", plain_docstrings, priority=900)
