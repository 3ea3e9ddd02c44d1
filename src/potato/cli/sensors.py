"""`potato sensors`."""

import click

from potato.cli import options
from potato.cli.output import say

ROW = "{:<10} {:<29} {:>5}  {:>6}  {}"
"""Columns of the table."""


@click.command()
@options.json_
def sensors(json_: bool) -> None:
    """List the sensors that Potato knows, with their bands.

    RATIO is that of pan's resolution to mul's. ERROR is the mean colour error on measured spectra,
    in just-noticeable differences; "–" where the satellite's spectral responses aren't published.
    --json prints everything that is known about each, also further names of its platform.
    """
    from potato.core.sensor_table import SENSORS

    if json_:
        options.tell(SENSORS, quiet=True, json_=True)
        return
    say(ROW.format("NAME", "SATELLITE", "RATIO", "ERROR", "BANDS").rstrip())
    for each in SENSORS:
        error = "–" if each.colour_error is None else f"{each.colour_error:.2f}"
        say(ROW.format(each.name, each.title, each.ratio, error, " ".join(each.bands)))
