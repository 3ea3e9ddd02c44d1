"""The grade of a product: measured on the whole of it, and kept in a JSON beside the output."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from potato.core.color import mul_to_oklab, oklab_to_linear_srgb
from potato.core.grade import Grade, as_grade, measure_grade
from potato.core.radiometry import counts_to_reflectance
from potato.core.sensors import Sensor
from potato.core.types import PathLike
from potato.errors import InputError
from potato.fusion.inputs import kept_file
from potato.raster.atomic import write_whole
from potato.raster.gdal_env import open_dataset
from potato.raster.layer import mul_image
from potato.raster.pair import Pair
from potato.raster.samples import sample_pixels
from potato.raster.untrusted import read_small

FORMAT = "potato grade 1"
"""The format that the JSON names."""


def grade_pair(pair: Pair, grade: bool | PathLike | Grade, folder: Path) -> Grade | None:
    """The grade of pictures of a pair, inside `raster.gdal`; None for that of the look.

    Args:
        pair: from `open_inputs`.
        grade: whether to measure it on the whole product, and keep it in a folder; or the file of
            another; or a grade itself.
        folder: the folder of the output.

    Raises:
        InputError: if the file of a grade can't be used, or no pixel is valid.
        OutputError: if the file can't be written.
    """
    if not isinstance(grade, bool):
        return as_given(grade)
    if not grade:
        return None
    file = kept_file(pair.product, folder, "grade")
    return keep_grade(file, _identity(pair), lambda: measure_grade(_light(pair)))


def as_given(grade: PathLike | Grade) -> Grade:
    """A grade, or that of a file.

    Raises:
        InputError: if the file can't be used.
    """
    return grade if isinstance(grade, Grade) else read_grade(Path(grade))


def keep_grade(file: Path, product: str, measure: Callable[[], Grade]) -> Grade:
    """The grade of a product from a file; measured and kept there if the file isn't there.

    Raises:
        InputError: if the file can't be used, or holds the grade of another product.
        OutputError: if it can't be written.
    """
    if file.exists():
        return read_grade(file, product)
    grade = measure()
    facts = {"format": FORMAT, "product": product, **grade.facts}
    write_whole(file, json.dumps(facts, indent=2) + "\n")
    return grade


def read_grade(file: Path, product: str | None = None) -> Grade:
    """The grade that a file keeps.

    Args:
        file: a JSON that `keep_grade` wrote.
        product: whose grade it must be; None for any.

    Raises:
        InputError: if it can't be read, or isn't one.
    """
    try:
        data = json.loads(read_small(file))
        if data["format"] != FORMAT:
            raise ValueError(data["format"])
        grade, found = as_grade(data["black"], data["gain"]), data["product"]
    except OSError as error:
        raise InputError(f"{file}: can't read this grade: {error.strerror or error}") from error
    except (ArithmeticError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(f"{file}: expected a grade as --grade keeps it, found something else") from error
    if product not in (None, found):
        raise InputError(f"{file}: expected the grade of {product}, found that of {found}; remove it")
    return grade


def light_of(counts: NDArray[np.uint16], sensor: Sensor) -> NDArray[np.float32]:
    """Linear sRGB (3, k) of pixels of mul, counts (n, k)."""
    oklab = mul_to_oklab(counts_to_reflectance(counts[..., None]), sensor)
    light: NDArray[np.float32] = oklab_to_linear_srgb(oklab)[..., 0]
    return light


def _identity(pair: Pair) -> str:
    """The product of a pair, and how its numbers are read: others have another grade."""
    calibration = pair.mul.calibration if pair.whole is None else pair.whole.calibration
    digest = hashlib.sha256(repr(calibration).encode()).hexdigest()[:8]
    return f"{pair.product}, {pair.sensor.name}, calibration {digest}"


def _light(pair: Pair) -> NDArray[np.float32]:
    """Light of pixels that are spread over the product of a pair."""
    if pair.whole is None:
        return light_of(sample_pixels(pair.mul), pair.sensor)
    layer = pair.whole
    with contextlib.closing(open_dataset(layer.name, "mul", layer.driver)) as dataset:
        return light_of(sample_pixels(mul_image(layer, dataset, pair.sensor)[0]), pair.sensor)
