"""The sensors that Potato knows, each a record of facts and of numbers that `runs/` fitted.

A new sensor is a new record here, and nothing else. Satellites of a family share what they have in
common, so most records are others with a new name. Some satellites have two records, since people
order all their bands or just four.

Matrices, shares of pan and errors: fitted by `runs/fit_color.py` (ridge 1.2e-4) to half of 7,335
reflectance spectra of earthlib 1.1 and LUMA SLUM (S. Kotthaus and others, 2014), as the vendors'
spectral responses see them; the error is on the other half. `docs/colour.md` compares choices.
"""

from dataclasses import replace

from potato.core.sensors import Sensor
from potato.core.unmeasured_sensors import borrow

_INVISIBLE = (0.0, 0.0, 0.0)
_BGRN = ("blue", "green", "red", "nir")
_MAXAR_BGRN = ("BAND_B", "BAND_G", "BAND_R", "BAND_N")
_AIRBUS_BGRN = ("B0", "B1", "B2", "B3")
_RESPONSES = "spectral responses published by"

WORLDVIEW_2 = Sensor(
    name="WV02",
    title="WorldView-2",
    platforms=("worldview-02",),
    bands=("coastal", "blue", "green", "yellow", "red", "rededge", "nir1", "nir2"),
    bands_to_xyz=(
        (0.1044, 0.0, 0.5087),
        (0.041, 0.0984, 0.58013),
        (0.2781, 0.641, 0.0),
        (0.46057, 0.2407, 0.0),
        (0.0664, 0.0199, 0.0),
        *[_INVISIBLE] * 3,
    ),
    pan_weights=(0.0, 0.13, 0.21, 0.14, 0.22, 0.18, 0.12, 0.0),
    mtf_gains=(0.11, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.27),
    colour_error=0.13,
    file_order=("coastal", "blue", "green", "yellow", "red", "rededge", "nir1", "nir2"),
    codes=("BAND_C", "BAND_B", "BAND_G", "BAND_Y", "BAND_R", "BAND_RE", "BAND_N", "BAND_N2"),
    arrays=(("nir2", "coastal", "yellow", "rededge"), ("blue", "green", "red", "nir1")),
    source=(
        'T. Updike and C. Comp, "Radiometric Use of WorldView-2 Imagery", DigitalGlobe, 2010 (bands '
        "and detector arrays); the ARD product guide of Maxar (names, scale)"
    ),
)
WORLDVIEW_3 = replace(
    WORLDVIEW_2,
    name="WV03",
    title="WorldView-3",
    platforms=("worldview-03",),
    mtf_gains=(0.14, 0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315),
    colour_error=0.12,
)

_LEGION = Sensor(
    name="LG01",
    title="WorldView Legion 1",
    platforms=("Legion-1", "WorldView Legion"),
    bands=("coastal", "blue", "green", "yellow", "red", "rededge1", "rededge2", "nir1"),
    bands_to_xyz=(
        (0.0994, 0.0, 0.4802),
        (0.0414, 0.086, 0.60863),
        (0.267, 0.628, 0.0),
        (0.47887, 0.2779, 0.0),
        (0.0638, 0.0081, 0.0),
        *[_INVISIBLE] * 3,
    ),
    pan_weights=(0.0, 0.18, 0.23, 0.15, 0.19, 0.06, 0.09, 0.1),
    colour_error=0.14,
    file_order=("coastal", "blue", "green", "yellow", "red", "rededge1", "rededge2", "nir1"),
    source=f"{_RESPONSES} Vantor (bands); they name no detector arrays",
)
LEGION = (
    _LEGION,
    *(
        replace(
            _LEGION,
            name=f"LG0{number}",
            title=f"WorldView Legion {number}",
            platforms=(f"Legion-{number}",),
            colour_error=error,
        )
        for number, error in ((2, 0.13), (3, 0.11), (4, 0.11), (5, 0.15), (6, 0.12))
    ),
)

