"""What will fail in a scenario when it runs: found in the project's folder as things stand, without a run."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from scoreline.automation.outlook import Outlook
from scoreline.automation.runs import named_scenario
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.project import Kind, Project
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_finding import ScenarioFinding
from scoreline.core.scenario_step import (
    ActivateVersionStep,
    BuildStep,
    ComputeMetricsStep,
    CreateVersionStep,
    EvaluateStep,
    RunChecksStep,
    RunTestQueriesStep,
    SetMappingStep,
    SqlStep,
    Step,
    TrainStep,
    UpdateDeploymentStep,
)
from scoreline.core.scenario_trigger import SqlTrigger
from scoreline.errors import Problem
from scoreline.storage.project_files import check_project
from scoreline.storage.project_layout import file_of, read_texts
from scoreline.storage.tables import open_tables
from scoreline.storage.workspace import Workspace
from scoreline.studio.versions import version_ids

_STEP = re.compile(r"steps\[([0-9]+)\]")


class Deployed(Struct, frozen=True, kw_only=True):
    """What a control plane has."""

    deployments: dict[str, str]
    """Id -> its service."""
    versions: dict[str, tuple[str, ...]]
    """Service -> the versions that are published."""


def findings(
    folder: Path,
    scenario: str | None = None,
    *,
    deployed: Deployed | None = None,
    environment: Mapping[str, str] = os.environ,
) -> tuple[ScenarioFinding, ...]:
    """What is wrong in a scenario (None: in all), as its files are written, and then as things stand.

    `deployed`: what the control plane has, where deployments and versions are to be looked at, too. Raises
    NotFound for a scenario that is not there.
    """
    project, problems = check_project(folder, read_texts(folder))
    if problems:
        # Nothing of a project runs while it has problems.
        return tuple(_of_file(problem, project) for problem in problems)
    wanted = project.scenarios if scenario is None else {scenario: named_scenario(project, scenario)}
    found: list[ScenarioFinding] = []
    with tempfile.TemporaryDirectory(prefix="scoreline-check-") as scratch:
        for id_, definition in wanted.items():
            tables = open_tables(project, folder, environment)
            outlook = Outlook(project, folder, tables, Path(scratch))
            found += _of_triggers(id_, definition, outlook)
            found += _of_steps(id_, definition, outlook)
            if deployed is not None:
                found += _of_deployed(id_, definition, deployed)
    return tuple(found)


def _of_triggers(id_: str, scenario: Scenario, outlook: Outlook) -> Iterator[ScenarioFinding]:
    for position, trigger in enumerate(scenario.triggers):
        where = f"trigger {trigger.name or position + 1}"
        if isinstance(trigger, SqlTrigger) and trigger.connection is None and trigger.enabled:
            for message in outlook.query(trigger.query, trigger.inputs):
                yield ScenarioFinding(scenario=id_, severity="error", where=where, message=message)


def _of_steps(id_: str, scenario: Scenario, outlook: Outlook) -> Iterator[ScenarioFinding]:
    """What each step that may run meets, when those before it have done what they do."""
    for step in _running(scenario):
        where = f"step {step.id}"
        for message in _errors(step, outlook):
            yield ScenarioFinding(scenario=id_, severity="error", where=where, step=step.id, message=message)
        if isinstance(step, RunChecksStep) and "${" not in step.store:
            store = outlook.project.evaluation_stores[step.store]
            if not store.checks:
                file = file_of(Kind.EVALUATION_STORE, step.store)
                message = f"evaluation store {step.store!r} has no checks; add some in {file}"
                yield ScenarioFinding(
                    scenario=id_, severity="warning", where=where, step=step.id, message=message
                )


def _running(scenario: Scenario) -> Iterator[Step]:
    yield from (step for step in scenario.steps if step.enabled and step.when.strip() != "never")


def _errors(step: Step, outlook: Outlook) -> Iterator[str]:
    match step:
        case BuildStep(items=items) if not any("${" in item for item in items):
            yield from outlook.build(items)
        case TrainStep(model=name) | EvaluateStep(store=name) if "${" not in name:
            yield from outlook.build((name,))
        case ComputeMetricsStep(dataset=name) if "${" not in name:
            yield from outlook.rows(name)
        case RunChecksStep(store=name) if "${" not in f"{name}{step.evaluation}":
            yield from outlook.evaluation(name, step.evaluation)
        case ActivateVersionStep(model=name) if "${" not in f"{name}{step.version}":
            yield from outlook.version(name, step.version)
        case SqlStep(connection=None) if not any("${" in name for name in step.inputs):
            yield from outlook.query(step.query, step.inputs)
        case CreateVersionStep(service=name) if "${" not in name:
            yield from outlook.package(name)
            yield from _taken(step, version_ids(Workspace(outlook.folder), name))


def _taken(step: CreateVersionStep, versions: Collection[str]) -> Iterator[str]:
    if step.version is not None and not step.unique and step.version in versions:
        yield (
            f"service {step.service!r} has a version {step.version!r} already; let it be unique, or name "
            "another one"
        )


def _of_deployed(id_: str, scenario: Scenario, deployed: Deployed) -> Iterator[ScenarioFinding]:
    """Deployments and versions that the control plane does not have."""
    made: dict[str, set[str]] = {}
    for step in _running(scenario):
        messages: list[str] = []
        match step:
            case CreateVersionStep(version=str(version)):
                service = step.published_service or step.service
                made.setdefault(service, set()).add(version)
                messages += _taken(step, deployed.versions.get(service, ()))
            case UpdateDeploymentStep():
                messages += _missing(step.deployment, [step.version], deployed, made)
            case SetMappingStep():
                versions = [share.version for share in step.shares]
                messages += _missing(step.deployment, versions, deployed, made)
            case RunTestQueriesStep():
                messages += _missing(step.deployment, [], deployed, made)
        for message in messages:
            yield ScenarioFinding(
                scenario=id_, severity="error", where=f"step {step.id}", step=step.id, message=message
            )


def _missing(
    deployment: str, versions: list[str], deployed: Deployed, made: Mapping[str, Collection[str]]
) -> Iterator[str]:
    if "${" in deployment:
        return
    service = deployed.deployments.get(deployment)
    if service is None:
        hint = did_you_mean(deployment, deployed.deployments)
        yield f"there is no deployment {shortened(deployment)}; {hint}"
        return
    known = {*deployed.versions.get(service, ()), *made.get(service, ())}
    for version in versions:
        if "${" not in version and version not in known:
            hint = did_you_mean(version, known)
            yield f"service {service!r} has no published version {shortened(version)}; {hint}"


def _of_file(problem: Problem, project: Project) -> ScenarioFinding:
    scenario = _scenario_of(problem.file)
    place = _STEP.match(problem.message)
    definition = project.scenarios.get(scenario)
    step = definition.steps[int(place[1])].id if place and definition is not None else ""
    return ScenarioFinding(
        scenario=scenario,
        severity="error",
        where=f"{problem.file}:{problem.line}" if problem.line else problem.file,
        step=step,
        message=problem.message,
    )


def _scenario_of(file: str) -> str:
    folder, _, name = file.partition("/")
    return name.removesuffix(".yaml") if folder == Kind.SCENARIO.value else ""
