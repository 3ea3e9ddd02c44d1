"""Maxar's published constants: adjustments of calibration, and the sun's irradiance."""

from dataclasses import dataclass

from potato.deliveries.sunlight import reflectance_per_radiance


@dataclass(frozen=True)
class BandConstants:
    """The constants of a band.

    Attributes:
        irradiance: the sun's above the atmosphere, at 1 astronomical unit, in W/(m² µm).
        gain: factor of the radiance that the metadata give.
        offset: added to it, in W/(m² µm sr).
    """

    irradiance: float
    gain: float = 1.0
    offset: float = 0.0

    def to_reflectance(self, factor: float, distance: float, sun_elevation: float) -> tuple[float, float]:
        """Top-of-atmosphere reflectance of one count, and of count 0.

        Radiance is gain · counts · factor + offset.

        Args:
            factor: absCalFactor / effectiveBandwidth, from the metadata.
            distance: between the Earth and the sun, in astronomical units.
            sun_elevation: in degrees.
        """
        scale = reflectance_per_radiance(self.irradiance, distance, sun_elevation)
        return self.gain * factor * scale, self.offset * scale


CONSTANTS: dict[str, dict[str, BandConstants]] = {
    "WV02": {
        "BAND_P": BandConstants(1571.36, 0.949, -5.523),
        "BAND_C": BandConstants(1773.81, 1.203, -11.839),
        "BAND_B": BandConstants(2007.27, 1.002, -9.835),
        "BAND_G": BandConstants(1829.62, 0.953, -7.218),
        "BAND_Y": BandConstants(1701.85, 0.946, -5.675),
        "BAND_R": BandConstants(1538.85, 0.955, -5.046),
        "BAND_RE": BandConstants(1346.09, 0.980, -6.114),
        "BAND_N": BandConstants(1053.21, 0.966, -5.096),
        "BAND_N2": BandConstants(856.599, 1.010, -4.059),
    },
    "WV03": {
        "BAND_P": BandConstants(1574.41, 0.955, -5.505),
        "BAND_C": BandConstants(1757.89, 0.938, -13.099),
        "BAND_B": BandConstants(2004.61, 0.946, -9.409),
        "BAND_G": BandConstants(1830.18, 0.958, -7.771),
        "BAND_Y": BandConstants(1712.07, 0.979, -5.489),
        "BAND_R": BandConstants(1535.33, 0.969, -4.579),
        "BAND_RE": BandConstants(1348.08, 1.027, -5.552),
        "BAND_N": BandConstants(1055.94, 0.977, -6.508),
        "BAND_N2": BandConstants(858.77, 1.007, -3.699),
    },
    "WV04": {
        "BAND_P": BandConstants(1608.01),
        "BAND_B": BandConstants(2009.45),
        "BAND_G": BandConstants(1831.88),
        "BAND_R": BandConstants(1492.12),
        "BAND_N": BandConstants(937.8),
    },
    "GE01": {
        "BAND_P": BandConstants(1610.73, 1.001),
        "BAND_B": BandConstants(1993.18, 1.041),
        "BAND_G": BandConstants(1828.83, 0.972),
        "BAND_R": BandConstants(1491.49, 0.979),
        "BAND_N": BandConstants(1022.58, 0.951),
    },
    "QB02": {
        "BAND_P": BandConstants(1370.92, 0.870, -1.491),
        "BAND_B": BandConstants(1949.59, 1.105, -2.820),
        "BAND_G": BandConstants(1823.64, 1.071, -3.338),
        "BAND_R": BandConstants(1553.78, 1.060, -2.954),
        "BAND_N": BandConstants(1102.85, 1.020, -4.722),
    },
    "IK02": {
        "BAND_P": BandConstants(1353.25, 0.907, -4.461),
        "BAND_B": BandConstants(1921.26, 1.073, -9.699),
        "BAND_G": BandConstants(1803.28, 0.990, -7.937),
        "BAND_R": BandConstants(1517.76, 0.940, -4.767),
        "BAND_N": BandConstants(1145.8, 1.043, -8.869),
    },
    "LG01": {
        "BAND_P": BandConstants(1608.3),
        "BAND_C": BandConstants(1725.9),
        "BAND_B": BandConstants(2007.4),
        "BAND_G": BandConstants(1831.0),
        "BAND_Y": BandConstants(1709.4),
        "BAND_R": BandConstants(1536.4),
        "BAND_RE1": BandConstants(1404.6),
        "BAND_RE2": BandConstants(1297.4),
        "BAND_N": BandConstants(1044.1),
    },
}
"""By satellite (`satId`) and band.

Source: M. Kuester, "Absolute Radiometric Calibration", DigitalGlobe and Maxar: 2018v0 for
WorldView-2, WorldView-3 and GeoEye-1, 2017v0 for WorldView-4, 2016v0 for QuickBird-2, 2014v3 for
IKONOS-2; irradiance of G. Thuillier and others, 2003. Maxar has published none for Legion: these
are means of its six satellites' responses, weighted by the sun of ASTM G173, then scaled band by
band as that sun must be scaled to give the published irradiance of WorldView-3. The satellites
differ from the mean by up to 1.2 %.
"""

SAME_SATELLITE = {"IK01": "IK02", "QB2": "QB02", "IKO": "IK02"}
SAME_SATELLITE |= {f"LG0{number}": "LG01" for number in range(2, 7)}
"""Satellites that have the constants of another, or its name in another spelling."""


def find_constants(satellite: str) -> dict[str, BandConstants]:
    """The constants of a satellite by band; empty if none are published."""
    return CONSTANTS.get(SAME_SATELLITE.get(satellite, satellite), {})
