"""The answers to requests: the page, what there is, web tiles."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from potato.core.installation import VERSION
from potato.engine.threads import available_cores
from potato.serving import descriptions
from potato.serving.looks import MEDIA_TYPES, Rendering, encode, show
from potato.serving.mercator import MOST_ZOOM, SIDE
from potato.serving.painter import Painter, Scene

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""The page loads nothing from elsewhere."""


class Appearance(BaseModel):
    """The parameters of a web tile. None is a path or an address, and none has another name."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    collect: Annotated[str | None, Field(alias="pass", max_length=200)] = None
    view: Literal["sharp", "plain", "pan", "composite", "picture"] = "sharp"
    look: Literal["natural", "clear", "vivid", "flat"] = "natural"
    exposure: Annotated[FiniteFloat, Field(ge=-4, le=4)] = 0.0
    contrast: Annotated[FiniteFloat, Field(ge=0.25, le=4)] = 1.0
    weights: Annotated[str | None, Field(max_length=200)] = None


def make_application(painter: Painter, hosts: Callable[[], frozenset[str]]) -> FastAPI:
    """The application that answers requests.

    Args:
        painter: draws web tiles.
        hosts: gives the values of the header `Host` that are answered: others come from pages that
            have another name lead to this machine (DNS rebinding).
    """
    application = FastAPI(
        title="potato serve", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None
    )
    _add_checks(application, hosts)
    _add_facts(application, painter)
    _add_web_tiles(application, painter)
    static = resources.files("potato") / "serving" / "static"
    application.mount("/static", StaticFiles(directory=Path(str(static)), check_dir=False), name="static")

    @application.get("/")
    def page() -> Response:
        return Response((static / "index.html").read_bytes(), media_type="text/html; charset=utf-8")

    return application


def _add_checks(application: FastAPI, hosts: Callable[[], frozenset[str]]) -> None:
    @application.middleware("http")
    async def check(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        host = request.headers.get("host", "").lower()
        if host not in hosts():
            return _refusal(403, "expected the address that potato serve printed, found another host")
        response = await answer(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", "no-cache")
        return response

    @application.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"][1:])) or "request"
        return _refusal(400, f"{name[:80]}: {first['msg']}")

    @application.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return _refusal(error.status_code, str(error.detail))


def _refusal(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status)


def _add_facts(application: FastAPI, painter: Painter) -> None:
    @application.get("/source.json")
    def source() -> dict[str, Any]:
        return descriptions.describe_source(painter)

    @application.get("/footprints.geojson")
    def footprints() -> Response:
        return JSONResponse(descriptions.footprints(painter), media_type="application/geo+json")


def _add_web_tiles(application: FastAPI, painter: Painter) -> None:
    turns = asyncio.Semaphore(available_cores())

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
        scene, rendering = _asked(painter, appearance)

        def draw() -> bytes:
            codes = painter.web_tile(zoom, column, row, scene)
            return encode(show(codes, rendering, scene.view, row * SIDE, column * SIDE), kind)

        async with turns:
            # People pan on before all is drawn; nobody waits for those web tiles any more.
            if await request.is_disconnected():
                return Response(status_code=499)
            body = await asyncio.to_thread(draw)
        return Response(body, media_type=MEDIA_TYPES[kind])


def _asked(painter: Painter, appearance: Appearance) -> tuple[Scene, Rendering]:
    """What is asked for, if there are such a pass and such weights."""
    if appearance.collect is not None and appearance.collect not in painter.catalogue.collects:
        raise HTTPException(404, "expected a pass of /source.json, found another")
    if appearance.weights is not None and appearance.weights not in painter.weights:
        raise HTTPException(404, "expected weights of /source.json, found others")
    scene = Scene(appearance.view, appearance.weights, appearance.collect)
    return scene, Rendering(appearance.look, appearance.exposure, appearance.contrast)
