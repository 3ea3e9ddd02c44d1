"""Compute what an event, a year of the catalogue and the Earth's land cost, and what limits them.

    python benchmarks/scale_page.py    # updates docs/scale.md from benchmarks/results/*.json

This script replaces the text between the marks `made` and `/made` of the page and keeps the rest.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from made_page import RESULTS, ROOT, UNKNOWN, filled, largest_pair, load, machine, table

PAGE = ROOT / "docs" / "scale.md"

GRID_SQUARE, SIDE = 5000.0, 5312.5
"""Side of an ARD grid square and of its tile, which overlaps its neighbours; metres."""

PIXEL = 0.5
"""Metres of a pan pixel: between WorldView-2 (0.46 at nadir) and WorldView-3 (0.31)."""

TILE = (SIDE / PIXEL) ** 2
"""Pan pixels of a tile."""

TILES = {
    "an event": 8_000,
    "a year of the catalogue": 40_000,
    "the Earth's land": math.ceil(150e12 / GRID_SQUARE**2),
}


@dataclass(frozen=True)
class Assumptions:
    """Figures that no benchmark measures; `docs/scale.md` gives the source of each."""

    bytes_read: float = 2.1
    """Bytes of a pair for each pan pixel (DEFLATE)."""

    bytes_written: float = 3.1
    """Bytes of a COG for each pixel (8 bits, overviews included)."""

    core_hour: float = 0.05
    """USD for an hour of a core."""

    stored: float = 0.023
    """USD for 1 GB of a bucket in a month."""

    carried: float = 0.09
    """USD for 1 GB that leaves a cloud."""

    watts: float = 10.0
    """Power of a busy core, with its share of memory, fans and cooling."""

    gpu_pixels: float = 5e8
    """Pixels a second of a GPU that never waits for data."""


SHARE = Assumptions()


@dataclass(frozen=True)
class Cost:
    """The cost of so many tiles, at so many pixels for each second of a core."""

    tiles: int
    rate: float

    @property
    def pixels(self) -> float:
        """Pan pixels of all tiles."""
        return self.tiles * TILE

    @property
    def core_hours(self) -> float:
        """Hours of a core."""
        return self.pixels / self.rate / 3600

    @property
    def read(self) -> float:
        """Bytes to read."""
        return self.pixels * SHARE.bytes_read

    @property
    def written(self) -> float:
        """Bytes to write."""
        return self.pixels * SHARE.bytes_written

    @property
    def compute(self) -> float:
        """USD for the cores."""
        return self.core_hours * SHARE.core_hour

    @property
    def storage(self) -> float:
        """USD for a month of storage."""
        return self.written / 1e9 * SHARE.stored

    @property
    def carrying(self) -> float:
        """USD for moving the pictures out of a cloud."""
        return self.written / 1e9 * SHARE.carried


def rates(fuse: dict) -> dict[str, float]:
    """Pixels for each second of a core, by format."""
    side, summary = largest_pair(fuse)
    return {kind: side**2 / summary[kind]["cpu_seconds"] for kind in ("cog", "tiled", "gdal")}


def gigabytes(fuse: dict) -> float:
    """Peak memory of a process that sharpens a pair, in GB."""
    summary = largest_pair(fuse)[1]
    return max(summary[kind]["peak_mb"] for kind in ("cog", "tiled")) / 1e3


def costs(fuse: dict) -> str:
    """The table of costs, and how long the work takes."""
    rate = rates(fuse)["cog"]
    rows = []
    for name, tiles in TILES.items():
        cost = Cost(tiles, rate)
        rows.append(
            [
                name,
                f"{tiles:,}",
                f"{cost.pixels / 1e12:.3g} Tpx",
                f"{cost.core_hours:,.0f}",
                f"{cost.pixels / SHARE.gpu_pixels / 3600:,.1f}",
                _terabytes(cost.read),
                _terabytes(cost.written),
                f"{cost.compute:,.0f} USD",
                f"{cost.storage:,.0f} USD",
                f"{cost.carrying:,.0f} USD",
                f"{cost.core_hours * SHARE.watts / 1e3:,.1f} kWh",
            ]
        )
    event, land = (Cost(TILES[name], rate) for name in ("an event", "the Earth's land"))
    return (
        table(
            "| tiles | pixels | core-hours | GPU-hours (estimate) | read | written | compute | "
            "storage, a month | transfer out | energy",
            rows,
        )
        + f"\n\nAn event takes a night on 8 cores ({event.core_hours / 8:.1f} hours), or "
        f"{event.core_hours / 100 * 60:.0f} minutes on 100 cores. The land takes 100 cores "
        f"{land.core_hours / 100 / 24:.0f} days, once."
    )


def measured(fuse: dict) -> str:
    """The table of measured figures, and the machine."""
    found, (side, kinds) = rates(fuse), largest_pair(fuse)
    rows = [
        [what, f"{found[kind] / 1e6:.2f} million", f"{kinds[kind]['cpu_seconds']:.2f} processor seconds"]
        for what, kind in (
            ("pixels per core-second, COG", "cog"),
            ("pixels per core-second, plain tiled GeoTIFF", "tiled"),
            ("pixels per core-second, `gdal_pansharpen.py` (no network)", "gdal"),
        )
    ]
    rows.append(["memory per tile", f"{gigabytes(fuse):.1f} GB", "peak"])
    return (
        table("figure | value | source", rows) + f"\n\nMeasured on {machine(fuse)}, from a local disk, for "
        f"{side:,} × {side:,} pixels, start-up included, with a network of "
        f"{fuse['network']['width']} channels and {fuse['network']['depth']} layers "
        f"(`benchmarks/results/fuse.json`)."
    )


def limits(fuse: dict) -> str:
    """How many cores a line keeps busy, and where the bottleneck is."""
    rate, memory = rates(fuse)["cog"], gigabytes(fuse)
    through = {
        name: [bits / 8 / (rate * each) for each in (SHARE.bytes_read, SHARE.bytes_written)]
        for name, bits in (("1 Gbit/s", 1e9), ("10 Gbit/s", 1e10), ("100 Gbit/s", 1e11))
    }
    card = SHARE.gpu_pixels / 1e6
    event, shared = Cost(TILES["an event"], rate), through["10 Gbit/s"][1]
    feeders = SHARE.gpu_pixels / (2 * rate)
    arrives = event.read * 8 / 1e8 / 3600
    kept, carried = event.storage / event.compute, event.carrying / event.compute
    reads, writes = rate * SHARE.bytes_read / 1e6, rate * SHARE.bytes_written / 1e6
    lines = table(
        "line | cores reading | cores writing",
        [[name, *(f"{cores:,.0f}" for cores in both)] for name, both in through.items()],
    )
    return f"""\
