"""Calls that ask why."""

from __future__ import annotations

from scoreline.client.connection import Connection, path_to
from scoreline.core.why import Explanation


class WhyCalls:
    """What `scoreline why` does. Each answer is a chain: what was asked about, its cause, and so on."""

    _control: Connection

    def why_run(self, number: int) -> Explanation:
        """Why a run ended as it did, and what started it. Raises NotFound."""
        return self._control.call("GET", path_to("runs", number, "why"), Explanation)

    def why_step(self, number: int, step: str) -> Explanation:
        """Why a step of a run ran or did not, and ended as it did. Raises NotFound."""
        return self._control.call("GET", path_to("runs", number, "steps", step, "why"), Explanation)

    def why_version(self, service: str, version: str, *, project: str | None = None) -> Explanation:
        """What made a version of a service, of what, and why. Raises NotFound.

        `project`: its key in the control plane, for a version that is not published.
        """
        if project is None:
            path = path_to("services", service, "versions", version, "why")
        else:
            path = path_to("projects", project, "services", service, "versions", version, "why")
        return self._control.call("GET", path, Explanation)

    def why_mapping(self, deployment: str) -> Explanation:
        """What brought live the generations by which a deployment answers. Raises NotFound."""
        return self._control.call("GET", path_to("deployments", deployment, "why"), Explanation)

    def why_model(self, project: str, model: str, version: str | None = None) -> Explanation:
        """What trained a version of a model. None: of the active one, and what made it active. NotFound."""
        path = path_to("projects", project, "models", model, "why", version=version)
        return self._control.call("GET", path, Explanation)
