"""The chipper of the tutorial: `python chip.py make-chips …` is `potato make-chips …`."""

import sys

from potato.__main__ import main

COMMANDS = ("make-chips", "link-chips", "fake-chips", "chips-sheet", "get-reflectance")

if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-") and sys.argv[1] not in COMMANDS:
        sys.exit(f"chip.py: expected one of {', '.join(COMMANDS)}, found {sys.argv[1]}")
    main()