A core that makes {rate / 1e6:.1f} Mpx/s reads {reads:.0f} MB/s and writes {writes:.0f} MB/s. A line
can therefore serve this many cores:

{lines}

1. **One machine near the store.** Cores are the limit. A 10 Gbit/s line serves some {shared:.0f} of
   them.
2. **Far from the store.** Each request waits for its answer, 100 to 200 ms between continents, and
   so does the worker that reads its tile strip by strip. More workers than cores hide the wait;
   each costs {memory:.1f} GB. If workers spend a share w of their time waiting, use 1 / (1 − w) workers per
   core. On an office line of 100 Mbit/s, one core is enough, and an event takes {arrives:.0f} hours
   to arrive.
3. **Many machines, one output folder.** A shared file system must take everything that is written:
   for 100 cores, {writes / 10:.1f} GB/s, which many can't. Give each machine its own output, by
   `--cid` or `--bbox`. Or write less: `--co COMPRESS=…` with a stronger codec costs cores, of which
   there are enough, and saves bytes.
4. **GPUs.** Cores still have to read, decompress and compress. Even if that took them half the time
   that they need for everything now, a GPU at {card:.0f} Mpx/s would need {feeders:.0f} cores to feed
   it. It pays with a larger network, not with this one.
5. **Money.** A month of storage costs {kept:.0f} times as much as the computing, and moving the
   pictures out of a cloud {carried:.0f} times as much. Work where the imagery is stored, or make
   pictures on request ([web tiles](guides/tiles.md)): the network is cheap enough to run again.
6. **The command.** It receives each tile's result and writes two lines: 6 million tiles make some 3
   GB of manifest, all of which is read at the start. Long before that, give each event or zone its
   own output folder."""


def store(kept: dict | None) -> str:
    """The table of stores at several distances."""
    if kept is None:
        return UNKNOWN
    counts = sorted({one["workers"] for one in kept["figures"]})
    places: dict[tuple[float, float], dict[int, dict]] = {}
    for one in kept["figures"]:
        places.setdefault((one["latency_ms"], one["bandwidth_mb"]), {})[one["workers"]] = one
    rows = [
        [
            f"{latency:.0f} ms, {bandwidth:,.0f} MB/s",
            *(f"{found[count]['running']:.2f}" if count in found else "–" for count in counts),
            f"{next(iter(found.values()))['requests_per_tile']:.0f}",
            f"{next(iter(found.values()))['bytes_per_tile'] / 1e6:.1f} MB",
        ]
        for (latency, bandwidth), found in places.items()
    ]
    heads = " | ".join(f"{count} workers" if count > 1 else "1 worker, Mpx/s" for count in counts)
    return table(f"store | {heads} | requests per tile | bytes per tile", rows) + _taken(kept)


def _taken(kept: dict) -> str:
    return (
        f"\n\nOn {machine(kept)}: {kept['tiles']} tiles of "
        f"{kept['size']:,} × {kept['size']:,} pixels, start-up excluded."
    )


def _terabytes(size: float) -> str:
    return f"{size / 1e12:,.{0 if size > 1e14 else 1}f} TB"


def page(results: Path = RESULTS) -> str:
    """The page with the present figures."""
    fuse = load("fuse", results)
    assert fuse, "benchmarks/fuse.py --json benchmarks/results/fuse.json comes first"
    blocks = {
        "costs": costs(fuse),
        "measured": measured(fuse),
        "limits": limits(fuse),
        "store": store(load("store", results)),
    }

    return filled(PAGE, blocks)


if __name__ == "__main__":
    PAGE.write_text(page())
