"""Finding the sensor of a file, and the sensor's bands among those of the file."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rasterio.enums import ColorInterp

from potato.core.advice import TAKE_BANDS
from potato.core.platforms import (
    LEAST_BANDS,
    find_sensor,
    guess_sensor,
    guess_unnamed,
    is_band,
    is_numbered,
    left_out,
    names_by_wavelength,
    sensor_in_name,
)
from potato.core.sensor_table import FOUR_BANDS
from potato.core.sensors import Sensor
from potato.core.text import counted, file_name
from potato.core.unfit_satellites import unfit_platform
from potato.errors import BandError, InputError

PLATFORM_TAGS = (("IMAGERY", "SATELLITEID"), ("IMD", "IMAGE_1.satId"), ("IMD", "satId"))
"""Domains and names under which GDAL's readers give a file's platform."""

COLOURS = ("coastal", "blue", "green", "yellow", "red", "rededge", "nir")
"""Colour interpretations of GDAL that are names of bands."""

ORDERS = {3: "red,green,blue", 4: "blue,green,red,nir"}
"""Orders of bands that messages propose, by the number of bands."""

_WAVELENGTH = re.compile(r"([0-9.]+)(?: ?[-–] ?([0-9.]+))?[ _]?(nm|nanom|µm|um|microm)", re.IGNORECASE)
"""A wavelength, or two between which a band lies, and the beginning of a unit."""

_NAME_SENSOR = "name the sensor whose bands these are (--sensor, see potato sensors)"


def own_bands(dataset: Any, count: int | None = None) -> list[int]:
    """GDAL's numbers of the bands of a mul that aren't alpha.

    A band that is marked as alpha, but has the name of a band, is none: software marks the fourth
    band of anything so.

    Args:
        dataset: an open mul.
        count: how many bands there should be; a file with just so many has no alpha.
    """
    named = zip(dataset.indexes, dataset.colorinterp, dataset.descriptions, strict=True)
    return [
        index
        for index, meaning, name in named
        if meaning != ColorInterp.alpha or dataset.count == count or is_band(name or "")
    ]


def band_names(dataset: Any) -> list[str | None]:
    """The names of a file's bands: its own, or else, if it has none that we know, by wavelength.

    Args:
        dataset: an open mul.
    """
    own = list(dataset.descriptions)
    if any(is_band(name or "") and not is_numbered(name or "") for name in own):
        return own
    seen = names_by_wavelength([_wavelength(dataset, index) for index in dataset.indexes])
    return seen if any(seen) else own


def _wavelength(dataset: Any, index: int) -> float | None:
    """The middle of a band in nm, as its metadata or its name state it; None if they don't."""
    tags = {name.lower(): value for name, value in dataset.tags(index).items()}
    stated = f"{tags.get('wavelength', '')} {tags.get('wavelength_units') or tags.get('wavelength_unit', '')}"
    for text in (stated, dataset.descriptions[index - 1] or ""):
        if found := _WAVELENGTH.search(text):
            ends = [float(end) for end in found.groups()[:2] if end]
            return sum(ends) / len(ends) * (1 if found[3].lower().startswith("n") else 1000)
    return None


def sensor_of(dataset: Any, bands: int | None = None) -> Sensor | None:
    """The sensor that the metadata of a file name, as GDAL's readers find it; None without one.

    Args:
        dataset: an open pan or mul.
        bands: how many bands mul has; None if this is mul.
    """
    count = bands or len(own_bands(dataset))
    return next(filter(None, (find_sensor(platform, count) for platform in _platforms(dataset))), None)


def platform_of(dataset: Any) -> str:
    """The satellite that the metadata of a file name, as GDAL's readers find it; empty for none."""
    return next(iter(_platforms(dataset)), "")


def _platforms(dataset: Any) -> list[str]:
    """All names of the satellite that GDAL's readers find."""
    named = (dataset.tags(ns=domain).get(name, "").strip('"') for domain, name in PLATFORM_TAGS)
    return [name for name in named if name]


