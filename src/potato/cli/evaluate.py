"""`potato evaluate`."""

from typing import Any

import click

from potato.cli import options
from potato.cli.output import say

PROTOCOLS = {"plain": "halvings", "mtf": "", "displaced": "displacement", "full": ""}
"""The protocols of a pair, and the option that belongs to each."""

MODELS = {"weights", "baselines", "device", "fail_above"}
"""Options of every mode that runs models."""

READING = {"sensor", "band_order", "scale", "nodata"}
"""Options of every mode that opens a pair."""

MODES = {
    "pair": MODELS
    | READING
    | {"protocol", "halvings", "displacement", "literature", "window", "workers", "cluster"},
    "chips": MODELS | {"workers", "cluster"},
    "pictures": {"workers", "fail_above"},
    "registration": READING | {"window", "workers", "cluster"},
    "reflectances": MODELS,
}
"""The modes and the options of each; those of `OUTPUT` go with every mode."""

OUTPUT = {"json_file", "json_", "plots", "overwrite", "quiet"}
"""Options of every mode."""


@click.command()
@click.argument("pair", nargs=-1, metavar="[PAN MUL]")
@click.option("--chips", metavar="POOL", type=click.Path(), help="Evaluate on the chips of a folder.")
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
    help="Evaluate on single surfaces: a CSV file of reflectances, or 'packaged' for Potato's list.",
)
@options.reading
@options.weights
@click.option(
    "--baselines",
    metavar="NAME,…",
    default="all",
    show_default=True,
    help="Methods to compare with the weights: bicubic, brovey, gsa, mtf-glp-hpm, awlp, gdal-pansharpen "
    "(if gdal_pansharpen.py is installed), predictor; or all; or none.",
)
@click.option(
    "--protocol",
    type=click.Choice(list(PROTOCOLS)),
    multiple=True,
    help="Pair only: a protocol to run; may be repeated.  [default: all]",
)
@click.option(
    "--halvings",
    type=options.WholeRange(0, 6),
    multiple=True,
    help="Protocol plain: how often the pair is halved first; may be repeated.  [default: 0 and 1]",
)
@click.option(
    "--displacement",
    type=options.Number(0, 4),
    multiple=True,
    help="Protocol displaced: mul pixels between the arrays; may be repeated.  [default: 0, 0.35 and 0.6]",
)
@click.option(
    "--literature/--no-literature",
    default=True,
    show_default=True,
    help="Pair only: add SAM, ERGAS, Q2n, SCC, PSNR, SSIM, QNR and HQNR.",
)
@click.option(
    "--window",
    cls=options.NumbersOption,
    type=options.Whole(),
    nargs=4,
    metavar="ROW COLUMN HEIGHT WIDTH",
    help="Pair and registration only: evaluate this part, in pan pixels, multiples of the ratio.",
)
@click.option(
    "--fail-above",
    type=options.Number(0),
    metavar="JND",
    help="End with exit code 3 if the ΔE that the last line names is above this.",
)
@click.option("--json-file", type=click.Path(), metavar="FILE", help="Also write all figures as JSON.")
@click.option(
    "--plots", type=click.Path(), metavar="DIR", help="Draw plots into this folder (needs matplotlib)."
)
@options.device
@options.workers
@options.cluster
@options.overwrite
@options.quiet
@options.json_
def evaluate(
    json_file: str | None,
    plots: str | None,
    overwrite: bool,
    quiet: bool,
    json_: bool,
    fail_above: float | None,
    **settings: Any,
) -> None:
    """Compare a sharpener with others, or two pictures with each other.

    PAN MUL evaluates on a real pair: by Wald's protocol, plain, by modulation transfer and with
    displaced band arrays, and at full scale without a truth. --chips evaluates on a pool with known
    truth, --reflectances on single surfaces. --pictures compares two finished pictures.
    --registration measures a pair itself.

    Differences are in JND. Ratios are to the bare predictor. Large pairs are evaluated in windows
    of 1,280 pan pixels.
    """
    inputs = _inputs(click.get_current_context(), settings)
    from potato import evaluation

    result = evaluation.evaluate(
        **inputs,
        **_tool_settings(settings),
        json_file=json_file,
        plots=plots,
        overwrite=overwrite,
        progress=not quiet,
    )
    if json_:
        say(result.as_json(), end=False)
    elif not quiet:
        say(result)
    if result.exceeds(fail_above):
        raise click.exceptions.Exit(3)


def _inputs(context: click.Context, settings: dict[str, Any]) -> dict[str, Any]:
    """Move the inputs of the chosen mode out of the settings.

    Raises:
        UsageError: if not exactly one mode is chosen, or an option doesn't belong to it.
    """
    given = {mode: settings.pop(mode) for mode in MODES}
    chosen = [mode for mode, value in given.items() if value]
    if len(chosen) != 1:
        found = " and ".join(map(_spelling, chosen)) or "none of them"
        raise click.UsageError(f"expected one of {', '.join(map(_spelling, MODES))}; found {found}")
    [mode] = chosen
    if mode == "pair" and len(given["pair"]) != 2:
        raise click.UsageError(f"expected PAN and MUL, found {len(given['pair'])} file(s)")
    for name in context.params.keys() - MODES.keys() - OUTPUT:
        typed = context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE
        if typed and name not in MODES[mode]:
            raise click.UsageError(f"{_spelling(name)} means nothing with {_spelling(mode)}; leave it out")
    return dict(zip(("pan", "mul"), given["pair"], strict=True)) if mode == "pair" else {mode: given[mode]}


def _spelling(name: str) -> str:
    return "PAN MUL" if name == "pair" else f"--{name.replace('_', '-')}"


def _tool_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The options as arguments of `potato.evaluate`: one `Protocols`, baselines as names."""
    from potato.evaluation.protocols import Protocols

    wanted = settings.pop("protocol") or PROTOCOLS
    runs = {name: tuple(dict.fromkeys(settings.pop(option))) for name, option in PROTOCOLS.items() if option}
    for name, values in runs.items():
        if values and name not in wanted:
            raise click.UsageError(
                f"expected --protocol {name} with {_spelling(PROTOCOLS[name])}, found it left out"
            )
    default = Protocols()
    protocols = Protocols(
        halvings=(runs["plain"] or default.halvings) if "plain" in wanted else (),
        displacements=(runs["displaced"] or default.displacements) if "displaced" in wanted else (),
        full="full" in wanted,
        mtf="mtf" in wanted,
        literature=settings.pop("literature"),
    )
    names = [name.strip() for name in settings.pop("baselines").split(",")]
    baselines = tuple(name for name in names if name not in ("", "none"))
    return {**settings, "protocols": protocols, "baselines": baselines}
