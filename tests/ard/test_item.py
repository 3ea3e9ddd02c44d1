import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ards import SQUARE, an_item
from potato.ard.broken import Broken
from potato.ard.grid import OVERLAP, quadkey_square
from potato.ard.item import CID_EXAMPLE, Tile, parse_item, unusable

ITEM = "11/031311102001/2024-12-14/103001010A705C00.json"


def parse(item, name=ITEM, root="/ard/"):
    return parse_item(item, name, root, lambda file: root + file)


def with_href(href, **settings):
    return parse(an_item(ms_analytic={"href": href}), **settings)


def test_a_tile_has_everything_that_its_item_says():
    folder = "/ard/11/031311102001/2024-12-14/103001010A705C00"
    assert parse(an_item()) == Tile(
        cid="103001010A705C00",
        platform="WV02",
        zone=11,
        quadkey="031311102001",
        date="2024-12-14",
        clouds=7,
        epsg=32611,
        bbox=tuple(SQUARE),
        pan=f"{folder}-pan.tif",
        mul=f"{folder}-ms.tif",
        item=f"{folder}.json",
        shape=(9484, 9484),
        data_area=10.3,
        datetime="2024-12-14T18:53:50Z",
    )
    assert parse(an_item()).id == "11/031311102001/103001010A705C00"


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ("WV03", "WV03"),
        ("worldview-02", "WV02"),
        ("WorldView-03", "WV03"),
        ("geoeye-01", "GE01"),
        ("WV04", "WV04"),
        ("WV01", "WV01"),
        (None, ""),
    ],
)
def test_platforms_have_one_spelling(platform, name):
    tile = parse(an_item(platform=platform))
    assert tile.platform == name
    unknown = {"WV01": "a sensor that Potato doesn't know: WV01", "": "an item without a platform"}
    assert str(unusable(tile)) == unknown.get(name, "None")


def test_tiles_are_counted_by_the_whole_name_of_an_unknown_platform():
    """What brackets hold may be part of it."""
    reason = unusable(parse(an_item(platform="Sat (2)")))
    assert (reason.kind, reason.particulars) == ("a sensor that Potato doesn't know: Sat (2)", "")


@pytest.mark.parametrize(
    ("platform", "count", "sensor"),
    [
        ("WV02", 8, "WV02"),
        ("WV02", 4, "WV-BGRN"),
        ("LG03", 8, "LG03"),
        ("GE01", 4, "GE01"),
        ("WV03", None, "WV03"),
    ],
)
@pytest.mark.parametrize("key", ["eo:bands", "bands"])
def test_the_sensor_has_as_many_bands_as_the_item_lists(platform, count, sensor, key):
    item = an_item(platform=platform)
    item["assets"]["ms_analytic"][key] = None if count is None else [{"name": "x"}] * count
    assert parse(item).sensor.name == sensor


@pytest.mark.parametrize(
    "cid",
    ["1050010012345600", "B040001100ABCD00", "efa23864-4920-4cb9-91bb-c140d7666417-inv", "A1_234567"],
)
def test_a_pass_of_any_satellite_has_its_catalog_id(cid):
    assert parse(an_item(catalog_id=cid), "11/031311102001/2024-12-14/x.json").cid == cid


@pytest.mark.parametrize(
    "cid", ["../../x/12345678", "a/12345678", "-12345678", "12345678.", "a 1234567", "1é345678", "12345678\n"]
)
@pytest.mark.parametrize("long", [False, True])
def test_a_catalog_id_that_is_no_plain_name_is_not_used(cid, long):
    cid = cid.replace("12345678", 65 * "1") if long else cid
    found = parse(an_item(catalog_id=cid), "11/031311102001/2024-12-14/notes.json")
    assert found == Broken(found.item, f"expected {CID_EXAMPLE}, found {ascii(cid)[:80]}")
    assert found.reason.isascii() and found.reason.isprintable()


