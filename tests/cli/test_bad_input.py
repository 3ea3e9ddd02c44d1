"""Bad input: one line that helps, exit code 1, and nothing left behind."""

import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from affine import Affine

import ards
import pairs
from potato import save_model
from potato.errors import OutputError
from servers import FolderServer, serve_folder

COARSE = pairs.CORNER @ Affine.scale(4)


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def refuse(run, tmp_path):
    """Run `fuse` into an empty folder; check that it prints one error line and leaves nothing."""
    out = tmp_path / "out"
    out.mkdir()

    def invoke(pan: object, mul: object, *options: object, says: str, output: Path | None = None) -> None:
        before = listing(tmp_path)
        result = run("fuse", pan, mul, output or out / "o.tif", *options)
        assert result.exit_code == 1, result.output
        lines = result.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("potato: "), result.stderr
        assert says in lines[0]
        assert result.stdout == ""
        assert listing(tmp_path) == before

    return invoke


@pytest.fixture
def arrays():
    return pairs.ground(20, 24)


def test_one_file_as_pan_and_mul_is_refused(pair, refuse):
    refuse(pair.pan, pair.pan, says="the same file twice")


@pytest.mark.parametrize("option", ["--bands", "--composite"])
def test_a_band_that_the_sensor_lacks_is_refused(pair, refuse, option):
    refuse(
        pair.pan, pair.mul, option, "nir1,swir,red", says="coastal, blue, green, yellow, red, rededge, nir1"
    )


@pytest.mark.parametrize("bands", [3, 4])
def test_a_mul_with_too_few_bands_is_refused(tmp_path, arrays, refuse, bands):
    mul = pairs.write(tmp_path / "m.tif", arrays[1][:bands], COARSE)
    refuse(pairs.write(tmp_path / "p.tif", arrays[0]), mul, says=f"found {bands} bands")


def test_a_float_pan_is_refused(tmp_path, arrays, refuse):
    pan = pairs.write(tmp_path / "p.tif", arrays[0].astype("float32"))
    refuse(pan, pairs.write(tmp_path / "m.tif", arrays[1], COARSE), says="found numbers of float32")


def test_a_mul_in_another_crs_is_refused(tmp_path, arrays, refuse):
    mul = pairs.write(tmp_path / "m.tif", arrays[1], COARSE, crs="EPSG:32633")
    refuse(pairs.write(tmp_path / "p.tif", arrays[0]), mul, says="no ground in common")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--bbox", -1, -1, 1, 1), "expected a bbox inside the pair"),
        (("--bbox", "nan", 0, 1, 1), "in degrees"),
        (("--window", 8, 8, 8, 900), "expected a window (row, column, height, width) inside the"),
        (("--aoi", "nowhere.geojson"), "can't read it"),
    ],
)
def test_a_part_without_ground_is_refused(pair, refuse, options, says):
    refuse(pair.pan, pair.mul, *options, says=says)


def test_a_ratio_of_nine_is_refused(tmp_path, arrays, refuse):
    mul = pairs.write(tmp_path / "m.tif", arrays[1], pairs.CORNER @ Affine.scale(9))
    refuse(pairs.write(tmp_path / "p.tif", arrays[0]), mul, says="found 9 × 9; warp mul onto pan's grid")


def test_pan_and_mul_of_different_ground_are_refused(tmp_path, arrays, refuse):
    mul = pairs.write(tmp_path / "m.tif", arrays[1], COARSE @ Affine.translation(0, 90))
    refuse(pairs.write(tmp_path / "p.tif", arrays[0]), mul, says="no ground in common")


@pytest.mark.parametrize("which", ["pan", "mul"])
@pytest.mark.parametrize("share", [0.001, 0.5, 0.95])
def test_a_truncated_tiff_is_named(pair, refuse, which, share):
    path = getattr(pair, which)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refuse(pair.pan, pair.mul, says=path.name)


