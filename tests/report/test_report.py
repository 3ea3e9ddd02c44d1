import base64
import json
import math
import re
import time
import warnings
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

import potato
from potato import fuse
from potato.core.color import mul_to_oklab
from potato.core.render import FLAT, NATURAL, adjust, render, unrender
from potato.core.sensors import SCALE
from potato.core.text import script_json
from potato.core.windows import PixelWindow
from potato.errors import EmptyError, GridError, InputError, OutputExists
from potato.evaluation import protocols
from potato.raster import Grid
from potato.report import write_report
from potato.report.crop import LARGEST, PIXELS, choose_window
from potato.report.layers import MOST, SURROUND, heat_colours

import pairs
from browsers import chromium, errors
from servers import serve_folder

HOSTILE = "<img src=x onerror=alert(1)>\"'&amp;</script><script>alert(2)</script>"


def write_picture(path: Path, codes: np.ndarray, valid=None, tags=None, place=pairs.CORNER) -> Path:
    """Codes (3, h, w) as a finished picture, with an alpha if `valid` is given."""
    if valid is not None:
        white = np.iinfo(codes.dtype).max
        codes = np.concatenate([codes * valid, (valid * white).astype(codes.dtype)[None]])
    pairs.write(path, codes, place, photometric="RGB", alpha="YES" if valid is not None else "NO")
    with rasterio.open(path, "r+") as file:
        file.update_tags(**(tags or {}))
    return path


def noise(colour: tuple[int, int, int], height: int, width: int, seed: int = 0) -> np.ndarray:
    """A colour with noise of some codes, as dithered pictures have it: uint8 (3, h, w)."""
    random = np.random.default_rng(seed)
    return (np.array(colour)[:, None, None] + random.integers(-8, 9, (3, height, width))).astype("uint8")


def decode(data: bytes) -> np.ndarray:
    """Codes (n, h, w) of a PNG or a JPEG; of one with a palette the colours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with MemoryFile(data) as memory, memory.open() as file:
            codes = file.read()
            if len(codes) == 1 and file.colorinterp[0] == rasterio.enums.ColorInterp.palette:
                colours = file.colormap(1)
                palette = np.array([colours[n][:3] for n in range(len(colours))], "uint8")
                codes = palette[codes[0]].transpose(2, 0, 1)
    return codes


def data_of(page: Path) -> dict:
    return json.loads(page.read_text().partition('id="data">')[2].partition("</script>")[0])


def picture_of(part: dict, level: int = -1) -> np.ndarray:
    """A level of a layer's pyramid put together from its tiles."""
    rows = [
        np.concatenate([decode(base64.b64decode(url.partition(",")[2])) for url in row], 2)
        for row in part["levels"][level]
    ]
    return np.concatenate(rows, 1)


