"""Plots of an evaluation by matplotlib, the extra `plots`."""

import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from potato.core.statistics import Histogram, bin_edges
from potato.core.types import PathLike
from potato.evaluation.result import Evaluation, Section
from potato.model.weights import PREDICTOR
from potato.raster.atomic import make_folder, write_whole
from potato.raster.output_files import check_folder, check_output
from potato.viewing.graticule import PLAIN, check_matplotlib

_LIMIT = 5.0
"""JND at the bright end of a map's scale, where larger distances end too."""

_BIN = 0.05
"""Width of a histogram's step, JND."""

_MODEL, _BASE = "#c2410c", "#1f5673"
"""Colours of the model and of the predictor."""

_OTHERS = ("#9aa7b1", "#b79f5a", "#7f9c6b", "#a3789e", "#6fa5ad", "#8a7f78")
"""Colours of the other baselines, in their order."""

_ARROWS = 20
"""Length of an arrow by the displacement that it shows."""


def plan_plots(
    folder: PathLike, mode: str, overwrite: bool, inputs: Iterable[object] = ()
) -> dict[str, Path]:
    """The plots of a mode and their files, checked before any work.

    Args:
        folder: the folder for the files; made if it isn't there.
        mode: of the evaluation.
        overwrite: whether files may be replaced.
        inputs: files that must not be.

    Returns:
        A file by the name of each plot.

    Raises:
        InputError: if matplotlib isn't installed.
        OutputError, OutputExists: if they can't be written there.
    """
    check_matplotlib("plots")
    names = {
        "pair": ("map", "histogram", "bars"),
        "pictures": ("map", "histogram"),
        "chips": ("histogram", "bars"),
        "reflectances": ("histogram", "bars"),
        "registration": ("registration",),
    }[mode]
    path = check_folder(folder)
    make_folder(path)
    return {name: check_output(path / f"{name}.png", overwrite, inputs) for name in names}