def test_a_missing_file_is_refused(pair, tmp_path, refuse):
    refuse(tmp_path / "nothing.tif", pair.mul, says="can't open pan")
    refuse(pair.pan, tmp_path / "nothing.tif", says="can't open mul")


def test_a_text_file_is_refused(pair, tmp_path, refuse):
    text = tmp_path / "a.tif"
    text.write_text("hello")
    refuse(text, pair.mul, says="can't open pan")


def test_a_404_is_named(pair, tmp_path, refuse):
    with serve_folder(tmp_path) as server:
        refuse(f"{server.url}no-pan.tif", pair.mul, says="404")


def test_a_server_that_fails_while_reading_names_the_file(pair, tmp_path, refuse):
    with serve_folder(tmp_path) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GDAL_INGESTED_BYTES_AT_OPEN", "4096")
        patch.setattr(FolderServer, "fault", lambda self, path: 403 if len(self.requests) > 1 else None)
        refuse(f"{server.url}{pair.pan.name}", pair.mul, says="x-pan.tif")


def test_a_server_that_gives_no_parts_of_files_is_told(tmp_path, refuse, monkeypatch):
    pair = pairs.write_pair(tmp_path, 120, 120)  # more than GDAL asks for at once
    answer = FolderServer.answer
    monkeypatch.setattr(FolderServer, "answer", lambda self, path, headers: answer(self, path, {}))
    with serve_folder(tmp_path) as server:
        refuse(
            f"{server.url}{pair.pan.name}", pair.mul, says="not supported by this server!; its server gives"
        )


def test_a_refused_connection_names_the_address(pair, refuse, monkeypatch):
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "0")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    refuse(f"http://127.0.0.1:{port}/pan.tif", pair.mul, says=f"http://127.0.0.1:{port}/pan.tif")


def test_an_existing_output_is_kept_without_overwrite(pair, tmp_path, refuse):
    output = tmp_path / "there.tif"
    output.write_text("precious")
    refuse(pair.pan, pair.mul, output=output, says="--overwrite")
    assert output.read_text() == "precious"


def test_a_failed_run_keeps_the_old_output(pair, tmp_path, run):
    output = tmp_path / "there.tif"
    output.write_text("precious")
    pair.mul.write_bytes(pair.mul.read_bytes()[:-4000])
    assert run("fuse", pair.pan, pair.mul, output, "--overwrite").exit_code == 1
    assert output.read_text() == "precious"


def test_an_output_in_a_missing_folder_is_refused(pair, tmp_path, refuse):
    refuse(pair.pan, pair.mul, output=tmp_path / "no" / "o.tif", says="create it first")


@pytest.mark.parametrize("name", ["o.png", "o.JPG", "o.vrt"])
def test_a_name_that_ends_like_another_format_is_refused(pair, tmp_path, refuse, name):
    right = tmp_path / "o.tif"
    refuse(pair.pan, pair.mul, output=tmp_path / name, says=f"write {right}, and convert it (gdal_translate")


@pytest.mark.parametrize("output", ["o.tif", "folder"])
def test_an_ard_is_led_to_fuse_ard(tmp_path, run, output):
    ards.write_tile(tmp_path / "ard", side=16)
    result = run("fuse", tmp_path / "ard", tmp_path / output)
    assert result.exit_code == 1 and len(result.stderr.splitlines()) == 1
    assert f"found an ARD; sharpen it by potato fuse-ard {tmp_path / 'ard'} OUT" in result.stderr


def test_a_folder_as_output_is_refused(pair, tmp_path, refuse):
    refuse(pair.pan, pair.mul, output=tmp_path, says="found a folder")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that even root can't write to")