def known_sensor(name: str, bands: int | None = None) -> Sensor:
    """The sensor of a name, with so many bands if it is delivered with different ones.

    Raises:
        InputError: if we don't know it.
    """
    sensor = find_sensor(name, bands)
    if sensor is None:
        unfit = unfit_platform(name)
        why = f"; {unfit}" if unfit else ""
        raise InputError(f"expected a sensor that `potato sensors` lists, found {name}{why}")
    return sensor


def guess_from_bands(path: str, dataset: Any, given: Sequence[str] = ()) -> tuple[Sensor, str | None]:
    """The sensor whose bands a file has, and a line about it if its colours may be another's.

    Args:
        path: of the file, for messages.
        dataset: the open mul.
        given: names of all bands, in place of the file's own; empty for its own.

    Raises:
        BandError: if there is none.
    """
    indexes = own_bands(dataset, len(given))
    named = _names(path, dataset, indexes, given)
    if not given:
        seen = band_names(dataset)
        named = [seen[index - 1] for index in indexes]
    by_name = sensor_in_name(file_name(path), len(indexes))
    if by_name is not None and (len(by_name.find_bands(named)) == len(indexes) or not any(named)):
        return by_name, f"took the file for one of {by_name.title} by its name; --sensor names another"
    if not given and not any(named) and len(indexes) < dataset.count == len(FOUR_BANDS.bands):
        # Software marks the first bands of any four as red, green, blue and alpha.
        raise BandError(unknown_bands(path, [None] * dataset.count))
    names = named if any(named) else _colours(dataset, indexes)
    sensor = guess_sensor(names)
    # Marks of colour alone don't tell what the rest is: software marks any first three bands.
    if sensor is not None and (any(named) or len(sensor.bands) == len(names)):
        rest = left_out(names, sensor)
        bands = ", ".join(sensor.bands)
        told = f"took the bands ({bands}) for those of {sensor.title}{rest}; --sensor names another"
        return sensor, told if rest or not sensor.platforms else None
    if not any(named) and (sensor := guess_unnamed(len(names))):
        return sensor, f"took {len(names)} bands without names for those of {sensor.title}, in their order"
    raise BandError(unknown_bands(path, names))


def unknown_bands(path: str, names: Sequence[str | None]) -> str:
    """The message about a mul whose bands are those of no sensor, or aren't known.

    Args:
        path: of the file.
        names: of its bands; None or empty for no name.
    """
    count = counted(len(names), "band")
    found = ", ".join(name or "no name" for name in names) if any(names) else "none with a name"
    named = all(is_band(name or "") and not is_numbered(name or "") for name in names)
    if len(names) < LEAST_BANDS or (named and "blue" not in FOUR_BANDS.find_bands(names)):
        return (
            f"{path}: expected blue, green and red, of which true colour is made, found {count}"
            + f" ({found})" * any(names)
            + "; take the vendor's file with all bands"
        )
    order = ORDERS.get(len(names), "blue,green,…")
    if len(names) in ORDERS:
        order = _option(order.split(","), FOUR_BANDS.find_bands(names)).removeprefix("--band-order ")
    alpha = ", or red,green,blue if the fourth is alpha" * (
        len(names) == len(FOUR_BANDS.bands) and not any(names)
    )
    take = f", or take those of the sensor out first ({TAKE_BANDS})" * (len(names) not in ORDERS)
    return (
        f"{path}: expected the bands of a sensor that Potato knows, found {count} ({found}); name the sensor "
        f"(--sensor, see potato sensors) or the bands (--band-order {order}{alpha}){take}"
    )


