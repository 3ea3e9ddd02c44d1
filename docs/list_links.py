"""List the addresses elsewhere that pages link to, and the pages: for people to try.

`make links` writes build/links.txt. Links between pages are tests/project/test_docs.py's matter.
"""

import re
from collections import defaultdict
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]

ADDRESS = re.compile(r"https?://(?!127\.|localhost)\w[^\s\"'`<>\])}|\\]+")


def main() -> None:
    """Print a line for each address: itself, then the pages that have it."""
    pages = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), REPOSITORY / "pyproject.toml"]
    found = defaultdict(list)
    for page in sorted(pages):
        for address in ADDRESS.findall(page.read_text("utf-8")):
            found[address.rstrip(".,:;")].append(str(page.relative_to(REPOSITORY)))
    for address, places in sorted(found.items()):
        print(address, *dict.fromkeys(places))


if __name__ == "__main__":
    main()
