"""One run on its way: step after step, each decided, done and written down, until all are over.

What is written says how far it has come, so that a control plane that was killed goes on with it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from scoreline.automation.performing import Halt, Performing
from scoreline.automation.run_folder import RunFolder
from scoreline.automation.step_result import StepResult, failed
from scoreline.core.scenario_inputs import step_inputs, with_inputs
from scoreline.core.scenario_plan import EndRun, FailStep, RunStep, SkipStep, decide, standing
from scoreline.core.scenario_resume import taken_over
from scoreline.core.scenario_run import RunOutcome, ScenarioRun, StepRun, StepRunOutcome, names_of
from scoreline.core.scenario_step import Step
from scoreline.deployer.clock import now
from scoreline.errors import Invalid, ScorelineError
from scoreline.storage.catalog_runs import CatalogRuns

Report = Callable[[ScenarioRun, str, RunFolder], None]


class Execution:
    """Runs in one thread. Nothing else writes the rows of its run, but for asking it to end."""

    def __init__(
        self,
        run: ScenarioRun,
        rows: CatalogRuns,
        folder: RunFolder,
        performing: Performing,
        report: Report,
        *,
        stopping: Callable[[], bool],
        aborted: Callable[[], str | None],
    ) -> None:
        self._run = run
        self._rows = rows
        self._folder = folder
        self._performing = performing
        self._report = report
        self._stopping = stopping
        self._aborted = aborted
        self._begun: dict[str, float] = {}
        """By time of the clock, the same of a clock that never jumps."""

    def go(self) -> None:
        """Go on until the run has ended, or the control plane stops."""
        if all(taken_over(self._run, step) for step in self._run.steps):
            if not self._folder.log():
                self._folder.say(f"run {self._run.id} of {self._run.scenario}: {self._run.fire.reason}")
            self._report(self._run, "start", self._folder)
        while not self._stopping():
            if (by := self._aborted()) is not None:
                self._end(RunOutcome.ABORTED, f"{by} has ended it")
                return
            if (late := self._run_late()) is not None:
                self._end(RunOutcome.FAILED, late)
                return
            unfinished = self._unfinished()
            if unfinished is not None:
                self._do(*unfinished)
                continue
            match decide(self._run):
                case EndRun() as end:
                    self._end(end.outcome, end.message)
                    return
                case RunStep() as decision:
                    self._begin(decision.position, decision.step, decision.why)
                case SkipStep() as decision:
                    self._pass(decision.position, decision.step, StepRunOutcome.SKIPPED, why=decision.why)
                case FailStep() as decision:
                    self._pass(decision.position, decision.step, StepRunOutcome.FAILED, message=decision.why)

    def _unfinished(self) -> tuple[Step, StepRun] | None:
        """The step that is not over: one that was begun, or one that has failed and is to be tried again."""
        if not self._run.steps or taken_over(self._run, self._run.steps[-1]):
            return None
        last = self._run.steps[-1]
        step = self._run.definition.steps[last.position]
        if not last.outcome.ended:
            return step, last
        if last.outcome is StepRunOutcome.FAILED and last.started_at and last.attempt <= step.retries:
            return step, last
        return None

    def _begin(self, position: int, step: Step, why: str, attempt: int = 1) -> None:
        """Write that a step begins, with what it is to do."""
        begun = StepRun(
            position=position,
            step=step.id,
            kind=step.kind,
            name=step.name,
            outcome=StepRunOutcome.RUNNING,
            attempt=attempt,
            why=why,
            started_at=now(),
        )
        try:
            inputs = step_inputs(step, self._run, self._names())
        except Invalid as error:
            self._write(
                msgspec.structs.replace(
                    begun, outcome=StepRunOutcome.FAILED, message=error.message, finished_at=now()
                )
            )
            return
        self._write(msgspec.structs.replace(begun, inputs=inputs))
        self._folder.say(f"step {step.id} begins: {why}" + (f" (try {attempt})" if attempt > 1 else ""))

    def _do(self, step: Step, begun: StepRun) -> None:
        if begun.outcome is StepRunOutcome.FAILED:
            if self._wait_until(begun.finished_at, step.retry_delay):
                self._begin(begun.position, step, begun.why, begun.attempt + 1)
            return
        result = self._performed(step, begun)
        if result is None:
            return
        self._folder.say(f"step {step.id}: {result.outcome} {result.message}")
        ended = msgspec.structs.replace(
            self._run.steps[-1],
            outcome=StepRunOutcome(result.outcome),
            message=result.message,
            outputs=result.outputs,
            effects=result.effects,
            finished_at=now(),
        )
        self._write(ended, {**self._run.variables, **result.variables} if result.variables else None)

    def _performed(self, step: Step, begun: StepRun) -> StepResult | None:
        """How a step fared; None when the control plane stops."""
        halt = Halt(self._stopping, self._aborted, lambda: self._step_late(step, begun) or self._run_late())
        try:
            wanted = with_inputs(step, begun.inputs)
            return self._performing.perform(self._run, wanted, begun, self._folder, halt, self._wait_noted)
        except ScorelineError as error:
            return failed(error.message)
        except Exception as error:
            self._performing.log.exception("step %s of run %d", step.id, self._run.id)
            return failed(
                f"unexpected {type(error).__name__}; the log of the control plane has the whole of it"
            )

    def _wait_noted(self, message: str) -> None:
        """Write that the step waits for somebody."""
        self._write(
            msgspec.structs.replace(self._run.steps[-1], outcome=StepRunOutcome.WAITING, message=message)
        )

    def _pass(
        self, position: int, step: Step, outcome: StepRunOutcome, *, why: str = "", message: str = ""
    ) -> None:
        self._write(
            StepRun(
                position=position,
                step=step.id,
                kind=step.kind,
                name=step.name,
                outcome=outcome,
                why=why,
                message=message,
                finished_at=now(),
            )
        )
        self._folder.say(f"step {step.id} {outcome.value.lower()}: {why or message}")

    def _end(self, outcome: RunOutcome, message: str) -> None:
        self._abort_step(outcome)
        self._run = msgspec.structs.replace(self._run, outcome=outcome, message=message, finished_at=now())
        self._folder.say(f"{outcome.value}" + (f": {message}" if message else ""))
        with contextlib.suppress(ScorelineError):
            self._report(self._run, "end", self._folder)
        assert self._run.finished_at is not None
        self._rows.finish(self._run, outcome, message, self._run.finished_at)

    def _abort_step(self, outcome: RunOutcome) -> None:
        """End the step that goes on when its run is ended from outside."""
        if self._run.steps and not self._run.steps[-1].outcome.ended:
            last = self._run.steps[-1]
            self._performing.end(self._run, last, self._folder)
            ended = StepRunOutcome.ABORTED if outcome is RunOutcome.ABORTED else StepRunOutcome.FAILED
            self._write(
                msgspec.structs.replace(last, outcome=ended, message="the run was ended", finished_at=now())
            )

    def _write(self, step: StepRun, variables: dict[str, Any] | None = None) -> None:
        self._rows.save_step(self._run.id, step, variables=variables)
        before = [one for one in self._run.steps if one.position != step.position]
        self._run = msgspec.structs.replace(
            self._run,
            steps=(*before, step),
            variables=self._run.variables if variables is None else variables,
        )

    def _names(self) -> dict[str, Any]:
        now_stands = standing(self._run.definition.steps, self._run.steps)
        return names_of(self._run, self._run.steps, now_stands.outcome, bool(now_stands.failed))

    def _wait_until(self, since: str | None, seconds: float) -> bool:
        """Wait for some time since then; False when the run is not to go on."""
        while not self._late(since, seconds):
            if self._stopping() or self._aborted() is not None or self._run_late() is not None:
                return False
            time.sleep(0.05)
        return True

    def _step_late(self, step: Step, begun: StepRun) -> str | None:
        """That a try of a step has had its time, or None."""
        if step.timeout is None or not self._late(begun.started_at, step.timeout):
            return None
        return f"it took longer than its {step.timeout:g} seconds"

    def _run_late(self) -> str | None:
        """That the run has had its time, or None."""
        limit = self._run.definition.timeout
        if limit is None or not self._late(self._run.started_at, limit):
            return None
        return f"the run took longer than its {limit:g} seconds"

    def _late(self, since: str | None, seconds: float | None) -> bool:
        """Whether more than so many seconds have passed. A clock that jumps meanwhile does not count."""
        if since is None:
            return False
        if since not in self._begun:
            passed = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
            self._begun[since] = time.monotonic() - max(0.0, passed)
        return seconds is not None and time.monotonic() - self._begun[since] > seconds
