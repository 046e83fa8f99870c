"""Runs of scenarios: started, ended, taken up again by a control plane that comes back, and looked at."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from scoreline.automation.detached import remove_folder
from scoreline.automation.execution import Execution
from scoreline.automation.performing import Performing
from scoreline.automation.reporting import Reporting
from scoreline.automation.run_folder import RunFolder
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.project import Project
from scoreline.core.scenario_resume import steps_before, taken_over, variables_before
from scoreline.core.scenario_run import (
    Fire,
    RunOutcome,
    ScenarioRun,
    StepRun,
    StepRunOutcome,
    check_variables,
    step_run,
)
from scoreline.deployer.clock import now, now_after
from scoreline.errors import Conflict, NotFound, ScorelineError, Unavailable
from scoreline.storage.catalog_runs import CatalogRuns
from scoreline.storage.catalog_triggers import Seen
from scoreline.storage.project_files import read_project
from scoreline.studio.project_registry import ProjectRegistry

KEPT_RUNS = 500
"""Ended runs of each scenario that are kept."""
_AGAIN = 2.0
"""Seconds until a run that could not be written down is taken up again."""

_log = logging.getLogger(__name__)


class Runs:
    """The runs of all scenarios of all projects. Each goes on in a thread of its own."""

    def __init__(
        self,
        rows: CatalogRuns,
        registry: ProjectRegistry,
        folder: Path,
        performing: Performing,
        reporting: Reporting,
    ) -> None:
        self._rows = rows
        self._registry = registry
        self._folder = folder
        self._performing = performing
        self._reporting = reporting
        self._threads: dict[int, threading.Thread] = {}
        self._aborted: dict[int, str] = {}
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        performing.runs = self

    def resume(self) -> None:
        """Go on with the runs that a control plane has left."""
        for run in self._rows.running():
            if run.abort_by is not None:
                self._aborted[run.id] = run.abort_by
            folder = RunFolder(self._folder / str(run.id))
            if folder.log():
                folder.say("a control plane that was started anew goes on with it")
            self._go(run)

    def stop(self) -> None:
        """Stop after what is being written. What runs in processes of its own runs on."""
        self._stopping.set()
        for thread in tuple(self._threads.values()):
            thread.join()

    def start(
        self,
        project: str,
        scenario: str,
        fire: Fire,
        *,
        by: str,
        cause: str | None = None,
        seen: Seen | None = None,
    ) -> ScenarioRun:
        """Begin a run; one of the same `cause` that there is already is given back.

        `seen`: what the trigger that fires has seen, which is kept with the run or not at all. Raises
        NotFound, InvalidProject, Invalid for parameters that cannot be, and Conflict (code
        `scenario-running`) when another run of the scenario goes on.
        """
        read = read_project(self._registry.folder(project))
        definition = named_scenario(read, scenario)
        given = fire.parameters if fire.kind in ("manual", "run_scenario", "resume") else {}
        check_variables(given)
        run = ScenarioRun(
            id=0,
            project=project,
            scenario=scenario,
            definition=definition,
            fire=fire,
            by=by,
            started_at=now(),
            variables={**read.settings.variables, **definition.variables, **given},
        )
        return self._begun(self._rows.add(run, cause=cause, seen=seen))

    def start_from(self, number: int, step: str, by: str) -> ScenarioRun:
        """Run a scenario again as it was, from one of its steps on; what came before counts as it went.

        Raises NotFound, and Conflict when the run goes on or has not come as far as that.
        """
        old = self.one(number)
        if old.finished_at is None:
            raise Conflict(f"run {number} goes on; abort it, or wait until it has ended", code="run-going")
        before = steps_before(old, step)
        project = read_project(self._registry.folder(old.project))
        fire = msgspec.structs.replace(
            old.fire, kind="resume", reason=f"run {number} again, from step {step}", run=number
        )
        run = ScenarioRun(
            id=0,
            project=old.project,
            scenario=old.scenario,
            definition=old.definition,
            fire=fire,
            by=by,
            started_at=now_after(old.finished_at),
            variables=variables_before(old, before, project.settings.variables),
            steps=tuple(msgspec.structs.replace(one, effects=()) for one in before),
            resumed_from=number,
        )
        return self._begun(self._rows.add(run))

    def abort(self, number: int, by: str) -> ScenarioRun:
        """Ask a run to end, and what it does now. Raises NotFound, and Conflict when it has ended."""
        run = self.one(number)
        if not self._rows.abort(run, by):
            raise Conflict(f"run {number} has ended already", code="run-ended")
        self._aborted[number] = by
        return self.one(number)

    def stop_scenario(self, project: str, scenario: str, by: str) -> int | None:
        """Ask the run of a scenario that goes on to end; gives its number."""
        number = self._rows.running_of(project, scenario)
        if number is not None:
            with contextlib.suppress(Conflict):
                self.abort(number, by)
        return number

    def stop_caused(self, cause: str, by: str) -> None:
        """Ask the run that was started by this name to end, if it goes on."""
        run = self._rows.by_cause(cause)
        if run is not None and run.finished_at is None:
            with contextlib.suppress(Conflict):
                self.abort(run.id, by)

    def decide(self, number: int, step: str, *, approved: bool, by: str, comment: str = "") -> ScenarioRun:
        """Approve a step that waits for it, or reject it. Raises NotFound, and Conflict when it does not."""
        run = self.one(number)
        waiting = step_run(run, step)
        if waiting is None:
            raise _no_step(run, step)
        said = {"approved": approved, "by": by, "comment": comment[:1000], "at": now()}
        if waiting.outcome is not StepRunOutcome.WAITING or not self._rows.decide(run, waiting, said):
            raise Conflict(f"step {step!r} of run {number} does not wait for an approval", code="not-waiting")
        return self.one(number)

    def decision(self, run: int, position: int, attempt: int) -> Mapping[str, Any] | None:
        """What somebody said of a step that waits for it."""
        return self._rows.decision(run, position, attempt)

    def one(self, number: int) -> ScenarioRun:
        """One run with its steps. Raises NotFound."""
        found = self._rows.one(number)
        if found is None:
            raise NotFound(f"there is no run {number}", code="no-such-run")
        return found

    def newest(
        self,
        *,
        limit: int,
        before: int | None = None,
        project: str | None = None,
        scenario: str | None = None,
        outcome: RunOutcome | None = None,
        finished: bool = False,
        between: tuple[str, str] | None = None,
    ) -> list[ScenarioRun]:
        """The last runs, newest first."""
        return self._rows.newest(
            limit=limit,
            before=before,
            project=project,
            scenario=scenario,
            outcome=outcome,
            finished=finished,
            between=between,
        )

    def log(self, number: int, step: str | None = None) -> str:
        """The log of a run, or of one of its steps. Raises NotFound."""
        run = self.one(number)
        if step is None:
            return self.folder(number).log()
        found = step_run(run, step)
        if found is None:
            raise _no_step(run, step)
        return self.folder(self._where_it_ran(run, found)).log(found.position)

    def folder(self, number: int) -> RunFolder:
        """Where a run keeps its logs."""
        return RunFolder(self._folder / str(number))

    def _where_it_ran(self, run: ScenarioRun, step: StepRun) -> int:
        """The number of the run that did a step: another one when this one resumes it."""
        while taken_over(run, step):
            before = self._rows.one(run.resumed_from or 0)
            if before is None:
                break
            run = before
        return run.id

    def _begun(self, run: ScenarioRun) -> ScenarioRun:
        if run.finished_at is None:
            self._go(run)
        return run

    def _go(self, run: ScenarioRun) -> None:
        with self._guard:
            if self._stopping.is_set() or run.id in self._threads:
                return
            thread = threading.Thread(target=self._run, args=(run,), name=f"run-{run.id}", daemon=True)
            self._threads[run.id] = thread
            thread.start()

    def _run(self, run: ScenarioRun) -> None:
        try:
            while not self._stopping.is_set() and not self._tried(run):
                self._stopping.wait(_AGAIN)
        finally:
            self._threads.pop(run.id, None)
            self._aborted.pop(run.id, None)

    def _tried(self, run: ScenarioRun) -> bool:
        """Whether a run could go on until its end, or until the control plane stops."""
        try:
            known = self._rows.one(run.id)
            if known is None or known.finished_at is not None:
                return True
            self._execution(known).go()
            for old in self._rows.prune(run.project, run.scenario, keep=KEPT_RUNS):
                remove_folder(self._folder / str(old))
        except Unavailable as error:
            _log.warning("run %d cannot go on now: %s", run.id, error.message)
            return False
        except Exception as error:
            _log.exception("run %d cannot go on", run.id)
            return self._given_up(run, error)
        return True

    def _given_up(self, run: ScenarioRun, error: Exception) -> bool:
        said = error.message if isinstance(error, ScorelineError) else f"unexpected {type(error).__name__}"
        try:
            self._rows.finish(run, RunOutcome.FAILED, f"it could not go on: {said}", now())
        except Unavailable:
            return False
        return True

    def _execution(self, run: ScenarioRun) -> Execution:
        return Execution(
            run,
            self._rows,
            self.folder(run.id),
            self._performing,
            self._reporting.report,
            stopping=self._stopping.is_set,
            aborted=lambda: self._aborted.get(run.id),
        )


def _no_step(run: ScenarioRun, step: str) -> NotFound:
    ids = [one.step for one in run.steps]
    return NotFound(
        f"run {run.id} has not come to a step {shortened(step)}; {did_you_mean(step, ids)}",
        code="no-such-step",
    )


def named_scenario(project: Project, scenario: str) -> Any:
    """A scenario of a project. Raises NotFound, naming the nearest one."""
    found = project.scenarios.get(scenario)
    if found is None:
        hint = did_you_mean(scenario, project.scenarios)
        raise NotFound(f"the project has no scenario {shortened(scenario)}; {hint}", code="no-such-scenario")
    return found
