"""Steps that work on the deployer, in the process of the control plane. Each may be begun twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from scoreline.automation.step_result import StepResult, failed
from scoreline.core.access import Kind
from scoreline.core.deployment import GenerationsMapping, MappingEntry, UpdateKind, UpdateOutcome
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.scenario_run import Effect
from scoreline.core.scenario_step import RunTestQueriesStep, SetMappingStep, UpdateDeploymentStep
from scoreline.deployer.control_plane import ControlPlane
from scoreline.errors import Conflict, Invalid, NotAllowed, NotFound
from scoreline.storage.catalog_audit import Actor, acting
from scoreline.wire import control

Say = Callable[[str], None]
Wait = Callable[[float], bool]
"""Waits some seconds; False when the step is not to go on."""

_POLL = 0.1  # seconds


class DeployerSteps:
    """What scenarios do with services and deployments: those of their own project only."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane

    def published(self, service: str) -> tuple[str, ...]:
        """Ids of the versions of a service that are published."""
        try:
            return tuple(one.version for one in self._control_plane.services.versions(service))
        except NotFound:
            return ()

    def publish(self, archive: Path, service: str | None, *, project: str, by: str, say: Say) -> str:
        """Publish a package; gives the id of the published service. The same one again changes nothing."""

        def permit(published: str, _project: str) -> None:
            self._own(published, project, may_be_new=True)

        with acting(Actor(name=by)), self._control_plane.artifacts.draft() as draft:
            with archive.open("rb") as file:
                while part := file.read(1 << 20):
                    draft.write(part)
            version, new = self._control_plane.services.publish(draft, by, service, permit=permit)
        say(f"{version.service_id} {version.manifest.version} is published" + ("" if new else " already"))
        return version.service_id

    def update(
        self, step: UpdateDeploymentStep, *, project: str, by: str, cause: str, say: Say, wait: Wait
    ) -> StepResult | None:
        """Bring a version live and wait until it is; None when it is not to be waited for any longer."""
        wanted = control.NewUpdate(version=step.version, kind=UpdateKind(step.update), rolling=step.rolling)
        return self._run(step.deployment, wanted, project, by, cause, say, wait)

    def set_mapping(
        self, step: SetMappingStep, *, project: str, by: str, cause: str, say: Say, wait: Wait
    ) -> StepResult | None:
        """Bring a generations mapping live, as `update`."""
        mapping = GenerationsMapping(
            tuple(MappingEntry(share.version, _number(share.share)) for share in step.shares)
        )
        wanted = control.NewUpdate(mapping=mapping, kind=UpdateKind(step.update), rolling=step.rolling)
        return self._run(step.deployment, wanted, project, by, cause, say, wait)

    def run_test_queries(self, step: RunTestQueriesStep, *, project: str, say: Say) -> StepResult:
        """Ask every node the test queries of what is live."""
        self._own_deployment(step.deployment, project)
        found = self._control_plane.deployments.run_test_queries(step.deployment)
        answers = [one for one in found.answers if step.endpoint in (None, one.endpoint)]
        if not answers:
            return StepResult(outcome="WARNING", message="there are no test queries")
        wrong = [one for one in answers if not one.passed]
        for one in answers:
            say(f"{one.endpoint} on {one.node}: " + ("as expected" if one.passed else "not as expected"))
        outputs: dict[str, Any] = {"asked": len(answers), "failed": len(wrong)}
        if wrong:
            return failed(
                f"{len(wrong)} of {len(answers)} test queries are not answered as expected", outputs=outputs
            )
        return StepResult(message=f"{len(answers)} test queries are answered as expected", outputs=outputs)

    def cancel(self, cause: str) -> None:
        """End the update that was started for a step, if it goes on."""
        update = self._control_plane.catalog.updates.by_cause(cause)
        if update is not None and update.outcome is UpdateOutcome.RUNNING:
            try:
                self._control_plane.deployments.cancel(update.deployment, update.id)
            except Conflict:
                return  # it has ended meanwhile

    def _run(
        self,
        deployment: str,
        wanted: control.NewUpdate,
        project: str,
        by: str,
        cause: str,
        say: Say,
        wait: Wait,
    ) -> StepResult | None:
        self._own_deployment(deployment, project)
        with acting(Actor(name=by)):
            begun = self._control_plane.deployments.update(deployment, wanted, by, cause=cause)
        say(f"update {begun.id} of {deployment} to {begun.to_mapping} has begun")
        told = 0
        while True:
            update = self._control_plane.catalog.updates.one(begun.id)
            if update is None:
                return failed(f"deployment {deployment!r} was deleted meanwhile")
            for line in update.log[told:]:
                say(line)
            told = len(update.log)
            if update.outcome is not UpdateOutcome.RUNNING:
                break
            if not wait(_POLL):
                return None
        outputs = {
            "deployment": deployment,
            "update": update.id,
            "version": update.to_mapping.version,
            "mapping": msgspec.to_builtins(update.to_mapping),
            "before": msgspec.to_builtins(update.from_mapping),
        }
        effects = (Effect(kind="update", target=str(update.id)),)
        if update.outcome is UpdateOutcome.SUCCESS:
            return StepResult(
                message=f"{update.to_mapping} is live on {deployment}", outputs=outputs, effects=effects
            )
        return failed(
            f"update {update.id} of {deployment} ended {update.outcome.value}: {update.message}",
            outputs=outputs,
            effects=effects,
        )

    def _own_deployment(self, deployment: str, project: str) -> None:
        try:
            found = self._control_plane.deployments.settings(deployment)
        except NotFound:
            saved = self._control_plane.deployments.saved()
            mine = [one.id for one in saved if self._is_of(one.service, project)]
            raise NotFound(
                f"no deployment {shortened(deployment)} of this project; {did_you_mean(deployment, mine)}",
                code="no-such-deployment",
            ) from None
        self._own(found.service, project)

    def _own(self, service: str, project: str, *, may_be_new: bool = False) -> None:
        known = self._control_plane.targets.one(Kind.SERVICE, service)
        if (known is None and may_be_new) or self._is_of(service, project):
            return
        raise NotAllowed(
            f"service {service!r} is of another project; a scenario changes those of its own project only",
            code="no-right",
        )

    def _is_of(self, service: str, project: str) -> bool:
        known = self._control_plane.targets.one(Kind.SERVICE, service)
        return known is not None and known.project in (None, project)


def _number(share: float | str) -> float:
    try:
        return float(share)
    except ValueError:
        raise Invalid(f"the share {share!r} is not a number") from None


def wait_for(seconds: float, may_go_on: Callable[[], bool]) -> bool:
    """Wait, looking often whether to go on; False when not."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not may_go_on():
            return False
        time.sleep(min(0.05, left))
    return may_go_on()
