"""Damaged files by the thousand, each opened as a stranger's would be: `make fuzz`.

    python tests/fuzzing.py --count 5000 --jobs 8      # the cases 0 to 4,999
    python tests/fuzzing.py --only 1234                # one of them, with its traceback

Case n is the same on every machine. A case fails if an error comes out that isn't one of Potato's
own in one line, if it takes too long, or if it ends its process, whose memory is limited.
"""

import argparse
import contextlib
import dataclasses
import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS = 20
"""Time of the processor that a case may take."""

PATIENCE = 600
"""Seconds that a case may take on a busy machine."""

MEMORY = 6 << 30
"""Bytes of address space of a process; PyTorch alone takes a third."""

EXTREMES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    200_000,
    10**400,
    1e308,
    -1e308,
    float("nan"),
    float("inf"),
    "",
    "x" * 5000,
    "http://[",
    "../../../../etc/passwd",
    "EPSG:99999",
    "\x1b[2J\x9b31m\u202e",
    "\udcff",
    [],
    {},
    [[]],
    [1e308] * 4,
    [[[float("nan"), 1e308]]],
)
"""Values that programs write by mistake, and people on purpose."""

METADATA = {".imd", ".til", ".xml", ".txt", ".json"}
"""Endings of metadata in deliveries, in lower case."""

Opener = Callable[[Path], object]


def damaged_bytes(data: bytes, rng: random.Random) -> bytes:
    """Data with a few changes, most of them where headers are."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not out:
            break
        near = min(len(out), rng.choice((64, 600, len(out))))
        at = rng.randrange(near) if rng.random() < 0.7 else len(out) - 1 - rng.randrange(near)
        match rng.randrange(6):
            case 0:
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at : at + 4] = rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 65_535)).to_bytes(4, "little")
            case 2:
                out[at : at + 8] = rng.choice((0, 1 << 40, (1 << 64) - 1)).to_bytes(8, "little")
            case 3:
                del out[at : at + rng.choice((1, 4, 64))]
            case 4:
                out[at:at] = rng.randbytes(rng.choice((1, 4, 64)))
            case 5:
                del out[at:]
    return bytes(out)


def damaged_text(data: bytes, rng: random.Random) -> bytes:
    """Text with other numbers or words in it."""
    words = data.split(b'"')
    for _ in range(rng.choice((1, 2, 4))):
        value = rng.choice(EXTREMES)
        words[rng.randrange(len(words))] = str(value).encode("utf-8", "surrogatepass")
    return b'"'.join(words) if rng.random() < 0.7 else damaged_bytes(data, rng)


def damaged_json(data: bytes, rng: random.Random) -> bytes:
    """JSON with extreme values at random places; sometimes JSON no more."""
    if rng.random() < 0.2:
        return damaged_bytes(data, rng)
    document = json.loads(data)
    for _ in range(rng.choice((1, 2, 3))):
        place = document
        while isinstance(place, dict | list) and place:
            key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if not isinstance(place[key], dict | list) or not place[key] or rng.random() < 0.3:
                place[key] = rng.choice(EXTREMES)
                break
            place = place[key]
    return json.dumps(document).encode()


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        file: the good file, relative to the folder of seeds.
        damage: what damages it.
        open: what opens it; gets the folder, in which the file is damaged.
    """

    file: str
    damage: Callable[[bytes, random.Random], bytes]
    open: Opener


