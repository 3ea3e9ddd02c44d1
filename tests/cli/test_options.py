"""Options that several commands share."""

from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner

from potato.cli import options, potato
from potato.core.render import NATURAL, adjust


def invoke(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_an_option_accepts_its_old_name_which_the_help_hides():
    @click.command()
    @click.option("--new", cls=options.RenamedOption, old_names=["--old"], default=1)
    def command(new: int) -> None:
        click.echo(new)

    assert invoke(command, "--new", 3).output == invoke(command, "--old", 3).output == "3\n"
    assert "--new" in invoke(command, "--help").output and "--old" not in invoke(command, "--help").output


@pytest.mark.parametrize(
    "typed", [["--bbox", "-1.5,2,3,4"], ["--bbox=-1.5, 2, 3, 4"], ["--bbox", "-1.5", "2", "3", "4"]]
)
def test_numbers_may_have_commas_between_them(typed):
    @click.command()
    @options.bbox
    @click.argument("output")
    def command(bbox, output) -> None:
        click.echo((bbox, output))

    assert invoke(command, *typed, "o.tif").output == "((-1.5, 2.0, 3.0, 4.0), 'o.tif')\n"
    assert "expected W S E N after --bbox, found 1,2,3" in invoke(command, "--bbox", "1,2,3", "o.tif").output


def test_creation_options_may_be_written_as_gdal_has_them():
    @click.command()
    @options.creation_options
    def command(creation_options) -> None:
        click.echo(creation_options)

    typed = ["-co", "COMPRESS=LZW", "--co", "ZLEVEL=1"]
    assert invoke(command, *typed).output == "{'COMPRESS': 'LZW', 'ZLEVEL': '1'}\n"


def test_exposure_and_contrast_become_one_look():
    seen = []

    @click.command()
    @options.rendering
    def command(look) -> None:
        seen.append(look)

    assert invoke(command, "--exposure", 2, "--contrast", 1.5).exit_code == 0
    assert seen == [adjust(NATURAL, 2, 1.5)]


def test_a_result_is_printed_as_lines_as_json_or_not_at_all():
    @dataclass
    class Result:
        size: int

        def __str__(self) -> str:
            return f"size {self.size}"

    @click.command()
    @options.printed
    def command(progress: bool) -> tuple[Result, Result]:
        return Result(1), Result(2)

    assert invoke(command).output == "size 1\nsize 2\n"
    assert invoke(command, "--json").output == '[{"size": 1}, {"size": 2}]\n'
    assert invoke(command, "--quiet").output == ""


@pytest.mark.parametrize("name", potato.list_commands(click.Context(potato)))
def test_no_option_takes_nan_for_a_number(name):
    """But for places, of which the tools themselves say what they expect."""
    places = {"bbox", "x", "y"}
    for parameter in potato.get_command(click.Context(potato), name).params:
        if isinstance(parameter.type, click.types.FloatParamType) and parameter.name not in places:
            assert isinstance(parameter.type, options.Finite), (name, parameter.name)


@pytest.mark.parametrize("name", potato.list_commands(click.Context(potato)))
def test_no_option_takes_a_number_that_overflows(name):
    for parameter in potato.get_command(click.Context(potato), name).params:
        if isinstance(parameter.type, click.types.IntParamType):
            assert isinstance(parameter.type, options.Whole), (name, parameter.name)


@pytest.mark.parametrize("kind", [options.Whole(), options.WholeRange(-5)])
def test_a_whole_number_fits_into_64_bits(kind):
    @click.command()
    @click.option("--seed", type=kind)
    def command(seed: int) -> None:
        click.echo(seed)

    assert invoke(command, "--seed", "-5").output == "-5\n"
    assert invoke(command, "--seed", "٣").output == "3\n"
    for value in (10**30, "²", "1e3"):
        assert invoke(command, "--seed", value).exit_code == 2


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("kind", [options.Finite(), options.Number(min=-2)])
def test_a_number_is_finite(value, kind):
    @click.command()
    @click.option("--factor", type=kind)
    def command(factor: float) -> None:
        click.echo(factor)

    assert invoke(command, "--factor", value).exit_code == 2
    assert invoke(command, "--factor", "-1.5").output == "-1.5\n"
