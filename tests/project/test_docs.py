"""The documentation: the notebook runs, links work, commands exist, and every page is listed."""

import re
import shlex
import tomllib
import warnings
from pathlib import Path

import click
import pytest

import potato
from potato.cli import potato as group
from potato.core.band_sets import BAND_SETS
from potato.doctor.software import FOR_USERS
from shown import blocks, command_lines, follow

REPOSITORY = Path(potato.__file__).parents[2]
DOCS = REPOSITORY / "docs"
IMAGES = DOCS / "images"
NOTEBOOKS = DOCS / "notebooks"
PAGES = sorted(DOCS.rglob("*.md"))
PROSE = [
    *PAGES,
    *(
        REPOSITORY / name
        for name in (
            "README.md",
            "CHANGELOG.md",
            "CODE_OF_CONDUCT.md",
            "CONTRIBUTING.md",
            "DESIGN.md",
            "SECURITY.md",
            "dev/LOG.md",
        )
    ),
]

MADE = re.compile(r"<!-- made: .*?<!-- /made -->", re.DOTALL)
"""The parts of pages that scripts of benchmarks/ write."""

WIDTH = 100
"""Characters in a line of prose. Tables are exempt, since Markdown can't break their rows."""

LARGEST = 150_000
"""Bytes of a picture that docs/make_pictures.py writes, at most."""

with_pictures = pytest.mark.skipif(not IMAGES.is_dir(), reason="source distributions have no pictures")


def run_notebook(name: str, folder: Path) -> tuple[list[str], str]:
    """Run a notebook, which has no outputs yet: the kinds of its outputs, and what it prints."""
    nbformat = pytest.importorskip("nbformat", reason="needs pip install 'potato-pansharp[docs]'")
    nbclient = pytest.importorskip("nbclient", reason="needs pip install 'potato-pansharp[docs]'")
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    with warnings.catch_warnings():
        # Jupyter warns of its own packages. The kernel is another process and filters nothing.
        warnings.simplefilter("ignore")
        nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
    kinds = [kind for cell in code for output in cell.outputs for kind in output.get("data", {})]
    return kinds, "".join(output.get("text", "") for cell in code for output in cell.outputs)


def test_the_notebook_runs_and_is_stored_without_outputs(tmp_path):
    kinds, printed = run_notebook("first-look.ipynb", tmp_path)
    assert kinds.count("text/html") == 2, "the pair and the result show themselves"
    assert kinds.count("image/png") == 3, "the pair, the result and the plot are pictures"
    assert "1 usable" in printed and "JND" in printed
    rows = {words[0]: words for words in map(str.split, printed.splitlines()) if words}
    assert float(rows["potato"][1]) != float(rows["predictor"][1]) and "gsa" in rows, "a network took part"


def test_the_notebook_of_a_map_runs(tmp_path):
    pytest.importorskip("fastapi", reason="needs pip install 'potato-pansharp[serve]'")
    kinds, printed = run_notebook("map.ipynb", tmp_path)
    assert kinds.count("text/html") == 2, "the map, and that it was stopped"
    assert "/tiles/{z}/{x}/{y}.png?look=clear&view=plain" in printed and "% clouds" in printed


def test_every_page_is_in_the_table_of_contents():
    listed = set(re.findall(r"^([a-z][\w/-]*)$", (DOCS / "index.md").read_text(), re.MULTILINE))
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in PAGES} - {"index"}
    assert pages | {"notebooks/first-look", "notebooks/map"} == listed


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.stem)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        is_missing_picture = "images/" in target and not IMAGES.is_dir()
        if not ("://" in target or is_missing_picture):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.stem)
def test_lines_of_prose_are_short(page):
    lines = MADE.sub("", page.read_text()).splitlines()
    assert [line for line in lines if len(line) > WIDTH and not line.startswith("|")] == []


def shown_commands() -> list[list[str]]:
    """The command lines of `potato` in the code blocks of all pages, as words."""
    found = []
    for page in PROSE:
        for language, block in blocks(page):
            lines = command_lines(block) if language in ("", "bash") else []
            for line in lines:
                line = re.sub(r"^(python|torchrun .*) chip.py", "potato", line)
                line = re.sub(r"^(python|torchrun .*) train.py", "potato train", line)
                if line.startswith("potato "):
                    found.append(shlex.split(re.split("[|>]", line)[0], comments=True)[1:])
    return found