def test_a_name_that_ends_like_a_folder_is_no_output(pair, tmp_path, run):
    refused = run("fuse", pair.pan, pair.mul, f"{tmp_path}/new/")
    assert refused.exit_code == 1 and "found that of a folder" in refused.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere", "o.tif"], "found nowhere before o.tif, and nothing at nowhere"),
        (["PAN", "o.tif"], "found PAN before o.tif\n"),
        (["nowhere"], "found nowhere alone"),
        (["s3://bucket/ard", "o.tif"], "an ARD is sharpened by potato fuse-ard ARD OUT"),
    ],
)
def test_what_is_missing_before_an_output_is_told(pair, run, words, says):
    refused = run("fuse", *[str(pair.pan) if word == "PAN" else word for word in words])
    assert refused.exit_code == 2 and says in refused.stderr.replace(str(pair.pan), "PAN")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fuse", "nowhere.zip", "o.tif"], "a zip or a tar archive, found nothing there"),
        (["fuse", "https://127.0.0.1:9/order.zip", "o.tif"], "found an address; fetch it first"),
        (
            ["ls", "nowhere"],
            "expected an ARD, or a delivery (a folder, a .zip or .tar, a metadata file), found n",
        ),
    ],
)
def test_a_source_that_is_not_there_is_told(run, words, says):
    refused = run(*words)
    assert refused.exit_code == 1 and says in refused.stderr and "Errno" not in refused.stderr


def test_a_read_only_output_folder_is_refused(pair, refuse):
    refuse(pair.pan, pair.mul, output=Path("/proc/o.tif"), says="can't write there")


def test_a_misspelt_creation_option_is_refused(pair, refuse):
    refuse(pair.pan, pair.mul, "--co", "COMPRES=LZW", says="COMPRES")
    refuse(pair.pan, pair.mul, "--profile", "tiled", "--co", "COMPRES=LZW", says="COMPRES")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--co", "NBITS=7"), "PREDICTOR=2 is only supported"),
        (("--co", f"BLOCKSIZE={10**20}"), "expected a number below 2147483648 for BLOCKSIZE"),
        (("--co", "BLOCKSIZE=8192"), "expected TIFF blocks of at most 64 MB, found 8192 × 8192 pixels"),
        (("--co", "BLOCKXSIZE=65536", "--profile", "tiled"), "at most 64 MB, found 65536 × 512 pixels"),
        (("--co", "NUM_THREADS=x"), "Invalid value for NUM_THREADS: X"),
        (("--co", "TARGET_SRS="), "GDAL can't write it"),
        (("--co", "OVERVIEW_RESAMPLING=nonsense"), "Unsupported resampling method"),
        (("--look", "flat", "--co", "COMPRESS=JPEG"), "BitsPerSample 16 not allowed for JPEG"),
        (("--look", "flat", "--co", "COMPRESS=JPEG", "--profile", "tiled"), "16 not allowed for JPEG"),
    ],
)
def test_creation_options_that_gdal_refuses_late_are_named(pair, refuse, options, says):
    refuse(pair.pan, pair.mul, *options, says=says)
    refuse(pair.pan, pair.mul, *options, says=f"the creation options {options[options.index('--co') + 1]}")


@pytest.mark.parametrize("option", ["--exposure", "--contrast"])
def test_a_number_that_is_none_is_refused(pair, run, option):
    result = run("fuse", pair.pan, pair.mul, "o.tif", option, "nan")
    assert result.exit_code == 2 and "expected a number, found nan" in result.stderr


@pytest.mark.parametrize("profile", ["cog", "tiled"])
def test_a_file_size_limit_leaves_no_output(pair, tmp_path, profile):
    out = tmp_path / "out"
    out.mkdir()
    result = subprocess.run(
        [sys.executable, "-m", "potato", "fuse", pair.pan, pair.mul, out / "o.tif", "--profile", profile],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        check=False,
    )
    assert result.returncode == 1, result.stderr
    # libtiff writes to stderr itself, which can't be suppressed.
    assert "o.tif" in result.stderr.splitlines()[-1] and "Traceback" not in result.stderr
    assert listing(out) == set()


@pytest.mark.parametrize("profile", ["cog", "tiled"])
def test_a_full_disk_leaves_no_output(tmp_path, refuse, profile):
    paths = pairs.write_pair(tmp_path, 250, 250)
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        refuse(paths.pan, paths.mul, "--profile", profile, output=small / "o.tif", says="disk")
    finally:
        subprocess.run(["umount", small], check=True)


