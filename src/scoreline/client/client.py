"""The typed SDK: what the command line can do, in the same words."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import msgspec

from scoreline.client.connection import connect, http_client, received
from scoreline.core.deployment import Update, UpdateOutcome
from scoreline.core.names import did_you_mean
from scoreline.errors import NotFound, Unavailable
from scoreline.wire.control import (
    Deployment,
    EndpointUrl,
    NewDeployment,
    NewUpdate,
    Service,
    Status,
    TestRun,
    Version,
)

Progress = Callable[[str], None]

_ACTIONS = {"prediction": ("predict", "features"), "lookup": ("lookup", "data")}
_FIRST_PAUSE = 0.05  # seconds
_LONGEST_PAUSE = 1.0


class Client:
    """A control plane and the deployments behind it.

    Without arguments it finds the control plane as the command line does: SCORELINE_URL and SCORELINE_KEY,
    else the one that `scoreline up` started on this machine. Errors are those of `scoreline.errors`.
    It may be shared between threads, and used in a `with` block.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        home: str | Path | None = None,
        timeout: float = 30.0,
    ) -> None:
        self._control = connect(url, key, home, timeout)
        self._nodes = http_client(self._control.url, timeout)
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

    def services(self) -> tuple[Service, ...]:
        """The published services with their versions."""
        return self._control.call("GET", "/services", tuple[Service, ...])

    def publish(self, archive: str | Path) -> Version:
        """Publish a package, the file that `scoreline version create` made.

        Publishing it again changes nothing. Raises Conflict when the version is there with another content.
        """
        path = Path(archive)
        if not path.is_file():
            raise NotFound(f"there is no package {path.name!r} in {path.parent}")
        return self._control.upload("/versions", path, Version)

    def deployments(self) -> tuple[Deployment, ...]:
        """All deployments, with what their nodes serve right now."""
        return self._control.call("GET", "/deployments", tuple[Deployment, ...])

    def deployment(self, deployment: str) -> Deployment:
        """One deployment. Raises NotFound, naming the nearest one."""
        return self._control.call("GET", f"/deployments/{_segment(deployment)}", Deployment)

    def deploy(
        self,
        service: str,
        version: str,
        *,
        infrastructure: str = "local",
        id: str | None = None,  # noqa: A002
        wait: bool = True,
        progress: Progress | None = None,
    ) -> Update:
        """Deploy a version of a service as a new deployment, `<service>-on-<infrastructure>` unless named.

        Raises Conflict when there is one already, and, when it waits, Unavailable when the update failed.
        """
        wanted = NewDeployment(service=service, version=version, infrastructure=infrastructure, id=id)
        started = self._control.call("POST", "/deployments", Update, body=wanted)
        return self.wait(started, progress=progress) if wait else started

    def update(
        self, deployment: str, version: str, *, wait: bool = True, progress: Progress | None = None
    ) -> Update:
        """Bring a deployment to another version; the one before answers until the new one does.

        Raises Conflict while another update runs, and, when it waits, Unavailable when the update failed.
        """
        path = f"/deployments/{_segment(deployment)}/updates"
        started = self._control.call("POST", path, Update, body=NewUpdate(version=version))
        return self.wait(started, progress=progress) if wait else started

    def updates(self, deployment: str) -> tuple[Update, ...]:
        """The last updates of a deployment, newest first."""
        path = f"/deployments/{_segment(deployment)}/updates"
        return self._control.call("GET", path, tuple[Update, ...])

    def wait(self, update: Update, *, seconds: float = 900.0, progress: Progress | None = None) -> Update:
        """Wait until an update has ended; `progress` gets the lines of its log as they come.

        Raises Unavailable when it failed (code `update-failed`), or has not ended within `seconds`.
        """
        deadline = time.monotonic() + seconds
        path = f"/deployments/{_segment(update.deployment)}/updates/{update.id}"
        pause, told = _FIRST_PAUSE, 0
        while True:
            update = self._control.call("GET", path, Update)
            if progress is not None:
                for line in update.log[told:]:
                    progress(line)
            told = len(update.log)
            if update.outcome is not UpdateOutcome.RUNNING:
                return _ended(update)
            if time.monotonic() + pause > deadline:
                raise Unavailable(f"update {update.id} of {update.deployment!r} still runs", code="no-answer")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def query(
        self,
        deployment: str,
        endpoint: str,
        record: Mapping[str, Any] | None = None,
        *,
        action: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Ask an endpoint, on the node itself, and give its whole answer.

        `record`: the features of a prediction, or the keys of a lookup. `body`: the whole query instead, as
        other actions need it, such as `predict-multi` with `{"items": [{"features": …}]}`.
        """
        try:
            return self._ask(self._endpoint(deployment, endpoint, fresh=False), record, action, body)
        except Unavailable as error:
            if error.code != "no-answer":
                raise
        # The node may have moved to another port since its address was asked for.
        return self._ask(self._endpoint(deployment, endpoint, fresh=True), record, action, body)

    def _ask(
        self,
        endpoint: EndpointUrl,
        record: Mapping[str, Any] | None,
        action: str | None,
        body: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        default, field = _ACTIONS[endpoint.kind]
        if not endpoint.urls:
            raise Unavailable(f"no node answers for endpoint {endpoint.id!r} yet", code="no-answer")
        content = msgspec.json.encode(body if body is not None else {field: record or {}})
        url = f"{endpoint.urls[0]}/{action or default}"
        return received(self._nodes, "POST", url, dict[str, Any], content=content)

    def run_test_queries(self, deployment: str) -> TestRun:
        """Ask every node the test queries of the deployment's version."""
        return self._control.call("POST", f"/deployments/{_segment(deployment)}/test-queries", TestRun)

    def _endpoint(self, deployment: str, endpoint: str, *, fresh: bool) -> EndpointUrl:
        for again in (fresh, True):
            if again or deployment not in self._endpoints:
                found = self.deployment(deployment)
                if found.version is None:
                    raise Unavailable("; ".join(found.messages) or f"{deployment!r} has no version yet")
                self._endpoints[deployment] = found.endpoints
            known = {one.id: one for one in self._endpoints[deployment]}
            if endpoint in known:
                return known[endpoint]
        hint = did_you_mean(endpoint, known)
        raise NotFound(f"deployment {deployment!r} has no endpoint {endpoint!r}; {hint}")


def _ended(update: Update) -> Update:
    if update.outcome is UpdateOutcome.FAILED:
        before = update.from_version
        ending = f"{before} goes on answering" if before else "nothing answers yet"
        raise Unavailable(
            f"the update of {update.deployment!r} to {update.to_version} failed: {update.message}; {ending}",
            code="update-failed",
        )
    return update


def _segment(name: str) -> str:
    """A name as one segment of a path, whatever it holds."""
    return quote(name, safe="") or "%20"
