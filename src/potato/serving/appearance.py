"""The parameters of requests for web tiles, checked."""

from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat
from starlette.exceptions import HTTPException

from potato.core.render import LOOKS
from potato.serving.catalogue import Wanted
from potato.serving.looks import Rendering
from potato.serving.painter import VIEWS, Painter, Subject


def one_of(names: Iterable[str]) -> AfterValidator:
    """Accepts these names alone."""
    known = tuple(names)

    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"expected {', '.join(known)}, found {name[:80]}")
        return name

    return AfterValidator(check)


Name = Annotated[str, Field(min_length=1, max_length=200)]
"""A name that `/source.json` or `/jobs` gives."""

Day = Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
ViewName = Annotated[str, one_of(VIEWS)]
LookName = Annotated[str, one_of(LOOKS)]
Stops = Annotated[FiniteFloat, Field(ge=-4, le=4)]
Contrast = Annotated[FiniteFloat, Field(ge=0.25, le=4)]


class PassFilters(BaseModel):
    """What may be shown: a pass, or the best of those that pass some filters.

    No parameter is a path or an address, and others are refused.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    collect: Annotated[Name | None, Field(alias="pass")] = None
    first: Annotated[Day | None, Field(alias="from")] = None
    last: Annotated[Day | None, Field(alias="to")] = None
    clouds: Annotated[FiniteFloat, Field(ge=0, le=100)] = 100.0
    sensor: Name | None = None

    @property
    def wanted(self) -> Wanted:
        """As a catalogue takes it."""
        return Wanted(self.collect, self.first, self.last, self.clouds, self.sensor)


class Appearance(PassFilters):
    """What a web tile shows, and how."""

    view: ViewName = "sharp"
    look: LookName = "natural"
    exposure: Stops = 0.0
    contrast: Contrast = 1.0
    weights: Name | None = None
    picture: Name | None = None

    def query(self, **changes: str) -> str:
        """The parameters that aren't at their defaults, with a question mark before them."""
        given = {**self.model_dump(by_alias=True, exclude_defaults=True), **changes}
        return f"?{urlencode(given)}" if given else ""

    def subject(self, painter: Painter) -> Subject:
        """What is asked for; HTTPException if there is no such pass, picture or weights."""
        check_names(painter, self.collect, self.weights)
        if self.view == "picture" and self.collect is not None:
            views = painter.catalogue.collects[self.collect].views
            if self.view not in views:
                raise HTTPException(400, f"view: expected {', '.join(views)} for this pass, found picture")
        if self.picture is not None and painter.picture(self.picture) is None:
            raise HTTPException(404, "expected a job of /jobs that is done, found another")
        return Subject(self.view, self.weights, self.wanted, self.picture)

    @property
    def rendering(self) -> Rendering:
        """Look, exposure and contrast."""
        return Rendering(self.look, self.exposure, self.contrast)


class PointQuery(PassFilters):
    """A place that is asked for, in degrees (EPSG:4326)."""

    lon: Annotated[FiniteFloat, Field(ge=-180, le=180)]
    lat: Annotated[FiniteFloat, Field(ge=-90, le=90)]


def check_names(painter: Painter, collect: str | None, weights: str | None) -> None:
    """Refuse names that `/source.json` doesn't have, by an HTTPException."""
    if collect is not None and collect not in painter.catalogue.collects:
        raise HTTPException(404, "expected a pass of /source.json, found another")
    if weights is not None and weights not in painter.weights:
        raise HTTPException(404, "expected weights of /source.json, found others")
