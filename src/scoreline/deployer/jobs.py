"""Jobs: long work that runs on after the call that started it. Today each is an update of a deployment."""

from __future__ import annotations

import re

from scoreline.core.deployment import StepOutcome, Update, UpdateKind, UpdateOutcome
from scoreline.core.job import Job, JobOutcome
from scoreline.core.names import shortened
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.updates import Updates
from scoreline.errors import NotFound
from scoreline.storage.catalog import Catalog

_UPDATE = "update-"
_ID = re.compile(_UPDATE + r"([1-9][0-9]{0,17})")
_LIGHT = ("reach", "prepare", "prove", "switch", "tidy")
_FULL = (*_LIGHT, "install", "recycle")
_DISABLE = ("disable", "tidy")


class Jobs:
    """The jobs, those of before the last restart, too. A deployment takes its own with it when it goes."""

    def __init__(self, catalog: Catalog, infrastructures: Infrastructures, updates: Updates) -> None:
        self._catalog = catalog
        self._infrastructures = infrastructures
        self._updates = updates

    def newest(self, *, limit: int, before: int | None = None) -> list[Job]:
        """The last jobs, newest first, or the last before the one with this number."""
        return [self._job(one) for one in self._catalog.updates.newest(limit=limit, before=before)]

    def one(self, job: str) -> Job:
        """One job. Raises NotFound."""
        return self._job(self._update(job))

    def of_update(self, number: int) -> Job:
        """The job that an update is. Raises NotFound."""
        return self.one(f"{_UPDATE}{number}")

    def running(self) -> list[Job]:
        """The jobs that have not ended, the oldest first."""
        return [self._job(one) for one in self._catalog.updates.running()]

    def cancel(self, job: str) -> Job:
        """Ask a job to end; it ends CANCELLED, and what was live stays. Raises NotFound, Conflict."""
        update = self._update(job)
        return self._job(self._updates.cancel(update.deployment, update.id))

    def _update(self, job: str) -> Update:
        found = _ID.fullmatch(job)
        update = self._catalog.updates.one(int(found[1])) if found else None
        if update is None:
            raise NotFound(f"there is no job {shortened(job)}", code="no-such-job")
        return update

    def _job(self, update: Update) -> Job:
        return Job(
            id=f"{_UPDATE}{update.id}",
            number=update.id,
            kind="update",
            deployment=update.deployment,
            title=_title(update),
            by=update.by,
            started_at=update.started_at,
            finished_at=update.finished_at,
            outcome=JobOutcome(update.outcome.value),
            progress=self._progress(update),
            message=update.message,
            log=update.log,
        )

    def _progress(self, update: Update) -> float:
        """The share of the steps that are done; a step that was begun twice counts once."""
        if update.outcome is not UpdateOutcome.RUNNING:
            return 1.0
        steps = _DISABLE if not update.enabled else _FULL if update.kind is UpdateKind.FULL else _LIGHT
        done = {(one.node, one.name) for one in update.steps if one.outcome is StepOutcome.DONE}
        deployment = self._catalog.deployments.one(update.deployment)
        nodes = self._infrastructures.nodes(deployment.infrastructure) if deployment else ()
        return min(0.99, round(len(done) / (len(steps) * max(1, len(nodes))), 2))


def _title(update: Update) -> str:
    if not update.enabled:
        return f"disable {update.deployment}"
    return f"{update.kind.value} update of {update.deployment} to {update.to_mapping}"
