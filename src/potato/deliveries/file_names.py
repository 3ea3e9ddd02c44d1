"""What the names of files tell where no metadata do: roles, and bands of a file each."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from potato.core.platforms import is_band, is_numbered, sensor_in_name
from potato.core.sensors import Sensor

PAN_WORDS = ("pan", "panchromatic", "p", "pp", "pn")
"""Words of vendors for pan, in lower case and without a number behind (`PAN1`)."""

MUL_WORDS = ("m", "mul", "ms", "mss", "mux", "multi", "multispectral", "xs", "bgrn", "rgbn", "rgb")
"""The same for mul."""

_PART = re.compile(r"[-_ ]?(?<![a-z])r[0-9]+[-_]?c[0-9]+(?![a-z0-9])", re.IGNORECASE)
"""What names of the parts of an image differ by: `_R1C2`."""

SHARPENED_WORDS = ("pansharpened", "pansharp", "psh", "visual", "fused", "fusion")
"""Words of vendors for pictures that are sharpened, or made for the eye."""

ASIDE_WORDS = ("udm", "mask", "cloud", "browse", "preview", "quicklook", "thumb", "thumbnail", "icon", "qa")
"""Words for files beside the images."""

LEAST_FILES = 3
"""Files of one band each that make a mul, at least."""


def words_of(name: str) -> list[str]:
    """The words of a file's name, in lower case: what other signs than letters and digits part."""
    return [word for word in re.split(r"[^a-z0-9]+", PurePosixPath(name).stem.lower()) if word]


def _has_word(name: str, words: Sequence[str]) -> bool:
    return any(re.sub(r"[0-9]+$", "", word) in words for word in words_of(name))


def is_pan(name: str) -> bool:
    """Whether a file's name says that it is a pan.

    >>> is_pan("GF2_PMS1_L1A0004793969-PAN1.tiff"), is_pan("scene_red.tif")
    (True, False)
    """
    return _has_word(name, PAN_WORDS)


def is_aside(name: str) -> bool:
    """Whether a file's name says that it is neither pan nor mul: a mask, a preview.

    >>> is_aside("20200814_162132_ssc4_u0001_analytic_udm2.tif")
    True
    """
    return _has_word(name, ASIDE_WORDS)


def is_sharpened(name: str) -> bool:
    """Whether a file's name says that it is sharpened already, or a picture made for the eye.

    >>> is_sharpened("20200814_162132_ssc4_u0001_pansharpened.tif")
    True
    """
    return _has_word(name, SHARPENED_WORDS)


def whole_of(name: str) -> str:
    """The name of the image that a part belongs to; that of another file remains.

    >>> whole_of("IMG_PHR1A_P_R1C2.tif"), whole_of("pan.tif")
    ('IMG_PHR1A_P.tif', 'pan.tif')
    """
    path = PurePosixPath(name)
    return str(path.with_name(_PART.sub("", path.stem) + path.suffix)) if _PART.sub("", path.stem) else name


def scene_of(name: str) -> tuple[str, ...]:
    """What the names of a pan and its mul share: the words of the path, but for those of roles.

    >>> scene_of("P/20200814_pan.tif"), scene_of("M/20200814_MS1.tif")
    (('20200814',), ('20200814',))
    """
    roles = (*PAN_WORDS, *MUL_WORDS)
    words = (word for part in PurePosixPath(name).parts for word in words_of(part))
    return tuple(word for word in words if re.sub(r"[0-9]+$", "", word) not in roles)


def find_band_files(names: Sequence[str], sensor: Sensor | None = None) -> dict[str, str]:
    """The files that hold a band of one mul each: equal names but for the word for the band.

    Args:
        names: of images of one band.
        sensor: the sensor, if it is known; else the names may tell it.

    Returns:
        The files by the vendor's words for their bands; empty if there is no mul, or more than one.

    Example:
        >>> list(find_band_files([f"CBERS_4A_WPM_L4_BAND{number}.tif" for number in range(5)]))
        ['band1', 'band2', 'band3', 'band4']
        >>> list(find_band_files(["b1_blue.tif", "b2_green.tif", "b3_red.tif"]))
        ['blue', 'green', 'red']
    """
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for name in names:
        words, known = words_of(name), sensor or sensor_in_name(name)
        # `band1_blue` and `blue_b1` are one name, of which the number tells less.
        named = [place for place, word in enumerate(words) if _names_band(word, known)]
        named.sort(key=lambda place: (is_numbered(words[place]), -place))
        if named:
            place = named[0]
            beside = (place - 1, place + 1)
            others = [
                "" if other == place else word
                for other, word in enumerate(words)
                if not (other in beside and is_numbered(word))
            ]
            found.setdefault(tuple(others), {})[words[place]] = name
    whole = [files for files in found.values() if len(files) >= LEAST_FILES]
    return whole[0] if len(whole) == 1 else {}


def _names_band(word: str, sensor: Sensor | None) -> bool:
    """Whether a word is the name of a band, of a sensor if it is known."""
    if sensor is not None:
        return bool(sensor.find_bands([word]))
    return is_numbered(word) or is_band(word)


def finest(pixels: Mapping[str, float]) -> str | None:
    """The file whose pixels are clearly smaller than those of all others; None if there is none."""
    ranked = sorted(pixels, key=lambda name: pixels[name])
    if len(ranked) > 1 and pixels[ranked[0]] > 0.75 * pixels[ranked[1]]:
        return None
    return ranked[0] if ranked else None