def test_both_spellings_of_the_projection_are_read():
    old = an_item()
    del old["properties"]["proj:code"]
    old["properties"]["proj:epsg"] = 32611
    assert parse(old).epsg == parse(an_item()).epsg == 32611


@pytest.mark.parametrize(
    ("changes", "attribute", "value"),
    [
        ({"clouds": "12"}, "clouds", 12),
        ({"clouds": 300}, "clouds", None),
        ({"clouds": float("nan")}, "clouds", None),
        ({"clouds": True}, "clouds", None),
        ({"zone": "eleven"}, "zone", 11),
        ({"quadkey": 31311102001}, "quadkey", "031311102001"),
        ({"datetime": None}, "date", "2024-12-14"),
        ({"catalog_id": "<b>"}, "cid", "103001010A705C00"),
        ({"proj:code": "EPSG:"}, "epsg", None),
        ({"proj:code": ["x"]}, "epsg", None),
        ({"platform": "W\nV\x1b02" + 99 * "x"}, "platform", "WV02" + 36 * "x"),
    ],
)
def test_implausible_values_of_an_item_are_ignored(changes, attribute, value):
    assert getattr(parse(an_item(**changes)), attribute) == value


@pytest.mark.parametrize(
    ("said", "moment", "day"),
    [
        ("2024-12-14T18:53:50Z", "2024-12-14T18:53:50Z", "2024-12-14"),
        ("2024-12-14T18:53:50", "2024-12-14T18:53:50Z", "2024-12-14"),
        ("2024-12-14 18:53:50.25", "2024-12-14T18:53:50.250000Z", "2024-12-14"),
        ("2024-12-15T00:23:50+05:30", "2024-12-14T18:53:50Z", "2024-12-14"),
        ("2024-12-13", None, "2024-12-13"),
        ("2024-12-13T25:00:00Z", None, "2024-12-13"),
        ("0001-01-01T00:00:00+14:00", None, "0001-01-01"),
        ("2024-99-99T18:53:50Z", None, "2024-12-14"),
        ("٢٠٢٤-١٢-١٣T18:53:50Z", None, "2024-12-14"),
        (None, None, "2024-12-12"),
        (10**400, None, "2024-12-12"),
    ],
)
def test_a_moment_is_in_utc_and_a_day_in_the_calendar(said, moment, day):
    """Without a day of its own, an item has that of its interval, or else of its folder."""
    start = {} if "12-14" in day else {"start_datetime": "2024-12-12T00:00:00Z"}
    tile = parse(an_item(datetime=said, **start), "11/031311102001/2024-12-14/x.json")
    assert (tile.datetime, tile.date) == (moment, day)


def test_a_box_is_computed_from_transform_and_shape():
    image = {
        "href": "a.tif",
        "proj:shape": [10, 10],
        "proj:transform": [531.25, 0, 344843.75, 0, -531.25, 3800156.25],
    }
    assert parse(an_item(pan_analytic=image)).bbox == tuple(SQUARE)
    assert parse(an_item(pan_analytic={}, ms_analytic={"proj:bbox": [3, 2, 1, 0]})).bbox is None


@pytest.mark.parametrize(
    ("assets", "reason"),
    [
        ({"pan_analytic": {"href": "./a-pan.tif"}}, "pan only"),
        ({"ms_analytic": {"href": "./a-ms.tif"}}, "mul only"),
        ({"visual": {"href": "./a-visual.tif"}}, "neither pan nor mul"),
        ({"pan_analytic": {}}, "an asset without an href (pan_analytic)"),
        ({"pan_analytic": {"href": "a"}, "ms_analytic": {}}, "an asset without an href (ms_analytic)"),
        ({"pan_analytic": {"href": "a"}, "ms_analytic": None}, "an asset without an href (ms_analytic)"),
    ],
)
def test_missing_assets_are_named(assets, reason):
    assert str(unusable(parse({**an_item(), "assets": assets}))) == reason


