"""`potato serve`."""

from typing import Any

import click

from potato.cli import options
from potato.cli.output import complain, flush, say


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option(
    "--port",
    type=options.WholeRange(0, 65535),
    default=8765,
    show_default=True,
    help="The port; 0 for any that is free.",
)
@options.open_page
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="DIR",
    help="Folder for pictures of areas that are drawn on the page; nothing is written elsewhere.  "
    "[default: none can be made]",
)
@click.option(
    "-w",
    "--weights",
    metavar="FILE|NAME",
    multiple=True,
    help="A Potato checkpoint to choose on the page, the first at once; may be repeated.",
)
@options.reading_deliveries
@click.option("--cors", is_flag=True, help="Let web pages from elsewhere read the map, too.")
@options.follow_links
def serve(sources: tuple[str, ...], open_: bool, **settings: Any) -> None:
    """Show a map in the browser, sharpened as you look.

    SOURCE is an ARD: a folder, s3://…, or https://…; or a delivery; or a pan and its mul; or a
    finished picture; or the folder of pictures that fuse-ard made. There may be several. The first
    line of the output is the address of the page, which only programs of this machine can reach.
    Ctrl-C ends the server; the exit code is 0.
    """
    from potato.serving.server import Server

    with Server(sources, say=lambda line: complain(f"potato: {line}"), **settings) as server:
        say(server.address)
        flush()
        if open_:
            click.launch(server.address)
        try:
            server.wait()
        except KeyboardInterrupt:
            say("stopped")
