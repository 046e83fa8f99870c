"""What the calls of the admin API read from a request, and find in the state."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from scoreline.core.names import did_you_mean, shortened
from scoreline.errors import Invalid, NotFound
from scoreline.node.plan import Passed
from scoreline.node.state import InstalledGeneration, NodeState, ServiceState

T = TypeVar("T")


def body_of(request: Passed, kind: type[T]) -> T:
    """The body of a request. Raises Invalid when it is another."""
    try:
        return msgspec.json.decode(request.body or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"the body is not as expected: {error}", code="bad-query") from error


def flag_of(request: Passed, name: str, *, default: bool) -> bool:
    """A parameter that is true or false, in any case. Raises Invalid for another value."""
    text = request.parameters.get(name, str(default)).lower()
    if text not in ("true", "false"):
        raise Invalid(f"parameter {name!r} is true or false", code="bad-query")
    return text == "true"


def service_of(state: NodeState, service_id: str) -> ServiceState:
    """A service of the node. Raises NotFound, naming the nearest."""
    if service_id not in state.services:
        hint = did_you_mean(service_id, state.services)
        raise NotFound(f"this node has no service {shortened(service_id)}; {hint}", code="no-such-service")
    return state.services[service_id]


def generation_of(service_id: str, service: ServiceState, generation_id: str) -> InstalledGeneration:
    """A generation of a service. Raises NotFound, naming the nearest."""
    found = service.generation(generation_id)
    if found is None:
        hint = did_you_mean(generation_id, (one.id for one in service.generations))
        raise NotFound(
            f"service {service_id!r} has no generation {shortened(generation_id)} on this node; {hint}",
            code="no-such-generation",
        )
    return found
