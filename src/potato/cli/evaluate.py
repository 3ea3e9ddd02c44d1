"""`potato evaluate`."""

from collections.abc import Sequence
from typing import Any

import click

from potato.cli import options

PROTOCOLS = ("plain", "displaced", "full")

OF_PROTOCOL = {"plain": "halvings", "displaced": "displacement"}

MODES = {
    "pair": {
        "weights",
        "baselines",
        "protocol",
        "halvings",
        "displacement",
        "literature",
        "platform",
        "window",
        "device",
        "workers",
        "cluster",
        "fail_above",
    },
    "chips": {"weights", "baselines", "device", "workers", "cluster", "fail_above"},
    "pictures": {"workers", "fail_above"},
    "registration": {"window", "workers", "cluster"},
    "reflectances": {"weights", "baselines", "device", "fail_above"},
}
"""Each way of judging, and the options that mean anything there."""


@click.command()
@click.argument("pair", nargs=-1, metavar="[PAN MUL]")
@click.option("--chips", metavar="POOL", type=click.Path(), help="Judge by the chips of a folder.")
@click.option("--pictures", metavar="A B", nargs=2, help="Compare two finished pictures.")
@click.option(
    "--registration",
    metavar="PAN MUL",
    nargs=2,
    help="Measure how far the band arrays of a pair lie from pan.",
)
@click.option(
    "--reflectances",
    metavar="LIST",
    help="Judge by single surfaces: a CSV file of reflectances, or 'packaged' for ours.",
)
@options.weights
@click.option(
    "--baselines",
    metavar="NAME,…",
    default="all",
    show_default=True,
    help="Whom to judge beside the weights: bicubic, brovey, gsa, mtf-glp-hpm, awlp, gdal-pansharpen (if "
    "gdal_pansharpen.py is installed), predictor; or all; or none.",
)
@click.option(
    "--protocol",
    type=click.Choice(PROTOCOLS),
    multiple=True,
    help="Of a pair: what to judge by; may be repeated.  [default: all three]",
)
@click.option(
    "--halvings",
    type=click.IntRange(0, 6),
    multiple=True,
    help="Of plain: how often the pair is halved first; may be repeated.  [default: 0 and 1]",
)
@click.option(
    "--displacement",
    type=click.FloatRange(0, 4),
    multiple=True,
    help="Of displaced: mul pixels between the arrays; may be repeated.  [default: 0, 0.35 and 0.6]",
)
@click.option(
    "--literature/--no-literature",
    default=True,
    show_default=True,
    help="Of a pair: SAM, ERGAS, Q8, SCC, PSNR, SSIM, QNR and HQNR too.",
)
@click.option(
    "--platform",
    type=click.Choice(["WV02", "WV03"]),
    default="WV02",
    show_default=True,
    help="Of a pair: which satellite took it; HQNR needs to know.",
)
@click.option(
    "--window",
    type=int,
    nargs=4,
    metavar="ROW COLUMN HEIGHT WIDTH",
    help="Of a pair: only this part, in pan pixels, multiples of 4.",
)
@click.option(
    "--fail-above",
    type=click.FloatRange(0),
    metavar="JND",
    help="End with exit code 3 above this: the mean ΔE that the last line names; of surfaces, the largest.",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Write everything that was found as JSON; - prints it instead.",
)
@click.option(
    "--plots", type=click.Path(), metavar="DIR", help="Draw plots into this folder (needs matplotlib)."
)
@options.device
@options.workers
@options.cluster
@options.overwrite
@options.quiet
def evaluate(
    json_file: str | None,
    plots: str | None,
    overwrite: bool,
    quiet: bool,
    fail_above: float | None,
    **settings: Any,
) -> None:
    """Judge a sharpener beside others, or compare two pictures.

    PAN MUL judges by a real pair: by Wald's protocol plainly, with displaced band arrays, and at
        full scale
    without a truth. --chips judges by a pool with known truth, --reflectances by single surfaces.
    --pictures compares two finished pictures, and --registration measures a pair itself.

    Differences are in JND. Ratios are to the bare predictor. Large pairs are judged in windows of
    1,280 pan pixels.
    """
    inputs = _inputs(click.get_current_context(), settings)
    from potato import evaluation

    progress = options.show_progress(quiet or json_file == "-")
    target = None if json_file == "-" else json_file
    result = evaluation.evaluate(
        **inputs, **_chosen(settings), json_file=target, plots=plots, overwrite=overwrite, progress=progress
    )
    if json_file == "-":
        click.echo(result.as_json(), nl=False)
    elif not quiet:
        click.echo(result)
    if result.exceeds(fail_above):
        raise click.exceptions.Exit(3)


def _inputs(context: click.Context, settings: dict[str, Any]) -> dict[str, Any]:
    """What is to be judged, taken out of the settings; a usage error if that isn't clear."""
    given = {name: settings.pop(name) for name in MODES}
    chosen = [name for name, value in given.items() if value]
    if len(chosen) != 1:
        found = " and ".join(map(_spelt, chosen)) or "none of them"
        raise click.UsageError(f"expected one of {', '.join(map(_spelt, MODES))}; found {found}")
    [mode] = chosen
    if mode == "pair" and len(given["pair"]) != 2:
        raise click.UsageError(f"expected PAN and MUL, found {len(given['pair'])} file(s)")
    source = click.core.ParameterSource.COMMANDLINE
    idle = [
        name
        for name in (*settings, "fail_above")
        if name not in MODES[mode] and context.get_parameter_source(name) == source
    ]
    if idle:
        raise click.UsageError(f"{_spelt(idle[0])} means nothing with {_spelt(mode)}; leave it out")
    return dict(zip(("pan", "mul"), given["pair"], strict=True)) if mode == "pair" else {mode: given[mode]}


def _spelt(name: str) -> str:
    return "PAN MUL" if name == "pair" else f"--{name.replace('_', '-')}"


def _chosen(settings: dict[str, Any]) -> dict[str, Any]:
    """The options as the tool takes them: protocols in one, baselines as names."""
    from potato.evaluation import Protocols

    wanted: Sequence[str] = settings.pop("protocol") or PROTOCOLS
    halvings, displacements = settings.pop("halvings"), settings.pop("displacement")
    for name, value in (("plain", halvings), ("displaced", displacements)):
        if value and name not in wanted:
            raise click.UsageError(
                f"expected --protocol {name} with {_spelt(OF_PROTOCOL[name])}, found it left out"
            )
    plain = Protocols()
    protocols = Protocols(
        tuple(dict.fromkeys(halvings or plain.halvings)) if "plain" in wanted else (),
        tuple(dict.fromkeys(displacements or plain.displacements)) if "displaced" in wanted else (),
        "full" in wanted,
        settings.pop("literature"),
        settings.pop("platform"),
    )
    names = [name.strip() for name in settings.pop("baselines").split(",")]
    baselines = tuple(name for name in names if name not in ("", "none"))
    return {**settings, "protocols": protocols, "baselines": baselines}
