"""Outputs go to files of this machine that are no inputs, whatever the names say."""

import os
from pathlib import Path

import pytest

import pairs
from potato.errors import OutputError, OutputExists
from potato.raster.output_files import check_folder, check_log, check_output, keep_inputs, new_folder
from potato.raster.pair import open_pair

ADDRESSES = (
    "s3://bucket/o.tif",
    "s3:/bucket/o.tif",  # as pathlib writes it
    "gs://bucket/o.tif",
    "https://host.example/o.tif",
    "/vsis3/bucket/o.tif",
    "/vsimem/o.tif",
    "/vsizip//tmp/a.zip/o.tif",
    "zip://a.zip!o.tif",
    "file:///tmp/o.tif",
)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("check", [lambda path: check_output(path, True), check_folder, new_folder])
def test_an_output_at_an_address_is_refused_and_makes_no_folder(tmp_path, monkeypatch, check, address):
    monkeypatch.chdir(tmp_path)
    for name in (address, Path(address)):
        with pytest.raises(OutputError, match="found an address"):
            check(name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "found"), [("-", "'-', but nothing is written to"), ("", "an empty one")])
@pytest.mark.parametrize(
    "check", [lambda path: check_output(path, True), check_folder, new_folder, check_log]
)
def test_standard_output_and_no_name_at_all_are_no_outputs(tmp_path, monkeypatch, check, name, found):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=f"found {found}.*; name a file or a folder"):
        check(name)


def test_a_path_that_looks_like_an_address_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a:b.tif", "vsi.tif", "s3.tif", "./s3:x.tif"):
        assert check_output(name, False) == Path(name)


@pytest.mark.parametrize("name", ["same", "hard link", "symlink", "other spelling"])
def test_an_input_under_any_name_is_no_output(tmp_path, name):
    source, output = tmp_path / "in.tif", tmp_path / "out.tif"
    source.write_text("pixels")
    if name == "same":
        output = source
    elif name == "hard link":
        output.hardlink_to(source)
    elif name == "symlink":
        output.symlink_to(source)
    else:
        output = tmp_path / "sub" / ".." / "in.tif"
        (tmp_path / "sub").mkdir()
    with pytest.raises(OutputError, match="found the input"):
        check_output(output, True, [None, tmp_path / "nothing", source])
    assert source.read_text() == "pixels"


def test_a_link_that_leads_nowhere_is_not_replaced_unless_asked(tmp_path):
    link = tmp_path / "o.tif"
    link.symlink_to("nothing.tif")
    with pytest.raises(OutputExists):
        check_output(link, False)
    assert check_output(link, True) == link


@pytest.mark.parametrize("form", ["/vsizip/{0}/a.tif", "zip://{0}!a.tif", "zip+file://{0}!a.tif", "{0}"])
def test_an_archive_of_an_input_is_no_output(tmp_path, form):
    archive = tmp_path / "a.zip"
    archive.write_text("images")
    with pytest.raises(OutputError, match="found the input"):
        check_output(archive, True, [form.format(archive)])


@pytest.mark.parametrize("ending", ["in.tif.msk", "in.tif.aux.xml", "IN.TIF.OVR", "in.tfw", "in.IMD"])
def test_a_file_that_would_be_read_with_an_input_is_no_output(tmp_path, ending):
    source = tmp_path / "in.tif"
    source.write_text("pixels")
    with pytest.raises(OutputError, match="read with an input"):
        check_output(tmp_path / ending, False, [source])
    for free in ("in.png", "in.html", "in2.tif", "in-sharp.tif", "x.tfw"):
        check_output(tmp_path / free, False, [source])
    (tmp_path / "other").mkdir()
    check_output(tmp_path / "other" / ending, False, [source])


def test_the_files_that_an_open_pair_is_read_from_are_no_outputs(tmp_path):
    paths = pairs.write_pair(tmp_path)
    vrt = pairs.as_vrt(paths.pan, tmp_path / "pan.vrt")
    paths.mul.with_name("x-ms.tif.aux.xml").write_text("<PAMDataset/>")
    with open_pair(vrt, paths.mul) as pair:
        for used in (vrt, paths.pan, paths.mul, paths.mul.with_name("x-ms.tif.aux.xml")):
            with pytest.raises(OutputError):
                keep_inputs(used, pair.files)
        keep_inputs(tmp_path / "free.tif", pair.files)


def test_output_checks_follow_the_truth_table(tmp_path):
    file, free = tmp_path / "file.tif", tmp_path / "free.tif"
    file.touch()
    for overwrite in (False, True):
        assert check_output(free, overwrite) == free
        with pytest.raises(OutputError, match="found a folder"):
            check_output(tmp_path, overwrite)
        with pytest.raises(OutputError, match="create it first"):
            check_output(tmp_path / "no" / "a.tif", overwrite)
    assert check_output(file, overwrite=True) == file
    with pytest.raises(OutputExists, match="--overwrite"):
        check_output(file, overwrite=False)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("name", ["pipe", "link to a pipe", "device"])
def test_a_device_or_a_pipe_is_no_output_and_takes_lines_of_a_log(tmp_path, name):
    """A picture would take its place; as root, even that of /dev/null."""
    path = tmp_path / name
    if name == "device":
        path.symlink_to(os.devnull)
    else:
        os.mkfifo(tmp_path / "pipe")
    if name == "link to a pipe":
        path.symlink_to("pipe")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="found a device or a pipe; write a file"):
            check_output(path, overwrite)
    assert check_log(path) == path


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="the system has no names of open files")
def test_an_open_file_is_no_output_though_a_shell_led_it_into_a_file(tmp_path):
    """A picture would take the place of the name, not of the file."""
    with (tmp_path / "o.tif").open("w") as file:
        for name in (f"/dev/fd/{file.fileno()}", f"/proc/self/fd/{file.fileno()}"):
            with pytest.raises(OutputError, match="found a device or a pipe"):
                check_output(name, True)


def test_a_new_folder_is_new_or_empty(tmp_path):
    assert new_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert new_folder(tmp_path) == tmp_path
    (tmp_path / "file").touch()
    for there in (tmp_path, tmp_path / "file"):
        with pytest.raises(OutputExists, match="found something there"):
            new_folder(there)
    with pytest.raises(OutputError, match="found a file"):
        check_folder(tmp_path / "file")