SELF_CONTAINED = [
    (page.stem, lines)
    for page in PAGES
    if page.parent.name != "walks"  # test_walks.py runs these
    for _, block in blocks(page)
    if (lines := command_lines(block)) and lines[0].startswith("potato make-delivery")
]
"""Code blocks that make their own delivery, by the name of the page."""


def test_shown_commands_parse():
    shown = [words for words in shown_commands() if "…" not in words]
    assert len(shown) > 60
    parent = click.Context(group, **group.context_settings)
    for name, *words in shown:
        group.get_command(parent, name).make_context(name, words, parent=parent)


@pytest.mark.parametrize(
    "lines", [lines for _, lines in SELF_CONTAINED], ids=[page for page, _ in SELF_CONTAINED]
)
def test_shown_commands_on_deliveries_do_what_their_comments_say(lines, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_S3_ENDPOINT", "127.0.0.1:9")  # `doctor` asks a bucket
    follow(lines, run)


def test_the_page_of_formats_has_the_limits_of_the_code():
    from potato.ard import item
    from potato.chips import chip
    from potato.deliveries import contents
    from potato.model import weights
    from potato.raster import compressed, pictures, untrusted, vectors

    table = dict(re.findall(r"^\| (.+?) \| (.+) \|$", (DOCS / "formats.md").read_text("utf-8"), re.MULTILINE))
    megabytes = {
        "image: a block (tile or strip), decoded": untrusted.MOST_BLOCK,
        "image: JPEG 2000, PNG or WebP, what GDAL decodes at once": compressed.MOST_DECODED,
        "metadata of a delivery, each file": contents.MOST_BYTES,
        "chip (`.pt`), and each tensor in it": chip.MOST_BYTES,
        "checkpoint (`.safetensors`, `.pt`)": weights.MOST_BYTES,
    }
    numbers = {
        "image: tags in one directory": untrusted.MOST_TAGS,
        "image: items of metadata": untrusted.MOST_ITEMS,
        "tile of an ARD": item.MOST_PIXELS,
        "photograph for `--photographs`": pictures.MOST_PIXELS,
        "a folder that is taken for a delivery": contents.MOST_FILES,
        "area (`--aoi`)": vectors.MOST_FEATURES,
    }
    assert {what: table[what] for what in megabytes} == {
        what: f"{most >> 20} MB" for what, most in megabytes.items()
    }
    for what, most in numbers.items():
        assert table[what].split()[0] == f"{most:,}", what
    metadata = untrusted.MOST_METADATA >> 20
    assert (
        f"{metadata} MB; {4 * metadata} MB for"
        in table["image: a tag, or a piece of metadata in or beside it"]
    )


def test_the_extras_are_listed():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    listed = re.findall(r"^\| `(\w+)` \|", (DOCS / "commands.md").read_text("utf-8"), re.MULTILINE)
    # An old name, and what only changes to Potato itself need.
    assert {*listed} == {*project["optional-dependencies"]} - {"train", "fit", "docs", "dev"}
    assert {*listed} == {*FOR_USERS, "gpu"}, "potato doctor names those that are missing"


def test_the_page_of_band_sets_has_those_of_the_code():
    page = (DOCS / "concepts" / "band-sets.md").read_text("utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| .* \| (.*) \| (\d) \|$", page, re.MULTILINE)
    assert [(name, int(ratio)) for name, _, ratio in rows] == [
        (each.name, each.sensors[0].ratio) for each in BAND_SETS
    ]
    for (_, bands, _), each in zip(rows, BAND_SETS, strict=True):
        count = sum(2 if band.strip().startswith("two ") else 1 for band in bands.split(","))
        assert count == len(each.sensors[0].bands), each.name


@with_pictures
def test_pictures_are_drawn_by_the_shipped_weights(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    import make_pictures

    drawn = make_pictures.DRAWN_FROM.read_text("utf-8").strip()
    assert drawn == make_pictures.digest(), "run python docs/make_pictures.py, and look at the pictures"


@with_pictures
def test_pictures_are_small_and_used():
    text = "".join(page.read_text() for page in (*PAGES, REPOSITORY / "README.md"))
    for picture in {*IMAGES.iterdir()} - {IMAGES / "drawn_from"}:
        assert picture.name in text, f"no page shows {picture.name}"
        assert picture.stat().st_size <= LARGEST
