"""The list of reflectances: what it holds, that it obeys physics, and how bad lists are refused."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

import potato
from potato.core.sensor_table import WORKSHOP
from potato.errors import InputError
from potato.simulation.land.reflectances import COLUMNS, KINDS, load_reflectances

SURFACES = load_reflectances()
BY_NAME = {surface.name: surface for surface in SURFACES}
HEADER = ",".join(COLUMNS)
GOOD = "grass,vegetation,1500,200,300,1000,900,600,3000,4000,3900,a note"
SCRIPT = Path(__file__).parents[2] / "runs" / "make_reflectances.py"


def band(name: str, which: str) -> float:
    return BY_NAME[name].bands[WORKSHOP.bands.index(which)]


def test_list_has_many_surfaces_with_unique_names_and_every_kind():
    assert len(SURFACES) >= 120
    assert len(BY_NAME) == len(SURFACES), "names are unique"
    assert {surface.kind for surface in SURFACES} == set(KINDS)


def test_values_are_in_range_and_have_a_source():
    for surface in SURFACES:
        assert all(1e-4 <= value <= 1.2 for value in (surface.pan, *surface.bands)), surface
        assert surface.note.startswith(("SLUM ", "earthlib ", "derived: ")), surface


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_at_least_five(kind):
    assert sum(surface.kind == kind for surface in SURFACES) >= 5


def test_pan_lies_among_the_bands():
    for surface in SURFACES:
        assert min(surface.bands) * 0.95 <= surface.pan <= max(surface.bands) * 1.05, surface


@pytest.mark.parametrize(
    ("name", "more", "less"),
    [
        ("blue metal roof", "blue", "red"),
        ("blue tarpaulin", "coastal", "yellow"),
        ("bright red roof", "red", "green"),
        ("safety yellow", "yellow", "blue"),
        ("lime paint", "green", "red"),
        ("purple paint", "blue", "green"),
        ("turf", "green", "red"),
        ("green container", "green", "yellow"),
        ("canopy", "nir1", "red"),
        ("canopy", "green", "red"),
        ("algal scum", "nir1", "red"),
        ("algal bloom", "green", "blue"),
        ("pool 2 m", "blue", "yellow"),
        ("sea over sand 3 m", "green", "red"),
        ("fresh snow", "blue", "nir2"),
        ("glacier ice", "blue", "red"),
        ("charred wood", "nir1", "blue"),
        ("red soil", "red", "green"),
    ],
)
def test_difficult_surfaces_have_their_characteristic_colours(name, more, less):
    assert band(name, more) > 1.05 * band(name, less)


def test_water_is_dark_in_nir2_and_red_falls_with_depth():
    for surface in SURFACES:
        if surface.kind == "water" and not {"scum", "salt", "muddy", "tide"} & set(surface.name.split()):
            assert surface.bands[-1] < 0.03, surface
    assert band("pool 1 m", "red") > band("pool 2 m", "red") > band("pool 4 m", "red")


def test_snow_is_white_and_darkens_with_age():
    assert BY_NAME["fresh snow"].pan > BY_NAME["old snow"].pan > BY_NAME["firn"].pan > 0.8


def test_own_list_is_read(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(f'{HEADER}\n{GOOD}\n"deck, old",roof,1,1,1,1,1,1,1,1,12000,"dark, but for NIR2"\n')
    grass, deck = load_reflectances(path)
    assert (grass.name, grass.kind, grass.pan, grass.bands[6], grass.note) == (
        "grass",
        "vegetation",
        0.15,
        0.4,
        "a note",
    )
    assert (deck.name, deck.bands[-1], deck.note) == ("deck, old", 1.2, "dark, but for NIR2")
    assert load_reflectances(str(path)) == (grass, deck)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["line 1", "header", "nothing"]),
        (HEADER.replace("coastal,blue", "blue,coastal") + f"\n{GOOD}\n", ["line 1", "header"]),
        (f"{HEADER}\n", ["at least one", "none"]),
        (
            f"{HEADER}\n{GOOD}\n{GOOD.replace('grass', 'lawn').replace('900', '9x0')}\n",
            ["line 3", "yellow", "'9x0'"],
        ),
        (f"{HEADER}\n{GOOD.replace('1500', '0')}\n", ["line 2", "column pan", "'0'"]),
        (f"{HEADER}\n{GOOD.replace('3900', '70000')}\n", ["line 2", "column nir2", "70000"]),
        (f"{HEADER}\n{GOOD.replace('200', '0.02')}\n", ["line 2", "column coastal", "0.02"]),
        (f"{HEADER}\n{GOOD.replace('200', '-2')}\n", ["line 2", "column coastal", "-2"]),
        (
            f"{HEADER}\n{GOOD.replace('vegetation', 'plant')}\n",
            ["line 2", "column kind", "plant", "vegetation"],
        ),
        (f"{HEADER}\n{GOOD.replace('grass', ' ')}\n", ["line 2", "column name"]),
        (f"{HEADER}\n{GOOD}\n{GOOD}\n", ["line 3", "column name", "'grass'"]),
        (f"{HEADER}\n{GOOD},more\n", ["line 2", "12 columns", "13"]),
        (f"{HEADER}\ngrass,vegetation\n", ["line 2", "12 columns", "2"]),
        (f"{HEADER}\n{GOOD.replace('a note', chr(34) + 'open')}\n", ["line 2", "CSV"]),
    ],
)
def test_bad_list_is_refused_with_line_and_column(tmp_path, text, parts):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_reflectances(path)
    message = str(caught.value)
    assert "bad.csv" in message and "\n" not in message
    assert all(part in message for part in parts), message


def test_missing_list_and_other_bytes_are_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        load_reflectances(tmp_path / "nowhere.csv")
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        load_reflectances(tmp_path / "picture.csv")


@pytest.fixture(scope="module")
def script():
    if not SCRIPT.exists():
        pytest.skip("runs/ isn't part of this installation")
    spec = importlib.util.spec_from_file_location("make_reflectances", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_recipes_obey_physics(script):
    ramp = script.Sample(np.linspace(0.1, 0.6, len(script.WAVELENGTHS)), "ramp")
    grey = script.Sample(np.full(len(script.WAVELENGTHS), 0.3), "grey")
    np.testing.assert_allclose(script.tinted(ramp, grey, 0.0).values, ramp.values, atol=1e-9)
    np.testing.assert_allclose(script.tinted(ramp, grey, 1.0).values, grey.values, atol=1e-9)
    np.testing.assert_allclose(script.shifted(script.shifted(grey, 20), -20).values, grey.values)
    assert script.shifted(ramp, 20).values[300] == pytest.approx(ramp.values[280])
    assert np.all(script.wet(grey).values < grey.values)
    # Published: Pope and Fry give 0.0204 1/m at 500 nm and 0.624 at 700.
    water = script.interpolated(script.WATER)
    assert water[150] == pytest.approx(0.0204) and water[350] == pytest.approx(0.624)
    shallow, deep = script.under_water(grey, 0.0).values, script.under_water(grey, 3.0).values
    assert np.all(deep < shallow) and deep[550] == pytest.approx(0.01, abs=1e-3)
    np.testing.assert_allclose(shallow, 0.54 * 0.3 / (1 - 0.48 * 0.3) + 0.01)
    assert script.tinted(ramp, grey, 0.3).story == "ramp tinted 30% with grey"


def test_script_makes_the_packaged_list(script):
    data = Path(os.environ.get("POTATO_DATA", ""))
    if not os.environ.get("POTATO_DATA") or not (data / "rsr").is_dir():
        pytest.skip("POTATO_DATA names no folder with rsr/ and spectra/")
    pytest.importorskip("earthlib", reason="needs the extra fit")
    responses = script.read_responses(data)
    packaged = {surface.name: surface for surface in SURFACES}
    made = script.surfaces(script.read_measured(data))
    assert [name for _, name, _, _ in made] == list(packaged)
    for kind, name, spectrum, note in made:
        surface = packaged[name]
        assert (kind, note) == (surface.kind, surface.note)
        np.testing.assert_allclose(responses @ spectrum, (surface.pan, *surface.bands), atol=0.51e-4)


def test_list_is_packaged_with_the_code():
    assert (Path(potato.__file__).parent / "assets" / "reflectances.csv").is_file()
