"""Scenarios of the projects of a control plane: how they fare, and changing them; every change is audited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from scoreline.core.scenario import Scenario
from scoreline.core.scenario_run import RunOutcome, ScenarioRun
from scoreline.core.scenario_trigger import (
    DatasetTrigger,
    ScenarioTrigger,
    SqlTrigger,
    TimeTrigger,
    Trigger,
)
from scoreline.core.schedule import next_due
from scoreline.errors import Conflict, Invalid
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.storage.catalog_runs import CatalogRuns
from scoreline.studio import scenarios as files
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.wire.control_scenarios import ListedScenario, ListedTrigger, WholeScenario, listed_run

_LONGEST_TEXT = 60
_LONGEST_PROBLEM = 500

Clock = Callable[[], datetime]


class Scenarios:
    """What is said of scenarios comes from their files, whoever wrote those, and from the history of runs."""

    def __init__(
        self,
        rows: CatalogRuns,
        registry: ProjectRegistry,
        audit: CatalogAudit,
        *,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._rows = rows
        self._registry = registry
        self._audit = audit
        self._clock = clock

    def all(self, project: str) -> list[ListedScenario]:
        """All scenarios of a project, by id; `problem` says why one cannot be used. Raises NotFound."""
        return [self._listed(project, one) for one in files.scenarios_of(self._folder(project))]

    def one(self, project: str, scenario: str) -> WholeScenario:
        """One scenario with its definition. Raises NotFound, naming the nearest one."""
        folder = self._folder(project)
        revision = files.revision_of(folder, scenario)  # before it is read: an older one is no harm
        found = files.scenario_of(folder, scenario)
        return WholeScenario(
            scenario=self._listed(project, found), definition=found.scenario, revision=revision
        )

    def create(self, project: str, scenario: str, definition: Scenario) -> WholeScenario:
        """Make a scenario. Raises Conflict when there is one of that id, InvalidProject, Invalid."""
        files.create_scenario(self._folder(project), scenario, definition)
        self._note("create", project, scenario, None, definition)
        return self.one(project, scenario)

    def save(
        self, project: str, scenario: str, definition: Scenario, *, since: str | None = None
    ) -> WholeScenario:
        """Change a scenario; comments in its file stay. `since`: the revision that was read; None: any.

        A run that goes on keeps the definition that it began with. Raises NotFound, InvalidProject, and
        Conflict (code `stale-revision`) when somebody changed it since.
        """
        folder = self._folder(project)
        before = files.scenario_of(folder, scenario).scenario
        files.save_scenario(folder, scenario, definition, since=since)
        if before != definition:
            self._note("save", project, scenario, before, definition)
        return self.one(project, scenario)

    def enable(self, project: str, scenario: str, *, enabled: bool) -> WholeScenario:
        """Let the triggers of a scenario start it, or no more. Raises NotFound and InvalidProject."""
        folder = self._folder(project)
        before = files.scenario_of(folder, scenario).definition.enabled
        files.enable_scenario(folder, scenario, enabled=enabled)
        if before is not enabled:
            what = "enable" if enabled else "disable"
            self._audit.record(what, _target(project, scenario), after={"enabled": enabled})
        return self.one(project, scenario)

    def duplicate(self, project: str, scenario: str, new: str) -> WholeScenario:
        """Make a copy that is not enabled yet. Raises NotFound, Conflict, InvalidProject and Invalid."""
        folder = self._folder(project)
        files.duplicate_scenario(folder, scenario, new)
        self._note("create", project, new, None, files.scenario_of(folder, new).scenario)
        return self.one(project, new)

    def delete(self, project: str, scenario: str, *, since: str | None = None) -> None:
        """Delete a scenario; its runs stay to be looked at.

        Raises NotFound, and Conflict while it runs (code `scenario-running`) or when somebody changed it
        since (code `stale-revision`).
        """
        folder = self._folder(project)
        before = files.scenario_of(folder, scenario).scenario
        number = self._rows.running_of(project, scenario)
        if number is not None:
            raise Conflict(
                f"scenario {scenario!r} is running; abort run {number}, or wait until it has ended",
                code="scenario-running",
            )
        files.delete_scenario(folder, scenario, since=since)
        self._note("delete", project, scenario, before, None)

    def _folder(self, project: str) -> Path:
        return self._registry.folder(project)

    def _note(
        self, what: str, project: str, scenario: str, before: Scenario | None, after: Scenario | None
    ) -> None:
        self._audit.record(what, _target(project, scenario), before=before, after=after)

    def _listed(self, project: str, file: files.ScenarioFile) -> ListedScenario:
        recent = self._rows.newest(limit=2, project=project, scenario=file.id)
        return listed_scenario(project, file, recent, at=self._clock())


def listed_scenario(
    project: str, file: files.ScenarioFile, recent: Sequence[ScenarioRun], *, at: datetime
) -> ListedScenario:
    """How a scenario fares at a time, by its last two runs, newest first."""
    definition = file.scenario or Scenario(enabled=False)
    running = next((run for run in recent if run.outcome is RunOutcome.RUNNING), None)
    ended = next((run for run in recent if run.outcome is not RunOutcome.RUNNING), None)
    starts = definition.enabled and not file.problems
    triggers = tuple(_trigger(one, at if starts and one.enabled else None) for one in definition.triggers)
    return ListedScenario(
        id=file.id,
        project=project,
        name=definition.name or file.id,
        description=definition.description,
        enabled=definition.enabled,
        steps=len(definition.steps),
        triggers=triggers,
        next_due=min((one.next_due for one in triggers if one.next_due is not None), default=None),
        running=None if running is None else listed_run(running),
        last_run=None if ended is None else listed_run(ended),
        problem="; ".join(str(problem) for problem in file.problems)[:_LONGEST_PROBLEM],
    )


def _trigger(trigger: Trigger, at: datetime | None) -> ListedTrigger:
    due = None if at is None else _next_due(trigger, at)
    return ListedTrigger(
        kind=str(trigger.__struct_config__.tag),
        name=trigger.name,
        enabled=trigger.enabled,
        what=_in_words(trigger),
        next_due=None if due is None else due.isoformat(timespec="milliseconds"),
    )


def _next_due(trigger: Trigger, at: datetime) -> datetime | None:
    if not isinstance(trigger, TimeTrigger):
        return None
    try:
        return next_due(trigger.cron, trigger.zone, at)
    except Invalid:  # the problems of the file tell
        return None


def _in_words(trigger: Trigger) -> str:
    match trigger:
        case TimeTrigger():
            return f"{trigger.cron} ({trigger.zone})"
        case DatasetTrigger():
            return _cut(", ".join(trigger.datasets))
        case SqlTrigger():
            return _cut(" ".join(trigger.query.split()))
        case ScenarioTrigger():
            return f"{trigger.scenario}: {', '.join(trigger.outcomes)}"
        case _:
            return "its URL is posted to"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _target(project: str, scenario: str) -> str:
    return f"scenario:{project}/{scenario}"
