"""Satellites that make no pair are told by name, and none of them is a sensor."""

import re

import pytest

from potato.core.platforms import find_sensor, sensor_in_name
from potato.core.unfit_satellites import UNFIT, unfit_file, unfit_platform

# Names of products, as their operators give them.
FILES = {
    "20220605_124027_64_2475_3B_AnalyticMS_8b.tif": "PlanetScope has no pan",
    "S2B_MSIL1C_20200824T110629_N0209_R137_T30TTK_20200824T150432.SAFE": "Sentinel-2 has no pan",
    "LT05_L1TP_200030_20111110_20200820_02_T1_B1.TIF": "Landsat before 7 has no pan",
    "AST_L1T_00305032005114957_20150509143251_92141.hdf": "ASTER sees no blue",
    "S1A_IW_GRDH_1SDV_20190215T203519_20190215T203544_025942_02E3B2_38D6.SAFE": "Sentinel-1 is a radar",
    "ICEYE_X7_GRD_SM_155923_20220628T085300.tif": "ICEYE is a radar",
    "CAPELLA_C02_SP_GEO_HH_20201118185123_20201118185127.tif": "Capella is a radar",
    "HJ1A-CCD2-13-84-20141206-L20001255214-1.TIF": "HJ-1 or HJ-2 has no pan",
}
OTHERS = (
    *("LC08_L1TP_017051_20151205_20200908_02_T1_B8.TIF", "LE07_L1TP_017051_20020101_B8.TIF"),
    *("GF1_PMS1_E113.4_N23.1_20150101_L1A0000564539-MSS1.tiff", "GF2_PMS2-PAN2.tiff", "pan.tif"),
    *("IMG_SPOT6_P_201801.TIF", "20200814_162132_ssc4_u0001_analytic.tif", "CBERS_4_MUX_BAND5.tif"),
)


@pytest.mark.parametrize(("name", "said"), FILES.items())
def test_names_of_files_tell_them(name, said):
    assert str(unfit_file(name)).startswith(said)


@pytest.mark.parametrize("name", OTHERS)
def test_names_of_other_files_do_not(name):
    assert unfit_file(name) is None


@pytest.mark.parametrize(
    ("platform", "said"),
    [
        *(
            ("Sentinel-2A", "no pan"),
            ("RapidEye-3", "no pan"),
            ("LANDSAT_5", "no pan"),
            ("WV01", "pan alone"),
        ),
        *(("SPOT5", "no blue"), ("SPOT 5", "no blue"), ("EROS-B", "pan alone"), ("umbra", "a radar")),
    ],
)
def test_platforms_tell_them_in_any_spelling(platform, said):
    assert said in str(unfit_platform(platform))


def test_none_of_them_is_a_sensor():
    for each in UNFIT:
        assert not any(find_sensor(spelling) for spelling in (each.title, *each.platforms))
        re.compile(each.files)
    assert not any(map(unfit_platform, ("WV02", "Landsat-8", "SPOT-6", "four-band", "")))
    assert not any(map(sensor_in_name, FILES))