def find_bands(path: str, dataset: Any, sensor: Sensor, given: Sequence[str] = ()) -> list[int]:
    """GDAL's numbers of a sensor's bands in a file, in the order of the sensor's.

    Bands are found by their names, else by their colour interpretation, else by the order of the
    sensor's files, which the colour interpretation must not contradict.

    Args:
        path: of the file, for messages.
        dataset: the open mul.
        sensor: its sensor.
        given: names of all bands, in place of the file's own; empty for its own.

    Raises:
        BandError: if bands are missing, or it remains open which is which.
    """
    indexes = own_bands(dataset, len(given) or len(sensor.bands))
    names = _names(path, dataset, indexes, given)
    places = sensor.find_bands(names)
    if len(places) < len(sensor.bands) and not given:
        seen = band_names(dataset)
        by_wavelength = sensor.find_bands([seen[index - 1] for index in indexes])
        places = by_wavelength if len(by_wavelength) == len(sensor.bands) else places
    told = places or sensor.find_bands(_colours(dataset, indexes))
    if len(told) == len(sensor.bands):
        return [indexes[told[band]] for band in sensor.bands]
    if len(indexes) != len(sensor.bands):
        raise BandError(
            f"{path}: expected the {len(sensor.bands)} bands of {sensor.title} "
            f"({', '.join(sensor.bands)}), found {counted(len(indexes), 'band')}; "
            + (f"take these out first ({TAKE_BANDS})" if len(indexes) > len(sensor.bands) else _NAME_SENSOR)
        )
    if not sensor.file_order:
        raise BandError(
            f"{path}: expected names of the bands, found {_found(sensor, names)}, and files of "
            f"{sensor.title} have more than one order; name them in their order, such as "
            f"{_option(sensor.bands, told)}"
        )
    if places:
        raise BandError(
            f"{path}: expected the names of all {len(sensor.bands)} bands of {sensor.title} or of "
            f"none, found {_found(sensor, names)}; name them in their order, such as "
            f"{_option(sensor.file_order, places)}"
        )
    wrong = [band for band, place in told.items() if sensor.file_order[place] != band]
    if wrong:
        raise BandError(
            f"{path}: expected the bands of {sensor.title} in the order {', '.join(sensor.file_order)}, "
            f"found band {indexes[told[wrong[0]]]} marked as {wrong[0]}; say which is right: "
            f"{_option(sensor.file_order, {})} or {_option(sensor.file_order, told)}"
        )
    return [indexes[sensor.file_order.index(band)] for band in sensor.bands]


def _found(sensor: Sensor, names: Sequence[str | None]) -> str:
    """Which bands of a sensor lack a name, and which have it twice, for a message."""
    called = [band for name in names for band in sensor.find_bands([name])]
    missing = [band for band in sensor.bands if band not in called]
    twice = [band for band in sensor.bands if called.count(band) > 1]
    if len(missing) == len(sensor.bands):
        return "none"
    kinds = (("none for " + ", ".join(missing)) * bool(missing), " and ".join(twice) + " twice" * bool(twice))
    return ", and ".join(filter(None, kinds))


def _option(order: Sequence[str], known: Mapping[str, int]) -> str:
    """The option with bands that are known at their places, and the others between in an order."""
    rest = (band for band in order if band not in known)
    at = {place: band for band, place in known.items()}
    return "--band-order " + ",".join(at.get(place) or next(rest) for place in range(len(order)))


def _names(path: str, dataset: Any, indexes: Sequence[int], given: Sequence[str]) -> list[str | None]:
    """The names of some bands of a file: those given, else their descriptions.

    Raises:
        BandError: if more or fewer are given.
    """
    if given and len(given) != len(indexes):
        raise BandError(
            f"{path}: expected a name for each of its {counted(len(indexes), 'band')}, "
            f"found {len(given)} ({', '.join(given)})"
        )
    return list(given or (dataset.descriptions[index - 1] for index in indexes))


def _colours(dataset: Any, indexes: Sequence[int]) -> list[str | None]:
    """Names of bands by their colour interpretation; None where it tells nothing."""
    meanings = (dataset.colorinterp[index - 1].name for index in indexes)
    return [meaning if meaning in COLOURS else None for meaning in meanings]
