"""Satellites whose spectral responses aren't published: they have the numbers of others.

Bands of those that are like Gaofen-6 are, as their operators state, 450 to 520, 520 to 590 or 600,
630 to 690 and 760 or 770 to 890 or 900 nm, and pan 450 to 890 or 900 nm.
"""

from dataclasses import replace

from potato.core.sensors import Sensor

LIKE_GAOFEN_6 = (
    ("GF1", "Gaofen-1", ("GF-1", "GF1B", "GF1C", "GF1D")),
    ("GF2", "Gaofen-2", ("GF-2",)),
    ("SV1", "SuperView-1", ("SuperView", "GaoJing-1", "GJ1")),
    ("CBERS4A", "CBERS-4A", ("CB4A",)),
    ("K3", "KOMPSAT-3", ("KOMPSAT3",)),
    ("K3A", "KOMPSAT-3A", ("KOMPSAT3A",)),
)
"""Name, title and further spellings."""

LIKE_FOUR_BANDS = (
    ("PER1", "PeruSat-1", ("PERUSAT",)),
    ("VIS1", "Vision-1", ("VISION",)),
    ("DMC3", "TripleSat", ("TripleSat-1", "TripleSat-2", "TripleSat-3", "Beijing-2", "BJ2")),
    ("JL1", "Jilin-1", ("JL1KF01A", "JL1KF01B", "JL1KF01C")),
)
"""The same, for those whose pan sees little near infrared, or whose bands are others."""

IN_ORDER = ("GF1", "GF2", "SV1")
"""Those whose files have blue, green, red, near infrared in this order."""

CODES = {"CBERS4A": ("BAND1", "BAND2", "BAND3", "BAND4")}
CODES |= dict.fromkeys(("K3", "K3A"), ("MS1", "MS2", "MS3", "MS4"))
CODES |= dict.fromkeys(("PER1", "VIS1"), ("B0", "B1", "B2", "B3"))
"""Vendors' names of the bands."""


def borrow(gaofen_6: Sensor, four_bands: Sensor) -> tuple[Sensor, ...]:
    """The records of these satellites.

    Args:
        gaofen_6: that of Gaofen-6.
        four_bands: that of any four bands.
    """
    return tuple(
        replace(
            other,
            name=name,
            title=title,
            platforms=platforms,
            colour_error=None,
            file_order=other.bands if name in IN_ORDER else (),
            codes=CODES.get(name, ()),
            source=f"no published responses: the numbers of {other.title}, whose bands are nearly the same",
        )
        for other, satellites in ((gaofen_6, LIKE_GAOFEN_6), (four_bands, LIKE_FOUR_BANDS))
        for name, title, platforms in satellites
    )