GEOEYE_1 = Sensor(
    name="GE01",
    title="GeoEye-1",
    platforms=("geoeye-01",),
    bands=_BGRN,
    bands_to_xyz=(
        (0.1268, 0.0692, 1.20753),
        (0.52597, 0.7838, -0.0762),
        (0.2977, 0.147, -0.0425),
        _INVISIBLE,
    ),
    pan_weights=(0.15, 0.39, 0.29, 0.17),
    mtf_gains=(0.16, 0.23, 0.23, 0.23, 0.23),
    colour_error=0.63,
    file_order=_BGRN,
    codes=_MAXAR_BGRN,
    source=f"{_RESPONSES} Maxar (bands); its documents of support data (names, order)",
)
WORLDVIEW_4 = replace(
    GEOEYE_1, name="WV04", title="WorldView-4", platforms=("worldview-04", "GeoEye-2"), colour_error=0.58
)
QUICKBIRD_2 = replace(
    GEOEYE_1,
    name="QB02",
    title="QuickBird-2",
    platforms=("quickbird-02", "QuickBird"),
    bands_to_xyz=(
        (0.0988, -0.026, 1.31413),
        (0.53377, 0.9178, -0.1877),
        (0.3179, 0.1082, -0.0376),
        _INVISIBLE,
    ),
    pan_weights=(0.05, 0.24, 0.31, 0.4),
    mtf_gains=(0.15, 0.34, 0.32, 0.3, 0.22),
    colour_error=0.53,
)
IKONOS_2 = replace(
    GEOEYE_1,
    name="IK02",
    title="IKONOS-2",
    platforms=("IKONOS", "IK01"),  # IKONOS-1 was lost; some archives call its successor IK01
    bands_to_xyz=(
        (0.2002, 0.0691, 1.33763),
        (0.44087, 0.8293, -0.2051),
        (0.3094, 0.1016, -0.0437),
        _INVISIBLE,
    ),
    pan_weights=(0.05, 0.22, 0.3, 0.43),
    mtf_gains=(0.17, 0.26, 0.28, 0.29, 0.28),
    colour_error=0.66,
)

PLEIADES_1A = Sensor(
    name="PHR1A",
    title="Pléiades 1A",
    platforms=("pleiades-1a", "PHR-1A", "PHR", "pleiades"),
    bands=_BGRN,
    bands_to_xyz=(
        (0.1857, 0.1143, 1.45983),
        (0.43147, 0.7506, -0.3656),
        (0.3333, 0.1351, -0.0054),
        _INVISIBLE,
    ),
    pan_weights=(0.09, 0.28, 0.4, 0.23),
    colour_error=0.6,
    codes=_AIRBUS_BGRN,
    source=f"{_RESPONSES} CNES and Airbus (bands); the Pléiades Imagery User Guide of Airbus (names)",
)
PLEIADES_1B = replace(
    PLEIADES_1A, name="PHR1B", title="Pléiades 1B", platforms=("pleiades-1b", "PHR-1B"), colour_error=0.73
)
SPOT_6 = Sensor(
    name="SPOT6",
    title="SPOT-6",
    platforms=("spot-06",),
    bands=_BGRN,
    bands_to_xyz=(
        (0.2074, 0.1796, 1.25693),
        (0.43037, 0.6865, -0.1272),
        (0.3127, 0.1339, -0.0409),
        _INVISIBLE,
    ),
    pan_weights=(0.23, 0.35, 0.36, 0.06),
    colour_error=0.64,
    codes=_AIRBUS_BGRN,
    source=f"{_RESPONSES} Airbus (bands); its SPOT 6 & SPOT 7 Imagery User Guide (names)",
)
SPOT_7 = replace(
    SPOT_6,
    name="SPOT7",
    title="SPOT-7",
    platforms=("spot-07", "Azersky"),
    bands_to_xyz=(
        (0.2548, 0.2224, 1.29293),
        (0.41547, 0.6957, -0.1784),
        (0.2802, 0.0819, -0.0257),
        _INVISIBLE,
    ),
    pan_weights=(0.26, 0.34, 0.35, 0.05),
    colour_error=0.8,
)