def draw_plots(evaluation: Evaluation, files: dict[str, Path]) -> None:
    """Draw the planned plots.

    Args:
        evaluation: the result to draw.
        files: from `plan_plots`; each is written whole or not at all.

    Raises:
        OutputError: if one can't be written.
    """
    draw = {"map": _map, "histogram": _histogram, "bars": _bars, "registration": _registration}
    for name, path in files.items():
        with PLAIN.held():
            data = draw[name](evaluation)
        write_whole(path, data)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    """A figure and its only axes."""
    figure = _empty_figure(width, height)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _empty_figure(width: float, height: float) -> Any:
    """A figure without pyplot, which would look for a screen."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _png(figure: Any) -> bytes:
    memory = io.BytesIO()
    # No software version and no time, so that equal figures give equal bytes.
    figure.savefig(memory, format="png", dpi=120, metadata={"Software": None})
    return memory.getvalue()


def _map(evaluation: Evaluation) -> bytes:
    """A map of ΔE with a scale in JND; grey where nothing was evaluated."""
    distance = evaluation.charts.map
    assert distance is not None
    height, width = distance.shape
    figure, axes = _figure(8, min(20.0, max(2.5, 7 * height / width + 0.6)))
    axes.spines[:].set_visible(False)
    axes.set_facecolor("#b8b8b8")
    image = axes.imshow(distance.numpy(), cmap="inferno", vmin=0, vmax=_LIMIT, interpolation="nearest")
    axes.set(xticks=[], yticks=[], title=f"ΔE of {evaluation.charts.map_title}")
    figure.colorbar(image, ax=axes, extend="max", label="JND", shrink=0.8)
    return _png(figure)


def _histogram(evaluation: Evaluation) -> bytes:
    """The distribution of ΔE, a line for each method."""
    histograms = evaluation.charts.histograms
    figure, axes = _figure(8, 4.5)
    widest = max((one.percentile(99) for one in histograms.values() if one.count), default=1.0)
    count = max(8, math.ceil(widest / _BIN))
    steps = torch.linspace(0, max(widest, 0.01), count + 1)
    for name, histogram in histograms.items():
        if histogram.count:
            shares, style = _shares(histogram, steps), _style(name, evaluation)
            axes.stairs((100 * shares).tolist(), steps.tolist(), label=name, **style)
    axes.set(
        xlabel="ΔE, JND",
        ylabel=f"% per {float(steps[1]):.2g} JND",
        title=_short(evaluation.charts.title),
    )
    axes.set_xlim(0, float(steps[-1]))
    axes.set_ylim(0)
    axes.legend(frameon=False)
    return _png(figure)


def _shares(histogram: Histogram, steps: torch.Tensor) -> torch.Tensor:
    """The share of the numbers between each two of `steps`; bins are taken as even."""
    corners = torch.from_numpy(bin_edges()).double()
    below = torch.from_numpy(np.append(0.0, histogram.bins.cumsum()))
    place = torch.searchsorted(corners, steps.double()).clamp(1, len(corners) - 1)
    left, right = corners[place - 1], corners[place]
    inside = ((steps.double() - left) / (right - left)).clamp(0, 1)
    counts = below[place - 1] + inside * (below[place] - below[place - 1])
    counts[0] = 0
    return counts.diff() / histogram.count


def _bars(evaluation: Evaluation) -> bytes:
    """The main figure of every method in every table that has one, as labelled bars."""
    charts = [chart for section in evaluation.sections if (chart := _bar_column(section))]
    rows = sum(len(section.rows) for section, _ in charts)
    figure = _empty_figure(8, 0.9 + 0.27 * rows + 0.45 * len(charts))
    heights = [len(section.rows) + 1 for section, _ in charts]
    for axes, (section, column) in zip(
        figure.subplots(len(charts), 1, height_ratios=heights, squeeze=False)[:, 0], charts, strict=True
    ):
        names = list(section.rows)
        values = [section.rows[name].get(column, math.nan) for name in names]
        colours = [_style(name, evaluation)["color"] for name in names]
        bars = axes.barh(names, values, color=colours)
        axes.bar_label(bars, fmt="%.3f", padding=3, fontsize=8)
        axes.invert_yaxis()
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.set_xticks([])
        axes.set_title(f"{section.key}: {column}", loc="left", fontsize=10)
        axes.tick_params(left=False, labelsize=8)
    return _png(figure)


def _bar_column(section: Section) -> tuple[Section, str] | None:
    for column in ("mean", "fringe p99", "textured mean"):
        if column in section.columns:
            return section, column
    return None


def _registration(evaluation: Evaluation) -> bytes:
    """The displacement of each band array from pan: an arrow for every window."""
    figure, axes = _figure(8, 8)
    windows: Sequence[dict[str, Any]] = evaluation.details["windows"]
    names = evaluation.details["arrays"]
    for array, colour in zip(names, (_BASE, _MODEL, *_OTHERS), strict=False):
        seen = [one for one in windows if math.isfinite(one[array]["down"])]
        columns = [[one["column"] for one in seen], [one["row"] for one in seen]]
        arrows = [[one[array][way] for one in seen] for way in ("right", "down")]
        axes.quiver(
            *columns,
            *arrows,
            color=colour,
            angles="xy",
            scale_units="xy",
            scale=1 / _ARROWS,
            width=0.002,
            label=names[array],
        )
    axes.set(
        xlabel="mul pixels",
        ylabel="mul pixels",
        title=f"band arrays against pan; arrows {_ARROWS} times as long",
        aspect="equal",
    )
    axes.invert_yaxis()
    axes.legend(frameon=False, loc="upper right")
    return _png(figure)


def _style(name: str, evaluation: Evaluation) -> dict[str, Any]:
    """Colour and width of a line: the model and the predictor stand out."""
    if name == PREDICTOR:
        return {"color": _BASE, "linewidth": 1.8}
    others: list[str] = evaluation.provenance.get("baselines", [])
    if name not in others:
        return {"color": _MODEL, "linewidth": 1.8}
    return {"color": _OTHERS[others.index(name) % len(_OTHERS)], "linewidth": 1.0}


def _short(text: str) -> str:
    return text if len(text) <= 90 else f"{text[:89]}…"
