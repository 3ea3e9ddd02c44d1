"""Make `src/potato/assets/reflectances.csv`: reflectances of named surfaces in pan and the 8 bands.

    python runs/make_reflectances.py --data DIR [--output FILE]

DIR holds `rsr/worldview2.csv` and `rsr/worldview3.csv` (the vendor's relative spectral responses)
and `spectra/slum-shortwave.csv` (SLUM, Kotthaus and others 2014, CC0). The other library is the one
that comes with the package `earthlib` (extra `fit`, MIT). A band's reflectance is the mean of the
spectrum, weighted by the response and by sunlight (a black body of 5772 K), as in calibrated
radiance over calibrated sunlight; in pan, which is broad, the weight matters. The list has the mean
of WorldView-2 and WorldView-3.

Names say what we take a sample to be; the column `note` has the library's own name. Surfaces that
no library has are derived from others, and the note gives the steps:

    a tinted 30 % with b   Kubelka and Munk (1931), one constant: K/S of the pigments is mixed
    a shifted +12 nm       the measured curve moved along the wavelength: a paint with another edge
    a with 30 % b          side by side: the mean of the reflectances
    a under a film of …    Ångström (1925): water reflects light back down, r / (n² (1 − r) + r)
    a under 2 m of water   two ways through clear water, absorption by Pope and Fry (1997)
    open water             Lee and others (2002): backscattering over absorption and backscattering
    snow                   Kokhanovsky and Zege (2004): exp(−√(13 α d)), Warren and Brandt (2008)
"""

import argparse
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from potato.core.sensors import SCALE
from potato.simulation.land.reflectances import COLUMNS

Spectrum = NDArray[np.float64]

WAVELENGTHS = np.arange(350.0, 1101.0)
"""nm, the range of the responses."""

WATER = """
350 .0130  380 .0114  400 .0066  420 .0045  440 .0064  460 .0098  480 .0127  500 .0204  520 .0409
540 .0474  560 .0619  580 .0896  600 .2224  620 .2755  640 .3108  660 .410   680 .465   700 .624
725 1.49   750 2.6    775 2.4    800 2.0    825 2.8    850 4.3    900 6.8    925 14     950 38
975 45     1000 36    1100 18
"""
"""nm and rounded absorption of pure water, 1/m: Pope and Fry 1997; Kou and others 1993 from 725."""

ICE = """
350 2.0e-11   400 2.365e-11 450 9.239e-11 500 5.889e-10 550 2.289e-9 600 5.73e-9 650 1.43e-8
700 2.9e-8    750 5.87e-8   800 1.34e-7   850 1.83e-7   900 4.2e-7   950 6.02e-7 1000 1.62e-6
1030 2.33e-6  1050 2.17e-6  1100 1.76e-6
"""
"""nm and imaginary part of the refractive index of ice (Warren and Brandt 2008)."""

MEASURED = Path(__file__).with_name("measured-surfaces.csv")
"""Kind, name, library and the library's own name of the samples that are used unchanged."""


@dataclass(frozen=True)
class Sample:
    """A spectrum 0..1 at `WAVELENGTHS`, and the note on its origin."""

    values: Spectrum
    story: str

    @property
    def term(self) -> str:
        """The story as part of another story."""
        return f"({self.story})" if " tinted " in self.story or " with " in self.story else self.story


def interpolated(table: str) -> Spectrum:
    """A published table of nm and value at `WAVELENGTHS`, linear between its entries."""
    nm, value = np.array(table.split(), dtype=np.float64).reshape(-1, 2).T
    values: Spectrum = np.interp(WAVELENGTHS, nm, value)
    return values


def absorbing(reflectance: Spectrum) -> Spectrum:
    """K/S, absorption over scattering, of an opaque layer (Kubelka and Munk 1931)."""
    r = np.clip(reflectance, 1e-3, 0.999)
    ratio: Spectrum = (1 - r) ** 2 / (2 * r)
    return ratio


