"""Satellites that make no pair of pan and colour, by their names and those of their files.

Source: what their operators state of their cameras; the names are those of their products.
"""

import functools
import re
from dataclasses import dataclass

from potato.core.sensors import simplified

NO_PAN = "has no pan, so nothing can sharpen it"
NO_COLOUR = "records pan alone, so there is no colour to sharpen"
NO_BLUE = "sees no blue, without which there is no true colour"
RADAR = "is a radar, whose images have no colours"


@dataclass(frozen=True)
class Unfit:
    """A satellite, or several of a kind, whose images make no pair.

    Attributes:
        title: for people.
        why: the rest of a sentence that begins with the title.
        platforms: spellings in files, items and vendors' metadata.
        files: a pattern that names of its files have, in upper case; empty for none.
    """

    title: str
    why: str
    platforms: tuple[str, ...]
    files: str = ""

    def __str__(self) -> str:
        """The sentence, without its full stop."""
        return f"{self.title} {self.why}"


def _numbered(name: str, *numbers: object) -> tuple[str, ...]:
    return tuple(f"{name}{number}" for number in numbers)


UNFIT = (
    Unfit("PlanetScope", NO_PAN, ("PSScene", "PlanetScope"), r"_3[AB]_ANALYTIC|_PSSCENE"),
    Unfit(
        "Sentinel-2",
        NO_PAN,
        (*_numbered("Sentinel-2", "", *"ABCD"), *_numbered("S2", *"ABCD")),
        r"(?<![A-Z0-9])(S2[A-D]_MSI|T[0-9]{2}[A-Z]{3}_[0-9]{8}T)",
    ),
    Unfit("RapidEye", NO_PAN, _numbered("RapidEye", "", 1, 2, 3, 4, 5), r"_RE[1-5]_(1B|3A)"),
    Unfit(
        "Landsat before 7",
        NO_PAN,
        (
            *_numbered("Landsat-", 1, 2, 3, 4, 5),
            *_numbered("LT", "04", "05"),
            *_numbered("LM0", 1, 2, 3, 4, 5),
        ),
        r"(?<![A-Z0-9])L[TM]0?[1-5][_0-9]",
    ),
    Unfit("Gaofen's wide field camera", NO_PAN, (), r"(?<![A-Z0-9])GF[16][BCD]?_WF[IV]"),
    Unfit("HJ-1 or HJ-2", NO_PAN, _numbered("HJ", "1A", "1B", "2A", "2B"), r"(?<![A-Z0-9])HJ[12][AB]-?CCD"),
    Unfit("Amazonia-1", NO_PAN, ("Amazonia-1",), r"AMAZONIA_1_WFI"),
    Unfit("the wide field camera of CBERS", NO_PAN, (), r"CBERS_4A?_(WFI|AWFI)"),
    Unfit("NewSat", NO_PAN, ("NewSat", "Aleph-1"), r"(?<![A-Z])NEWSAT"),
    Unfit("a satellite of the DMC", NO_PAN, ("Deimos-1", "UK-DMC-2", "NigeriaSat-X"), r"(?<![A-Z0-9])DE01_"),
    Unfit("VENµS", NO_PAN, ("VENUS",), r"(?<![A-Z0-9])VENUS-"),
    Unfit("WorldView-1", NO_COLOUR, ("WV01", "WorldView-1")),
    Unfit("EROS before C", NO_COLOUR, ("EROS-A", "EROS-B"), r"(?<![A-Z0-9])EROS[_-]?[AB](?![A-Z])"),
    Unfit(
        "Cartosat before 2C",
        NO_COLOUR,
        (*_numbered("Cartosat-", 1, 2, "2A", "2B"), "IRS-P5"),
    ),
    Unfit("SPOT before 6", NO_BLUE, _numbered("SPOT", 1, 2, 3, 4, 5)),
    Unfit("ASTER", NO_BLUE, ("ASTER", "Terra"), r"(?<![A-Z0-9])AST_(L1|0[57])"),
    Unfit(
        "Resourcesat", NO_BLUE, (*_numbered("Resourcesat-", 1, 2, "2A"), *_numbered("IRS-", "1C", "1D", "P6"))
    ),
    Unfit("Resurs-DK", NO_BLUE, ("Resurs-DK1",)),
    Unfit(
        "Sentinel-1", RADAR, _numbered("Sentinel-1", "", *"ABCD"), r"(?<![A-Z0-9])S1[A-D]_(S[1-6]|IW|EW|WV)_"
    ),
    Unfit("Umbra", RADAR, ("Umbra",), r"(?<![A-Z])UMBRA"),
    Unfit("ICEYE", RADAR, ("ICEYE",), r"(?<![A-Z])ICEYE"),
    Unfit("Capella", RADAR, ("Capella",), r"(?<![A-Z])CAPELLA_C"),
    Unfit("TerraSAR-X", RADAR, ("TerraSAR-X", "TanDEM-X", "PAZ"), r"(?<![A-Z0-9])(TSX|TDX|PAZ)1_SAR"),
    Unfit("Gaofen-3", RADAR, ("GF3", "Gaofen-3"), r"(?<![A-Z0-9])GF3[BC]?_"),
)
"""All that we know, in the order in which names are looked for."""


@functools.cache
def _spellings() -> dict[str, Unfit]:
    return {simplified(spelling): each for each in UNFIT for spelling in (each.title, *each.platforms)}


def unfit_platform(platform: str) -> Unfit | None:
    """The satellite of a platform's name, if it makes no pair.

    >>> str(unfit_platform("SENTINEL-2A"))
    'Sentinel-2 has no pan, so nothing can sharpen it'
    """
    return _spellings().get(simplified(platform))


def unfit_file(name: str) -> Unfit | None:
    """The satellite of a file, if its name tells one that makes no pair.

    >>> str(unfit_file("UMBRA-05_SICD_2023.tif"))
    'Umbra is a radar, whose images have no colours'
    """
    return next((each for each in UNFIT if each.files and re.search(each.files, name.upper())), None)
