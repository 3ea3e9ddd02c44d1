"""`potato get-reflectance`."""

import click

from potato.cli.output import say


# X and Y may begin with a minus, so a word with a minus isn't always an option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("files", nargs=-1, required=True, metavar="PAN MUL", type=click.Path())
@click.argument("x", type=float)
@click.argument("y", type=float)
@click.option("--name", metavar="NAME", help="Name of the surface.  [default: the image and the place]")
@click.option(
    "--kind",
    metavar="WORD",
    default="paint",
    show_default=True,
    help="Kind of surface: roof, paint, water, …",
)
@click.option("--lonlat", "coordinates", flag_value="lonlat", help="X and Y are longitude and latitude.")
@click.option("--map", "coordinates", flag_value="map", help="X and Y are in the CRS of the image.")
@click.option("--header", is_flag=True, help="Print the header of a list of reflectances first.")
def get_reflectance(
    files: tuple[str, ...],
    x: float,
    y: float,
    name: str | None,
    kind: str,
    coordinates: str | None,
    header: bool,
) -> None:
    """Print the reflectance of a pair at one place, as a line of CSV.

    PAN and MUL are the images; or give one word, the part of their names before -pan.tif and
    -ms.tif. X and Y are a column and a row of PAN. The line has the name, the kind, the mean of 16
    pan pixels, the 8 bands, all × 10,000, and a note. Such lines make a list for fake-chips
    --reflectances.
    """
    from potato.chips import sample_reflectance

    if len(files) > 2 or any(file.startswith("-") for file in files):
        raise click.UsageError(f"expected PAN MUL X Y, or a stem and X Y, found {' '.join(files)} before X Y")
    mul = files[1] if len(files) == 2 else None
    surface = sample_reflectance.get_reflectance(
        files[0],
        mul,
        x,
        y,
        name=name,
        kind=kind,
        coordinates=coordinates or "pixels",  # type: ignore[arg-type]  # click has checked it
    )
    if header:
        say(sample_reflectance.HEADER)
    say(sample_reflectance.reflectance_row(surface))
