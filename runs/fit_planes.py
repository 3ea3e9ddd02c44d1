"""Fit what each sensor sees of simulated ground, which has nine planes, to measured spectra.

    python runs/fit_planes.py --data DATA [--output src/potato/assets/planes.json]

The planes are what pan and the bands of WorldView-2 and -3 see, as `make_reflectances.py` computes
it. Pan of another sensor is a mixture of all planes, and each of its bands one of the planes of
bands. Shares are not negative and their sum is 1, so reflectance stays reflectance, and grey ground
is grey for every sensor. Sensors whose responses aren't published have no shares.

The shares come from least squares of the relative error on half of the spectra of `fit_color.py`,
which says what DATA holds. The error on the other half (root mean square, weighted alike for each
kind of surface) is printed:

    pan            0.0003 to 0.003; 0.002 to 0.017 where a record stands for several satellites
    coastal        0.006 to 0.019
    blue           0.0005 to 0.025
    green          0.001 to 0.026
    yellow         0.001 to 0.003
    red            0.001 to 0.015; 0.036 for GeoEye-1 and 0.039 for WorldView-4
    red edge       0.003; Legion's two 0.050 to 0.062 and 0.043 to 0.050
    near infrared  0.0005 to 0.021; 0.051 for Landsat 8 and 9

Legion's red edges, at 705 and 740 nm, lie on the slope of leaves on either side of WorldView-2's,
and Landsat's narrow band lies between NIR1 and NIR2, so no mixture of the planes is quite them.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from fit_color import (
    Array,
    Library,
    Responses,
    read_family,
    read_halves,
    read_responses,
    rounded,
    sunlight,
)
from potato.core.sensor_table import SENSORS
from potato.simulation.land.basis import BASIS

SATELLITES = {
    **{f"LG0{number}": f"legion{number}" for number in range(1, 7)},
    "GE01": "geoeye1",
    "WV04": "worldview4",
    "PHR1A": "pleiades1a",
    "PHR1B": "pleiades1b",
    "PNEO3": "pleiadesneo3",
    "PNEO4": "pleiadesneo4",
    "LC08": "landsat8",
    "LC09": "landsat9",
}
"""The satellite of each sensor that has a family but responses of its own."""

RIDGE = 1e-6
"""Penalty on the squares of shares, which tells planes apart that look alike to the spectra."""

DECIMALS = 3


def read_satellites(data: Path, name: str) -> list[Responses]:
    """The responses of the satellites that a sensor of the table stands for."""
    if name in SATELLITES:
        return [read_responses(data / "rsr" / f"{SATELLITES[name]}.csv")]
    return [*read_family(data, name).values()]


def seen(library: Library, responses: Responses) -> Array:
    """Pan and the bands (spectra, 1 + n) of spectra in sunlight."""
    return library.seen_by(np.column_stack([responses.pan, responses.mul]) * sunlight())


def planes_of(library: Library, data: Path) -> Array:
    """The planes (spectra, 9) of spectra: the mean of WorldView-2 and -3."""
    return np.mean([seen(library, each) for each in read_family(data, BASIS.name).values()], 0)


def fit_shares(planes: Array, goals: Array, weights: Array) -> Array:
    """The shares (p,) of planes (spectra, p) that come nearest to goals (satellites, spectra)."""
    roots = np.sqrt(weights / len(goals)) / (goals + 0.02)
    rows = [planes * root[:, None] for root in roots]
    count = planes.shape[1]
    system = np.vstack([*rows, np.sqrt(RIDGE) * np.eye(count), 1e3 * np.ones((1, count))])
    return np.asarray(nnls(system, np.concatenate([(goals * roots).ravel(), np.zeros(count), [1e3]]))[0])


def sensor_shares(
    data: Path, name: str, halves: tuple[Library, Library]
) -> Iterator[tuple[Array, list[float]]]:
    """For pan and each band of a sensor, the shares and the error for each of its satellites."""
    satellites = read_satellites(data, name)
    planes, held_planes = (planes_of(library, data) for library in halves)
    goals, held_goals = (np.stack([seen(library, each) for each in satellites]) for library in halves)
    for channel in range(goals.shape[2]):
        first = int(channel > 0)  # bands see nothing of pan
        shares = np.zeros(planes.shape[1])
        shares[first:] = fit_shares(planes[:, first:], goals[:, :, channel], halves[0].weights)
        shares = rounded(shares[:, None], [1.0], DECIMALS)[:, 0]
        true = held_goals[:, :, channel]
        errors = ((held_planes @ shares - true) / (true + 0.02)) ** 2 @ halves[1].weights
        yield shares, np.sqrt(errors).tolist()


def main() -> None:
    """Fit, print the errors, write the shares."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True, help="folder with rsr/ and spectra/")
    parser.add_argument("--output", type=Path, default=Path("src/potato/assets/planes.json"))
    arguments = parser.parse_args()

    halves = read_halves(arguments.data)
    table = {}
    known = (each for each in SENSORS if each.platforms and each.colour_error is not None)
    for sensor in known:
        if sensor.bands == BASIS.bands:
            continue
        fitted = [*sensor_shares(arguments.data, sensor.name, halves)]
        names = ("pan", *sensor.bands)
        table[sensor.name] = {name: shares.tolist() for name, (shares, _) in zip(names, fitted, strict=True)}
        errors = [f"{name} {max(error):.4f}" for name, (_, error) in zip(names, fitted, strict=True)]
        print(f"{sensor.name:10}", ", ".join(errors), flush=True)
    rows = [
        f"  {json.dumps(name)}: {{\n"
        + ",\n".join(f"    {json.dumps(band)}: {json.dumps(shares)}" for band, shares in bands.items())
        + "\n  }"
        for name, bands in table.items()
    ]
    arguments.output.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
