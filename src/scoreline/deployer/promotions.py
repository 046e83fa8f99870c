"""Promotions: where in the next stage a deployment belongs."""

from __future__ import annotations

from scoreline.core.deployment import Deployment
from scoreline.core.infrastructure import Infrastructure
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.errors import Conflict
from scoreline.storage.catalog import Catalog


class Promotions:
    """The way of a service through the stages, in their order."""

    def __init__(self, catalog: Catalog, infrastructures: Infrastructures) -> None:
        self._catalog = catalog
        self._infrastructures = infrastructures

    def target(self, found: Deployment, wanted: str | None) -> tuple[str, Deployment | None]:
        """The infrastructure to promote to, and the deployment of the same service there, if there is one.

        `wanted` None: the one of the next stage that has the service, or the only one. Raises NotFound, and
        Conflict when there is none, or several.
        """
        candidates = self._next_stage(found)
        if wanted is not None:
            self._infrastructures.one(wanted)
            candidates = [one for one in candidates if one.id == wanted]
        held = self._alike(found)
        chosen = [one for one in candidates if one.id in held] or candidates
        if len(chosen) != 1:
            raise _unclear(found, chosen)
        return chosen[0].id, held.get(chosen[0].id)

    def _alike(self, found: Deployment) -> dict[str, Deployment]:
        """Infrastructure -> the deployment of the same service there."""
        return {
            one.infrastructure: one
            for one in self._catalog.deployments.all()
            if one.deployed_service == found.deployed_service and one.service == found.service
        }

    def _next_stage(self, found: Deployment) -> list[Infrastructure]:
        """The infrastructures of the stage after the one that a deployment stands in."""
        stages = [stage.id for stage in self._catalog.infrastructures.stages()]
        here = self._infrastructures.one(found.infrastructure).stage
        after = stages[stages.index(here) + 1 :][:1] if here in stages else []
        return [one for one in self._infrastructures.all() if one.stage in after]


def _unclear(found: Deployment, chosen: list[Infrastructure]) -> Conflict:
    if not chosen:
        return Conflict(
            f"there is no infrastructure in the stage after that of {found.infrastructure!r} to promote to; "
            "make one, or move one to that stage",
            code="no-next-infrastructure",
        )
    listed = ", ".join(repr(one.id) for one in chosen[:8])
    return Conflict(
        f"the next stage has several infrastructures; name one of {listed}", code="several-infrastructures"
    )