class Reader(HTMLParser):
    """Text of a page outside scripts and styles, and how many elements of each kind it has."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.count: dict[str, int] = {}
        self.attributes: list[tuple[str, str]] = []
        self.inside, self.parts = "", []
        self.feed(page.read_text())
        self.text = " ".join(self.parts)

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        self.attributes += [(name, value or "") for name, value in attrs]
        self.inside = tag

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.parts.append(data)


@pytest.fixture
def fused(pair, tmp_path):
    """A pair, and what the predictor makes of it in both looks."""
    pictures = {}
    for look in ("natural", "flat"):
        pictures[look] = tmp_path / f"{look}.tif"
        fuse(*vars(pair).values(), pictures[look], weights="predictor", look=look)
    return pair, pictures


# ---- Windows


@pytest.mark.parametrize(
    ("wanted", "step", "window"),
    [
        ((10, 20, 30, 40), 1, (10, 20, 30, 40)),
        ((10, 20, 30, 40), 4, (8, 20, 32, 40)),
        ((-5, -5, 20, 20), 4, (0, 0, 16, 16)),
        ((90, 190, 50, 50), 1, (90, 190, 12, 13)),
        ((90, 190, 50, 50), 4, (88, 188, 12, 12)),
        (None, 1, (0, 0, 102, 203)),
        (None, 4, (0, 0, 100, 200)),
    ],
)
def test_a_window_grows_to_cells_but_not_beyond_the_picture(wanted, step, window):
    assert choose_window(Grid(102, 203, None, None), wanted, step=step) == PixelWindow(*window)


@pytest.mark.parametrize(
    "wanted", [(102, 0, 5, 5), (0, 203, 5, 5), (-9, 0, 9, 9), (0, 0, 0, 5), (0, 0, 5, -5)]
)
def test_a_window_that_shows_nothing_is_refused(wanted):
    with pytest.raises(InputError, match="102 rows and 203 columns"):
        choose_window(Grid(102, 203, None, None), wanted)


@pytest.mark.parametrize("grid", [(20_000, 20_000), (500, 1_000_000), (1_000_000, 500), (4096, 4096)])
@pytest.mark.parametrize("layers", [1, 3.3])
def test_a_large_picture_is_shown_in_its_middle_and_no_more_than_fits(grid, layers):
    window = choose_window(Grid(*grid, None, None), layers=layers, step=4)
    pixels = window.height * window.width * layers
    assert 0.9 * PIXELS < pixels < 1.1 * PIXELS
    assert abs(2 * window.row + window.height - grid[0]) <= 8
    assert abs(2 * window.column + window.width - grid[1]) <= 8


def test_a_window_larger_than_memory_allows_is_refused():
    side = math.isqrt(LARGEST)
    grid = Grid(2 * side, 2 * side, None, None)
    choose_window(grid, (0, 0, side, side))
    with pytest.raises(InputError, match=f"at most {side} × {side}"):
        choose_window(grid, (0, 0, side, side + 1))


# ---- Layers


def test_the_window_holds_every_pixel_exactly(fused, tmp_path):
    _, pictures = fused
    report = write_report([pictures["natural"]], tmp_path / "a.html", window=(20, 36, 100, 90))
    data = data_of(report.output)
    codes = pairs.read(pictures["natural"])[:3]
    assert data["window"] == [20, 36, 100, 90] and data["size"] == [160, 160]
    assert np.array_equal(picture_of(data["layers"][0]["window"]), codes[:, 20:120, 36:126])
    around = data["layers"][0]["overview"]
    assert (around["step"], around["height"]) == (1, 160)
    assert np.abs(picture_of(around).astype(int) - codes).mean() < 8


def test_tiles_of_every_level_fit_together(tmp_path):
    codes = noise((90, 120, 60), 530, 1201)
    report = write_report([write_picture(tmp_path / "a.tif", codes)], tmp_path / "a.html")
    part = data_of(report.output)["layers"][0]["window"]
    assert np.array_equal(picture_of(part), codes)
    assert [len(level) for level in part["levels"]] == [1, 1, 2]
    assert picture_of(part, 1).shape == (3, 265, 601) and picture_of(part, 0).shape == (3, 133, 301)
    assert np.allclose(picture_of(part, 0).mean((1, 2)), (90, 120, 60), atol=1)


def test_a_flat_picture_is_shown_as_the_natural_one_is(fused, tmp_path):
    _, pictures = fused
    report = write_report(list(pictures.values()), tmp_path / "a.html")
    natural, flat = (
        picture_of(layer["window"]).astype(int) for layer in data_of(report.output)["layers"][:2]
    )
    assert np.abs(natural - flat).max() <= 1
    assert "flat.tif: a flat picture, shown in the natural look." in report.notes


def test_the_pair_is_shown_as_pan_and_as_enlarged_colour(fused, tmp_path):
    pair, pictures = fused
    report = write_report(
        [pictures["natural"]], tmp_path / "a.html", pair=(pair.pan, pair.mul), window=(40, 40, 80, 80)
    )
    assert report.layers[1:] == ("colour of mul, enlarged", "pan", "difference: colour of mul, enlarged")
    colour, pan = (layer["window"] for layer in data_of(report.output)["layers"][1:3])
    grey = pairs.read(pair.pan)[0, 40:120, 40:120] / SCALE
    shown = unrender(torch.from_numpy(np.repeat(picture_of(pan), 3, 0)), NATURAL)
    assert torch.allclose(shown[0], torch.from_numpy(grey).float() ** (1 / 3), atol=0.01)
    oklab = unrender(torch.from_numpy(picture_of(colour)), NATURAL)
    mul = torch.from_numpy(pairs.read(pair.mul)[:, 10:30, 10:30].astype("float32")) / SCALE
    means = torch.nn.functional.avg_pool2d(oklab, 4)
    assert (means - mul_to_oklab(mul)).abs().mean() < 0.02
    overviews = [layer["overview"] for layer in data_of(report.output)["layers"][1:3]]
    assert [(part["row"], part["column"], part["step"], part["width"]) for part in overviews] == [
        (0, 0, 1, 160)
    ] * 2


def test_an_overview_of_a_pair_lies_where_the_pair_does(tmp_path):
    """Mul begins a cell before pan, so its coarser cells begin before pan too."""
    mul = np.full((8, 401, 401), 500, "uint16")
    mul[:, 200:] = 3000
    pan = np.full((1600, 1600), 1000, "uint16")
    corner = pairs.CORNER @ pairs.Affine.translation(-4, -4) @ pairs.Affine.scale(4)
    ms = pairs.write(tmp_path / "ms.tif", mul, corner, names=pairs.BAND_NAMES)
    fine = pairs.write(tmp_path / "pan.tif", pan, names=("BAND_P",))
    picture = write_picture(tmp_path / "a.tif", np.full((3, 1600, 1600), 90, "uint8"))
    report = write_report([picture], tmp_path / "a.html", pair=(fine, ms), window=(800, 800, 64, 64))
    part = data_of(report.output)["layers"][1]["overview"]
    assert (part["step"], part["row"], part["column"]) == (2, -4, -4)
    codes = picture_of(part)[1].astype(int)
    column = codes[:, 400]
    edge = np.flatnonzero(column > (column.min() + column.max()) / 2)[0]
    assert edge * 4 - 4 == pytest.approx(399 * 4, abs=4), (
        "where mul's row 400 begins, less the cell before pan"
    )


def test_what_is_not_valid_is_grey_and_not_counted(tmp_path):
    valid = np.ones((160, 160), bool)
    valid[:, :80] = False
    codes = noise((90, 120, 60), 160, 160)
    first = write_picture(tmp_path / "a.tif", codes, valid)
    second = write_picture(tmp_path / "b.tif", np.where(valid, codes, 255).astype("uint8"))
    report = write_report([first, second], tmp_path / "a.html")
    layers = data_of(report.output)["layers"]
    for layer in (layers[0], layers[2]):
        assert (picture_of(layer["window"])[..., :80] == SURROUND).all()
    assert (picture_of(layers[2]["window"])[..., 80:] == heat_colours(255)[0][:, None, None]).all()
    assert "a.tif: 50.0% of the window isn't valid; it is grey and not counted." in report.notes
    assert table(report.output, "Difference")["b.tif"][:3] == [0, 0, 0]


# ---- Figures


def table(page: Path, title: str) -> dict[str, list[float]]:
    """Rows of a table of figures."""
    text = page.read_text().partition(f">{title}")[2].partition("</table>")[0]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', text)
    return {
        name: [math.nan if cell == "–" else float(cell) for cell in re.findall(r">([^<]+)</td>", cells)]
        for name, cells in rows
    }


def flat_codes(oklab: torch.Tensor) -> np.ndarray:
    return render(oklab, FLAT).numpy().astype("uint16")


def test_differences_are_in_jnd_and_split_into_lightness_and_chroma(tmp_path):
    base = torch.zeros(3, 40, 60)
    base[0] = 0.6
    lighter, redder = base.clone(), base.clone()
    lighter[0] += 0.02
    redder[1, :30] += 0.03
    tags = FLAT.tags
    pictures = [
        write_picture(tmp_path / f"{name}.tif", flat_codes(oklab), tags=tags)
        for name, oklab in (("base", base), ("lighter", lighter), ("redder", redder))
    ]
    report = write_report(pictures, tmp_path / "a.html")
    found = table(report.output, "Difference from the first")
    assert found["lighter.tif"] == pytest.approx([1, 1, 1, 1, 0], abs=0.01)
    assert found["redder.tif"] == pytest.approx([2.25, 3, 3, 0, 2.25], abs=0.02)
    colours = heat_colours(255)
    layers = data_of(report.output)["layers"]
    assert (picture_of(layers[3]["window"])[:, 0, 0] == colours[round(254 / MOST)]).all()
    assert (picture_of(layers[4]["window"])[:, 0, 0] == colours[round(254 * 3 / MOST)]).all()
    assert [layer["scale"] for layer in layers] == [False] * 3 + [True] * 2


def test_the_tone_curve_is_no_difference(fused, tmp_path):
    pair, pictures = fused
    darker = tmp_path / "darker.tif"
    fuse(pair.pan, pair.mul, darker, weights="predictor", look=adjust(NATURAL, 2.0, 1.1))
    report = write_report([pictures["flat"], pictures["natural"], darker], tmp_path / "a.html")
    found = table(report.output, "Difference from the first")
    assert found["natural.tif"][0] < 0.15 and found["darker.tif"][0] < 0.15
    assert not np.array_equal(pairs.read(darker), pairs.read(pictures["natural"]))


def test_figures_by_the_pair_are_those_of_the_evaluation(fused, tmp_path):
    pair, pictures = fused
    report = write_report([pictures["flat"]], tmp_path / "a.html", pair=(pair.pan, pair.mul))
    pan = torch.from_numpy(pairs.read(pair.pan).astype("float32"))[None] / SCALE
    mul = torch.from_numpy(pairs.read(pair.mul).astype("float32"))[None] / SCALE
    model = potato.load_model("predictor")
    expected = protocols.full(lambda *images: potato.sharpen(model, *images), pan, mul)
    found = table(report.output, "By the pair")["flat.tif"]
    assert found == pytest.approx(list(vars(expected).values()), rel=0.01, abs=0.002)


def test_a_window_too_small_for_figures_has_none(fused, tmp_path):
    pair, pictures = fused
    report = write_report(
        [pictures["flat"]], tmp_path / "a.html", pair=(pair.pan, pair.mul), window=(0, 0, 28, 160)
    )
    assert all(math.isnan(value) for value in table(report.output, "By the pair")["flat.tif"])


def test_the_scale_of_differences_grows_lighter_all_the_way():
    lightness = 0.2126 * heat_colours(64).astype(float) @ np.array([1, 3.364, 0.34])
    assert (np.diff(lightness) > 0).all()


# ---- What the page says


def test_the_page_says_what_it_left_out(fused, tmp_path):
    pair, pictures = fused
    alone = write_report([pictures["natural"]], tmp_path / "a.html", window=(40, 40, 80, 80))
    whole = write_report([pictures["natural"]], tmp_path / "b.html", pair=(pair.pan, pair.mul))
    assert "rows 40–120, columns 40–120, 25.0% of the picture" in alone.notes[0]
    assert any("no pair was given" in note for note in alone.notes)
    assert any("only one picture" in note for note in alone.notes)
    assert whole.notes[0] == "All of the picture is here, every pixel exactly."
    assert not any("no pair" in note or "only one" in note for note in whole.notes)
    for report in (alone, whole):
        text = Reader(report.output).text
        assert all(note in text for note in report.notes)
    assert str(alone.output) in str(alone) and "25.0%" in str(alone)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"POTATO_LOOK": "sepia"},
        {"POTATO_LOOK": "natural", "POTATO_EXPOSURE": "nan", "POTATO_CONTRAST": "1"},
    ],
)
def test_a_picture_that_names_no_look_is_taken_as_it_is(tmp_path, tags):
    codes = noise((90, 120, 60), 40, 40)
    report = write_report([write_picture(tmp_path / "a.tif", codes, tags=tags)], tmp_path / "a.html")
    assert any("its tags name no look" in note for note in report.notes)
    assert np.array_equal(picture_of(data_of(report.output)["layers"][0]["window"]), codes)


def test_names_and_tags_are_text_and_never_markup(fused, tmp_path):
    pair, pictures = fused
    name = HOSTILE.replace("/", "")
    codes = pairs.read(pictures["natural"])[:3]
    hostile = write_picture(tmp_path / f"{name}.tif", codes, tags={"POTATO_PAN": HOSTILE, HOSTILE: HOSTILE})
    report = write_report([pictures["natural"], hostile], tmp_path / "a.html", pair=(pair.pan, pair.mul))
    page, plain = Reader(report.output), write_report([pictures["natural"]] * 2, tmp_path / "b.html")
    assert page.count["script"] == Reader(plain.output).count["script"] == 3
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.text.count(HOSTILE) >= 2 and f"{name}.tif" in page.text
    assert data_of(report.output)["layers"][1]["name"] == f"{name}.tif"


def test_data_cannot_end_the_script_that_holds_it():
    text = script_json({HOSTILE: [HOSTILE, "<!--"]})
    assert not set("<>&") & set(text) and json.loads(text) == {HOSTILE: [HOSTILE, "<!--"]}


def test_long_tags_are_cut_and_provenance_is_all_there(fused, tmp_path):
    _, pictures = fused
    codes = pairs.read(pictures["natural"])[:3]
    long = write_picture(tmp_path / "long.tif", codes, tags={"NOTE": "x" * 10_000})
    text = Reader(write_report([pictures["natural"], long], tmp_path / "a.html").output).text
    assert "x" * 400 + "…" in text and "x" * 401 not in text
    for fact in ("POTATO_LOOK", "POTATO_WEIGHTS", "x-pan.tif", "160 × 160 pixels", "EPSG:32611"):
        assert fact in text


def test_pictures_of_one_name_can_be_told_apart(fused, tmp_path):
    _, pictures = fused
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "natural.tif"
    twin.write_bytes(pictures["natural"].read_bytes())
    report = write_report([pictures["natural"], twin, twin], tmp_path / "a.html")
    assert report.layers[:3] == (str(pictures["natural"]), str(twin), f"{twin} (3)")


def test_the_page_needs_nothing_from_anywhere(fused, tmp_path):
    pair, pictures = fused
    page = write_report([pictures["natural"]], tmp_path / "a.html", pair=(pair.pan, pair.mul)).output
    addresses = [value for name, value in Reader(page).attributes if name in ("src", "href", "action")]
    assert addresses and all(address.startswith("data:") for address in addresses)
    text = page.read_text()
    policy = re.search(r'Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; img-src data:; ") and "unsafe" not in policy
    assert "sourceMappingURL" not in text
    assert "Redistribution and use in source and binary forms" in text and "CodePlex" in text


def test_a_picture_of_4096_pixels_a_side_makes_a_page_of_less_than_20_mb(tmp_path):
    piece = noise((90, 120, 60), 1024, 1024)
    pictures = [
        write_picture(tmp_path / f"{n}.tif", np.tile(piece + np.uint8(n), (1, 4, 4)), tags=NATURAL.tags)
        for n in range(2)
    ]
    report = write_report(pictures, tmp_path / "a.html")
    assert report.size == report.output.stat().st_size < 20e6
    assert 0.1 < report.window.height * report.window.width / 4096**2 < 0.2
    assert "4 × 4" in report.notes[0]


# ---- What is refused


def test_pictures_must_lie_on_one_grid(fused, pair, tmp_path):
    _, pictures = fused
    small = write_picture(tmp_path / "small.tif", noise((90, 120, 60), 40, 40))
    moved = pairs.CORNER @ pairs.Affine.translation(7, 0)
    aside = write_picture(tmp_path / "aside.tif", noise((90, 120, 60), 160, 160), place=moved)
    for other, says in ((small, "one size"), (aside, "one grid")):
        with pytest.raises(GridError, match=says):
            write_report([pictures["natural"], other], tmp_path / "a.html")
    with pytest.raises(GridError, match="one size"):
        write_report([small], tmp_path / "a.html", pair=(pair.pan, pair.mul))
    assert not (tmp_path / "a.html").exists()


def test_nothing_valid_is_refused(tmp_path):
    codes = noise((90, 120, 60), 64, 64)
    valid = np.zeros((64, 64), bool)
    valid[32:] = True
    picture = write_picture(tmp_path / "a.tif", codes, valid)
    with pytest.raises(EmptyError, match="rows 0–16, columns 0–64"):
        write_report([picture], tmp_path / "a.html", window=(0, 0, 16, 64))
    with pytest.raises(InputError, match="one picture or more"):
        write_report([], tmp_path / "a.html")


def test_a_page_is_replaced_only_when_asked(fused, tmp_path):
    _, pictures = fused
    page = tmp_path / "a.html"
    page.write_text("mine")
    with pytest.raises(OutputExists):
        write_report([pictures["natural"]], page)
    assert page.read_text() == "mine"
    write_report([pictures["natural"]], page, overwrite=True)
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_the_command_makes_the_page(fused, tmp_path, run):
    pair, pictures = fused
    page = tmp_path / "a.html"
    base = ("report", *pictures.values(), "-o", page, "--pair", pair.pan, pair.mul)
    result = run(*base, "--window", 8, 8, 64, 64)
    assert result.exit_code == 0 and "rows 8–72" in result.stdout
    assert data_of(page)["window"] == [8, 8, 64, 64]
    result = run(*base, "--overwrite", "--json")
    assert json.loads(result.stdout)["layers"][3] == "pan"
    assert run(*base, "--overwrite", "--quiet").output == ""
    assert run(*base).exit_code == 1 and run("report", "-o", page).exit_code == 2
    assert run(*base, "--overwrite", "--window", 900, 0, 9, 9).exit_code == 1


# ---- In a browser

RED, BLUE = (200, 60, 60), (60, 60, 200)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("browser"), "window-size=1200,900") as found:
        yield found


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A page with a red picture and a blue one, in a window of 300 × 400 pixels of 500 × 600."""
    folder = tmp_path_factory.mktemp("page")
    pictures = [
        write_picture(folder / f"{name}.tif", noise(colour, 500, 600, seed))
        for seed, (name, colour) in enumerate((("red", RED), ("blue", BLUE)))
    ]
    name = HOSTILE.replace("/", "")
    pictures.append(
        write_picture(folder / f"{name}.tif", noise((60, 200, 60), 500, 600), tags={"NOTE": HOSTILE})
    )
    return write_report(pictures, folder / "page.html", window=(100, 100, 300, 400)).output


