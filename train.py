"""`python train.py …` is `potato train …`; it is also what `torchrun` starts."""

import sys

from potato.__main__ import main

if __name__ == "__main__":
    sys.argv.insert(1, "train")
    main()
