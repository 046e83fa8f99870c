"""The admin API of one node, as the deployer calls it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import httpx
import msgspec

from scoreline.errors import Unavailable
from scoreline.wire import admin, dataiku
from scoreline.wire.problems import Problem, raise_problem

T = TypeVar("T")
_CHUNK = 1 << 20
_QUICK = httpx.Timeout(10.0, connect=3.0)
_LONG = httpx.Timeout(600.0, connect=3.0)
"""For loading a generation: a package may be gigabytes."""


class NodeApi:
    """Calls to one node. One that cannot be reached raises Unavailable; a refusal raises its own family."""

    def __init__(self, node: str, url: str, admin_key: str) -> None:
        self.id = node
        self._url = url
        # The environment's proxies are for the outside world, and this is no part of it.
        self._http = httpx.Client(base_url=url, auth=(admin_key, ""), timeout=_QUICK, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def readiness(self) -> admin.Readiness:
        """How the node does, and which generation of each service answers."""
        response = self._send("GET", "/isReady/")
        if response.status_code not in (200, 503):
            self._refused(response)
        return self._decode(response, admin.Readiness)

    def generations(self, service: str) -> tuple[admin.GenerationEntry, ...]:
        """The generations of a service on the node's disk; none when it does not know the service."""
        known = self._decode(self._admin("GET", "/services"), tuple[admin.ServiceEntry, ...])
        if service not in {entry.service_id for entry in known}:
            return ()
        answer = self._admin("GET", f"/services/{service}/generations")
        return self._decode(answer, admin.GenerationList).generations

    def install(self, service: str, version: str, archive: Path) -> admin.Installed:
        """Upload a package; it answers after a switch."""
        self._admin("POST", "/services/", content=_encode(admin.CreateService(service_id=service)))
        path = f"/services/{service}/generations/{version}"
        length = {"Content-Length": str(archive.stat().st_size)}
        answer = self._admin("PUT", path, content=_chunks(archive), headers=length, timeout=_LONG)
        return self._decode(answer, admin.Installed)

    def preload(self, service: str, version: str) -> None:
        """Load a generation in every worker, so that it can be forced and switched to at once."""
        self._admin("POST", f"/services/{service}/generations/{version}/preload", timeout=_LONG)

    def switch(self, service: str, version: str) -> None:
        """Let a generation answer; returns when every worker does."""
        self._admin("POST", f"/services/{service}/actions/switchTo/{version}", timeout=_LONG)

    def disable(self, service: str) -> None:
        """Let nothing answer for a service."""
        self._admin("POST", f"/services/{service}/actions/disable")

    def ask(self, service: str, endpoint: str, action: str, query: dict[str, Any]) -> Any:
        """Ask an endpoint, as any client does, and give the whole answer."""
        path = f"{dataiku.BASE}/{service}/{endpoint}/{action}"
        return self._decode(self._checked(self._send("POST", path, content=_encode(query))), Any)

    def _admin(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._checked(self._send(method, admin.BASE + path, **options))

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.TimeoutException as error:
            raise Unavailable(f"node {self.id!r} at {self._url} did not answer in time") from error
        except httpx.HTTPError as error:
            raise Unavailable(f"node {self.id!r} at {self._url} does not answer") from error

    def _checked(self, response: httpx.Response) -> httpx.Response:
        if response.status_code >= 400:
            self._refused(response)
        return response

    def _refused(self, response: httpx.Response) -> NoReturn:
        try:
            problem = msgspec.json.decode(response.content, type=Problem)
        except msgspec.MsgspecError as error:
            raise Unavailable(
                f"{self._url} answers {response.status_code}, and not as a node does"
            ) from error
        raise_problem(problem)
        raise AssertionError("raise_problem raises")

    def _decode(self, response: httpx.Response, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.MsgspecError as error:
            raise Unavailable(f"{self._url} does not answer as a node does") from error


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
