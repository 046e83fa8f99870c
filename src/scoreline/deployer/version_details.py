"""Details of a published version: where it comes from, who uses it, and what changed since the one before."""

from __future__ import annotations

from scoreline.core.package import PublishedVersion, summary
from scoreline.core.version_changes import changes_between
from scoreline.deployer.messages import version_message
from scoreline.deployer.services import Services
from scoreline.storage.catalog import Catalog
from scoreline.wire import control


class VersionDetails:
    """Published versions, looked at closely."""

    def __init__(self, catalog: Catalog, services: Services) -> None:
        self._catalog = catalog
        self._services = services

    def one(self, service: str, version: str, *, compared_with: str | None = None) -> control.VersionDetails:
        """One version, compared with another; None: the one published before it. Raises NotFound."""
        found = self._services.version(service, version)
        other = self._services.version(service, compared_with) if compared_with else None
        before = other or self._before(found)
        return control.VersionDetails(
            version=version_message(summary(found)),
            endpoints=self._catalog.versions.endpoints((service, version)).get((service, version), {}),
            models=found.manifest.models,
            lookups=found.manifest.lookups,
            libraries=found.manifest.libraries,
            used_by=self._used_by(service, version),
            compared_with=before.manifest.version if before else None,
            changes=(
                changes_between((before.manifest, before.service), (found.manifest, found.service))
                if before
                else None
            ),
        )

    def _before(self, found: PublishedVersion) -> PublishedVersion | None:
        known = [one.version for one in self._services.versions(found.service_id)]
        place = known.index(found.manifest.version)
        return self._services.version(found.service_id, known[place - 1]) if place else None

    def _used_by(self, service: str, version: str) -> tuple[str, ...]:
        deployments = self._catalog.deployments.all()
        return tuple(one.id for one in deployments if one.service == service and version in one.needed)
