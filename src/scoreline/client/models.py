"""Calls on the saved models of projects."""

from __future__ import annotations

from collections.abc import Mapping

from scoreline.client.connection import Connection, path_to
from scoreline.core.notes import Notes
from scoreline.errors import NotFound
from scoreline.wire.control import Deleted
from scoreline.wire.control_models import Model, TrainedVersion, TrainedVersionDetails


class ModelCalls:
    """What `scoreline model list`, `show`, `activate` and `delete-version` do, on a project's key."""

    _control: Connection

    def models(self, project: str) -> tuple[Model, ...]:
        """The saved models of a project."""
        return self._control.all(path_to("projects", project, "models"), Model)

    def model(self, project: str, model: str) -> Model:
        """One saved model, with the ids of its versions. Raises NotFound, naming the nearest."""
        return self._control.call("GET", path_to("projects", project, "models", model), Model)

    def model_versions(self, project: str, model: str) -> tuple[TrainedVersion, ...]:
        """The versions of a model, newest first."""
        path = path_to("projects", project, "models", model, "versions")
        return self._control.all(path, TrainedVersion)

    def model_version(self, project: str, model: str, version: str | None = None) -> TrainedVersionDetails:
        """One version whole: how it was trained, what it takes and gives, how good it is.

        None: the active one. Raises NotFound, also (code `not-trained`) while there is no active one.
        """
        if version is None:
            version = self.model(project, model).active
            if version is None:
                raise NotFound(f"model {model!r} has no trained version; build it first", code="not-trained")
        path = path_to("projects", project, "models", model, "versions", version)
        return self._control.call("GET", path, TrainedVersionDetails)

    def activate(self, project: str, model: str, version: str) -> Model:
        """Let recipes and new packages use a version from now on; what is deployed stays. Raises NotFound."""
        path = path_to("projects", project, "models", model, "versions", version, "activate")
        return self._control.call("POST", path, Model)

    def note_model_version(
        self,
        project: str,
        model: str,
        version: str,
        *,
        name: str = "",
        description: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> Notes:
        """Replace what people say of a version. Raises NotFound."""
        notes = Notes(name=name, description=description, labels=dict(labels or {}))
        path = path_to("projects", project, "models", model, "versions", version, "notes")
        return self._control.call("PUT", path, Notes, body=notes)

    def delete_model_version(self, project: str, model: str, version: str) -> None:
        """Delete a version. Raises NotFound, Conflict while it is active or the project is being built."""
        path = path_to("projects", project, "models", model, "versions", version)
        self._control.call("DELETE", path, Deleted)
