"""Checks of the software: versions, GDAL's abilities, devices, the shipped weights, extras."""

import platform
import re
from collections.abc import Iterator
from importlib import metadata, util

from potato.core.installation import DISTRIBUTION, VERSION, install_command
from potato.doctor.finding import Finding
from potato.errors import WeightsError
from potato.model.weights import load_model, weights_digest
from potato.raster import find_abilities

OLDEST_GDAL = (3, 9)
"""The first GDAL whose COG driver writes identical bytes in every run."""

FOR_USERS = ("workshop", "s3", "dask", "tiles")
"""Extras of pyproject.toml that add features; the others are for developing Potato."""


def examine_software() -> Iterator[Finding]:
    """Check versions, GDAL, devices, weights and extras."""
    yield Finding(
        "Potato",
        "fine",
        f"{VERSION}, Python {platform.python_version()}, {platform.platform(terse=True)}",
    )
    yield from _gdal()
    yield _devices()
    try:
        yield Finding("weights", "fine", f"shipped weights {weights_digest(load_model())}")
    except WeightsError as error:
        remedy = f"install again: pip install --force-reinstall {DISTRIBUTION}"
        yield Finding("weights", "wrong", str(error), remedy)
    missing = [extra for extra in FOR_USERS if not _is_installed(extra)]
    if missing:
        remedy = f"if you want them: {install_command(*missing)}"
        yield Finding("extras", "note", f"not installed: {', '.join(missing)}", remedy)


def _gdal() -> Iterator[Finding]:
    found = find_abilities()
    versions = f"{found.gdal}, PROJ {found.proj}, rasterio {found.rasterio}"
    if tuple(map(int, re.findall(r"\d+", found.gdal)[:2])) < OLDEST_GDAL:
        oldest = ".".join(map(str, OLDEST_GDAL))
        yield Finding(
            "GDAL", "wrong", f"{versions}; expected {oldest} or newer", "pip install --upgrade rasterio"
        )
    else:
        yield Finding("GDAL", "fine", versions)
    if not found.finds_places:
        reason = "can't find UTM zone 11: its tables are missing, or belong to another version"
        remedy = "unset PROJ_DATA, PROJ_LIB and GDAL_DATA, which another installation may have set"
        yield Finding("PROJ", "wrong", reason, remedy)
    remedy = "use rasterio's own wheels: pip install --force-reinstall --only-binary rasterio rasterio"
    if "DEFLATE" not in found.cog:
        yield Finding("COG", "wrong", "this GDAL can't write Cloud Optimized GeoTIFFs", remedy)
    elif "ZSTD" not in found.cog:
        yield Finding("COG", "note", "written with DEFLATE; this GDAL has no ZSTD", remedy)
    else:
        yield Finding("COG", "fine", "written with DEFLATE and ZSTD")


def _devices() -> Finding:
    """Where `fuse` can compute, and which of these `--device auto` takes."""
    if util.find_spec("torch") is None:
        found = f"cpu, which auto takes; a GPU needs PyTorch: {install_command('gpu')}"
        return Finding("devices", "fine", found)
    import torch

    from potato.engine.devices import choose_device

    devices = ["cpu"]
    if torch.cuda.is_available():
        devices += [f"cuda:{n} ({torch.cuda.get_device_name(n)})" for n in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    found = f"{', '.join(devices)}, of which auto takes {choose_device()} (PyTorch {torch.__version__})"
    return Finding("devices", "fine", found)


def _is_installed(extra: str) -> bool:
    """Whether all packages of an extra are installed; True if Potato has no package metadata."""
    for requirement in metadata.requires(DISTRIBUTION) or ():
        name, _, marker = requirement.partition(";")
        if re.search(rf"extra == ['\"]{extra}['\"]", marker):
            try:
                metadata.version(re.split(r"[^\w.-]", name, maxsplit=1)[0])
            except metadata.PackageNotFoundError:
                return False
    return True
