"""Builds: what is stale in a project's flow is made again, in order, durably."""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from scoreline.core.flow import build_order, upstreams
from scoreline.core.project import Project
from scoreline.errors import Invalid
from scoreline.storage.atomic import sweep
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import open_tables
from scoreline.storage.workspace import Workspace
from scoreline.studio.build_events import BuildEvent, BuildResult, Progress, RecipeOutcome
from scoreline.studio.build_schedule import Schedule
from scoreline.studio.build_steps import BuildSteps
from scoreline.studio.lock import project_lock
from scoreline.studio.wanted_recipes import recipes_for

_KEPT_LOGS = 20


def build(
    folder: Path,
    names: Sequence[str] = (),
    *,
    all: bool = False,  # noqa: A002 - the word of the command line
    force: bool = False,
    wait: bool = True,
    by: str = "",
    progress: Progress = lambda _: None,
    say: Callable[[str], None] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> BuildResult:
    """Make everything named, and what it needs, up to date by content.

    Names are ids of datasets, models, evaluation stores or recipes; none (or `all`): the whole flow. `force`
    runs the recipes named even if they are up to date; what they need runs only if stale. A recipe that fails
    stops what is downstream of it, nothing else, and is told in the result, not raised. A build whose process
    was killed is gone on with when the same one is asked for again.

    Raises NotFound (no such item), InvalidProject, Conflict (another one builds here, and not `wait`),
    Unavailable (the journal of builds cannot be written).
    """
    if all and names:
        raise Invalid("name what to build, or everything, not both")
    workspace = Workspace(folder.resolve())
    with project_lock(workspace, " ".join(["scoreline build", *names]), wait=wait, say=say):
        project = read_project(workspace.project)
        wanted = recipes_for(project, names)
        return _Build(
            project, workspace, wanted, force=force, by=by, progress=progress, environment=environment
        ).run()


class _Build:
    """One build, under the project's lock."""

    def __init__(
        self,
        project: Project,
        workspace: Workspace,
        wanted: tuple[str, ...],
        *,
        force: bool,
        by: str,
        progress: Progress,
        environment: Mapping[str, str],
    ) -> None:
        self._project = project
        self._workspace = workspace
        self._request = {"wanted": sorted(wanted), "force": force}
        self._order = build_order(project.recipes, wanted)
        self._steps = BuildSteps(
            project,
            open_tables(project, workspace.project, environment),
            workspace,
            forced=frozenset(wanted if force else ()),
            by=by,
            started=lambda recipe, reason: self._tell(
                BuildEvent(kind="started", recipe=recipe, reason=reason)
            ),
        )
        self._id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
        self._progress = progress
        self._lock = threading.Lock()
        self._schedule: Schedule | None = None
        self._outcomes: dict[str, RecipeOutcome] = {}

    def run(self) -> BuildResult:
        self._tidy()
        self._tell_plan()
        if not self._request["force"] and self._nothing_stale():
            for recipe in self._order:
                self._over(RecipeOutcome(recipe=recipe, status="up_to_date"))
            return self._result(resumed=False)
        return self._result(resumed=self._run_durably())

    def _run_durably(self) -> bool:
        """Run the steps, going on with a killed build where that gives the same; says whether it did."""
        # Here: the library behind it takes a second to load, and a build with nothing to do is done before.
        from scoreline.storage.workflows import open_runs

        with open_runs(self._workspace.builds, self._step) as runs:
            resumed = None
            for unfinished in reversed(runs.unfinished()):
                if (
                    resumed is None
                    and self._same(unfinished.request)
                    and self._still_good(unfinished.records)
                ):
                    resumed = unfinished.id
                else:
                    runs.give_up(unfinished.id)
            try:
                if resumed is not None:
                    self._id = resumed
                    self._tell_plan()
                    runs.resume(resumed, self._drive)
                else:
                    runs.start(self._id, self._request, list(self._order), self._drive)
            except BaseException:
                # Interrupted: what runs is awaited, since it writes under our lock.
                if self._schedule is not None:
                    self._schedule.stop()
                raise
            runs.forget_old()
        return resumed is not None

    def _step(self, recipe: str) -> dict[str, object]:
        outcome = self._steps.run(recipe, self._workspace.logs / self._id)
        record: dict[str, object] = msgspec.to_builtins(outcome)
        return record

    def _drive(self, run_step: Callable[[str], dict[str, object]]) -> None:
        def run(recipe: str) -> bool:
            outcome = msgspec.convert(run_step(recipe), RecipeOutcome)
            self._over(outcome)
            return outcome.has_output

        def skip(recipe: str, because_of: str) -> None:
            self._over(RecipeOutcome(recipe=recipe, status="skipped", reason=f"{because_of} has no output"))

        above = upstreams(self._project.recipes)
        needs = {recipe: above[recipe] for recipe in self._order}
        self._schedule = Schedule(self._order, needs, run, skip)
        self._schedule.run()

    def _same(self, request: Mapping[str, object]) -> bool:
        return request == {**self._request, "steps": list(self._order)}

    def _still_good(self, records: Mapping[str, dict[str, object]]) -> bool:
        """Whether every recipe that the killed build finished is right as it stands."""
        return all(
            recipe in self._order
            and record.get("status") != "failed"
            and self._steps.staleness.is_fresh(recipe)
            for recipe, record in records.items()
        )

    def _nothing_stale(self) -> bool:
        return all(self._steps.staleness.is_fresh(recipe) for recipe in self._order)

    def _over(self, outcome: RecipeOutcome) -> None:
        self._outcomes[outcome.recipe] = outcome
        self._tell(BuildEvent(kind="finished", recipe=outcome.recipe, outcome=outcome))

    def _tell_plan(self) -> None:
        self._tell(BuildEvent(kind="planned", recipes=self._order, logs=self._logs))

    @property
    def _logs(self) -> str:
        return (self._workspace.logs / self._id).relative_to(self._workspace.project).as_posix()

    def _tell(self, event: BuildEvent) -> None:
        with self._lock:
            self._progress(event)

    def _result(self, *, resumed: bool) -> BuildResult:
        return BuildResult(
            id=self._id,
            outcomes=tuple(self._outcomes[recipe] for recipe in self._order),
            logs=self._logs,
            resumed=resumed,
        )

    def _tidy(self) -> None:
        """Remove what killed builds left, and the oldest logs."""
        shutil.rmtree(self._workspace.root / "tmp", ignore_errors=True)
        for folder in (self._workspace.root, self._workspace.root / "recipes"):
            sweep(folder)
        if self._workspace.logs.is_dir():
            for old in sorted(self._workspace.logs.iterdir(), reverse=True)[_KEPT_LOGS - 1 :]:
                shutil.rmtree(old, ignore_errors=True)
