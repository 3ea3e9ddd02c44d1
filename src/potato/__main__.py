"""`potato` and `python -m potato` start here."""

import sys


def main() -> None:
    """Run `potato`; an interruption while it is loaded or ends is one line, too."""
    try:
        from potato.cli import main as run

        run()
    except KeyboardInterrupt:
        print("potato: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
