"""Published services: taking packages in, and finding their versions."""

from __future__ import annotations

import tempfile
from pathlib import Path

from scoreline.core.names import did_you_mean
from scoreline.core.package import Manifest, PublishedVersion
from scoreline.core.service import Service
from scoreline.deployer.clock import now
from scoreline.errors import Conflict, NotFound
from scoreline.lookups.bundled import verify_lookups
from scoreline.storage.archives import extract_archive, read_service
from scoreline.storage.artifacts import Artifacts, Draft
from scoreline.storage.atomic import UNFINISHED
from scoreline.storage.catalog import Catalog


class Services:
    """The versions of the catalog with their archives in the artifact store."""

    def __init__(self, catalog: Catalog, artifacts: Artifacts) -> None:
        self._catalog = catalog
        self._artifacts = artifacts

    def publish(self, draft: Draft, by: str) -> tuple[PublishedVersion, bool]:
        """Take a whole package in; gives the version, and whether it is new.

        A version is published once: the same content again changes nothing, another content under the same
        id is a Conflict. An archive that is not a sound package raises Invalid, and nothing is kept.
        """
        draft.finish()
        manifest, service = _opened(draft.path)
        version = PublishedVersion(
            manifest=manifest, service=service, archive=draft.sha256, size=draft.size, by=by, at=now()
        )
        known = self._catalog.version(manifest.service, manifest.version)
        if known is None:
            draft.keep()
            try:
                self._catalog.add_version(version)
            except Conflict:
                known = self.version(manifest.service, manifest.version)
            else:
                return version, True
        if known.manifest.digest != manifest.digest:
            raise Conflict(
                f"{manifest.service} {manifest.version} is published already with another content; "
                "create a new version and publish that one",
                code="version-exists",
            )
        if not self._artifacts.holds(known.archive) and draft.sha256 == known.archive:
            draft.keep()
        return known, False

    def all(self) -> dict[str, list[PublishedVersion]]:
        """All services, sorted, each with its versions, oldest first."""
        by_service: dict[str, list[PublishedVersion]] = {}
        for version in self._catalog.every_version():
            by_service.setdefault(version.manifest.service, []).append(version)
        return by_service

    def versions(self, service: str) -> list[PublishedVersion]:
        """The versions of a service, oldest first. Raises NotFound when there is no such service."""
        found = self._catalog.versions(service)
        if not found:
            hint = did_you_mean(service, self._catalog.service_ids())
            raise NotFound(f"no service {service!r} is published; {hint}", code="no-such-service")
        return found

    def version(self, service: str, version: str) -> PublishedVersion:
        """One version. Raises NotFound, naming the nearest one."""
        found = self._catalog.version(service, version)
        if found is None:
            known = [other.manifest.version for other in self.versions(service)]
            raise NotFound(
                f"{service} {version!r} is not published; {did_you_mean(version, known)}",
                code="no-such-version",
            )
        return found

    def archive(self, version: PublishedVersion) -> Path:
        """The archive of a version."""
        return self._artifacts.path(version.archive)


def _opened(archive: Path) -> tuple[Manifest, Service]:
    """Check a whole archive and read what it says. Raises Invalid."""
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=archive.parent) as scratch:
        folder = Path(scratch) / "package"
        manifest = extract_archive(archive, folder, check=verify_lookups)
        return manifest, read_service(folder, manifest)