@pytest.fixture
def page(browser, shown):
    """The page, as new; afterwards nothing went wrong and nothing was fetched."""
    browser.get("about:blank")
    browser.get_log("performance")
    errors(browser)
    browser.get(shown.as_uri())
    wait(browser, lambda: stage(browser, "ready") == "yes")
    looks(browser, (0.2, RED), (0.8, BLUE))
    yield browser
    assert errors(browser) == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in asked if not url.startswith("data:")} == {shown.as_uri()}


def wait(browser, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 20, poll_frequency=0.05).until(lambda _: condition())


def stage(browser, name):
    return browser.execute_script("return document.getElementById('stage').dataset[arguments[0]]", name)


def pixel(browser, across, down):
    """What colour the stage has on the screen at a share of its width and height."""
    codes = decode(browser.find_element("id", "stage").screenshot_as_png)[:3]
    return codes[:, int(down * codes.shape[1]), int(across * codes.shape[2])]


def near(codes, colour):
    return np.abs(codes.astype(int) - colour).max() <= 12


def looks(browser, *places):
    """Wait until the stage has these colours, a little below its middle, at these shares of its width."""
    wait(browser, lambda: all(near(pixel(browser, across, 0.6), colour) for across, colour in places))


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def views(browser):
    """Zoom and centre of the left and the right pane."""
    return browser.execute_script(
        "return ['left', 'right'].map(side => {"
        "  const { viewport } = OpenSeadragon.getViewer(document.getElementById(side));"
        "  const { x, y } = viewport.getCenter(true);"
        "  return [viewport.getZoom(true), x, y];"
        "})"
    )


