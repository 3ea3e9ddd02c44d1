"""The pages: the notebook runs, pictures are small, and every room and page is somewhere to be found."""

import re
import warnings
from pathlib import Path

import pytest

import potato

PACKAGE = Path(potato.__file__).parent
DOCS = PACKAGE.parents[1] / "docs"
NOTEBOOK = DOCS / "notebooks" / "first-look.ipynb"
PAGES = sorted(DOCS.rglob("*.md"))

LARGEST = 150_000
"""Bytes, as docs/make_pictures.py promises."""

OLDER = {"chips.jpg", "demo.jpg", "fakes.jpg"}
"""Pictures from before that promise."""


def test_the_notebook_runs_and_is_kept_without_results(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="needs pip install 'potato[docs]'")
    nbclient = pytest.importorskip("nbclient", reason="needs pip install 'potato[docs]'")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    with warnings.catch_warnings():
        # Jupyter's own pieces warn of each other; the kernel is another process, where nothing is filtered.
        warnings.simplefilter("ignore")
        nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": tmp_path}}).execute()
    kinds = [kind for cell in code for output in cell.outputs for kind in output.get("data", {})]
    printed = "".join(output.get("text", "") for cell in code for output in cell.outputs)
    assert kinds.count("text/html") == 2, "the pair and the result show themselves"
    assert kinds.count("image/png") == 3, "and so does the plot"
    assert "1 usable" in printed and "JND" in printed and "gsa" in printed


def test_pages_are_in_a_table_of_contents():
    listed = set(re.findall(r"^([a-z][\w/-]*)$", (DOCS / "index.md").read_text(), re.MULTILINE))
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in PAGES} - {"index"}
    assert pages | {"notebooks/first-look"} == listed


def test_every_room_is_in_the_reference():
    text = (DOCS / "reference.md").read_text()
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    rooms = modules | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    for room in rooms - {"__init__", "__main__", "cli"}:
        assert re.search(rf"^   potato\.{room}\b", text, re.MULTILINE), f"docs/reference.md lacks {room}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_pictures_are_small_and_used():
    text = "".join(page.read_text() for page in (*PAGES, DOCS.parent / "README.md"))
    for picture in (DOCS / "images").iterdir():
        assert picture.name in text, f"nobody shows {picture.name}"
        assert picture.stat().st_size <= LARGEST or picture.name in OLDER
