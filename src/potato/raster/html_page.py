"""HTML pages of the package that load nothing else."""

import html
from importlib import resources
from typing import Any

from potato.core.text import script_json


def html_page(name: str, title: str, data: Any) -> str:
    """A page that loads nothing else: a template in `assets`, filled in.

    Args:
        name: file name of the template, which has {{style}}, {{title}} and {{data}}.
        title: shown as text, never as markup.
        data: as `script_json` takes it.

    Raises:
        ValueError: if the data holds a NaN or an infinity.
    """
    assets = resources.files("potato") / "assets"
    style = (assets / "pages" / "common.css").read_text("utf-8")
    head, tail = (assets / name).read_text("utf-8").split("{{data}}")
    return (
        head.replace("{{style}}", style).replace("{{title}}", html.escape(title)) + script_json(data) + tail
    )
