"""The admin API of one node, as the deployer calls it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import httpx
import msgspec

from scoreline.core.deployment import GenerationsMapping
from scoreline.errors import Unavailable
from scoreline.wire import admin, dataiku
from scoreline.wire.problems import Problem, raise_problem

T = TypeVar("T")
_CHUNK = 1 << 20
_READY = httpx.Timeout(2.0)
"""For asking how it does: many nodes are asked, and people wait for the answer."""
_QUICK = httpx.Timeout(10.0, connect=3.0)
_LONG = httpx.Timeout(600.0, connect=3.0)
"""For loading a generation: a package may be gigabytes."""
# A machine that is gone says nothing; the kernel finds out within half a minute, however long the call.
_ALERT = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, option), value)
        for option, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4))
        if hasattr(socket, option)
    ),
]


class NodeApi:
    """Calls to one node, from any thread.

    One that cannot be reached, or refuses the admin key, raises Unavailable; any other refusal raises its own
    family.
    """

    def __init__(self, node: str, url: str, admin_key: str) -> None:
        self.id = node
        self._url = url
        self._let_in = False
        # Certificates are those of the machine, to which a firm adds its own; reading them takes long, and
        # http needs none. The environment's proxies are for the outside world, and this is no part of it.
        trusted = ssl.create_default_context() if url.startswith("https:") else False
        transport = httpx.HTTPTransport(verify=trusted, socket_options=_ALERT, trust_env=False)
        self._http = httpx.Client(
            base_url=url, auth=(admin_key, ""), timeout=_QUICK, trust_env=False, transport=transport
        )

    def close(self) -> None:
        """Close the connections; whoever is calling gets Unavailable."""
        self._http.close()

    def readiness(self) -> admin.Readiness:
        """How the node does, and which generation of each service answers.

        Anybody may ask that; a wrong admin key is told here all the same, and not at the first change.
        """
        if not self._let_in:
            self._admin("GET", "/services", timeout=_READY)
            self._let_in = True
        response = self._send("GET", "/isReady/", timeout=_READY)
        if response.status_code not in (200, 503):
            self._refused(response)
        return self._decode(response, admin.Readiness)

    def services(self) -> tuple[admin.ServiceEntry, ...]:
        """The services that the node knows, each with the generations that answer."""
        return self._decode(self._admin("GET", "/services"), tuple[admin.ServiceEntry, ...])

    def generations(self, service: str) -> tuple[admin.GenerationEntry, ...]:
        """The generations of a service on the node's disk. Raises NotFound when it knows no such service."""
        answer = self._admin("GET", f"/services/{service}/generations")
        return self._decode(answer, admin.GenerationList).generations

    def metrics(self) -> admin.NodeMetrics:
        """What the node has counted since it started."""
        return self._decode(self._admin("GET", "/metrics", timeout=_READY), admin.NodeMetrics)

    def install(
        self, service: str, version: str, archive: Path, sha256: str | None = None
    ) -> admin.Installed:
        """Upload a package; it answers after a switch. With `sha256` the node takes only that archive."""
        self._admin("POST", "/services/", content=_encode(admin.CreateService(service_id=service)))
        announced = "" if sha256 is None else f"?sha256={sha256}"
        path = f"/services/{service}/generations/{version}{announced}"
        length = {"Content-Length": str(archive.stat().st_size)}
        answer = self._admin("PUT", path, content=_chunks(archive), headers=length, timeout=_LONG)
        return self._decode(answer, admin.Installed)

    def preload(self, service: str, version: str) -> None:
        """Load a generation in every worker, so that it can be forced and switched to at once."""
        self._admin("POST", f"/services/{service}/generations/{version}/preload", timeout=_LONG)

    def set_mapping(self, service: str, mapping: GenerationsMapping) -> None:
        """Let generations answer, each for its share; returns when every worker does.

        What answered before stays in memory; a service that is disabled stays so.
        """
        path = f"/services/{service}/actions/setMapping?keepPrevious=true&enable=false"
        self._admin("POST", path, content=_encode(mapping), timeout=_LONG)

    def enable(self, service: str) -> None:
        """Let the generations that were switched to answer again."""
        self._admin("POST", f"/services/{service}/actions/enable", timeout=_LONG)

    def recycle(self) -> None:
        """Replace the node's workers one by one; returns when all are new. No query is lost."""
        self._admin("POST", "/actions/recycle", timeout=_LONG)

    def remove(self, service: str, generation: str) -> None:
        """Free the memory and the files of a generation. Raises Conflict when it answers."""
        self._admin("DELETE", f"/services/{service}/generations/{generation}")

    def remove_service(self, service: str) -> None:
        """Free everything of a service, and refuse its queries from then on."""
        self._admin("DELETE", f"/services/{service}")

    def disable(self, service: str) -> None:
        """Let nothing answer for a service."""
        self._admin("POST", f"/services/{service}/actions/disable")

    def ask(
        self,
        service: str,
        endpoint: str,
        action: str,
        query: dict[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Ask an endpoint, as any client does, and give the whole answer. The node's admin key goes along."""
        path = f"{dataiku.BASE}/{service}/{endpoint}/{action}"
        sent = self._send("POST", path, content=_encode(query), headers=headers)
        return self._decode(self._checked(sent), Any)

    def _admin(self, method: str, path: str, **options: Any) -> httpx.Response:
        response = self._send(method, admin.BASE + path, **options)
        if response.status_code == 401:
            raise Unavailable(
                f"node {self.id!r} at {self._url} refuses the admin key; give the right one",
                code="bad-admin-key",
            )
        return self._checked(response)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.TimeoutException as error:
            raise Unavailable(f"node {self.id!r} at {self._url} did not answer in time") from error
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client was closed
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
                f"node {self.id!r} at {self._url} answers {response.status_code}, and not as a node does"
            ) from error
        raise_problem(problem)
        raise AssertionError("raise_problem raises")

    def _decode(self, response: httpx.Response, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.MsgspecError as error:
            raise Unavailable(f"node {self.id!r} at {self._url} does not answer as a node does") from error


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
