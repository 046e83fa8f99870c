"""Routes: which call a path means. A frozen value, replaced whole when a service or a generation changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from scoreline.core.names import shortened
from scoreline.errors import NotFound
from scoreline.node.counters import Series
from scoreline.node.generation import Generation
from scoreline.node.service_routes import Action, Call, Draw, ServiceRoutes
from scoreline.wire import dataiku

_BASE = tuple(dataiku.BASE.encode().strip(b"/").split(b"/"))
Target = tuple[ServiceRoutes, Action]


@dataclass(frozen=True, slots=True)
class Routes:
    """All calls of a node."""

    calls: Mapping[bytes, Call]
    """By path as most clients write it: the one look that most queries need."""
    targets: Mapping[bytes, Target]
    """The same for services of which the path alone does not tell the generation, or who may ask it."""
    services: Mapping[str, ServiceRoutes]

    def find(
        self, url: bytes, body: bytes, headers: Mapping[bytes, bytes], draw: Draw
    ) -> tuple[Call, bytes] | None:
        """The call that a URL in any spelling means, and the query for it: the body, or what follows the `?`.

        None when it is not one of the user API. Raises NotFound, NotAllowed and Unavailable.
        """
        path, _, parameters = url.partition(b"?")
        target = self.targets.get(path) or self._target(path)
        if target is None:
            return None
        service, action = target
        call = service.call(action, dataiku.dispatch_of(body), headers, draw)
        return call, parameters if call.method == b"GET" else body

    def forced(
        self, call: Call, dispatch: dataiku.Dispatch, headers: Mapping[bytes, bytes], draw: Draw
    ) -> Call:
        """The same call of the generation that is forced. Raises NotFound and NotAllowed."""
        if dispatch.forced_generation == call.generation:
            return call
        return self.services[call.service].call((call.endpoint, call.name), dispatch, headers, draw)

    def _target(self, path: bytes) -> Target | None:
        parts = split_path(path)
        if tuple(parts[: len(_BASE)]) != _BASE:
            return None
        names = [part.decode("utf-8", "replace") for part in parts[len(_BASE) :]]
        if len(names) != 3:
            raise NotFound(f"a query goes to {dataiku.BASE}/SERVICE/ENDPOINT/ACTION", code="no-such-path")
        service_id, endpoint_id, action = names
        service = self.services.get(service_id)
        if service is None:
            raise NotFound(
                f"there is no service {shortened(service_id)} on this node", code="no-such-service"
            )
        return service, (endpoint_id, action)


def make_routes(services: Mapping[str, ServiceRoutes]) -> Routes:
    """The routes of these services."""
    return Routes(
        calls={
            _path(service_id, action): call
            for service_id, service in services.items()
            for action, call in service.plain.items()
        },
        targets={
            _path(service_id, action): (service, action)
            for service_id, service in services.items()
            for action in service.others
        },
        services=dict(services),
    )


def calls_of(generation: Generation, series: Callable[[str], Series]) -> dict[Action, Call]:
    """(endpoint, action) -> call of a generation; `series` gives the series of an endpoint."""
    return {
        (endpoint_id, name): Call(
            generation.service,
            generation.id,
            endpoint_id,
            name,
            action.method,
            action.decode,
            action.run,
            series(endpoint_id),
        )
        for endpoint_id, endpoint in generation.endpoints.items()
        for name, action in endpoint.actions.items()
    }


def split_path(path: bytes) -> list[bytes]:
    """The parts of a path, percent-decoded; empty ones (from repeated slashes) are left out.

    Takes the absolute form that proxies send, too.
    """
    if not path.startswith(b"/"):
        _, found, rest = path.partition(b"://")
        path = rest.partition(b"/")[2] if found else b""
    return [unquote_to_bytes(part) for part in path.split(b"/") if part]


def _path(service_id: str, action: Action) -> bytes:
    return f"{dataiku.BASE}/{service_id}/{action[0]}/{action[1]}".encode()