def write_seeds(folder: Path) -> None:
    """Write good files of every kind."""
    import torch

    import ards
    import pairs
    from potato.chips.chip import save_chip
    from potato.core.grade import Grade
    from potato.deliveries.odl import parse_odl
    from potato.deliveries.synthetic.order import KINDS, make_delivery
    from potato.fusion.grading import keep_grade
    from potato.model.model import Architecture
    from potato.model.network import Sharpener
    from potato.model.weights import save_model
    from potato.raster.json_lines import json_line

    pairs.write_pair(folder, 8, 8)
    picture = torch.randint(1, 255, (3, 32, 32), dtype=torch.uint8).numpy()
    pairs.write(folder / "picture.tif", picture, photometric="RGB")
    band = '<PAMRasterBand band="1"><Description>BAND_P</Description><NoDataValue>7</NoDataValue>'
    (folder / "x-pan.tif.aux.xml").write_text(f"<PAMDataset>{band}</PAMRasterBand></PAMDataset>")
    item = ards.write_tile(folder / "ard", side=8, block=16)
    item.rename(folder / "item.json")
    ring = [[-119, 35], [-117, 35], [-117, 37], [-119, 35]]
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (folder / "area.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    save_chip(ards.a_chip(cells=4), folder / "0.pt")
    network = Sharpener(Architecture(width=8, depth=2))
    save_model(network, folder / "net.safetensors")
    card = json.dumps({"architecture": {"width": 8, "depth": 2}})
    torch.save({"card": card, "state_dict": network.state_dict()}, folder / "net.pt")
    for kind in KINDS:
        make_delivery(kind, folder / kind, size=128)
    # USGS delivers the same metadata in three forms.
    table = next((folder / "landsat").glob("*MTL.txt"))
    groups: dict[str, dict[str, str]] = {}
    for name, value in parse_odl(table.read_text()).items():
        groups.setdefault(name.split(".")[-2], {})[name.split(".")[-1]] = value
    shutil.copytree(table.parent, folder / "landsat-json", ignore=shutil.ignore_patterns("*MTL.txt"))
    json_table = folder / "landsat-json" / f"{table.stem}.json"
    json_table.write_text(json.dumps({"LANDSAT_METADATA_FILE": groups}))
    _open_delivery("landsat-json")(folder)
    row = {"n": 0, "digest": "0" * 16, "plan": "0" * 16}
    (folder / "manifest.jsonl").write_text(json_line(row))
    keep_grade(folder / "grade.json", "a product", lambda: Grade((0.1, 0.1, 0.1), (2.0, 2.0, 2.0)))


def kinds(folder: Path) -> list[Kind]:
    """All kinds; in a folder that `write_seeds` has filled."""
    from potato.deliveries.synthetic.order import KINDS

    found = [
        Kind("x-pan.tif", damaged_bytes, _open_pair),
        Kind("x-ms.tif", damaged_bytes, _open_pair),
        Kind("x-pan.tif.aux.xml", damaged_text, _open_pair),
        Kind("picture.tif", damaged_bytes, _open_picture),
        Kind("item.json", damaged_json, _open_ard),
        Kind("area.geojson", damaged_json, _open_area),
        Kind("0.pt", damaged_bytes, _open_chip),
        Kind("net.safetensors", damaged_bytes, _open_weights("net.safetensors")),
        Kind("net.pt", damaged_bytes, _open_weights("net.pt")),
        Kind("manifest.jsonl", damaged_json, _open_manifest),
        Kind("grade.json", damaged_json, _open_grade),
    ]
    for kind in (*KINDS, "landsat-json"):
        texts = [path for path in sorted((folder / kind).rglob("*")) if path.suffix.lower() in METADATA]
        found += [
            Kind(
                str(path.relative_to(folder)),
                damaged_json if path.suffix == ".json" else damaged_text,
                _open_delivery(kind),
            )
            for path in texts[:4]
        ]
    return found


def _open_pair(folder: Path) -> None:
    from potato.core.windows import PairWindow
    from potato.raster.gdal_env import gdal
    from potato.raster.pair import open_pair

    for driver in (None, "GTiff"):
        with gdal(), open_pair(folder / "x-pan.tif", folder / "x-ms.tif", driver=driver) as pair:
            pair.read(PairWindow(0, 0, 8, 8))
            str(pair.notes)


def _open_picture(folder: Path) -> None:
    from potato.raster.gdal_env import gdal
    from potato.raster.image import read_reduced
    from potato.raster.pictures import open_picture

    with gdal(), open_picture(folder / "picture.tif") as image:
        read_reduced(image, 16)


def _open_ard(folder: Path) -> None:
    from potato.ard.listing import list_ard
    from potato.chips.survey import Shape, survey_ard
    from potato.core.sensor_table import WORKSHOP
    from potato.doctor.ards import examine_ard
    from potato.fusion.aoi import box_area
    from potato.fusion.ard.choice import Choice
    from potato.fusion.ard.plan import make_plan

    place = next((folder / "ard").glob("11/*/*"))
    shutil.copy(folder / "item.json", place / "1030010000000A00.json")
    str(list_ard(folder / "ard"))
    list(map(str, examine_ard(str(folder / "ard"), 1)))
    for tool in (
        lambda: make_plan(str(folder / "ard"), Choice(area=box_area(-119, 35, -117, 37))),
        lambda: survey_ard(str(folder / "ard"), Shape(4, False, 0.99, WORKSHOP.ratio), [WORKSHOP]),
    ):
        _allowed(tool)


def _open_area(folder: Path) -> None:
    from potato.fusion.aoi import read_area
    from potato.raster.area import part_of
    from potato.raster.coordinates import grid_at

    part_of(grid_at(64, 64, 0.5), 4, area=read_area(folder / "area.geojson"))


def _open_chip(folder: Path) -> None:
    from potato.chips.chip import load_chip

    load_chip(folder / "0.pt").tensors()


def _open_manifest(folder: Path) -> None:
    from potato.chips.folder import manifest_rows

    path = folder / "manifest.jsonl"
    path.write_bytes(path.read_bytes() + b"\n")  # without it, the line is one that was cut short
    manifest_rows(folder)


def _open_grade(folder: Path) -> None:
    from potato.fusion.grading import read_grade

    read_grade(folder / "grade.json", "a product")


def _open_weights(name: str) -> Opener:
    def load(folder: Path) -> None:
        from potato.model.weights import load_model

        load_model(folder / name)

    return load


def _open_delivery(kind: str) -> Opener:
    def open_(folder: Path) -> None:
        from potato.core.windows import PairWindow
        from potato.deliveries.examine import list_products
        from potato.fusion.inputs import open_inputs
        from potato.raster.layer import Reading

        _allowed(lambda: str(list_products(folder / kind)))
        with open_inputs(folder / kind, None, Reading(calibrate="toa")) as pair:
            pair.read(PairWindow(0, 0, 4, 4))
            str(pair.notes)

    return open_


def _allowed(tool: Callable[[], object]) -> None:
    """Run something that may refuse its input, in one line."""
    from potato.errors import PotatoError

    try:
        tool()
    except PotatoError as error:
        if "\n" in str(error):
            raise AssertionError(f"a message of several lines: {error}") from error


def run_case(number: int, folder: Path, every: list[Kind]) -> str | None:
    """Damage one file and open it: the traceback of what went wrong, or None."""
    kind, rng = every[number % len(every)], random.Random(number)
    path = folder / kind.file
    good = path.read_bytes()
    path.write_bytes(kind.damage(good, rng))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(PATIENCE)
    try:
        _allowed(lambda: kind.open(folder))
    except BaseException:  # a fault of any kind is what we look for
        return f"case {number}, {kind.file}:\n{traceback.format_exc()}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        path.write_bytes(good)
    return None


def _too_slow(*given: object) -> None:
    raise TimeoutError("a case took too long")


def run_cases(numbers: range) -> int:
    """Run cases in this process; print the number of each before it begins, and what goes wrong."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, _too_slow)
    signal.signal(signal.SIGALRM, _too_slow)
    faults = 0
    with tempfile.TemporaryDirectory(prefix="potato-fuzz-") as name:
        folder = Path(name)
        write_seeds(folder)
        every = kinds(folder)
        for number in numbers:
            print(f"at {number}", flush=True)
            fault = run_case(number, folder, every)
            if fault:
                faults += 1
                print(fault, flush=True)
    return faults


def main() -> int:
    """Run cases in several processes; the number of faults."""
    parser = argparse.ArgumentParser(description="Open damaged files.")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", type=int)
    parser.add_argument("--step", type=int, default=0, help="of a process that this program starts")
    given = parser.parse_args()
    if given.only is not None or given.step:
        first = given.start if given.only is None else given.only
        last = given.start + given.count if given.only is None else first + 1
        return min(99, run_cases(range(first, last, given.step or 1)))
    faults = 0
    with contextlib.ExitStack() as stack:
        processes = []
        for job in range(given.jobs):
            log = stack.enter_context(tempfile.TemporaryFile("w+"))
            command = [sys.executable, __file__, "--start", str(given.start + job), "--step", str(given.jobs)]
            command += ["--count", str(given.count - job)]
            processes.append((subprocess.Popen(command, stdout=log, stderr=subprocess.DEVNULL), log))
        for process, log in processes:
            code = process.wait()
            log.seek(0)
            lines = log.read().splitlines()
            print("\n".join(line for line in lines if not line.startswith("at ")))
            if code and not 0 < code < 99:
                last = [line for line in lines if line.startswith("at ")][-1:]
                print(f"a process ended with {code}, {' '.join(last)}")
            faults += bool(code)
    print(f"{given.count} cases, {'no fault' if not faults else 'see above'}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
