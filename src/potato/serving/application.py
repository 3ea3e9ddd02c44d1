"""The answers to requests: what is refused, the page, and what there is.

A web page from elsewhere may ask a server on this machine, too, under a name of its own that it
leads here (DNS rebinding). So only requests to the server's own address are answered, and only its
own page may change anything.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from potato.core.installation import VERSION
from potato.core.text import one_line, redact
from potato.errors import PotatoError
from potato.serving import descriptions
from potato.serving.appearance import PointQuery, check_names
from potato.serving.job_list import JobList
from potato.serving.job_routes import add_jobs
from potato.serving.painter import Painter
from potato.serving.probing import probe
from potato.serving.tile_routes import add_layers

LARGEST_BODY = 1 << 20
"""Bytes that the body of a request may have."""

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors "
)
"""The page loads nothing from elsewhere. Who may show it in a frame follows."""

NOTEBOOKS = "'self' http://localhost:* http://127.0.0.1:*"
"""Servers of notebooks on this machine, which show the page in a frame."""


@dataclass(frozen=True)
class Rules:
    """Who may ask for what.

    Attributes:
        hosts: values of the header `Host` that are answered.
        cors: whether pages from elsewhere may read what this server gives.
        framed: whether notebooks of this machine may show the page in a frame.
        follow_links: whether links may lead out of an ARD.
    """

    hosts: frozenset[str]
    cors: bool = False
    framed: bool = False
    follow_links: bool = False


def make_application(painter: Painter, jobs: JobList | None, rules: Rules) -> FastAPI:
    """The application that answers requests.

    Args:
        painter: draws web tiles.
        jobs: the jobs; None to refuse any.
        rules: who may ask for what.
    """
    application = FastAPI(
        title="potato serve", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None
    )
    if rules.cors:
        application.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["GET"])
    # The one added last is asked first.
    application.add_middleware(Guard, rules=rules)
    _add_errors(application)
    _add_facts(application, painter, None if jobs is None else jobs.folder.name)
    add_layers(application, painter)
    add_jobs(application, painter, jobs, rules.follow_links)
    _add_page(application)
    return application


class Guard:
    """Refuses requests before anything reads them, and adds headers to every answer."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._hosts = app, rules.hosts
        self._headers = {
            "Content-Security-Policy": POLICY + (NOTEBOOKS if rules.framed else "'self'"),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = _refused(Request(scope), self._hosts) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send_more)


def _refused(request: Request, hosts: frozenset[str]) -> Response | None:
    """The answer to a request that is refused whatever it asks for; None if it may pass."""
    headers = request.headers
    if headers.get("host", "").lower() not in hosts:
        return _refusal(403, "expected the address that potato serve printed, found another host")
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return None
    origin = headers.get("origin")
    if origin is not None and origin.lower().removeprefix("http://") not in hosts:
        return _refusal(403, "expected a request of the server's own page, found one of another")
    if request.method == "POST" and headers.get("content-type", "").split(";")[0] != "application/json":
        return _refusal(415, "expected the Content-Type application/json, found another")
    length = headers.get("content-length", "0" if request.method == "DELETE" else "")
    if not length.isdecimal():
        return _refusal(411, "expected the Content-Length of the body, found none")
    if int(length) > LARGEST_BODY:
        return _refusal(413, f"expected a body of at most {LARGEST_BODY:,} bytes, found {int(length):,}")
    return None


def _add_errors(application: FastAPI) -> None:
    @application.exception_handler(RequestValidationError)
    @application.exception_handler(ValidationError)
    async def invalid(request: Request, error: RequestValidationError | ValidationError) -> Response:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"] if part not in ("query", "path", "body")]
        reason = first["msg"].removeprefix("Value error, ")[:200]
        return _refusal(400, f"{'.'.join(place)[:80] or 'request'}: {reason}")

    @application.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return _refusal(error.status_code, str(error.detail))

    @application.exception_handler(PotatoError)
    async def impossible(request: Request, error: PotatoError) -> Response:
        return _refusal(400, redact(str(error)))

    @application.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return _refusal(500, f"{type(error).__name__}: {redact(one_line(error))[:200]}")


def _refusal(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status)


def _add_facts(application: FastAPI, painter: Painter, output: str | None) -> None:
    @application.get("/source.json")
    def source() -> dict[str, Any]:
        return descriptions.describe_source(painter, output)

    @application.get("/footprints.geojson")
    def footprints() -> Response:
        return JSONResponse(descriptions.footprints(painter), media_type="application/geo+json")

    @application.get("/point")
    def point(place: Annotated[PointQuery, Query()]) -> dict[str, Any]:
        check_names(painter, place.collect, None)
        found = probe(painter, place.lon, place.lat, place.wanted)
        if found is None:
            raise HTTPException(404, "expected a place with valid pixels of pan and mul, found none there")
        return found


def _add_page(application: FastAPI) -> None:
    # The page's own files, and those that all pages of the package share.
    files = StaticFiles(packages=[("potato", "serving/static"), ("potato", "assets/pages")])
    application.mount("/static", files, name="static")
    index = resources.files("potato") / "serving" / "static" / "index.html"

    @application.get("/")
    def page() -> Response:
        return Response(index.read_bytes(), media_type="text/html; charset=utf-8")
