"""Routes: which call a path means. A frozen value, replaced whole when a service or a generation changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from scoreline.core.names import did_you_mean
from scoreline.errors import NotFound, Unavailable
from scoreline.node.counters import Series
from scoreline.node.endpoint import Reply
from scoreline.node.generation import Generation
from scoreline.wire import dataiku

_BASE = tuple(dataiku.BASE.encode().strip(b"/").split(b"/"))


@dataclass(frozen=True, slots=True)
class Call:
    """One action of one endpoint of one generation."""

    service: str
    generation: str
    endpoint: str
    name: str
    method: bytes
    decode: Callable[[bytes], Any]
    run: Callable[[Any, int], bytes | Reply]
    series: Series


@dataclass(frozen=True, slots=True)
class ServiceRoutes:
    """What a service answers with."""

    enabled: bool
    active: str | None
    """The generation that answers."""
    calls: Mapping[str, Mapping[tuple[str, str], Call]]
    """Generation -> (endpoint, action) -> call, for every loaded generation."""
    failure: str | None = None
    """Why the active generation could not be loaded."""


@dataclass(frozen=True, slots=True)
class Routes:
    """All calls of a node."""

    calls: Mapping[bytes, Call]
    """By path as most clients write it: the one look that most queries need."""
    services: Mapping[str, ServiceRoutes]

    def find(self, path: bytes, body: bytes) -> Call | None:
        """The call of a path in any spelling; None when it is not a path of the user API.

        A query that forces a generation need not be one for the active generation, nor need there be one: so
        a generation is tried before it is switched to. Raises NotFound, or Unavailable when nothing answers.
        """
        parts = split_path(path)
        if tuple(parts[: len(_BASE)]) != _BASE:
            return None
        names = [part.decode("utf-8", "replace") for part in parts[len(_BASE) :]]
        if len(names) != 3:
            raise NotFound(f"a query goes to {dataiku.BASE}/SERVICE/ENDPOINT/ACTION", code="no-such-path")
        service_id, endpoint_id, action = names
        try:
            return _choose(self._calls(service_id, None), service_id, endpoint_id, action)
        except (NotFound, Unavailable):
            forced = dataiku.forced_generation(body)
            if forced is None:
                raise
        return _choose(self._calls(service_id, forced), service_id, endpoint_id, action)

    def forced(self, call: Call, generation: str) -> Call:
        """The same call of another loaded generation. Raises NotFound when there is none."""
        if generation == call.generation:
            return call
        return _choose(self._calls(call.service, generation), call.service, call.endpoint, call.name)

    def _calls(self, service_id: str, generation: str | None) -> Mapping[tuple[str, str], Call]:
        service = self.services.get(service_id)
        if service is None:
            raise NotFound(f"there is no service {_short(service_id)} on this node", code="no-such-service")
        if not service.enabled:
            raise Unavailable(f"service {service_id!r} is disabled; enable it", code="service-disabled")
        wanted = service.active if generation is None else generation
        if wanted is None:
            raise Unavailable(
                f"no generation of service {service_id!r} answers; switch to one", code="no-generation"
            )
        if generation is None and service.failure is not None:
            raise Unavailable(
                f"generation {wanted!r} of service {service_id!r} could not be loaded: {service.failure}",
                code="generation-not-loaded",
            )
        if wanted not in service.calls:
            raise NotFound(
                f"generation {_short(wanted)} of service {service_id!r} is not loaded; "
                f"{did_you_mean(wanted, service.calls)}",
                code="no-such-generation",
            )
        return service.calls[wanted]


def make_routes(services: Mapping[str, ServiceRoutes]) -> Routes:
    """The routes of these services; the active generations' calls under their plain paths."""
    calls = {
        f"{dataiku.BASE}/{service_id}/{endpoint_id}/{action}".encode(): call
        for service_id, service in services.items()
        if service.enabled and service.active is not None and service.active in service.calls
        for (endpoint_id, action), call in service.calls[service.active].items()
    }
    return Routes(calls=calls, services=dict(services))


def calls_of(generation: Generation, series: Callable[[str], Series]) -> dict[tuple[str, str], Call]:
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


def _choose(calls: Mapping[tuple[str, str], Call], service_id: str, endpoint_id: str, action: str) -> Call:
    call = calls.get((endpoint_id, action))
    if call is not None:
        return call
    actions = [name for endpoint, name in calls if endpoint == endpoint_id]
    if not actions:
        raise NotFound(
            f"service {service_id!r} has no endpoint {_short(endpoint_id)}; "
            f"{did_you_mean(endpoint_id, {endpoint for endpoint, _ in calls})}",
            code="no-such-endpoint",
        )
    raise NotFound(
        f"endpoint {endpoint_id!r} cannot {_short(action)}; {did_you_mean(action, actions)}",
        code="no-such-action",
    )


def _short(name: str) -> str:
    return repr(name if len(name) <= 40 else name[:40] + "…")
