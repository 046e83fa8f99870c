"""The typed SDK: what the command line can do, in the same words."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from scoreline.client.access import AccessCalls
from scoreline.client.connection import connect
from scoreline.client.declared import DeclaredCalls
from scoreline.client.events import EventCalls
from scoreline.client.http_clients import HttpClients
from scoreline.client.jobs import JobCalls
from scoreline.client.projects import ProjectCalls
from scoreline.client.queries import QueryCalls
from scoreline.client.scenarios import ScenarioCalls
from scoreline.client.search import SearchCalls
from scoreline.client.why import WhyCalls
from scoreline.errors import Invalid
from scoreline.wire.control import EndpointUrl, Status


class Client(
    ProjectCalls,
    ScenarioCalls,
    WhyCalls,
    DeclaredCalls,
    QueryCalls,
    JobCalls,
    EventCalls,
    SearchCalls,
    AccessCalls,
):
    """A control plane and the deployments behind it.

    Without arguments it finds the control plane as the command line does: SCORELINE_URL and SCORELINE_KEY,
    else the one that `scoreline up` started on this machine. `user` and `password` instead of a key are for
    people. Errors are those of `scoreline.errors`.
    It may be shared between threads, and used in a `with` block.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        user: str | None = None,
        password: str | None = None,
        home: str | Path | None = None,
        timeout: float = 30.0,
    ) -> None:
        if (user is None) is not (password is None) or (user is not None and key is not None):
            raise Invalid("give a key, or a user and his password")
        self._control = connect(url, key or password, home, timeout, user=user)
        self._nodes = HttpClients(timeout)
        self._endpoints: dict[str, tuple[EndpointUrl, ...]] = {}

    @property
    def url(self) -> str:
        """Where the control plane answers."""
        return self._control.url

    def close(self) -> None:
        """Close the connections."""
        self._control.close()
        self._nodes.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def status(self) -> Status:
        """Infrastructures with their nodes, deployments with their health."""
        return self._control.call("GET", "/status", Status)
