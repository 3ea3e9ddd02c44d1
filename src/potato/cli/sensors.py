"""`potato sensors`."""

import dataclasses
import json

import click

from potato.cli import options
from potato.cli.output import say

ROW = "{:<10} {:<29} {:>5}  {:>6}  {:<12}  {}"
"""Columns of the table."""


@click.command()
@options.json_
def sensors(json_: bool) -> None:
    """List the sensors that Potato knows, with their weights and bands.

    RATIO is that of pan's resolution to mul's. ERROR is the mean colour error on measured spectra,
    in just-noticeable differences; "–" where the satellite's spectral responses aren't published.
    WEIGHTS serve the sensor unless -w names others. --json prints everything that is known about
    each, also further names of its platform.
    """
    from potato.core.sensor_table import SENSORS
    from potato.model.weights import default_weights

    if json_:
        facts = [{**dataclasses.asdict(each), "weights": default_weights(each)} for each in SENSORS]
        say(json.dumps(facts))
        return
    say(ROW.format("NAME", "SATELLITE", "RATIO", "ERROR", "WEIGHTS", "BANDS"))
    for each in SENSORS:
        error = "–" if each.colour_error is None else f"{each.colour_error:.2f}"
        bands = " ".join(each.bands)
        say(ROW.format(each.name, each.title, each.ratio, error, default_weights(each), bands))
