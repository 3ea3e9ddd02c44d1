"""Web tiles, and how other programs find them: TileJSON, WMTS, thumbnails."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from starlette.exceptions import HTTPException

from potato.engine.threads import available_cores
from potato.raster.web_mosaic import WEB_TILE
from potato.serving import descriptions
from potato.serving.appearance import Appearance
from potato.serving.looks import MEDIA_TYPES, Rendering, encode, show
from potato.serving.mercator import MOST_ZOOM, grid_around
from potato.serving.painter import MOST_ENTRIES, VIEWS, Painter, Scene
from potato.serving.wmts import MapLayer, capabilities

THUMBNAIL_SIDE = 256
"""Pixels along the longer side of a thumbnail."""

GONE = 499
"""The status of an answer that nobody waits for any more; nginx has it, too."""

OGC = ("service", "request", "version")
"""Parameters by which programs ask for WMTS capabilities, in any case."""


def add_web_tiles(application: FastAPI, painter: Painter) -> None:
    """Add `/tiles/…` and `/thumbnails/…` to an application."""
    turns = asyncio.Semaphore(available_cores())
    thumbnails: dict[str, bytes] = {}

    @application.get("/tiles/{zoom}/{column}/{row}.{kind}")
    async def web_tile(
        request: Request,
        zoom: int,
        column: int,
        row: int,
        kind: Literal["png", "webp", "jpg"],
        appearance: Annotated[Appearance, Query()],
    ) -> Response:
        if not (0 <= zoom <= MOST_ZOOM and 0 <= column < 1 << zoom and 0 <= row < 1 << zoom):
            raise HTTPException(404, f"expected a zoom to {MOST_ZOOM}, and a column and row of it")
        scene, rendering = appearance.scene(painter), appearance.rendering

        def draw() -> bytes:
            codes = painter.web_tile(zoom, column, row, scene)
            return encode(show(codes, rendering, scene.view, row * WEB_TILE, column * WEB_TILE), kind)

        async with turns:
            # People pan on before all is drawn; nobody waits for those web tiles any more.
            if await request.is_disconnected():
                return Response(status_code=GONE)
            body = await asyncio.to_thread(draw)
        return Response(body, media_type=MEDIA_TYPES[kind])

    @application.get("/thumbnails/{name}.webp")
    def thumbnail(name: str) -> Response:
        if name not in painter.catalogue.collects:
            raise HTTPException(404, "expected a pass of /source.json, found another")
        if name not in thumbnails:
            thumbnails[name] = _thumbnail(painter, name)
        return Response(thumbnails[name], media_type=MEDIA_TYPES["webp"])


def _thumbnail(painter: Painter, name: str) -> bytes:
    """A pass as a small picture; of very many tiles, some that are evenly spread."""
    entries = painter.catalogue.of(name)
    extents = [entry.extent for entry in entries if entry.extent is not None]
    if not extents:
        return encode(
            show(painter.draw((), grid_around((0, 0, 1, 1), 1), Scene()), Rendering(), "sharp"), "webp"
        )
    west, south, east, north = zip(*extents, strict=True)
    grid = grid_around((min(west), min(south), max(east), max(north)), THUMBNAIL_SIDE)
    codes = painter.draw(entries[:: -(-len(entries) // MOST_ENTRIES)], grid, Scene())
    return encode(show(codes, Rendering(), "sharp"), "webp")


def add_layers(application: FastAPI, painter: Painter) -> None:
    """Add `/tilejson.json`, `/wmts` and `/stac` to an application."""

    @application.get("/tilejson.json")
    def tilejson(request: Request, appearance: Annotated[Appearance, Query()]) -> dict[str, Any]:
        appearance.scene(painter)
        template = f"{address_of(request)}tiles/{{z}}/{{x}}/{{y}}.png{appearance.query()}"
        return descriptions.tilejson(
            painter, template, f"{painter.catalogue.title}: {VIEWS[appearance.view]}"
        )

    @application.get("/wmts")
    def wmts(request: Request) -> Response:
        given = {key: value for key, value in request.query_params.items() if key.lower() not in OGC}
        appearance = Appearance.model_validate(given)
        appearance.scene(painter)
        address = address_of(request)
        layers = [
            MapLayer(
                name,
                VIEWS[name],
                f"{address}tiles/{{TileMatrix}}/{{TileCol}}/{{TileRow}}.png{appearance.query(view=name)}",
            )
            for name in descriptions.views_of(painter.catalogue)
        ]
        facts = descriptions.tilejson(painter, "", painter.catalogue.title)
        last = min(MOST_ZOOM, facts["maxzoom"] + 2)
        body = capabilities(
            facts["name"], f"{address}wmts{appearance.query()}", layers, facts["bounds"], last
        )
        return Response(body, media_type="application/xml")

    @application.get("/stac")
    def stac(request: Request) -> dict[str, Any]:
        return descriptions.stac_items(painter, address_of(request))


def address_of(request: Request) -> str:
    """The address of the server as the client has it; its host was checked."""
    return f"http://{request.headers['host']}/"
