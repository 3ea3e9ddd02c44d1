"""Requests to a server of `potato serve`, without a proxy."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(address: str, path: str, method: str = "GET", data: Any = None, **headers: str) -> Answer:
    """Ask for a path of an address; headers have underscores for dashes."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    body = None
    if data is not None:
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        given.setdefault("Content-Type", "application/json")
    request = urllib.request.Request(address + path, body, given, method=method)
    try:
        with OPENER.open(request, timeout=60) as answer:
            return Answer(answer.status, _lower(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _lower(error.headers), error.read())


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
