"""Make the links of README.md absolute: the package index shows it without the repository.

python release/readme.py https://github.com/OWNER/NAME v1.2.3

The workflow of a release runs this before it builds.
"""

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"

LINK = re.compile(r"(!?)(\[[^\]]*\])\((?![a-z]+:|#)([^)\s]+)\)")
"""A link or a picture whose target is a file of the repository."""


def main() -> None:
    """Rewrite README.md, for the repository and the tag that the command line names."""
    if len(sys.argv) != 3:
        raise SystemExit("expected the address of the repository and a tag")
    README.write_text(absolute(README.read_text("utf-8"), *sys.argv[1:]), "utf-8", newline="\n")


def absolute(text: str, repository: str, tag: str) -> str:
    """Make the targets of a page's links and pictures absolute.

    Args:
        text: the page in Markdown.
        repository: the address of the repository on GitHub.
        tag: of the version whose files are linked.
    """

    def link(found: re.Match[str]) -> str:
        picture, label, target = found.groups()
        return f"{picture}{label}({repository}/{'raw' if picture else 'blob'}/{tag}/{target})"

    return LINK.sub(link, text)


if __name__ == "__main__":
    main()
