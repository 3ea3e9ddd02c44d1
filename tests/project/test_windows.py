"""What is different on Windows, as far as another system can tell."""

import os
import subprocess
import sys
from pathlib import PureWindowsPath

import pytest

from potato.ard.item import LinkError, resolve
from potato.ard.source import open_source
from potato.core.text import file_name
from potato.deliveries.contents import Contents
from potato.errors import ArdError
from potato.raster.atomic import ADDRESS

FOLDER = PureWindowsPath(r"C:\orders\056")


@pytest.mark.parametrize("command", ["evaluate", "fuse"])
def test_help_is_printed_in_a_code_page_that_lacks_its_letters(command):
    code = f"import sys; sys.argv = ['potato', '{command}', '--help']; from potato.cli import main; main()"
    environment = os.environ | {"PYTHONIOENCODING": "cp1252"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0 and b"Usage:" in done.stdout, done.stderr.decode("cp1252")


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (r"C:\a.tif", False),
        ("C:/a.tif", False),
        (r"\\server\share\a.tif", False),
        ("s3:/bucket/a.tif", True),
        ("https://host/a.tif", True),
        ("/vsis3/bucket/a.tif", True),
    ],
)
def test_a_drive_or_a_share_takes_outputs_and_an_address_does_not(name, address):
    assert bool(ADDRESS.match(name)) == address


@pytest.mark.parametrize("folder", ["C:\\secret\\", r"\\server\secret" + "\\", "C:/secret/", "s3://secret/"])
def test_tags_name_files_and_not_their_folders(folder):
    assert file_name(f"{folder}a-pan.tif") == "a-pan.tif"


def test_a_drive_is_no_address():
    with pytest.raises(ArdError, match="expected a folder that holds an ARD, found nothing there"):
        open_source(str(FOLDER))


@pytest.mark.parametrize("href", [r"C:\secret.tif", "C:/secret.tif", "c:secret.tif", r"..\..\secret.tif"])
def test_an_item_leads_to_no_drive(href):
    with pytest.raises(LinkError):
        resolve(href, "ard/33/031/2023/1.json", f"{FOLDER.as_posix()}/")


def test_metadata_with_backslashes_name_files_below_and_no_drive():
    names = ("MUL/part.tif", "x.TIL")
    contents = Contents(str(FOLDER), FOLDER.as_posix(), names, lambda name, most: b"")
    assert (
        contents.beside("x.TIL", r"MUL\PART.TIF") == contents.beside("x.TIL", r".\mul\part.tif") == names[0]
    )
    assert contents.beside("x.TIL", r"C:\orders\056\MUL\part.tif") is None
    assert contents.gdal_name(names[0]) == "C:/orders/056/MUL/part.tif"


def test_ctrl_break_interrupts_as_ctrl_c_does():
    code = (
        "import signal; signal.SIGBREAK = signal.SIGABRT\n"
        "from potato.engine.interrupts import INTERRUPTS; print(signal.SIGABRT in INTERRUPTS)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
