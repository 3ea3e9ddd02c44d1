"""`python demo.py …` is `potato demo …`."""

import sys

from potato.__main__ import main

if __name__ == "__main__":
    sys.argv.insert(1, "demo")
    main()