def test_pan_of_a_sensor_that_has_no_mul_is_pan_only():
    item = an_item(platform="WV01")
    del item["assets"]["ms_analytic"]
    assert str(unusable(parse(item))) == "pan only"


@pytest.mark.parametrize(
    "href",
    [
        "../../../../secret.tif",
        "./../../../../../etc/passwd",
        "%2e%2e/%2e%2e/%2e%2e/%2e%2e/secret.tif",
        "/etc/passwd",
        "file:///ard/11/031311102001/2024-12-14/a.tif",
        "https://elsewhere.example/a.tif",
        "https://elsewhere.example/12/031311102001/2024-12-14/a.tif",
        "s3://other/a.tif",
        "//elsewhere.example/a.tif",
        "/vsicurl/https://elsewhere.example/a.tif",
        "zip://../../../../../a.zip",
    ],
)
@pytest.mark.parametrize("root", ["/ard/", "s3://bucket/ard/", "https://host.example/event/ard/"])
def test_links_that_leave_the_ard_are_not_followed(href, root):
    tile = with_href(href, root=root)
    assert tile.mul is None
    assert str(unusable(tile)).startswith("an href that leaves the ARD (ms_analytic: ")


@pytest.mark.parametrize("href", ["..\\..\\secret.tif", "a\n.tif", "a\0.tif", "\ud800.tif"])
def test_links_with_odd_characters_are_not_followed(href):
    tile = with_href(href)
    assert str(unusable(tile)).startswith("an href with characters that no ARD has (")
    assert str(unusable(tile)).isprintable() and str(unusable(tile)).isascii()


@pytest.mark.parametrize(
    "href",
    [
        "103-ms.tif",
        "./103-ms.tif",
        "../2024-12-14/103-ms.tif",
        "https://original.example/events/x/ard/11/031311102001/2024-12-14/103-ms.tif",
        "s3://original/ard/11/031311102001/2024-12-14/103-ms.tif",
        "s3://bucket/ard/11/031311102001/2024-12-14/103-ms.tif",
    ],
)
def test_links_inside_the_ard_and_to_its_original_are_followed(href):
    tile = with_href(href, root="s3://bucket/ard/")
    assert tile.mul == "s3://bucket/ard/11/031311102001/2024-12-14/103-ms.tif"
    assert unusable(tile) is None


texts = st.text("a1.-/:%<\\\n\0é\ud800", max_size=8)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from([*an_item()["properties"], "proj:epsg"]), values),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("pan_analytic", "ms_analytic"),
            values
            | st.dictionaries(st.sampled_from(["href", "proj:bbox", "proj:shape", "proj:transform"]), values),
        ),
    ),
)
def test_any_json_gives_a_tile(properties, assets):
    tile = parse({"properties": properties, "assets": assets})
    assert isinstance(tile, Tile)
    assert unusable(tile) is None or str(unusable(tile)).isprintable()
    assert tile.grid_square is None or len(tile.grid_square) == 4


def test_a_tile_has_its_grid_square_without_the_overlap():
    assert parse(an_item()).grid_square == (345000, 3795000, 350000, 3800000)
    clipped = {"href": "a.tif", "proj:bbox": [349000, 3794843.75, 350156.25, 3796000]}
    assert parse(an_item(pan_analytic=clipped)).grid_square == (349000, 3795000, 350000, 3796000)
    elsewhere = {"href": "a.tif", "proj:bbox": [0, 0, 340, 3400]}
    assert parse(an_item(pan_analytic=elsewhere)).grid_square == (10, 100, 330, 3300)
    assert parse(an_item(pan_analytic={}, ms_analytic={})).grid_square is None


def test_a_southern_tile_has_its_grid_square():
    west, south, east, north = quadkey_square("211311102001", south=True)
    image = {"href": "a", "proj:bbox": [west + 4000, south - OVERLAP, east + OVERLAP, north + OVERLAP]}
    tile = parse(an_item(quadkey="211311102001", pan_analytic=image))
    assert tile.grid_square == (west + 4000, south, east, north) and south > 0
