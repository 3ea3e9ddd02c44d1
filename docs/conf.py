"""Sphinx: how the pages of docs/ become a site. `make docs` builds it, and a warning is an error."""

import re
from importlib.metadata import version as version_of
from typing import Any

from sphinx.application import Sphinx

project = "Potato"
author = "The Potato developers"
version = release = version_of("potato")
html_title = "Potato"
html_theme = "furo"
html_copy_source = False

extensions = [
    "myst_nb",  # Markdown, and notebooks, which it runs
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
templates_path = ["_templates"]
exclude_patterns = ["_templates", "examples"]
myst_heading_anchors = 3  # so that a link to a heading is checked too

# Notebooks are kept without results, so they are run; one that fails fails the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# A name in single backticks is a link where it is one of ours, and code where it isn't.
default_role = "py:obj"
# Names that a room passes on are found twice, in the room and where they are at home. Either will do.
# Examples of JSON are shortened with an ellipsis, which is no JSON.
suppress_warnings = ["ref.python", "misc.highlighting_failure"]

_CODE = re.compile(r"(``.*?``|`.*?`)")
_MARKS = re.compile(r"([|*\\]|(?<=\w)_(?!\w))")


def _escape(
    app: Sphinx, what: str, name: str, docstring_of: object, options: object, lines: list[str]
) -> None:
    """Docstrings are plain text with `code` in it: no other mark of reStructuredText is meant as one."""
    for number, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...")):
            continue
        pieces = _CODE.split(line)
        pieces[::2] = [_MARKS.sub(r"\\\1", text) for text in pieces[::2]]
        lines[number] = "".join(pieces)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _escape, priority=400)  # before napoleon, which adds marks
    return {"parallel_read_safe": True}
