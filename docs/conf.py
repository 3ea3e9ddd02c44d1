"""Sphinx configuration of the site. `make docs` builds it; a warning is an error."""

import re
from typing import Any

from sphinx.application import Sphinx

from potato.core.installation import VERSION

project = "Potato"
author = "The Potato developers"
version = release = VERSION
html_title = "Potato"
html_theme = "furo"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["swipe.css"]
html_js_files = ["swipe.js"]

extensions = [
    "myst_nb",  # reads Markdown, runs notebooks
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
templates_path = ["_templates"]
exclude_patterns = ["_templates", "examples"]
myst_heading_anchors = 3  # Sphinx then also checks links to headings

# Notebooks are stored without outputs, so the build runs them and fails if a notebook fails.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600

autosummary_generate = True
# Every page has the tree of all pages beside it; with each function in it, the site took minutes.
toc_object_entries = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# A name in single backticks becomes a link if the reference has it, and code otherwise.
default_role = "py:obj"
# ref.python: a name that a package re-exports is found both there and in its module; either serves.
# misc.highlighting_failure: examples of JSON are shortened with an ellipsis, which isn't JSON.
suppress_warnings = ["ref.python", "misc.highlighting_failure"]

_CODE = re.compile(r"(``.*?``|`.*?`)")
_MARKS = re.compile(r"([|*\\]|(?<=\w)_(?!\w))")


def _escape(
    app: Sphinx, what: str, name: str, docstring_of: object, options: object, lines: list[str]
) -> None:
    """Escape reStructuredText marks other than backticks: docstrings are plain text with `code`."""
    for number, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...")):
            continue
        pieces = _CODE.split(line)
        pieces[::2] = [_MARKS.sub(r"\\\1", text) for text in pieces[::2]]
        lines[number] = "".join(pieces)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the hook; Sphinx calls this function."""
    app.connect("autodoc-process-docstring", _escape, priority=400)  # before napoleon adds its own marks
    return {"parallel_read_safe": True}