def tinted(base: Sample, pigment: Sample, share: float) -> Sample:
    """Mix pigments into one paint: `share` of `pigment`, the rest `base`."""
    k = share * absorbing(pigment.values) + (1 - share) * absorbing(base.values)
    return Sample(1 + k - np.sqrt(k * k + 2 * k), f"{base.term} tinted {share:.0%} with {pigment.term}")


def shifted(sample: Sample, nm: float) -> Sample:
    """Move the curve by `nm` towards the red, its ends replicated."""
    moved = np.interp(WAVELENGTHS - nm, WAVELENGTHS, sample.values)
    return Sample(moved, f"{sample.term} shifted {nm:+g} nm")


def mixed(first: Sample, second: Sample, share: float) -> Sample:
    """Put surfaces side by side: `share` of `second`."""
    values = (1 - share) * first.values + share * second.values
    return Sample(values, f"{first.term} with {share:.0%} {second.term}")


def darker(sample: Sample, factor: float) -> Sample:
    """Darken a surface, like gloss that reflects away, dirt or oil."""
    return Sample(factor * sample.values, f"{sample.term} times {factor:g}")


def wet(dry: Sample) -> Sample:
    """Wet a rough surface with a film of water (Ångström 1925; n = 1.33)."""
    r = dry.values
    return Sample(r / (1.33**2 * (1 - r) + r), f"{dry.term} under a film of water")


def under_water(bottom: Sample, depth: float) -> Sample:
    """Put a bottom under `depth` metres of clear water that reflects 1 % of skylight.

    Light goes 1.05 times the depth down and up, on average (the sun is refracted to about 30° or
    less); 0.54 of it passes the surface both ways, which reflects 0.48 from below (Mobley 1994).
    """
    r, through = bottom.values, np.exp(-2.1 * depth * interpolated(WATER))
    return Sample(
        0.54 * r * through / (1 - 0.48 * r * through) + 0.01, f"{bottom.term} under {depth:g} m of water"
    )


def open_water(chlorophyll: float, sediment: float, humic: float, cyanobacteria: float = 0.0) -> Sample:
    """Deep water by its contents (model of Lee and others 2002), with 0.8 % of skylight.

    Args:
        chlorophyll: mg/m³; absorbs as Gaussians at 440 and 675 nm, 0.06 C^0.65 1/m (Morel 1991).
        sediment: g/m³; backscatters 0.01 m²/g, a little more in the blue.
        humic: absorption of dissolved matter at 440 nm in 1/m, falling by 1.5 % per nm.
        cyanobacteria: absorption of phycocyanin at 620 nm in 1/m.
    """
    nm = WAVELENGTHS
    pigment = 0.06 * chlorophyll**0.65
    absorption = interpolated(WATER) + humic * np.exp(-0.015 * (nm - 440))
    absorption += pigment * np.exp(-(((nm - 440) / 45) ** 2)) + 0.6 * pigment * np.exp(
        -(((nm - 675) / 14) ** 2)
    )
    absorption += cyanobacteria * np.exp(-(((nm - 620) / 25) ** 2))
    back = 0.0012 * (500 / nm) ** 4.3 + 0.01 * sediment * (550 / nm) ** 0.6 + 0.002 * chlorophyll**0.62
    u = back / (absorption + back)
    below = (0.089 + 0.125 * u) * u
    story = f"open water of chlorophyll {chlorophyll:g} + sediment {sediment:g} + humic {humic:g}"
    if cyanobacteria:
        story += f" + phycocyanin {cyanobacteria:g}"
    return Sample(np.pi * 0.52 * below / (1 - 1.7 * below) + 0.008, story)


def snow(millimetres: float, soot: float = 0.0) -> Sample:
    """Deep snow of grains of this diameter; `soot` is further absorption, 1/m at 550 nm."""
    absorption = 4 * np.pi * interpolated(ICE) / (WAVELENGTHS * 1e-9) + soot * 550 / WAVELENGTHS
    story = f"snow of {millimetres:g} mm" + (f" + soot {soot:g}" if soot else "")
    return Sample(np.exp(-np.sqrt(absorption * 13 * millimetres / 1000)), story)


