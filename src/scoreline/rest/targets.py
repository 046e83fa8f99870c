"""What the routes act on, found by its id: objects of the catalog, and projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from scoreline.core.access import WHOLE, Kind, Target, project_target
from scoreline.storage.catalog_targets import CatalogTargets


class Targets:
    """All objects of the control plane as targets. `projects` gives the keys of its projects."""

    def __init__(self, catalog: CatalogTargets, projects: Callable[[], Iterable[str]]) -> None:
        self._catalog = catalog
        self._projects = projects

    def one(self, kind: Kind, target: str) -> Target | None:
        """One object, or None when it is not there."""
        if kind is Kind.CONTROL_PLANE:
            return WHOLE
        if kind is Kind.PROJECT:
            return project_target(target) if target in self._projects() else None
        return self._catalog.one(kind, target)

    def all(self, kind: Kind) -> list[Target]:
        """All objects of a kind."""
        if kind is Kind.CONTROL_PLANE:
            return [WHOLE]
        if kind is Kind.PROJECT:
            return [project_target(project) for project in self._projects()]
        return self._catalog.all(kind)

    def services(self) -> dict[str, Target]:
        """The published services by id."""
        return self._catalog.services()
