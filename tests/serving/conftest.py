"""An ARD that has what servers meet: two passes, clouds, something broken. And a browser."""

from pathlib import Path

import pytest

import ards
from pages import chromium

pytest.importorskip("fastapi", reason="needs potato-pansharp[serve]")


@pytest.fixture(scope="session")
def event(tmp_path_factory) -> Path:
    """Two passes of two tiles, the second of which is cloudy; a tile without mul, one with a broken
    pan, and JSON that is none.
    """
    root = tmp_path_factory.mktemp("event") / "ard"
    ards.write_ard(root, 2, 1, side=68)
    later = {"tile:clouds_percent": 60, "datetime": "2024-12-15T18:53:50Z"}
    ards.write_tile(root, 0, 0, cid=ards.OTHER, side=68, changes=later)
    damaged = ards.write_tile(root, 1, 0, cid=ards.OTHER, side=68)
    damaged.with_name(f"{ards.OTHER}-pan.tif").write_bytes(b"no image")
    lonely = ards.write_tile(root, 0, 3, side=68)
    lonely.with_name(f"{ards.CID}-ms.tif").unlink()
    torn = root / "11" / "031311102001" / "2024-12-14" / "103001010A705C00.json"
    torn.parent.mkdir(parents=True)
    torn.write_text("{")
    return root


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("browser"), "window-size=1280,860") as found:
        found.execute_cdp_cmd("Page.enable", {})
        yield found
