"""Doing a step: in a process of its own, on the deployer, or by waiting for others."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from scoreline.automation.deployer_steps import DeployerSteps
from scoreline.automation.detached import DetachedStep
from scoreline.automation.run_folder import RunFolder
from scoreline.automation.step_result import StepResult, Task, failed
from scoreline.core.scenario_run import Effect, Fire, RunOutcome, ScenarioRun, StepRun
from scoreline.core.scenario_step import (
    ApprovalStep,
    BuildStep,
    CreateVersionStep,
    EvaluateStep,
    MessageStep,
    PythonStep,
    RunScenarioStep,
    RunTestQueriesStep,
    SetMappingStep,
    SetVariablesStep,
    SqlStep,
    Step,
    StopScenarioStep,
    TrainStep,
    UpdateDeploymentStep,
)
from scoreline.errors import ScorelineError
from scoreline.storage.project_files import read_project
from scoreline.studio.nursery import Nursery
from scoreline.studio.wanted_recipes import is_heavy

_POLL = 0.1  # seconds
_ONCE = (CreateVersionStep, MessageStep, PythonStep, SqlStep)
"""Kinds that are not done again when their process was cut off; those that say so may be."""

WaitNoted = Callable[[str], None]


class OtherRuns(Protocol):
    """Runs of other scenarios, as steps see them."""

    def start(
        self,
        project: str,
        scenario: str,
        fire: Fire,
        *,
        by: str,
        cause: str | None = None,
    ) -> ScenarioRun:
        """Begin a run; one of the same cause that there is already is given back."""

    def one(self, number: int) -> ScenarioRun:
        """A run."""

    def stop_scenario(self, project: str, scenario: str, by: str) -> int | None:
        """Ask the run of a scenario that goes on to end; gives its number."""

    def stop_caused(self, cause: str, by: str) -> None:
        """Ask the run that was started by this name to end, if it goes on."""

    def decision(self, run: int, position: int, attempt: int) -> Mapping[str, Any] | None:
        """What somebody said of a step that waits for it."""


class Halt(Struct, frozen=True):
    """What may end a step before it is done."""

    stopping: Callable[[], bool]
    """The control plane stops: the step goes on with the next one."""
    aborted: Callable[[], str | None]
    """Who has ended the run."""
    late: Callable[[], str | None]
    """What has had its time, the step or the run, in words."""

    def may_go_on(self) -> bool:
        """Whether nothing of that has come."""
        return not self.stopping() and self.aborted() is None and self.late() is None


class Performing:
    """Does the steps of all runs."""

    log = logging.getLogger(__name__)

    def __init__(
        self,
        deployer: DeployerSteps,
        project_folder: Callable[[str], Path],
        project_id: Callable[[str], str],
        messages: Mapping[str, Any],
        nursery: Nursery,
    ) -> None:
        self._deployer = deployer
        self._nursery = nursery
        self._project_folder = project_folder
        self._project_id = project_id
        self._messages = messages
        self.runs: OtherRuns | None = None
        """Set by whoever has both."""

    def perform(
        self,
        run: ScenarioRun,
        step: Step,
        begun: StepRun,
        folder: RunFolder,
        halt: Halt,
        wait_noted: WaitNoted,
    ) -> StepResult | None:
        """How a step fared, whether it was begun before or not; None when the control plane stops."""
        by, cause = made_by(run), cause_of(run, begun)

        def say(line: str) -> None:
            folder.say(line, begun.position, begun.attempt)

        def wait(seconds: float) -> bool:
            time.sleep(seconds)
            return halt.may_go_on()

        project = self._project_id(run.project)
        result: StepResult | None
        match step:
            case UpdateDeploymentStep():
                result = self._deployer.update(step, project=project, by=by, cause=cause, say=say, wait=wait)
            case SetMappingStep():
                result = self._deployer.set_mapping(
                    step, project=project, by=by, cause=cause, say=say, wait=wait
                )
            case RunTestQueriesStep():
                result = self._deployer.run_test_queries(step, project=project, say=say)
            case RunScenarioStep():
                result = self._run_scenario(run, step, by, cause, say, wait)
            case StopScenarioStep():
                result = self._stop_scenario(run, step, by)
            case ApprovalStep():
                result = self._approval(step, begun, run, wait_noted, wait)
            case SetVariablesStep(scope="run"):
                result = StepResult(
                    message=f"{', '.join(step.variables)} set",
                    outputs=dict(step.variables),
                    variables=dict(step.variables),
                )
            case _:
                result = self._detached(run, step, begun, folder, halt)
        if result is None and not halt.stopping():
            self.end(run, begun, folder)
            if (aborter := halt.aborted()) is not None:
                return StepResult(outcome="ABORTED", message=f"{aborter} has ended the run")
            return failed(halt.late() or "it took too long")
        if isinstance(step, CreateVersionStep) and result is not None:
            result = self._published(step, result, project, by, say)
        return result

    def end(self, run: ScenarioRun, begun: StepRun, folder: RunFolder) -> None:
        """End what a step that goes on has begun."""
        DetachedStep(folder.step(begun.position, begun.attempt)).end()
        self._deployer.cancel(cause_of(run, begun))
        if begun.kind == "run_scenario" and self.runs is not None and begun.inputs.get("wait", True):
            self.runs.stop_caused(cause_of(run, begun), made_by(run))

    def _detached(
        self, run: ScenarioRun, step: Step, begun: StepRun, folder: RunFolder, halt: Halt
    ) -> StepResult | None:
        taken: tuple[str, ...] = ()
        if isinstance(step, CreateVersionStep):
            taken = self._deployer.published(step.published_service or step.service)
        task = Task(
            project=str(self._project_folder(run.project)),
            work=step,
            by=made_by(run),
            variables=run.variables,
            taken=taken,
            messages=dict(self._messages) if isinstance(step, MessageStep) else {},
        )
        repeatable = not isinstance(step, _ONCE) or bool(getattr(step, "repeatable", False))
        detached = DetachedStep(folder.step(begun.position, begun.attempt))
        result = detached.run(
            task,
            repeatable=repeatable,
            may_go_on=halt.may_go_on,
            nursery=self._nursery,
            heavy=_is_heavy(step, task.project),
        )
        if result is None and not halt.stopping():
            detached.end()
        elif result is None and repeatable:
            detached.kill()  # the next control plane begins it again
        elif result is None:
            detached.leave()
        return result

    def _published(
        self, step: CreateVersionStep, made: StepResult, project: str, by: str, say: Callable[[str], None]
    ) -> StepResult:
        if not step.publish or made.outcome != "SUCCESS":
            return made
        archive = Path(str(made.outputs["archive"]))
        service = self._deployer.publish(archive, step.published_service, project=project, by=by, say=say)
        version = made.outputs["version"]
        return msgspec.structs.replace(
            made,
            message=f"version {version} of {service} is made and published",
            outputs={**made.outputs, "published": service},
            effects=(*made.effects, Effect(kind="published", target=f"{service}/{version}")),
        )

    def _run_scenario(
        self,
        run: ScenarioRun,
        step: RunScenarioStep,
        by: str,
        cause: str,
        say: Callable[[str], None],
        wait: Callable[[float], bool],
    ) -> StepResult | None:
        assert self.runs is not None
        fire = Fire(
            kind="run_scenario",
            reason=f"run {run.id} of {run.scenario} ran it",
            parameters=dict(step.parameters),
            run=run.id,
        )
        other = self.runs.start(run.project, step.scenario, fire, by=by, cause=cause)
        say(f"run {other.id} of {step.scenario} has begun")
        effects = (Effect(kind="run", target=str(other.id)),)
        while step.wait and other.outcome is RunOutcome.RUNNING:
            if not wait(_POLL):
                return None
            other = self.runs.one(other.id)
        outputs = {"run": other.id, "outcome": other.outcome.value}
        message = f"run {other.id} of {step.scenario}: {other.outcome.value}"
        message += f": {other.message}" if other.message else ""
        if other.outcome in (RunOutcome.FAILED, RunOutcome.ABORTED):
            return failed(message, outputs=outputs, effects=effects)
        warned = other.outcome is RunOutcome.WARNING
        return StepResult(
            outcome="WARNING" if warned else "SUCCESS", message=message, outputs=outputs, effects=effects
        )

    def _stop_scenario(self, run: ScenarioRun, step: StopScenarioStep, by: str) -> StepResult:
        assert self.runs is not None
        stopped = self.runs.stop_scenario(run.project, step.scenario, by)
        if stopped is None:
            return StepResult(message=f"{step.scenario} did not run")
        return StepResult(message=f"run {stopped} of {step.scenario} is to end", outputs={"run": stopped})

    def _approval(
        self,
        step: ApprovalStep,
        begun: StepRun,
        run: ScenarioRun,
        wait_noted: WaitNoted,
        wait: Callable[[float], bool],
    ) -> StepResult | None:
        assert self.runs is not None
        wait_noted(step.text or "it waits for an approval")
        while (said := self.runs.decision(run.id, begun.position, begun.attempt)) is None:
            if not wait(_POLL):
                return None
        who, comment = said["by"], said.get("comment") or ""
        told = f"{who} has {'approved' if said['approved'] else 'rejected'} it" + (
            f": {comment}" if comment else ""
        )
        outputs = {"approved": said["approved"], "by": who, "comment": comment}
        return (
            StepResult(message=told, outputs=outputs) if said["approved"] else failed(told, outputs=outputs)
        )


def _is_heavy(step: Step, project: str) -> bool:
    """Whether a step loads the libraries that models need."""
    if isinstance(step, BuildStep):
        with contextlib.suppress(ScorelineError):  # the step will say what is wrong
            return is_heavy(read_project(Path(project)), step.items)
    return isinstance(step, (EvaluateStep, TrainStep))


def made_by(run: ScenarioRun) -> str:
    """Who made what a run makes, as versions and updates say it."""
    return f"scenario {run.scenario} (run {run.id})"


def cause_of(run: ScenarioRun, begun: StepRun) -> str:
    """By what name the deeds of a try of a step are noted."""
    return f"{run.cause}/{begun.position}/{begun.attempt}"
