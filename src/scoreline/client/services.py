"""Calls on published services and their versions."""

from __future__ import annotations

from pathlib import Path

from scoreline.client.connection import Connection, path_to
from scoreline.errors import NotFound
from scoreline.wire.control import Deleted, NewPruning, Service, Version, VersionDetails
from scoreline.wire.control_services import NewService, Pruned


class ServiceCalls:
    """What `scoreline publish` and `scoreline service` do."""

    _control: Connection

    def services(self) -> tuple[Service, ...]:
        """The published services with their versions."""
        return self._control.all("/services", Service)

    def service(self, service: str) -> Service:
        """One published service with its versions, oldest first. Raises NotFound, naming the nearest."""
        return self._control.call("GET", path_to("services", service), Service)

    def create_service(self, service: str) -> Service:
        """Make a published service that has no version yet; publishing makes its service, too.

        Raises Conflict when there is one of that id.
        """
        return self._control.call("POST", "/services", Service, body=NewService(id=service))

    def delete_service(self, service: str) -> None:
        """Delete a service with all its versions. Raises NotFound, and Conflict while it has deployments."""
        self._control.call("DELETE", path_to("services", service), Deleted)

    def publish(self, archive: str | Path, *, service: str | None = None) -> Version:
        """Publish a package, the file that `scoreline version create` made; `service`: as a version of this.

        Publishing it again changes nothing. Raises Conflict when the version is there with another content.
        """
        path = Path(archive)
        if not path.is_file():
            raise NotFound(f"there is no package {path.name!r} in {path.parent}")
        return self._control.upload(path_to("versions", service=service), path, Version)

    def version(self, service: str, version: str, *, compared_with: str | None = None) -> VersionDetails:
        """One version: where it comes from, who uses it, and what changed.

        It is compared with another version; None: with the one published before it. Raises NotFound.
        """
        path = path_to("services", service, "versions", version, compared_with=compared_with)
        return self._control.call("GET", path, VersionDetails)

    def download(self, service: str, version: str, target: str | Path) -> Path:
        """Write the package of a version to a file, or into a folder as `<service>-<version>.zip`.

        The file is there whole or not at all. Raises NotFound, and Invalid when it cannot be written.
        """
        path = Path(target)
        if path.is_dir():
            path = path / f"{service}-{version}.zip"
        self._control.download(path_to("services", service, "versions", version, "archive"), path)
        return path

    def delete_version(self, service: str, version: str) -> None:
        """Delete a version. Raises NotFound; Conflict while a deployment uses it or could go back to it."""
        self._control.call("DELETE", path_to("services", service, "versions", version), Deleted)

    def prune(
        self, service: str | None = None, *, keep_last: int = 1, dry_run: bool = False
    ) -> tuple[Version, ...]:
        """Delete the versions that nothing uses, of one service or of all, and give them.

        The newest `keep_last` of each service stay in any case. `dry_run`: only say which. Raises NotFound.
        """
        wanted = NewPruning(service=service, keep_last=keep_last, dry_run=dry_run)
        return self._control.call("POST", "/services/prune", Pruned, body=wanted).versions
