"""The sensors that Potato knows, each a record of facts and of numbers that `runs/` fitted.

A new sensor is a new record here, and nothing else.
"""

from potato.core.sensors import Sensor

_WORLDVIEW_XYZ = (
    (0.1044, 0.0, 0.5087),  # coastal
    (0.041, 0.0984, 0.58013),  # blue
    (0.2781, 0.641, 0.0),  # green
    (0.46057, 0.2407, 0.0),  # yellow
    (0.0664, 0.0199, 0.0),  # red
    (0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0),
)
"""Source: fitted by `runs/fit_color.py` (ridge 1.2e-4) to half of 7,335 reflectance spectra of
earthlib 1.1 and LUMA SLUM (S. Kotthaus and others, 2014), as the vendor's spectral responses of
WorldView-2 and -3 see them in D65. Error on the other half in JND, mean and 95th percentile: 0.13
and 0.51 for WorldView-2, 0.12 and 0.50 for WorldView-3. `docs/colour.md` compares other choices.
"""

_WORLDVIEW_BANDS = ("coastal", "blue", "green", "yellow", "red", "rededge", "nir1", "nir2")
_WORLDVIEW_CODES = ("BAND_C", "BAND_B", "BAND_G", "BAND_Y", "BAND_R", "BAND_RE", "BAND_N", "BAND_N2")
_WORLDVIEW_ARRAYS = (("nir2", "coastal", "yellow", "rededge"), ("blue", "green", "red", "nir1"))
_WORLDVIEW_SOURCE = (
    'T. Updike and C. Comp, "Radiometric Use of WorldView-2 Imagery", DigitalGlobe, 2010 (bands and '
    "detector arrays); the ARD product guide of Maxar (names, scale)"
)

WORLDVIEW_2 = Sensor(
    name="WV02",
    title="WorldView-2",
    platforms=("worldview-02",),
    bands=_WORLDVIEW_BANDS,
    bands_to_xyz=_WORLDVIEW_XYZ,
    pan_weights=(0.0, 0.15, 0.24, 0.16, 0.23, 0.15, 0.07, 0.0),
    file_order=_WORLDVIEW_BANDS,
    codes=_WORLDVIEW_CODES,
    arrays=_WORLDVIEW_ARRAYS,
    source=_WORLDVIEW_SOURCE,
)

WORLDVIEW_3 = Sensor(
    name="WV03",
    title="WorldView-3",
    platforms=("worldview-03",),
    bands=_WORLDVIEW_BANDS,
    bands_to_xyz=_WORLDVIEW_XYZ,
    pan_weights=(0.0, 0.15, 0.24, 0.16, 0.23, 0.15, 0.07, 0.0),
    file_order=_WORLDVIEW_BANDS,
    codes=_WORLDVIEW_CODES,
    arrays=_WORLDVIEW_ARRAYS,
    source=_WORLDVIEW_SOURCE,
)

SENSORS = (WORLDVIEW_2, WORLDVIEW_3)
"""All sensors, in the order in which they are listed."""

WORKSHOP = WORLDVIEW_2
"""The sensor that the workshop works for; WorldView-3 has its bands and colours."""
