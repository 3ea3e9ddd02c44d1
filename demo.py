"""`python demo.py …` is `potato demo …`."""

import sys

from potato.__main__ import main

if __name__ == "__main__":
    sys.argv[:1] = ["potato", "demo"]  # the help names the command that it is
    main()