def derived(of: Callable[[str], Sample]) -> Iterator[tuple[str, str, Sample]]:
    """Kinds, names and samples of surfaces that no library has.

    Args:
        of: returns a surface by name: a measured one, or a derived one of an earlier line.
    """
    white, blue, red = of("white membrane"), of("blue membrane"), of("red membrane")
    yellow, black, rust = of("yellow paint"), of("black coated metal"), of("rusty metal")
    green, scarlet = of("green metal roof"), of("red paint")
    tiles = mixed(white, of("verdigris copper"), 0.35)
    yield "water", "algal bloom", open_water(40, 8, 0.6, cyanobacteria=0.4)
    yield "roof", "blue metal roof", tinted(blue, white, 0.35)
    yield "roof", "pale blue roof", tinted(blue, white, 0.8)
    yield "roof", "navy roof", tinted(blue, black, 0.5)
    yield "roof", "cyan roof", shifted(tinted(blue, white, 0.55), 22)
    yield "roof", "blue glazed tile", tinted(of("blue paint"), blue, 0.5)
    yield "roof", "bright red roof", tinted(scarlet, of("orange membrane"), 0.5)
    yield "roof", "crimson roof", shifted(scarlet, 12)
    yield "roof", "maroon roof", tinted(red, black, 0.35)
    yield "roof", "emerald roof", shifted(tinted(green, of("court green paint"), 0.4), -8)
    yield "roof", "mint roof", tinted(of("green membrane"), white, 0.4)
    yield "roof", "cool white coating", tinted(white, snow(0.1), 0.8)
    yield "roof", "dirty white roof", mixed(white, of("loam"), 0.3)
    yield "roof", "planted roof", mixed(of("thin grass"), of("brown roof gravel"), 0.45)
    yield "roof", "solar panels", mixed(tinted(blue, black, 0.8), white, 0.04)
    yield "roof", "thatch", mixed(of("straw"), of("old wood shingle"), 0.35)
    yield "roof", "mossy tile", mixed(of("brown concrete tile"), of("dark canopy"), 0.3)
    yield "paint", "safety orange", shifted(scarlet, -28)
    yield "paint", "purple paint", mixed(blue, shifted(scarlet, 25), 0.3)
    yield "paint", "safety yellow", tinted(shifted(yellow, -10), white, 0.1)
    yield "paint", "lemon paint", tinted(shifted(yellow, -22), white, 0.4)
    yield "paint", "pink paint", tinted(scarlet, white, 0.75)
    yield "paint", "magenta paint", mixed(shifted(scarlet, 10), blue, 0.35)
    yield "paint", "lime paint", tinted(shifted(yellow, -45), of("court green paint"), 0.3)
    yield "paint", "sky blue paint", tinted(of("blue paint"), white, 0.85)
    yield "paint", "turquoise paint", tinted(of("verdigris copper"), blue, 0.15)
    yield "paint", "court blue paint", tinted(of("blue paint"), blue, 0.8)
    yield "paint", "court red paint", tinted(of("worn red paint"), of("red soil"), 0.5)
    yield "paint", "running track", mixed(of("red membrane"), of("worn red paint"), 0.4)
    yield "paint", "cycle lane green", tinted(green, of("court green paint"), 0.7)
    yield "paint", "car white", tinted(white, of("new white paint"), 0.5)
    yield "paint", "car silver", mixed(of("aluminium"), of("bare zinc"), 0.5)
    yield "paint", "car grey", tinted(of("weathered zinc"), black, 0.4)
    yield "paint", "car black", darker(black, 0.75)
    yield "paint", "car red", tinted(scarlet, red, 0.6)
    yield "paint", "car blue", tinted(blue, black, 0.25)
    yield "paint", "car dark green", tinted(of("court green paint"), black, 0.4)
    yield "plastic", "blue tarpaulin", tinted(shifted(blue, 6), white, 0.5)
    yield "plastic", "green tarpaulin", tinted(of("green membrane"), green, 0.6)
    yield "plastic", "orange tarpaulin", tinted(of("safety orange"), white, 0.3)
    yield "plastic", "silver tarpaulin", mixed(white, of("aluminium"), 0.5)
    yield "plastic", "greenhouse film", mixed(white, of("lush grass"), 0.35)
    yield "plastic", "black film", mixed(black, white, 0.02)
    yield "plastic", "turf", mixed(of("court green paint"), black, 0.25)
    yield "plastic", "bright turf", tinted(of("court green paint"), shifted(yellow, -45), 0.3)
    yield "plastic", "worn turf", mixed(of("dark green paint"), of("beach sand"), 0.25)
    yield "plastic", "blue seats", tinted(blue, of("blue paint"), 0.3)
    yield "metal", "blue container", tinted(blue, rust, 0.2)
    yield "metal", "red container", tinted(red, rust, 0.25)
    yield "metal", "green container", tinted(of("court green paint"), rust, 0.15)
    yield "metal", "orange container", tinted(of("safety orange"), rust, 0.2)
    yield "metal", "white container", mixed(white, rust, 0.12)
    yield "metal", "yellow machine", tinted(yellow, of("safety orange"), 0.2)
    yield "vegetation", "sports lawn", mixed(of("lush grass"), of("grass"), 0.3)
    yield "vegetation", "weedy ground", mixed(of("thin grass"), of("loam"), 0.3)
    yield "vegetation", "autumn canopy", tinted(of("bright canopy"), of("deep red soil"), 0.4)
    yield "vegetation", "flowering rape", mixed(of("bright canopy"), shifted(yellow, -25), 0.35)
    yield "vegetation", "lavender", mixed(of("thin grass"), of("purple paint"), 0.3)
    yield "vegetation", "moss", tinted(of("dark canopy"), of("olive coated metal"), 0.3)
    yield "vegetation", "reeds", mixed(of("dry marsh"), of("bright canopy"), 0.3)
    yield "vegetation", "floating weed", mixed(of("algal bloom"), of("lush grass"), 0.6)
    yield "soil", "wet loam", wet(of("loam"))
    yield "soil", "wet dark soil", wet(of("dark brown soil"))
    yield "soil", "wet sand", wet(of("beach sand"))
    yield "soil", "white sand", mixed(of("white soil"), of("limestone"), 0.4)
    yield "soil", "baseball clay", mixed(of("red soil"), of("orange brick"), 0.5)
    yield "soil", "salt crust", mixed(of("white soil"), snow(0.1), 0.4)
    yield "pavement", "wet asphalt", wet(of("asphalt"))
    yield "pavement", "oily asphalt", darker(of("asphalt"), 0.6)
    yield "pavement", "tan gravel", mixed(of("white gravel"), of("trodden dirt"), 0.5)
    yield "water", "pool 1 m", under_water(tiles, 1.0)
    yield "water", "pool 2 m", under_water(tiles, 2.0)
    yield "water", "pool 4 m", under_water(tiles, 4.0)
    yield "water", "white pool", under_water(white, 1.5)
    yield "water", "blue pool", under_water(tinted(blue, white, 0.7), 1.2)
    yield "water", "green pool", mixed(under_water(tiles, 1.5), of("algal bloom"), 0.5)
    yield "water", "clear sea", open_water(0.2, 0.05, 0.02)
    yield "water", "sea over sand 1 m", under_water(of("beach sand"), 1.0)
    yield "water", "sea over sand 3 m", under_water(of("white sand"), 3.0)
    yield "water", "sea over sand 8 m", under_water(of("white sand"), 8.0)
    yield "water", "lake", open_water(4, 1.0, 0.4)
    yield "water", "dark pond", open_water(3, 0.4, 2.5)
    yield "water", "green lake", open_water(30, 4, 0.8)
    yield "water", "silty river", open_water(5, 20, 0.6)
    yield "water", "brown river", open_water(5, 25, 4)
    yield "water", "muddy river", open_water(5, 120, 1.5)
    yield "water", "glacial lake", open_water(0.3, 10, 0.03)
    yield "water", "algal scum", mixed(of("algal bloom"), of("bright canopy"), 0.35)
    yield "water", "red tide", mixed(open_water(60, 6, 1.2), of("deep red soil"), 0.12)
    yield "water", "salt pond", mixed(open_water(2, 60, 0.5), tinted(scarlet, white, 0.6), 0.55)
    yield "snow", "fresh snow", snow(0.1)
    yield "snow", "old snow", snow(0.6, soot=0.05)
    yield "snow", "firn", snow(2, soot=0.3)
    yield "snow", "dirty snow", mixed(snow(0.8, soot=1), of("loam"), 0.25)
    yield "snow", "thin snow", mixed(snow(0.3), of("dry grass"), 0.4)
    yield "snow", "glacier ice", snow(15, soot=0.05)
    yield "burnt", "burnt field", mixed(of("charred soil"), of("straw"), 0.2)


