"""Write docs/cli.md from every command's help; tests/project/test_structure.py compares them."""

from pathlib import Path

import click

from potato.cli import potato

PAGE = Path(__file__).parent / "cli.md"


def page() -> str:
    """Return the text of docs/cli.md."""
    context = click.Context(potato, info_name="potato", **potato.context_settings)
    parts = ["# Command line", "", "Made from `--help` by `make docs`.", ""]
    for name in potato.list_commands(context):
        command = potato.get_command(context, name)
        inner = click.Context(command, info_name=name, parent=context, terminal_width=100)
        parts += [f"## potato {name}", "", "```", command.get_help(inner), "```", ""]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
