"""Reading the page of a report."""

import base64
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from pictures import decode


def data_of(page: Path) -> dict:
    return json.loads(page.read_text().partition('id="data">')[2].partition("</script>")[0])


def picture_of(part: dict, level: int = -1) -> np.ndarray:
    """A level of a layer's pyramid put together from its tiles."""
    rows = [
        np.concatenate([decode(base64.b64decode(url.partition(",")[2])) for url in row], 2)
        for row in part["levels"][level]
    ]
    return np.concatenate(rows, 1)


class Reader(HTMLParser):
    """Text of a page outside scripts and styles, and how many elements of each kind it has."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.count: dict[str, int] = {}
        self.attributes: list[tuple[str, str]] = []
        self.inside, self.parts = "", []
        self.feed(page.read_text())
        self.text = " ".join(self.parts)

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        self.attributes += [(name, value or "") for name, value in attrs]
        self.inside = tag

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.parts.append(data)


def table(page: Path, title: str) -> dict[str, list[float]]:
    """Rows of a table of figures."""
    text = page.read_text().partition(f">{title}")[2].partition("</table>")[0]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', text)
    return {
        name: [math.nan if cell == "–" else float(cell) for cell in re.findall(r">([^<]+)</td>", cells)]
        for name, cells in rows
    }
