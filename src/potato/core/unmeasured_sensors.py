"""Satellites whose spectral responses aren't published: they have the numbers of others.

Bands and ratios are those that operators state, as ESA's eoPortal and the manuals of software
collect them.
"""

from collections.abc import Mapping
from dataclasses import replace

from potato.core.sensors import Sensor

ALIKE: Mapping[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    # Blue of 450 to 520, green of 520 to 590 or 600, red of 620 or 630 to 690, near infrared of 760
    # or 770 to 890 or 900 nm. Pan sees up to 850 or 900 nm: most from 450 or 500 on, those of
    # DubaiSat-2, GEOSAT-2 and KhalifaSat from 550 on.
    "GF6": (
        ("GF1", "Gaofen-1", ("GF-1", "GF1B", "GF1C", "GF1D")),
        ("GF2", "Gaofen-2", ("GF-2",)),
        ("GF7", "Gaofen-7", ("GF-7",)),
        ("SV1", "SuperView-1", ("SuperView", "GaoJing-1", "GJ1", *(f"SV1-0{n}" for n in (1, 2, 3, 4)))),
        ("CBERS4", "CBERS-4", ("CB4", "CBERS-4 MUX")),
        ("CBERS4A", "CBERS-4A", ("CB4A",)),
        ("K2", "KOMPSAT-2", ("KOMPSAT2",)),
        ("K3", "KOMPSAT-3", ("KOMPSAT3",)),
        ("K3A", "KOMPSAT-3A", ("KOMPSAT3A",)),
        ("CAS500", "CAS500-1", ("CAS500-1",)),
        ("FS2", "FORMOSAT-2", ("ROCSAT-2",)),
        ("OV3", "OrbView-3", ("ORBVIEW",)),
        ("C2S", "Cartosat-2S", tuple(f"CARTOSAT-2{letter}" for letter in "CDEF")),
        ("C3", "Cartosat-3", ("CARTOSAT3",)),
        ("DS2", "DubaiSat-2", ("DUBAISAT2",)),
        ("GS2", "GEOSAT-2", ("DEIMOS-2", "DE2")),
        ("KHS", "KhalifaSat", ("DubaiSat-3",)),
        ("THEOS1", "THEOS-1", ("THEOS",)),
    ),
    # The same, but pan sees little near infrared; or bands are others by some 20 nm.
    "four-band": (
        ("PER1", "PeruSat-1", ("PERUSAT",)),
        ("VIS1", "Vision-1", ("VISION", "VISION1", "VIS-1")),
        ("DMC3", "TripleSat", ("TripleSat-1", "TripleSat-2", "TripleSat-3", "Beijing-2", "BJ2")),
        ("BJ3", "Beijing-3", ("BJ-3", "BJ3A", "BJ3B")),
        (
            "JL1",
            "Jilin-1",
            tuple(
                f"JL1{series}{letter}"
                for series, letters in (
                    ("KF01", "ABC"),
                    ("KF02", "AB"),
                    ("GF02", "ABCDEFGH"),
                    ("GF03", "ABCD"),
                )
                for letter in letters
            ),
        ),
        ("ZY3", "ZiYuan-3", ("ZY-3", *(f"ZY30{n}{letter}" for n in (1, 2, 3) for letter in ("", "A")))),
        ("FS5", "FORMOSAT-5", ("FORMOSAT5",)),
        ("THEOS2", "THEOS-2", ("THEOS2A",)),
        ("GKT1", "Göktürk-1", ("GOKTURK1A",)),
        ("KAZ1", "KazEOSat-1", ("KAZEOSAT",)),
        ("AL2", "Alsat-2", ("ALSAT-2A", "ALSAT-2B")),
        ("VNR1", "VNREDSat-1", ("VNREDSAT-1A",)),
        ("SSOT", "SSOT", ("FASat-Charlie",)),
        ("ALOS", "ALOS", ("ALOS-1", "ALAV2A", "AVNIR-2")),
    ),
    # 433 to 453, 450 to 515, 525 to 605, 630 to 690 and 845 to 890 nm; pan 480 to 690 nm.
    "LC08": (("EO1", "EO-1 ALI", ("EO-1", "ALI", "Earth Observing 1")),),
    # Pan 451 to 902 nm.
    "WV02": (("ZY1E", "ZiYuan-1 02D", ("ZY1-02D", "ZY1F", "ZY1-02E", "ZiYuan-1 02E")),),
}
"""Name, title and further spellings of satellites, by the sensor that has nearly their bands."""

RATIOS = {"C2S": 3, "ZY3": 3, "THEOS1": 6, "FS5": 2, "EO1": 3}
"""Ratios that aren't those of the other; of cells, where those of pixels are 2.76 (ZiYuan-3) or 7.5
(THEOS-1)."""

ORDERS: dict[str, tuple[str, ...]] = {}
ORDERS |= dict.fromkeys(("GF1", "GF2", "GF7", "SV1", "ZY3", "VIS1"), ("blue", "green", "red", "nir"))
ORDERS["GS2"] = ("nir", "red", "green", "blue")
ORDERS["ZY1E"] = ("blue", "green", "red", "nir1", "coastal", "yellow", "rededge", "nir2")
"""Orders of bands in files that don't name them."""

CODES: dict[str, tuple[str, ...]] = {"EO1": ("B02", "B03", "B04", "B05", "B07")}
CODES |= {"CBERS4A": ("BAND1", "BAND2", "BAND3", "BAND4"), "CBERS4": ("BAND5", "BAND6", "BAND7", "BAND8")}
CODES |= dict.fromkeys(("K2", "K3", "K3A"), ("MS1", "MS2", "MS3", "MS4"))
CODES |= dict.fromkeys(("PER1", "VIS1", "KAZ1", "AL2", "VNR1", "SSOT"), ("B0", "B1", "B2", "B3"))
"""Vendors' names of the bands."""


def borrow(*known: Sensor) -> tuple[Sensor, ...]:
    """The records of these satellites.

    Args:
        known: those that lend their numbers, in the order in which the others are to be listed.
    """
    return tuple(
        replace(
            other,
            name=name,
            title=title,
            platforms=platforms,
            colour_error=None,
            ratio=RATIOS.get(name, other.ratio),
            file_order=ORDERS.get(name, ()),
            codes=CODES.get(name, ()),
            arrays=(),
            mtf_gains=(),
            source=f"no published responses: the numbers of {other.title}, whose bands are nearly the same",
        )
        for other in known
        for name, title, platforms in ALIKE[other.name]
    )