def test_the_divider_moves_by_hand_and_by_key(page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    looks(page, (0.3, RED), (0.7, BLUE))
    divider = page.find_element("id", "divider")
    width = page.find_element("id", "stage").size["width"]
    ActionChains(page).drag_and_drop_by_offset(divider, int(-0.3 * width), 0).perform()
    looks(page, (0.15, RED), (0.3, BLUE))
    assert 19 <= int(divider.get_attribute("aria-valuenow")) <= 21
    press(page, Keys.END)
    assert divider.get_attribute("aria-valuenow") == "100"
    looks(page, (0.15, RED), (0.8, RED))
    press(page, "[", "[")
    assert divider.get_attribute("aria-valuenow") == "96"


def test_blink_blinks_by_key_and_by_itself(page):
    press(page, "b")
    looks(page, (0.3, RED), (0.7, RED))
    press(page, " ")
    looks(page, (0.3, BLUE), (0.7, BLUE))
    names = [page.find_element("id", f"{side}-name").is_displayed() for side in ("left", "right")]
    assert names == [False, True]
    press(page, "p")
    for front in ("left", "right"):
        wait(page, lambda front=front: stage(page, "front") == front)
    press(page, "p")
    still = stage(page, "front")
    time.sleep(1)
    assert stage(page, "front") == still


def test_panes_move_and_zoom_together(page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    for mode in ("s", "d"):
        press(page, mode)
        for side in ("left", "right"):
            before = views(page)[0]
            pane = page.find_element("id", side if mode == "d" else "stage")
            ActionChains(page).scroll_from_origin(ScrollOrigin.from_element(pane, 90, 40), 0, -240).perform()
            wait(page, lambda before=before: views(page)[0][0] > 1.1 * before[0])
            ActionChains(page).move_to_element_with_offset(pane, 40, 60).click_and_hold().move_by_offset(
                30, 20
            ).release().perform()
            wait(page, lambda: still(page))
            left, right = views(page)
            assert left == pytest.approx(right, rel=1e-9), f"{mode} {side}"
            assert left[1:] != pytest.approx(before[1:], abs=1e-4)


def still(browser):
    before = views(browser)
    time.sleep(0.1)
    return views(browser) == before


def test_at_sixteen_pixels_are_squares_of_sixteen(page):
    press(page, "d")
    page.find_element("css selector", "[data-zoom='16']").click()
    wait(page, lambda: abs(float(stage(page, "magnification")) - 16) < 1e-6 and still(page))
    assert page.find_element("id", "place").text.endswith("16×")
    codes = decode(page.find_element("id", "stage").screenshot_as_png)[:3, 60:-60].astype(int)
    for pane in (codes[:, :, 20:500], codes[:, :, -500:-20]):
        steps = np.flatnonzero(np.abs(np.diff(pane, axis=2)).max((0, 1)) > 0)
        sides = np.diff(steps)
        # Where two of the browser's own tiles meet, one may be off by two.
        assert len(sides) >= 25 and (sides == 16).sum() >= len(sides) - 2 and np.ptp(sides) <= 2


def test_zoom_keys_and_the_way_back(page):
    press(page, "z")
    wait(page, lambda: abs(float(stage(page, "magnification")) - 1) < 1e-6)
    press(page, "+", "+")
    wait(page, lambda: abs(float(stage(page, "magnification")) - 4) < 1e-6)
    press(page, "+", "+", "+", "+")
    wait(page, lambda: still(page))
    assert float(stage(page, "magnification")) == pytest.approx(16)
    press(page, "f")
    wait(page, lambda: still(page))
    assert views(page)[0][1:] == pytest.approx([0.5, 0.5 * 500 / 600], abs=1e-6)
    press(page, "w")
    wait(page, lambda: still(page))
    assert views(page)[0][1:] == pytest.approx([300 / 600, 250 / 600], abs=1e-6)


def test_layers_are_chosen_by_number_and_differences_bring_their_scale(page):
    scale = page.find_element("id", "scale")
    assert not scale.is_displayed()
    press(page, "4")
    assert page.find_element("id", "right-name").text == "difference: blue.tif" and scale.is_displayed()
    looks(page, (0.7, heat_colours(255)[-1]))
    press(page, "x")
    assert page.find_element("id", "left-name").text == "difference: blue.tif"
    press(page, "2")
    page.find_element("css selector", "#choose-left option:nth-child(1)").click()
    assert not scale.is_displayed()
    press(page, "9")
    assert page.find_element("id", "right-name").text == "blue.tif"


def test_hostile_names_are_only_text(page):
    press(page, "3")
    name = HOSTILE.replace("/", "") + ".tif"
    assert page.find_element("id", "right-name").get_property("textContent") == name
    cells = page.find_elements("css selector", "td")
    assert HOSTILE in [cell.get_property("textContent") for cell in cells]
    assert page.execute_script("return document.querySelectorAll('img[onerror], script').length") == 3


def test_a_narrow_window_has_one_pane_above_the_other_and_nothing_sticks_out(page):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": False},
    )
    try:
        press(page, "d")
        panes = [page.find_element("id", side).rect for side in ("left", "right")]
        assert panes[0]["width"] == panes[1]["width"] > 300
        assert panes[1]["y"] >= panes[0]["y"] + panes[0]["height"]
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390
        press(page, "z")
        wait(page, lambda: still(page))
        left, right = views(page)
        assert left == pytest.approx(right, rel=1e-9)
        # A pixel of the picture is one of the screen, not of the style: half as large here.
        assert left[0] == pytest.approx(600 / (panes[0]["width"] * 2), rel=1e-3)
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_everything_has_a_name_and_keys_reach_the_divider(page):
    unnamed = page.execute_script(
        "return [...document.querySelectorAll('button, select, input, summary, img, [role]')].filter(each =>"
        "  !(each.getAttribute('aria-label') || each.getAttribute('aria-labelledby') || each.alt"
        "    || each.textContent.trim() || each.closest('label')) && !each.closest('.pane')"
        ").map(each => each.outerHTML)"
    )
    assert unnamed == []
    assert page.execute_script("return document.getElementById('divider').tabIndex") == 0


def test_the_policy_stops_what_would_leave_the_page(browser, shown, tmp_path):
    with serve_folder(tmp_path) as server:
        browser.get(shown.as_uri())
        wait(browser, lambda: stage(browser, "ready") == "yes")
        browser.execute_async_script(
            "const done = arguments[1], image = new Image();"
            "image.onerror = () => fetch(arguments[0]).catch(() => done());"
            "image.src = arguments[0];",
            server.url,
        )
        assert server.requests == []
    errors(browser)
