"""The table of sensors, and finding a sensor and its bands by what files say."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from networks import random_network
from potato.core.color import D65
from potato.core.platforms import find_sensor, guess_sensor, left_out, names_by_wavelength
from potato.core.sensor_table import GEOEYE_1, LANDSAT_8, SENSORS, WORLDVIEW_2, WORLDVIEW_3
from potato.core.sensors import BAND_ALIASES, simplified

NAMES = [sensor.name for sensor in SENSORS]

SPELLINGS = {
    "WV02": "WV02 worldview-02 WORLDVIEW02 WorldView-2",
    "WV03": "WV03 worldview-03 WV3",
    "LG01": "LG01 legion-1 LEGION01",
    "LG06": "LG06 WorldView-Legion-6",
    "GE01": "GE01 geoeye-01 GeoEye-1 GE1",
    "WV04": "WV04 WorldView-4",
    "QB02": "QB02 QuickBird-2 quickbird-02",
    "IK02": "IK02 IKONOS-2 IKONOS IK01",
    "PHR1A": "PHR1A PHR_1A pleiades-1a",
    "PHR1B": "PHR1B PHR-1B",
    "PNEO3": "PNEO3 PNEO_3",
    "PNEO4": "PNEO4 pleiades-neo-4",
    "SPOT6": "SPOT6 SPOT_6",
    "SPOT7": "SPOT7 spot-7",
    "SkySat": "SkySatCollect SkySatScene SSC4 SkySat-14",
    "GF1": "GF1 Gaofen-1 GaoFen1",
    "GF2": "GF2 gaofen-2",
    "GF6": "GF6 GF-6",
    "CBERS4A": "CBERS-4A CBERS_4A",
    "CBERS4": "CBERS-4 CBERS_4",
    "C2S": "CARTOSAT-2E Cartosat-2F",
    "GS2": "DEIMOS-2 DE2 Geosat-2",
    "ZY3": "ZY3 ZY-3 zy302a ZY303",
    "ZY1E": "ZY1E ZY1F ZY1-02D",
    "KHS": "KhalifaSat",
    "JL1": "JL1KF01A JL1GF02B",
    "SV1": "SV1-02 SuperView-1 GJ1",
    "GKT1": "Göktürk-1 GOKTURK-1",
    "EO1": "EO-1 ALI",
    "LE07": "LANDSAT_7 landsat-7 LE07",
    "LC08": "LANDSAT_8 landsat-8 LC08",
    "LC09": "LANDSAT_9 landsat-9 LC09",
}

BAND_NAMES = [
    ("WV02", 8, "BAND_C BAND_B BAND_G BAND_Y BAND_R BAND_RE BAND_N BAND_N2"),
    ("WV03", 8, "Coastal Blue,Blue,Green,Yellow,Red,Red Edge,NIR1,NIR2"),
    ("WV03", 8, "coastal,blue,green,yellow,red,rededge,nir08,nir09"),
    ("WV02", 8, "Coastal,Blue,Green,Yellow,Red,Red-Edge,Near-IR1,Near Infrared 2"),
    ("WV02", 4, "BAND_B BAND_G BAND_R BAND_N"),
    ("LG03", 8, "BAND_C BAND_B BAND_G BAND_Y BAND_R BAND_RE1 BAND_RE2 BAND_N"),
    ("LG03", 8, "coastal,blue,green,yellow,red,rededge071,rededge075,nir"),
    ("GE01", 4, "Band 1: Blue,Band 2: Green,Band 3: Red,Band 4: Near Infrared"),
    ("QB02", 4, "blue (450-520 nm),green (520-600 nm),red (630-690 nm),NIR (760-900 nm)"),
    ("IK02", 4, "blu grn red nir"),
    ("PHR1A", 4, "B0 B1 B2 B3"),
    ("PNEO3", 6, "DB B G R RE NIR"),
    ("PNEO4", 6, "Deep Blue,Blue,Green,Red,Red Edge,NIR"),
    ("CBERS4A", 4, "BAND1 BAND2 BAND3 BAND4"),
    ("CBERS4", 4, "BAND5 BAND6 BAND7 BAND8"),
    ("EO1", 5, "B02 B03 B04 B05 B07"),
    ("LC08", 5, "B1 B2 B3 B4 B5"),
    ("LC09", 5, "SR_B1 SR_B2 SR_B3 SR_B4 SR_B5"),
    ("LC08", 5, "coastal aerosol,blue,green,red,nir08"),
    ("LC08", 4, "B2 B3 B4 B5"),
    ("LE07", 4, "B1 B2 B3 B4"),
    ("four-band", 4, "B G R N"),
    ("four-band", 4, "Blue (B2),Green (B3),Red (B4),NIR (B8)"),
    ("four-band", 4, "B2 (Blue),B3 - Green,B04_red,B8: NIR"),
    ("four-band", 4, "Bleu,Vert,Rouge,PIR"),
]


@pytest.mark.parametrize("sensor", SENSORS, ids=NAMES)
def test_white_is_white_and_pan_sees_what_its_bands_see(sensor):
    """Reflectance 1 in every band is the white point, and reflectance 1 in pan."""
    np.testing.assert_allclose(np.sum(sensor.bands_to_xyz, axis=0), D65, atol=1e-9)
    assert sum(sensor.pan_weights) == pytest.approx(1) and min(sensor.pan_weights) >= 0
    assert {"blue", "green", "red"} <= {*sensor.visible} <= {*sensor.bands}
    assert sensor.source


@pytest.mark.parametrize("sensor", SENSORS, ids=NAMES)
def test_each_name_of_a_band_finds_that_band(sensor):
    codes = dict(zip(sensor.bands, sensor.codes, strict=bool(sensor.codes)))
    for band in sensor.bands:
        for name in (band, codes.get(band, band), *BAND_ALIASES[band]):
            assert sensor.find_bands([name]) == {band: 0}, name
    assert {name for array in sensor.arrays for name in array} <= {*sensor.bands}


def test_a_spelling_stands_for_one_sensor_with_so_many_bands():
    assert len({*NAMES}) == len(NAMES)
    spellings = Counter(
        (spelling, len(sensor.bands))
        for sensor in SENSORS
        for spelling in {simplified(one) for one in (sensor.name, sensor.title, *sensor.platforms)}
    )
    assert [spelling for spelling, count in spellings.items() if count > 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_sensor_is_found_by_its_name(name):
    assert find_sensor(name).name == name


@pytest.mark.parametrize(("name", "spellings"), SPELLINGS.items(), ids=SPELLINGS)
def test_a_platform_is_found_as_deliveries_spell_it(name, spellings):
    for spelling in spellings.split():
        assert find_sensor(spelling).name == name
        assert find_sensor(spelling.replace("_", " ")).name == name  # GDAL joins DIMAP's mission so


@pytest.mark.parametrize("platform", ["", "sentinel-2a", "WV01", "WorldView", "SPOT", "landsat-5"])
def test_a_platform_that_we_do_not_know_is_none(platform):
    assert find_sensor(platform) is None


def test_some_satellites_are_delivered_with_all_bands_or_with_four():
    for platform in ("WV02", "worldview-03", "LG05", "PNEO 4", "LANDSAT_8", "landsat-9"):
        everything, four = find_sensor(platform), find_sensor(platform, 4)
        assert four.bands == ("blue", "green", "red", "nir") and len(everything.bands) > 4
        assert four.ratio == everything.ratio
    assert find_sensor("GE01", 4) == find_sensor("GE01", 3) == GEOEYE_1


@pytest.mark.parametrize(("platform", "count", "names"), BAND_NAMES)
def test_bands_are_found_by_the_names_of_real_products(platform, count, names):
    sensor, parts = find_sensor(platform, count), names.split("," if "," in names else None)
    in_order = dict(zip(sensor.bands, range(count), strict=True))
    assert sensor.find_bands(parts) == in_order
    assert sensor.find_bands([None, *reversed(parts)]) == {band: count - n for band, n in in_order.items()}


def test_names_that_tell_nothing_find_nothing():
    assert GEOEYE_1.find_bands(["B1", "Band 2", "", None, "swir16", "pan"]) == {}
    assert GEOEYE_1.find_bands(["red", "green", "red", "blue"]) == {"green": 1, "blue": 3}


@pytest.mark.parametrize(
    ("names", "sensor"),
    [
        ("BAND_C BAND_B BAND_G BAND_Y BAND_R BAND_RE BAND_N BAND_N2", "WV02"),
        ("coastal blue green yellow red rededge1 rededge2 nir", "LG01"),
        ("R G B NIR RE DB", "PNEO3"),
        ("coastal blue green red nir", "LC08"),
        ("red green blue nir", "four-band"),
        ("B2 B3 B4 B5", None),
        ("B1 B2 B3 B4", None),
        ("red green blue", "three-band"),
        ("red green blue nir swir", "four-band"),
        ("blue green red rededge nir", "four-band"),
        ("coastal blue green yellow red rededge nir1 nir2 swir1 swir2", "WV02"),
        ("coastal blue green red nir swir1 swir2", "LC08"),
        ("red green blue blue", None),
        ("green red nir", None),
    ],
)
def test_a_sensor_is_guessed_from_names_of_bands(names, sensor):
    assert getattr(guess_sensor(names.split()), "name", None) == sensor


def test_a_guess_is_right_for_every_sensor_with_these_bands():
    assert WORLDVIEW_2.bands_to_xyz == WORLDVIEW_3.bands_to_xyz
    for sensor in SENSORS:
        guess = guess_sensor(sensor.bands)
        assert guess.bands == sensor.bands
        assert not guess.platforms or guess.bands_to_xyz == sensor.bands_to_xyz


@pytest.mark.parametrize(
    "fault",
    [
        {"ratio": 1},
        {"ratio": 7},
        {"pan_weights": (1.0,)},
        {"bands_to_xyz": GEOEYE_1.bands_to_xyz[:3]},
        {"codes": ("B1", "B2")},
        {"file_order": ("red", "green", "blue")},
    ],
)
def test_a_record_whose_facts_do_not_fit_is_refused(fault):
    with pytest.raises(ValueError, match="GE01: expected"):
        replace(GEOEYE_1, **fault)


def test_the_command_lists_all_and_prints_the_records(run):
    table = run("sensors").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["NAME", *NAMES]
    assert all(line.endswith(" ".join(sensor.bands)) for line, sensor in zip(table[1:], SENSORS, strict=True))
    records = json.loads(run("sensors", "--json").stdout)
    assert [record["name"] for record in records] == NAMES
    assert records[0]["bands_to_xyz"] == [list(row) for row in WORLDVIEW_2.bands_to_xyz]


def test_the_command_tells_the_weights_that_serve_each_sensor(run, ship):
    ship(worldview=random_network(), landsat=random_network(LANDSAT_8))
    served = {record["name"]: record["weights"] for record in json.loads(run("sensors", "--json").stdout)}
    some = {"WV03": "worldview", "LC09": "landsat", "LE07": "predictor", "GE01": "predictor"}
    assert some.items() <= served.items()
    table = {line.split()[0]: line.split() for line in run("sensors").stdout.splitlines()}
    assert all(weights in table[name] for name, weights in served.items())


def test_wavelengths_name_the_nearest_bands_and_no_far_ones():
    """EO-1's ALI, a spectrometer of 10 nm from 400 nm on, and bands without blue."""
    ali = names_by_wavelength([443, 482, 565, 660, 790, 867])
    assert ali == [None, "blue", "green", "red", None, "nir"]
    cube = names_by_wavelength([*range(400, 1000, 10), None])
    assert {name: 400 + 10 * place for place, name in enumerate(cube) if name} == {
        "blue": 480,
        "green": 550,
        "red": 660,
        "nir": 830,
    }
    assert names_by_wavelength([560, 650, 800]) == ["green", "red", "nir"]
    assert names_by_wavelength([None, None]) == [None, None]


def test_what_is_left_out_is_named_if_it_is_little():
    four = find_sensor("four-band")
    assert left_out(["red", "green", "blue", "nir"], four) == ""
    assert left_out(["swir", "red", "green", "blue", "nir"], four) == ", and left out swir"
    assert left_out(["red", "green", "blue", "nir", None, "swir"], four) == ", and left out 2 other bands"
    many = [f"swir{number}" for number in range(20)]
    assert left_out(["red", "green", "blue", "nir", *many], four) == ", and left out 20 other bands"
    assert left_out(["B1", "B2"], four) == ""