def read_measured(data: Path) -> dict[str, Spectrum]:
    """Every spectrum of both libraries at `WAVELENGTHS`, 0..1, by library and name."""
    import earthlib

    folder = Path(earthlib.__file__).parent / "data"
    with (folder / "spectra.csv").open(newline="") as file:
        names = [row["NAME"] for row in csv.DictReader(file)]
    header = (folder / "spectra.sli.hdr").read_text()
    nm = 1000 * np.array(
        header.rpartition("wavelength = {")[2].partition("}")[0].split(","), dtype=np.float64
    )
    values = np.fromfile(folder / "spectra.sli", "<f4").reshape(len(names), len(nm)).astype(np.float64)
    spectra: dict[str, Spectrum] = {}
    for name, value in zip(names, values, strict=True):
        # Some names belong to several samples: take the first.
        spectra.setdefault(f"earthlib {name}", np.interp(WAVELENGTHS, nm, value))
    slum = data / "spectra" / "slum-shortwave.csv"
    with slum.open(newline="") as file:
        columns = next(csv.reader(file))
    table = np.loadtxt(slum, delimiter=",", skiprows=1)
    for column, name in enumerate(columns[1:], start=1):
        spectra[f"SLUM {name}"] = np.interp(WAVELENGTHS, table[:, 0], table[:, column] / 100)
    return spectra


