"""The folder of a project's job: what is to be done, what came of it, its log, and who is at it.

<number>/task.json     JobTask
<number>/lock          held by the process that does it, whose id it holds
<number>/log.txt       what it says
<number>/result.json   JobResult, once it has ended
<number>/settled       once what was to follow the job has been done, such as publishing what it made
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from scoreline.core.job import JobOutcome
from scoreline.core.project_job import Work

TASK, RESULT, LOCK, LOG, SETTLED = "task.json", "result.json", "lock", "log.txt", "settled"


class JobTask(Struct, frozen=True, kw_only=True):
    """What is to be done."""

    key: str
    """Of the project, as the control plane knows it."""
    project: str
    """The project's folder."""
    work: Work
    title: str
    by: str
    started_at: str


class JobResult(Struct, frozen=True, kw_only=True):
    """How it ended."""

    outcome: JobOutcome
    message: str
    code: str
    family: str
    """Of the error that ended it, as surfaces name it; empty for none."""
    finished_at: str
    result: Any

    @classmethod
    def ended(
        cls, outcome: JobOutcome, message: str = "", *, code: str = "", family: str = "", result: Any = None
    ) -> JobResult:
        """It has ended just now."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        return cls(outcome=outcome, message=message, code=code, family=family, finished_at=at, result=result)
