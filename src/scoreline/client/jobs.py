"""Calls on jobs: long work, whoever started it."""

from __future__ import annotations

from collections.abc import Iterator

from scoreline.client.connection import Connection, path_to
from scoreline.core.job import Job

_AT_ONCE = 50


class JobCalls:
    """What `scoreline job` does."""

    _control: Connection

    def jobs(self) -> Iterator[Job]:
        """Jobs of all deployments, newest first, asked for as they are read."""
        return self._control.each("/jobs", Job, at_once=_AT_ONCE)

    def job(self, job: str) -> Job:
        """One job with its progress and its log. Raises NotFound."""
        return self._control.call("GET", path_to("jobs", job), Job)

    def cancel_job(self, job: str) -> Job:
        """Ask a job to end; what was live stays. Raises NotFound, and Conflict when it has ended."""
        return self._control.call("DELETE", path_to("jobs", job), Job)
