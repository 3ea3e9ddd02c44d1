"""`potato demo`."""

import click


@click.command()
def demo() -> None:
    """Make a pair and sharpen it."""
