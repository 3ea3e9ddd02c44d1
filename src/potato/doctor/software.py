"""Checks of the software: versions, GDAL's abilities, devices, the shipped weights, extras."""

import math
import platform
import re
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

from potato.core.advice import RASTERIO_WHEELS, UPGRADE_RASTERIO
from potato.core.installation import DISTRIBUTION, VERSION, install_command, reinstall_command
from potato.core.text import counted
from potato.doctor.finding import Finding
from potato.engine.devices import find_gpus, gpu_pays_from
from potato.engine.threads import available_cores
from potato.errors import WeightsError
from potato.model._native import SETS
from potato.model.weights import load_model, shipped_weights
from potato.raster.capabilities import find_abilities

OLDEST_GDAL = (3, 9)
"""The first GDAL whose COG driver writes identical bytes in every run."""

FOR_USERS = ("workshop", "s3", "vectors", "pmtiles", "plots", "dask", "serve", "tiles")
"""Extras of pyproject.toml that add features, but for `gpu`, of which the finding on devices tells;
the others are for developing Potato."""


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
        shipped = ", ".join(f"{name} {load_model(name).digest}" for name in shipped_weights())
        yield Finding("weights", "fine", f"shipped: {shipped}")
    except WeightsError as error:
        remedy = f"install again, from where Potato came: {reinstall_command()}"
        yield Finding("weights", "wrong", str(error), remedy)
    missing = [extra for extra in FOR_USERS if not _is_installed(extra)]
    if missing:
        remedy = f"if you want them: {install_command(*missing)}"
        yield Finding("extras", "note", f"not installed: {', '.join(missing)}", remedy)


def _gdal() -> Iterator[Finding]:
    found = find_abilities()
    versions = f"{found.gdal}, PROJ {found.proj}, rasterio {found.rasterio}"
    if tuple(map(int, re.findall(r"[0-9]+", found.gdal)[:2])) < OLDEST_GDAL:
        oldest = ".".join(map(str, OLDEST_GDAL))
        yield Finding("GDAL", "wrong", f"{versions}; expected {oldest} or newer", UPGRADE_RASTERIO)
    else:
        yield Finding("GDAL", "fine", versions)
    if not found.finds_places:
        reason = "can't find UTM zone 11: its tables are missing, or belong to another version"
        remedy = "unset PROJ_DATA, PROJ_LIB and GDAL_DATA, which another installation may have set"
        yield Finding("PROJ", "wrong", reason, remedy)
    remedy = f"use rasterio's own wheels: {RASTERIO_WHEELS}"
    if "DEFLATE" not in found.cog:
        yield Finding("COG", "wrong", "this GDAL can't write Cloud Optimized GeoTIFFs", remedy)
    elif "ZSTD" not in found.cog:
        yield Finding("COG", "note", "written with DEFLATE; this GDAL has no ZSTD", remedy)
    else:
        yield Finding("COG", "fine", "written with DEFLATE and ZSTD")


def _devices() -> Finding:
    """Where `fuse` can compute, and which device `--device auto` takes."""
    gpus = find_gpus()
    cpu = f"cpu: native code ({next(iter(SETS))}), {counted(available_cores(), 'core')}"
    found = "; ".join([cpu, *(f"{name}: {hardware}" for name, hardware in gpus.items())])
    if gpus:
        pixels = gpu_pays_from()
        least = f"for {pixels / 1e6:,.0f} Mpx and more" if math.isfinite(pixels) else "to train"
        chosen = f"auto takes {next(iter(gpus))} {least}"
    elif find_spec("torch") is None:
        chosen = f"auto takes cpu; a GPU needs PyTorch: {install_command('gpu')}"
    else:
        chosen = "auto takes cpu: PyTorch finds no GPU"
    return Finding("devices", "fine", f"{found}; {chosen}")


def _is_installed(extra: str) -> bool:
    """Whether all packages of an extra are installed; True if Potato has no package metadata."""
    try:
        requirements = metadata.requires(DISTRIBUTION)
    except metadata.PackageNotFoundError:  # run from a checkout that isn't installed
        return True
    for requirement in requirements or ():
        name, _, marker = requirement.partition(";")
        if re.search(rf"extra == ['\"]{extra}['\"]", marker):
            try:
                metadata.version(re.split(r"[^\w.-]", name, maxsplit=1)[0])
            except metadata.PackageNotFoundError:
                return False
    return True
