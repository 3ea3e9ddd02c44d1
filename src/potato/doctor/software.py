"""Checks of the software: versions, GDAL's abilities, torch's devices, the shipped weights."""

import platform
import re
from collections.abc import Iterator
from importlib import metadata

import torch

from potato.doctor.finding import Finding
from potato.errors import WeightsError
from potato.model.weights import load_model, weights_digest
from potato.raster import find_abilities

OLDEST_GDAL = (3, 9)
"""The first GDAL whose COG driver writes identical bytes in every run."""

FOR_USERS = ("train", "s3", "dask", "tiles")
"""Extras of pyproject.toml that add features; the others are for developing Potato."""


def examine_software() -> Iterator[Finding]:
    """Check versions, GDAL, devices, weights and extras."""
    yield Finding(
        "Potato",
        "fine",
        f"{metadata.version('potato')}, Python {platform.python_version()}, {platform.platform(terse=True)}",
    )
    yield from _gdal()
    devices = ", ".join(_devices())
    yield Finding("torch", "fine", f"{torch.__version__}, computes on {devices}")
    try:
        yield Finding("weights", "fine", f"shipped weights {weights_digest(load_model())}")
    except WeightsError as error:
        yield Finding("weights", "wrong", str(error), "install again: pip install --force-reinstall potato")
    missing = [extra for extra in FOR_USERS if not _is_installed(extra)]
    if missing:
        remedy = f"if you want them: pip install 'potato[{','.join(missing)}]'"
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


def _devices() -> Iterator[str]:
    yield "cpu"
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            yield f"cuda:{index} ({torch.cuda.get_device_name(index)})"
    if torch.backends.mps.is_available():
        yield "mps"


def _is_installed(extra: str) -> bool:
    """Whether all packages of an extra are installed; True if Potato has no package metadata."""
    for requirement in metadata.requires("potato") or ():
        name, _, marker = requirement.partition(";")
        if re.search(rf"extra == ['\"]{extra}['\"]", marker):
            try:
                metadata.version(re.split(r"[^\w.-]", name, maxsplit=1)[0])
            except metadata.PackageNotFoundError:
                return False
    return True
