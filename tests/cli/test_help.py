"""The first page: what each command does, in words that it explains; and misspelt commands."""

import re

import click
import pytest

from potato.cli import potato

NAMES = potato.list_commands(click.Context(potato))


def test_the_first_page_has_a_whole_sentence_for_every_command(run):
    page = " ".join(run("--help").output.split())
    for name in NAMES:
        assert re.search(rf" {name} [A-Z][^.]+\w\.(?!\.)", page), name


def test_the_first_page_explains_its_own_words(run):
    introduction, _, commands = run("--help").output.partition("Options:")
    for word in ("pan", "mul", "ARD", "CID", "chip"):
        assert re.search(rf"\b{word}\b", introduction), word
        assert re.search(rf"\b{word}", commands), word


@pytest.mark.parametrize("name", NAMES)
def test_options_say_whether_they_name_a_file_a_folder_or_a_word(name):
    command = potato.get_command(click.Context(potato), name)
    shown = {
        each.opts[-1]: each.make_metavar(click.Context(command))
        for each in command.params
        if isinstance(each, click.Option) and not each.is_flag
    }
    assert not {option for option, word in shown.items() if word in ("PATH", "TEXT")}


def test_an_option_means_one_thing_in_all_commands():
    commands = [potato.get_command(click.Context(potato), name) for name in NAMES]
    for option in ("--aoi", "--allow-list", "--bbox", "--max-clouds", "--log", "--cluster"):
        found = {
            each.make_metavar(click.Context(command))
            for command in commands
            for each in command.params
            if option in each.opts
        }
        assert len(found) == 1, option


@pytest.mark.parametrize(("typed", "meant"), [("fuse_ard", "fuse-ard"), ("rapport", "report")])
def test_a_misspelt_command_is_told_what_it_may_have_meant(typed, meant, run):
    found = run(typed, "--look", "clear")
    assert found.exit_code == 2 and f"Did you mean {meant}" in found.stderr


def test_the_columns_of_sensors_stand_one_below_the_other(run):
    title, *rows = run("sensors").output.splitlines()
    assert all(
        row[title.index("BANDS") - 2 :].startswith("  ") and row[title.index("BANDS")] != " " for row in rows
    )


def test_another_name_is_no_command(run):
    found = run("pansharpen", "pan.tif")
    assert found.exit_code == 2 and "No such command 'pansharpen'" in found.stderr
