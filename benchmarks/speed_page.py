"""Write the figures of docs/speed.md, and draw its curve.

    python benchmarks/speed_page.py    # from benchmarks/results/*.json

Replaces the text between the marks `made` and `/made` of the page. The picture needs matplotlib.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from made_page import RESULTS, ROOT, UNKNOWN, core, filled, load, machine, table

PAGE = ROOT / "docs" / "speed.md"
PICTURE = ROOT / "docs" / "images" / "cores.svg"

KINDS = {
    "tiled": "`potato fuse --profile tiled`",
    "cog": "`potato fuse` (COG)",
    "gdal": "`gdal_pansharpen.py`, 3 bands",
    "otb": "OTB's `BundleToPerfectSensor`, 3 bands",
}
"""What the commands of benchmarks/whole_process.py are called."""

Kept = Mapping[str, Any] | None


def pairs(kept: Kept) -> str:
    """The table of whole processes, by size of the pair."""
    if kept is None:
        return UNKNOWN
    rows = [
        [
            f"{int(side):,}²",
            KINDS[kind],
            f"{found['seconds_median']:.2f}",
            f"{found['mpx_per_second']:.1f}",
            f"{found['cpu_seconds']:.1f}",
            f"{found['peak_mb']:.0f} MB",
            f"{found.get('seconds_to_gdal', 1):.2f}",
            f"{found.get('cpu_seconds_to_gdal', 1):.2f}",
        ]
        for side, size in kept["sizes"].items()
        for kind, found in size["summary"].items()
        if kind in KINDS
    ]
    head = (
        "pair | command | seconds | Mpx/s | processor seconds | peak memory | "
        "seconds, GDAL's = 1 | processor seconds, GDAL's = 1"
    )
    return f"{table(head, rows)}\n\nOn {machine(kept)}; medians of {kept['rounds']} rounds."


def cores(kept: Kept) -> str:
    """The curve of speed by cores as a picture and a table, and how memory grows."""
    if kept is None:
        return UNKNOWN
    curves = kept["curves"]
    first, *others = curves
    curve = curves[first]
    rows = [
        [
            str(step[0]["cores"]),
            *(f"{one['mpx_per_second']:.1f}" for one in step),
            f"{step[0]['peak_mb']:.0f} MB",
        ]
        for step in zip(*curves.values(), strict=True)
    ]
    heads = " | ".join([f"{KINDS[first]}, Mpx/s", *map(KINDS.get, others), "peak memory of the first"])
    text = f"![Megapixels a second by number of cores](images/{PICTURE.name})\n\n"
    text += table(f"cores | {heads}", rows) + f"\n\nOn {machine(kept)}, {kept['size']:,}² pixels."
    if len(curve) > 1:
        gain = curve[1]["mpx_per_second"] / curve[0]["mpx_per_second"]
        growth = (curve[-1]["peak_mb"] - curve[0]["peak_mb"]) / (curve[-1]["cores"] - curve[0]["cores"])
        base = curve[0]["peak_mb"] - growth * curve[0]["cores"]
        text += (
            f" {curve[1]['cores']} cores are {gain:.2f} times as fast as one.\n"
            f"Peak memory is {base:.0f} MB and {growth:.0f} MB for each core."
        )
    return text


def block(kept: Kept) -> str:
    """The table of one block on one core."""
    if kept is None:
        return UNKNOWN
    rows = [[name, f"{found['mpx_per_second']:.1f}"] for name, found in kept["blocks"].items()]
    side = 4 * kept["cells"]
    return table("one block | Mpx/s", rows) + f"\n\nOn {core(kept)}, {side}² pixels."


def fuse_ard(kept: Kept) -> str:
    """The speed of a whole ARD, and the cost of a tile."""
    if kept is None:
        return UNKNOWN
    speed, tile = kept["speed"], kept["tile"]
    rows = [
        [
            f"{kept['workers']} processes, {kept['workers']} tiles of {kept['size']:,}²",
            f"{speed['mpx_per_second']:.1f} Mpx/s",
        ],
        ["peak memory of a process", f"{speed['peak_mb']:.0f} MB"],
        [f"a whole tile of {kept['small']}², after the first", f"{tile['milliseconds']:.0f} ms"],
        ["the command but for its tiles", f"{tile['start_seconds']:.1f} s"],
    ]
    return table("`fuse-ard` | figure", rows) + f"\n\nOn {machine(kept)}, `--profile {kept['profile']}`."


def workers(kept: Kept) -> str:
    """The table of two workers against one."""
    if kept is None:
        return UNKNOWN
    ways = {None: "processes (`-j`)", "local": "Dask workers (`--cluster local`)"}
    rows = [
        [ways[one["cluster"]], f"{one['one']:.2f} Mpx/s", f"{one['two']:.2f} Mpx/s", f"× {one['gain']:.2f}"]
        for one in kept["figures"]
    ]
    return (
        table("workers | 1 worker, 1 core | 2 workers, 2 cores | gain", rows)
        + f"\n\nOn {machine(kept)}: {kept['tiles']} tiles of {kept['size']:,}² pixels, start-up excluded."
    )


def many(kept: Kept) -> str:
    """The tables of a machine with many cores, and perhaps a GPU, by one or two versions."""
    if kept is None:
        return UNKNOWN
    figures = kept["figures"]
    versions = [version for version in ("before", "after") if version in figures]
    rows = [
        [name, *(_speed(figures[version].get(name)) or "–" for version in versions)]
        for name in figures["after"]
    ]
    measured = [row for row in rows if set(row[1:]) != {"–"}]
    text = table(" | ".join(["figure", *versions]) if len(versions) > 1 else "figure | speed", measured)
    curve = _curve(kept)
    if curve:
        speeds, peaks = (
            [f"{step[name]:.{digits}f}" for step in curve]
            for name, digits in (("mpx_per_second", 1), ("peak_mb", 0))
        )
        head = " | ".join(["cores", *(str(step["cores"]) for step in curve)])
        text += "\n\n" + table(head, [["tiled, Mpx/s", *speeds], ["peak memory, MB", *peaks]])
    gpu = f" and one {kept['gpu']}" if kept["gpu"] else ""
    return f"{text}\n\nOn {machine(kept)}{gpu}."


def _curve(kept: Kept) -> list[dict[str, Any]]:
    """The curve of `tiled` in the figures of benchmarks/many_cores.py; empty without one."""
    found = kept["figures"]["after"].get("cores", {}) if kept else {}
    curve: list[dict[str, Any]] = found.get("curves", {}).get("tiled", [])
    return curve


def _speed(found: Any) -> str | None:
    """The headline of a figure of benchmarks/many_cores.py."""
    if not found:
        return None
    if "speed" in found:
        found = found["speed"]
    speed = found.get("mpx_per_second")
    if isinstance(speed, Mapping):  # scenes, by kind
        speed = speed["the mix"]
    if speed is not None:
        return f"{speed:.1f} Mpx/s"
    steps = found.get("summary", {}).get("step")
    return f"{steps['chips_per_second']:.0f} chips/s" if steps else None


def tiles(kept: Kept) -> str:
    """The table of web tiles, by zoom."""
    if kept is None:
        return UNKNOWN
    zooms = kept["summary"]
    times = [f"{found['milliseconds']:.0f}" for found in zooms.values()]
    slowest = max(found["p95"] for found in zooms.values())
    network = kept["network"]
    return (
        table(f"zoom | {' | '.join(zooms)}", [["ms", *times]])
        + f"\n\nOn {core(kept)}, tiles of {kept['tilesize']}², a pair of {kept['size']:,}², a "
        f"network of {network['width']} × {network['depth']}; at the\nslowest zoom 95 of 100 took at most "
        f"{slowest:.0f} ms."
    )


def serve(kept: Kept) -> str:
    """The table of web tiles of `potato serve`, by zoom."""
    if kept is None:
        return UNKNOWN
    zooms = [name for name in kept["summary"] if name.startswith("zoom") and "," not in name]
    rows = [
        [title, *(f"{kept['summary'][zoom + ending]['milliseconds']:.0f}" for zoom in zooms)]
        for title, ending in (("new, ms", ""), ("in another look, ms", ", another look"))
    ]
    many = kept["summary"]["8 clients, web tiles a second"]
    return (
        table(f"zoom | {' | '.join(zoom.removeprefix('zoom ') for zoom in zooms)}", rows)
        + f"\n\nOn {core(kept)}, {kept['kind']}, a pair of {kept['size']:,}²; eight clients get {many:.0f} "
        "tiles a second."
    )


def training(kept: Kept) -> str:
    """The table of training."""
    if kept is None:
        return UNKNOWN
    names = {
        "step": "the whole step",
        "compute": "computing alone",
        "load": "reading and augmenting alone",
    }
    rows = [[name, f"{kept['summary'][key]['chips_per_second']:.3g}"] for key, name in names.items()]
    network = f"{kept['network']['width']} × {kept['network']['depth']}"
    return (
        table(f"chips of {kept['size']}² | chips/s", rows)
        + f"\n\nOn {machine(kept)}, device {kept['device']}, a network of {network}."
    )


def scenes(kept: Kept) -> str:
    """The table of scenes."""
    if kept is None:
        return UNKNOWN
    rows = [[name, f"{speed:.2f}"] for name, speed in kept["mpx_per_second"].items()]
    return (
        table("scenes | Mpx/s", rows)
        + f"\n\nOn {core(kept)}; each ground, {kept['size']}², is seen {kept['passes']} times."
    )


BLOCKS = {
    "pairs": (pairs, "fuse"),
    "cores": (cores, "cores"),
    "block": (block, "block"),
    "fuse_ard": (fuse_ard, "fuse_ard"),
    "workers": (workers, "workers"),
    "many": (many, "many_cores"),
    "tiles": (tiles, "tiles"),
    "serve": (serve, "serve"),
    "training": (training, "train"),
    "scenes": (scenes, "scenes"),
}
"""What writes each block of the page, and the file of figures that it reads."""


def page(results: Path = RESULTS) -> str:
    """The page with the present figures."""
    return filled(PAGE, {name: write(load(file, results)) for name, (write, file) in BLOCKS.items()})


def draw(kept: Mapping[str, Any], many_kept: Kept = None, picture: Path = PICTURE) -> None:
    """Draw the curves of speed by cores as SVG, with that of a machine with many cores."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "potato"  # the same figures give the same file
    figure = Figure(figsize=(6, 4.4), layout="constrained")
    axes = figure.subplots()
    names = {kind: name.replace("`", "") for kind, name in KINDS.items()}
    curves = {names[kind]: curve for kind, curve in kept["curves"].items()}
    if many_kept is not None:
        curves[f"{names['tiled']}, {many_kept['machine']['processor']}"] = _curve(many_kept)
    for label, curve in curves.items():
        places, speeds = zip(*((step["cores"], step["mpx_per_second"]) for step in curve), strict=True)
        axes.plot(places, speeds, marker="o", label=label)
    steps: Sequence[int] = sorted({step["cores"] for curve in curves.values() for step in curve})
    axes.set_xscale("log", base=2)
    axes.set_xticks(steps, [str(step) for step in steps])
    axes.minorticks_off()
    axes.set(xlabel="cores", ylabel="Mpx/s", ylim=(0, None))
    figure.legend(frameon=False, loc="outside upper left")
    axes.grid(alpha=0.3)
    figure.savefig(picture, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    PAGE.write_text(page())
    curves = load("cores")
    if curves:
        draw(curves, load("many_cores"))