def read_responses(data: Path) -> NDArray[np.float64]:
    """Weights (9, wavelengths) of pan and the 8 bands, each of sum 1: the mean of both sensors."""
    metres = WAVELENGTHS * 1e-9
    # Planck's law, up to a factor; 0.014388 m K is its second radiation constant.
    sun = metres**-5 / np.expm1(0.014388 / (metres * 5772))
    both = []
    for name in ("worldview2", "worldview3"):
        table = np.loadtxt(data / "rsr" / f"{name}.csv", delimiter=",", skiprows=1)
        response = sun * np.array([np.interp(WAVELENGTHS, table[:, 0], column) for column in table[:, 1:].T])
        both.append(response / response.sum(1, keepdims=True))
    mean: NDArray[np.float64] = np.mean(both, axis=0)
    return mean


def surfaces(measured: dict[str, Spectrum]) -> list[tuple[str, str, Spectrum, str]]:
    """Kind, name, spectrum and note of every surface of the list, kinds together."""
    rows, known = [], {}
    with MEASURED.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            source = f"{row['library']} {row['sample']}"
            known[row["name"]] = Sample(measured[source], row["name"])
            rows.append((row["kind"], row["name"], measured[source], source))
    for kind, name, sample in derived(known.__getitem__):
        known[name] = Sample(sample.values, name)
        rows.append((kind, name, sample.values, f"derived: {sample.story}"))
    kinds = list(dict.fromkeys(kind for kind, *_ in rows))
    return sorted(rows, key=lambda row: kinds.index(row[0]))


def main() -> None:
    """Write the list."""
    parser = argparse.ArgumentParser(description="Make the list of reflectances from measured spectra.")
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds rsr/ and spectra/")
    parser.add_argument("--output", type=Path, default=Path("src/potato/assets/reflectances.csv"))
    arguments = parser.parse_args()

    responses = read_responses(arguments.data)
    rows = surfaces(read_measured(arguments.data))
    with arguments.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for kind, name, spectrum, note in rows:
            counts = np.clip(np.rint(SCALE * responses @ spectrum), 1, 65535).astype(int)
            writer.writerow([name, kind, *counts.tolist(), note])
    print(f"{len(rows)} surfaces in {arguments.output}")


if __name__ == "__main__":
    main()