SKYSAT = Sensor(
    name="SkySat",
    title="SkySat",
    platforms=(
        *("SkySatCollect", "SkySatScene"),
        *(f"SkySat-{number}" for number in range(1, 22)),
        *(f"SSC{number}" for number in range(1, 20)),
    ),
    bands=_BGRN,
    bands_to_xyz=(
        (0.1562, 0.1071, 1.20613),
        (0.46037, 0.7648, -0.0739),
        (0.3339, 0.1281, -0.0434),
        _INVISIBLE,
    ),
    pan_weights=(0.19, 0.29, 0.31, 0.21),
    colour_error=0.52,
    file_order=_BGRN,
    source=f"{_RESPONSES} Planet for SkySat-1 and 14 to 19 (bands); its product specifications (order)",
)

GAOFEN_6 = Sensor(
    name="GF6",
    title="Gaofen-6",
    platforms=("GF-6",),
    bands=_BGRN,
    bands_to_xyz=(
        (0.1917, 0.1695, 1.28563),
        (0.48337, 0.7524, -0.1636),
        (0.2754, 0.0781, -0.0332),
        _INVISIBLE,
    ),
    pan_weights=(0.15, 0.29, 0.26, 0.3),
    colour_error=0.69,
    file_order=_BGRN,
    source=f"{_RESPONSES} CRESDA for the PMS camera (bands)",
)
FOUR_BANDS = Sensor(
    name="four-band",
    title="any four bands",
    platforms=(),
    bands=_BGRN,
    bands_to_xyz=(
        (0.1748, 0.1214, 1.27983),
        (0.46547, 0.7522, -0.1526),
        (0.3102, 0.1264, -0.0384),
        _INVISIBLE,
    ),
    pan_weights=(0.15, 0.3, 0.39, 0.16),
    colour_error=0.77,
    source="fitted to GeoEye-1, WorldView-4, QuickBird-2, IKONOS-2, Pléiades, SPOT, SkySat and Gaofen-6",
)

THREE_BANDS = replace(
    FOUR_BANDS,
    name="three-band",
    title="any three bands",
    bands=_BGRN[:3],
    bands_to_xyz=FOUR_BANDS.bands_to_xyz[:3],
    pan_weights=(0.18, 0.36, 0.46),
    source="the visible bands of any four bands",
)

_UNMEASURED = borrow(GAOFEN_6, FOUR_BANDS)
GAOFEN_2 = _UNMEASURED[1]
ZIYUAN_1 = borrow(WORLDVIEW_2)

PLEIADES_NEO_3 = Sensor(
    name="PNEO3",
    title="Pléiades Neo 3",
    platforms=("pleiades-neo-3", "PNEO", "pleiades-neo"),
    bands=("coastal", "blue", "green", "red", "rededge", "nir"),
    bands_to_xyz=(
        (0.1698, 0.0, 0.66753),
        (0.0, 0.1995, 0.4213),
        (0.46977, 0.691, 0.0),
        (0.3109, 0.1095, 0.0),
        *[_INVISIBLE] * 2,
    ),
    pan_weights=(0.03, 0.17, 0.22, 0.26, 0.19, 0.13),
    colour_error=0.39,
    codes=("DB", "B", "G", "R", "RE", "NIR"),
    source=f"{_RESPONSES} Airbus (bands); its Pléiades Neo User Guide (names)",
)
PLEIADES_NEO_4 = replace(
    PLEIADES_NEO_3, name="PNEO4", title="Pléiades Neo 4", platforms=("pleiades-neo-4",), colour_error=0.4
)

LANDSAT_8 = Sensor(
    name="LC08",
    title="Landsat 8",
    platforms=("landsat-8",),
    bands=("coastal", "blue", "green", "red", "nir"),
    bands_to_xyz=(
        (0.1651, 0.0, 0.72023),
        (0.0, 0.1847, 0.3686),
        (0.48087, 0.7019, 0.0),
        (0.3045, 0.1134, 0.0),
        _INVISIBLE,
    ),
    pan_weights=(0.0, 0.09, 0.52, 0.39, 0.0),
    colour_error=0.4,
    ratio=2,
    codes=("B1", "B2", "B3", "B4", "B5"),
    source=f"{_RESPONSES} NASA and USGS (bands); the Landsat 8-9 Data Users Handbook of USGS (names)",
)
EO_1 = borrow(LANDSAT_8)
LANDSAT_9 = replace(LANDSAT_8, name="LC09", title="Landsat 9", platforms=("landsat-9",))
LANDSAT_7 = replace(
    LANDSAT_8,
    name="LE07",
    title="Landsat 7",
    platforms=("landsat-7",),
    bands=_BGRN,
    bands_to_xyz=(
        (0.1684, 0.1394, 1.19083),
        (0.51227, 0.7791, -0.0684),
        (0.2698, 0.0815, -0.0336),
        _INVISIBLE,
    ),
    pan_weights=(0.0, 0.3, 0.27, 0.43),
    colour_error=0.59,
    codes=("B1", "B2", "B3", "B4"),
    source=f"{_RESPONSES} NASA and USGS (bands); the Landsat 7 Data Users Handbook of USGS (names)",
)


