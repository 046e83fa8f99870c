"""Published services: taking packages in, and finding their versions."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from scoreline.core.names import check_id, did_you_mean
from scoreline.core.package import Manifest, PublishedVersion, VersionSummary
from scoreline.core.service import Service
from scoreline.deployer.clock import now
from scoreline.errors import Conflict, NotFound
from scoreline.lookups.bundled import verify_lookups
from scoreline.storage.archives import extract_archive, read_service, write_archive, write_manifest
from scoreline.storage.artifacts import Artifacts, Draft
from scoreline.storage.atomic import UNFINISHED
from scoreline.storage.catalog import Catalog
from scoreline.storage.file_digests import file_entry


class Services:
    """The versions of the catalog with their archives in the artifact store."""

    def __init__(self, catalog: Catalog, artifacts: Artifacts) -> None:
        self._catalog = catalog
        self._artifacts = artifacts
        self._changing = threading.Lock()

    def create(self, service: str) -> None:
        """Make a published service that has no version yet. Raises Invalid for a bad id, and Conflict."""
        self._catalog.versions.add_service(check_id(service, "a service"))

    def publish(
        self,
        draft: Draft,
        by: str,
        service_id: str | None = None,
        *,
        permit: Callable[[str, str], None] | None = None,
    ) -> tuple[PublishedVersion, bool]:
        """Take a whole package in; gives the version, and whether it is new.

        `service_id`: the published service that it is to belong to; None: the one that the package says.
        `permit` is told the service and the project of the package, and raises what stands against it.
        A version is published once: the same content again changes nothing, another content under the same
        id is a Conflict. An archive that is not a sound package raises Invalid, and nothing is kept.
        """
        draft.finish()
        manifest, service = _opened(draft.path)
        version = PublishedVersion(
            service_id=check_id(service_id or manifest.service, "a service"),
            manifest=manifest,
            service=service,
            archive=draft.sha256,
            size=draft.size,
            by=by,
            at=now(),
        )
        if permit is not None:
            permit(version.service_id, manifest.project)
        known = self._catalog.versions.one(version.service_id, manifest.version)
        if known is None:
            try:
                with self._changing:
                    draft.keep()
                    self._catalog.versions.add(version)
            except Conflict:
                known = self.version(version.service_id, manifest.version)
            else:
                return version, True
        if known.manifest.digest != manifest.digest:
            raise Conflict(
                f"{version.service_id} {manifest.version} is published already with another content; "
                "create a new version and publish that one",
                code="version-exists",
            )
        if not self._artifacts.holds(known.archive):  # lost or changed, and here is the same content
            with self._changing:
                draft.keep()
                self._catalog.versions.set_archive(version)
        return known, False

    def all(self) -> dict[str, list[VersionSummary]]:
        """All services, sorted, each with its versions, oldest first."""
        by_service: dict[str, list[VersionSummary]] = {
            id_: [] for id_ in self._catalog.versions.service_ids()
        }
        for version in self._catalog.versions.all():
            by_service.setdefault(version.service, []).append(version)
        return by_service

    def page(
        self, after: str, *, limit: int, contains: str | None = None
    ) -> list[tuple[str, list[VersionSummary]]]:
        """At most `limit` services by id, after this one, each with its versions, oldest first.

        `contains`: only those with this text in their id.
        """
        return list(self._catalog.versions.page(after, limit=limit, contains=contains).items())

    def versions(self, service: str) -> list[VersionSummary]:
        """The versions of a service, oldest first. Raises NotFound when there is no such service."""
        found = self._catalog.versions.of(service)
        known = [] if found else self._catalog.versions.service_ids()
        if not found and service not in known:
            hint = did_you_mean(service, known)
            raise NotFound(f"no service {service!r} is published; {hint}", code="no-such-service")
        return found

    def version(self, service: str, version: str) -> PublishedVersion:
        """One version. Raises NotFound, naming the nearest one."""
        found = self._catalog.versions.one(service, version)
        if found is None:
            known = [other.version for other in self.versions(service)]
            raise NotFound(
                f"{service} {version!r} is not published; {did_you_mean(version, known)}",
                code="no-such-version",
            )
        return found

    def digest(self, service: str, version: str) -> str:
        """The content digest of a version. Raises NotFound, naming the nearest one."""
        found = self._catalog.versions.summary(service, version)
        return found.digest if found else self.version(service, version).manifest.digest

    def archive(self, version: PublishedVersion) -> Path:
        """The archive of a version."""
        return self._artifacts.path(version.archive)

    @contextlib.contextmanager
    def package(self, version: PublishedVersion, service: str) -> Iterator[tuple[Path, str]]:
        """The archive of a version as a package of `service`, for nodes that know it under that id.

        With the SHA-256 that it is to have: nodes refuse what was changed in the store.
        """
        archive = self.archive(version)
        if version.manifest.service == service:
            yield archive, version.archive
            return
        self._artifacts.check(version.archive)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=archive.parent) as scratch:
            folder, renamed = Path(scratch) / "package", Path(scratch) / "package.zip"
            manifest = extract_archive(archive, folder)
            write_manifest(folder, msgspec.structs.replace(manifest, service=service))
            write_archive(folder, renamed)
            yield renamed, file_entry(renamed).sha256

    def delete_version(self, service: str, version: str) -> None:
        """Delete a version. Raises NotFound, and Conflict when a deployment uses it or may go back to it."""
        with self._changing:
            archive = self._catalog.versions.remove(service, version)
            if archive is not None:
                self._artifacts.remove(archive)

    def delete(self, service: str) -> None:
        """Delete a published service with all its versions.

        Raises NotFound, and Conflict when it has deployments; nothing is deleted then.
        """
        versions = self.versions(service)
        used = self._catalog.versions.needed(service)
        if used:
            raise Conflict(
                f"service {service!r} is used by deployment {min(used.values())!r}; delete that first",
                code="service-used",
            )
        for version in versions:
            self.delete_version(service, version.version)
        self._catalog.versions.remove_service(service)

    def prune(self, service: str | None, *, keep_last: int, dry_run: bool = False) -> list[VersionSummary]:
        """Delete the versions that nothing uses, of one service or of all; gives them.

        The newest `keep_last` of each service stay, and all that a deployment uses or could go back to.
        """
        found = self.all() if service is None else {service: self.versions(service)}
        pruned: list[VersionSummary] = []
        for name, versions in found.items():
            used = self._catalog.versions.needed(name)
            old = versions[: len(versions) - keep_last] if keep_last else versions
            for version in old:
                if version.version in used:
                    continue
                if not dry_run:
                    try:
                        self.delete_version(name, version.version)
                    except (Conflict, NotFound):  # used, or deleted, since a moment
                        continue
                pruned.append(version)
        return pruned


def _opened(archive: Path) -> tuple[Manifest, Service]:
    """Check a whole archive and read what it says. Raises Invalid."""
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=archive.parent) as scratch:
        folder = Path(scratch) / "package"
        manifest = extract_archive(archive, folder, check=verify_lookups)
        return manifest, read_service(folder, manifest)
