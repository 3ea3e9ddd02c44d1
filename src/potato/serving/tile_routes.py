"""Web tiles, and how other programs find them: TileJSON, WMTS, thumbnails."""

import asyncio
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request, Response
from starlette.exceptions import HTTPException

from potato.engine.threads import available_cores
from potato.raster.web_mosaic import WEB_TILE
from potato.serving import descriptions
from potato.serving.appearance import Appearance, one_of
from potato.serving.looks import MEDIA_TYPES, Rendering, encode, show
from potato.serving.mercator import MOST_ZOOM, box_around, grid_around, within_world
from potato.serving.painter import MOST_ENTRIES, VIEWS, Painter, Subject
from potato.serving.wmts import PARAMETERS, MapLayer, TileRequest, capabilities

THUMBNAIL_SIDE = 256
"""Pixels along the longer side of a thumbnail."""

GONE = 499
"""The status of an answer that nobody waits for any more; nginx has it, too."""


class Drawer:
    """Answers requests for web tiles, of which as many are drawn at once as there are cores.

    Args:
        painter: draws them.
    """

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self._turns = asyncio.Semaphore(available_cores())

    async def answer(
        self, request: Request, place: tuple[int, int, int], kind: str, appearance: Appearance
    ) -> Response:
        """The answer to a request for a web tile: zoom, column, row; a kind of `MEDIA_TYPES`."""
        zoom, column, row = place
        if not (0 <= zoom <= MOST_ZOOM and 0 <= column < 1 << zoom and 0 <= row < 1 << zoom):
            raise HTTPException(404, f"expected a zoom to {MOST_ZOOM}, and a column and row of it")
        subject, rendering = appearance.subject(self._painter), appearance.rendering

        def draw() -> bytes:
            codes = self._painter.web_tile(zoom, column, row, subject)
            return encode(show(codes, rendering, subject.view, row * WEB_TILE, column * WEB_TILE), kind)

        async with self._turns:
            # People pan on before all is drawn; nobody waits for those web tiles any more.
            if await request.is_disconnected():
                return Response(status_code=GONE)
            body = await asyncio.to_thread(draw)
        return Response(body, media_type=MEDIA_TYPES[kind])


def add_layers(application: FastAPI, painter: Painter) -> None:
    """Add `/tiles/…`, `/thumbnails/…`, `/tilejson.json`, `/wmts` and `/stac` to an application."""
    drawer = Drawer(painter)
    _add_web_tiles(application, drawer)
    _add_thumbnails(application, painter)
    _add_wmts(application, painter, drawer)

    @application.get("/tilejson.json")
    def tilejson(request: Request, appearance: Annotated[Appearance, Query()]) -> dict[str, Any]:
        appearance.subject(painter)
        template = f"{address_of(request)}tiles/{{z}}/{{x}}/{{y}}.png{appearance.query()}"
        return descriptions.tilejson(
            painter, template, f"{painter.catalogue.title}: {VIEWS[appearance.view]}"
        )

    @application.get("/stac")
    def stac(request: Request) -> dict[str, Any]:
        return descriptions.stac_items(painter, address_of(request))


def _add_web_tiles(application: FastAPI, drawer: Drawer) -> None:
    @application.get("/tiles/{zoom}/{column}/{row}.{kind}")
    async def web_tile(
        request: Request,
        zoom: int,
        column: int,
        row: int,
        kind: Annotated[str, one_of(MEDIA_TYPES)],
        appearance: Annotated[Appearance, Query()],
    ) -> Response:
        return await drawer.answer(request, (zoom, column, row), kind, appearance)


def _add_thumbnails(application: FastAPI, painter: Painter) -> None:
    thumbnails: dict[str, bytes] = {}

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
    boxes = [entry.extent for entry in entries if entry.extent is not None]
    shown = entries[:: -(-len(entries) // MOST_ENTRIES)] if entries else []
    grid = grid_around(box_around(boxes) if boxes else (0, 0, 1, 1), THUMBNAIL_SIDE if boxes else 1)
    parts = [show(painter.draw(shown, part, Subject()), Rendering(), "sharp") for part in within_world(grid)]
    return encode(np.concatenate(parts, 2), "webp")


def _add_wmts(application: FastAPI, painter: Painter, drawer: Drawer) -> None:
    @application.get("/wmts")
    @application.get("/wmts/1.0.0/WMTSCapabilities.xml")
    async def wmts(request: Request) -> Response:
        told, given = dict[str, str](), dict[str, str]()
        for key, value in request.query_params.items():
            if key.lower() in PARAMETERS:
                told[key.lower()] = value
            else:
                given[key] = value
        appearance = Appearance.model_validate(given)
        if told.get("request", "GetCapabilities").lower() == "gettile":
            tile = TileRequest.model_validate(told)
            appearance = appearance.model_copy(update={"view": tile.layer})
            return await drawer.answer(request, (tile.zoom, tile.column, tile.row), "png", appearance)
        appearance.subject(painter)
        return Response(_capabilities(painter, appearance, address_of(request)), media_type="application/xml")


def _capabilities(painter: Painter, appearance: Appearance, address: str) -> bytes:
    layers = [
        MapLayer(
            name,
            VIEWS[name],
            f"{address}tiles/{{TileMatrix}}/{{TileCol}}/{{TileRow}}.png{appearance.query(view=name)}",
        )
        for name in descriptions.views_of(painter.catalogue)
    ]
    facts = descriptions.tilejson(painter, "", painter.catalogue.title)
    query = appearance.query()
    service = f"{address}wmts{query}&" if query else f"{address}wmts?"
    return capabilities(facts["name"], service, layers, facts["bounds"], min(MOST_ZOOM, facts["maxzoom"] + 2))


def address_of(request: Request) -> str:
    """The address of the server as the client has it; its host was checked."""
    return f"http://{request.headers['host']}/"
