"""`python train.py …` is `potato train …`; it is also what `torchrun` starts."""

import sys

from potato.__main__ import main

if __name__ == "__main__":
    sys.argv[:1] = ["potato", "train"]  # the help names the command that it is
    main()
