"""The command line of a benchmark, and its figures as JSON with the machine and the versions."""

import argparse
import datetime
import json
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "numpy", "rasterio", "onnxruntime")
"""Packages on which speed depends."""


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the docstring of the script, unwrapped."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def keep(path: str, **figures: Any) -> None:
    """Write figures as JSON, with the date, the machine and the versions."""
    facts = {
        "date": datetime.date.today().isoformat(),
        "machine": {"processor": _processor(), "cores": len(os.sched_getaffinity(0))},
        "versions": {
            "python": platform.python_version(),
            **{name: version for name in PACKAGES if (version := _version(name))},
        },
        **figures,
    }
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(facts, indent=2) + "\n")


def _version(package: str) -> str | None:
    """The version of a package; None if it isn't installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """The processor's name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "?")