def test_files_that_are_no_checkpoints_are_refused(pair, tmp_path, network, refuse):
    text = tmp_path / "w.safetensors"
    text.write_text("weights, honestly")
    refuse(pair.pan, pair.mul, "--weights", text, says="expected a Potato checkpoint")
    refuse(pair.pan, pair.mul, "--weights", tmp_path / "none.safetensors", says="no such file")
    network.layers[0].weight.data[0, 0, 0, 0], before = (
        float("nan"),
        network.layers[0].weight.data[0, 0, 0, 0].item(),
    )
    save_model(network, tmp_path / "nan.safetensors")
    network.layers[0].weight.data[0, 0, 0, 0] = before
    refuse(pair.pan, pair.mul, "--weights", tmp_path / "nan.safetensors", says="found NaN")


def test_an_unknown_device_is_refused(pair, refuse):
    refuse(pair.pan, pair.mul, "--device", "warp", says="expected a device")


def test_a_block_that_4_does_not_divide_is_refused(pair, refuse):
    refuse(pair.pan, pair.mul, "--block", 510, says="multiple of 4")


def test_exposure_with_the_flat_look_is_refused(pair, refuse):
    refuse(pair.pan, pair.mul, "--look", "flat", "--exposure", 2, says="no tone curve")


def test_a_pair_without_valid_pixels_gives_a_masked_picture(tmp_path, run):
    pan, mul = pairs.ground(20, 24)
    fine = pairs.write(tmp_path / "p.tif", pan * 0)
    coarse = pairs.write(tmp_path / "m.tif", mul, COARSE)
    result = run("fuse", fine, coarse, tmp_path / "o.tif")
    assert result.exit_code == 0 and "all masked" in result.stdout
    assert not pairs.read(tmp_path / "o.tif").any()


def test_a_mul_of_nine_pixels_is_sharpened(tmp_path, run, network):
    save_model(network, tmp_path / "net.safetensors")
    paths = pairs.write_pair(tmp_path, 3, 3)
    for options in ((), ("--profile", "tiled"), ("--weights", tmp_path / "net.safetensors")):
        result = run("fuse", paths.pan, paths.mul, tmp_path / "o.tif", "--overwrite", *options)
        assert result.exit_code == 0, result.output
        assert pairs.read(tmp_path / "o.tif").shape == (4, 12, 12)


@pytest.mark.parametrize("torn", [OutputError("half"), RuntimeError("half")])
def test_an_error_caused_by_an_interruption_exits_with_130(pair, run, monkeypatch, torn):
    """For example, leaving an environment of rasterio may fail at that moment."""

    def tear(*given, **settings):
        try:
            raise KeyboardInterrupt
        finally:
            raise torn

    monkeypatch.setattr("potato.fusion.pipeline.fuse", tear)
    result = run("fuse", pair.pan, pair.mul, "o.tif")
    assert result.exit_code == 130 and "interrupted" in result.stderr


@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGTERM] * 200, [signal.SIGKILL]])
def test_an_interrupted_run_leaves_no_output(tmp_path, numbers):
    """Also if the signal is repeated while the run cleans up."""
    paths = pairs.write_pair(tmp_path, 500, 500)
    out = tmp_path / "out"
    out.mkdir()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "potato",
            "fuse",
            paths.pan,
            paths.mul,
            out / "o.tif",
            "--block",
            "16",
            "-j",
            "1",
        ],
        stderr=subprocess.PIPE,
        text=True,
        # A shell lets its background processes ignore SIGINT, and so might these tests.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while process.poll() is None and not list(out.iterdir()):
        time.sleep(0.005)
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.002)
    _, complaint = process.communicate(timeout=60)
    assert not (out / "o.tif").exists()
    if numbers == [signal.SIGKILL]:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130, complaint
        assert listing(out) == set()
        assert len(complaint.splitlines()) == 1 and "interrupted" in complaint