def _spellings(*sensors: Sensor) -> tuple[str, ...]:
    return tuple(name for each in sensors for name in (each.name, each.title, *each.platforms))


WORLDVIEW_BGRN = replace(
    GEOEYE_1,
    name="WV-BGRN",
    title="WorldView-2 or -3, four bands",
    platforms=_spellings(WORLDVIEW_2, WORLDVIEW_3),
    bands_to_xyz=(
        (0.1312, 0.0798, 1.19343),
        (0.49487, 0.7605, -0.0582),
        (0.3244, 0.1597, -0.0464),
        _INVISIBLE,
    ),
    pan_weights=(0.11, 0.32, 0.36, 0.21),
    mtf_gains=(0.11, 0.35, 0.35, 0.35, 0.35),
    colour_error=0.54,
)
LEGION_BGRN = replace(
    _LEGION,
    name="LG-BGRN",
    title="WorldView Legion, four bands",
    platforms=_spellings(*LEGION),
    bands=_BGRN,
    bands_to_xyz=(
        (0.1226, 0.0621, 1.20323),
        (0.49687, 0.7689, -0.0663),
        (0.331, 0.169, -0.0481),
        _INVISIBLE,
    ),
    pan_weights=(0.18, 0.31, 0.32, 0.19),
    colour_error=0.55,
    file_order=(),
)
PLEIADES_NEO_BGRN = replace(
    PLEIADES_NEO_3,
    name="PNEO-BGRN",
    title="Pléiades Neo, four bands",
    platforms=_spellings(PLEIADES_NEO_3, PLEIADES_NEO_4),
    bands=_BGRN,
    bands_to_xyz=(
        (0.2082, 0.1995, 1.25173),
        (0.44187, 0.691, -0.1299),
        (0.3004, 0.1095, -0.033),
        _INVISIBLE,
    ),
    pan_weights=(0.18, 0.26, 0.34, 0.22),
    colour_error=0.65,
    codes=("B", "G", "R", "NIR"),
)
LANDSAT_BGRN = replace(
    LANDSAT_8,
    name="LC-BGRN",
    title="Landsat 8 or 9, four bands",
    platforms=_spellings(LANDSAT_8, LANDSAT_9),
    bands=_BGRN,
    bands_to_xyz=(
        (0.1893, 0.1847, 1.19773),
        (0.46637, 0.7019, -0.063),
        (0.2948, 0.1134, -0.0459),
        _INVISIBLE,
    ),
    pan_weights=(0.09, 0.52, 0.39, 0.0),
    colour_error=0.61,
    codes=("B2", "B3", "B4", "B5"),
)

SENSORS = (
    *(WORLDVIEW_2, WORLDVIEW_3, WORLDVIEW_BGRN, *LEGION, LEGION_BGRN),
    *(GEOEYE_1, WORLDVIEW_4, QUICKBIRD_2, IKONOS_2),
    *(PLEIADES_1A, PLEIADES_1B, PLEIADES_NEO_3, PLEIADES_NEO_4, PLEIADES_NEO_BGRN, SPOT_6, SPOT_7),
    *(SKYSAT, GAOFEN_6, *_UNMEASURED, *ZIYUAN_1, FOUR_BANDS, THREE_BANDS),
    *(LANDSAT_7, LANDSAT_8, LANDSAT_9, LANDSAT_BGRN, *EO_1),
)
"""All sensors, in the order in which they are listed."""

WORKSHOP = WORLDVIEW_2
"""The sensor that the workshop works for; WorldView-3 has its bands and colours."""
