"""Scenarios, as clients of Dataiku list, make, read, save, run and delete them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.automation.automation import Automation
from scoreline.automation.scenarios import Scenarios
from scoreline.core.access import Action, Kind
from scoreline.core.names import check_id
from scoreline.core.project import Kind as DefinitionKind
from scoreline.core.scenario import Scenario
from scoreline.errors import Invalid
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.permissions import needs
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.storage.project_files import check_project
from scoreline.storage.project_layout import read_texts
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.wire import control_scenarios as control
from scoreline.wire.dataiku_control import milliseconds
from scoreline.wire.dataiku_scenarios import (
    LastModifiedBy,
    ListedScenario,
    ScenarioSettings,
    VersionTag,
    scenario_read,
    scenario_written,
)
from scoreline.wire.dataiku_settings import refused
from scoreline.wire.dataiku_step_params import ItemType, TypeOf

ALL = "/projects/{project}/scenarios"
ONE = "/projects/{project}/scenarios/{scenario}"
_CHANGES = frozenset(("create", "save", "enable", "disable"))
_LOOKED_BACK = 200
"""Changes of a scenario, its runs among them, in which the last one of its file is looked for."""
_TYPES: Mapping[DefinitionKind, ItemType] = {
    DefinitionKind.DATASET: "DATASET",
    DefinitionKind.MODEL: "SAVED_MODEL",
    DefinitionKind.EVALUATION_STORE: "MODEL_EVALUATION_STORE",
}


class _Light(msgspec.Struct, frozen=True, kw_only=True):
    """What a status that is sent back may change."""

    active: bool | None = None
    description: str | None = None


def routes(automation: Automation, audit: CatalogAudit) -> APIRouter:
    """The routes."""
    router = APIRouter()
    _looking(router, automation.scenarios, automation.registry, audit)
    _changing(router, automation.scenarios)
    return router


def _looking(router: APIRouter, scenarios: Scenarios, registry: ProjectRegistry, audit: CatalogAudit) -> None:
    @router.get(ALL, dependencies=needs(Action.VIEW, Kind.PROJECT))
    def list_scenarios(project: str) -> Response:
        return answer([_listed(one, project) for one in scenarios.all(project)])

    @router.get(f"{ONE}/light", dependencies=needs(Action.VIEW, Kind.PROJECT))
    def get_status(project: str, scenario: str) -> Response:
        return answer(_listed(scenarios.one(project, scenario).scenario, project))

    @router.get(ONE, dependencies=needs(Action.VIEW, Kind.PROJECT))
    def get_settings(project: str, scenario: str) -> Response:
        return answer(_settings(project, scenarios.one(project, scenario), registry, audit))

    @router.get(f"{ONE}/payload", dependencies=needs(Action.VIEW, Kind.PROJECT))
    def get_payload(project: str, scenario: str) -> Response:
        scenarios.one(project, scenario)
        return answer({"script": "", "extension": "py"})


def _changing(router: APIRouter, scenarios: Scenarios) -> None:
    @router.post(ALL, dependencies=needs(Action.ADMIN, Kind.PROJECT))
    async def create_scenario(request: Request, project: str) -> Response:
        given = await read_json(request, dict[str, Any])

        def create() -> str:
            id_ = _new_id(given, [one.id for one in scenarios.all(project)])
            made = scenario_read(project, id_, {**given, "id": id_}, at=datetime.now(UTC))
            scenarios.create(project, id_, made)
            return id_

        return answer({"id": await run_in_threadpool(create)})

    @router.put(ONE, dependencies=needs(Action.ADMIN, Kind.PROJECT))
    async def save_settings(request: Request, project: str, scenario: str) -> Response:
        given = await read_json(request, Any)

        def save() -> None:
            before = scenarios.one(project, scenario).definition
            read = scenario_read(project, scenario, given, at=datetime.now(UTC))
            if before is not None and (before.name, read.name) == (scenario, ""):
                read = msgspec.structs.replace(
                    read, name=scenario
                )  # as it is written, though it goes without
            scenarios.save(project, scenario, read)

        await run_in_threadpool(save)
        return answer({})

    @router.put(f"{ONE}/light", dependencies=needs(Action.ADMIN, Kind.PROJECT))
    async def save_status(request: Request, project: str, scenario: str) -> Response:
        given = await read_json(request, _Light)

        def save() -> None:
            before = _definition(scenarios.one(project, scenario))
            changes = {"enabled": given.active, "description": given.description}
            wanted = {name: value for name, value in changes.items() if value is not None}
            scenarios.save(project, scenario, msgspec.structs.replace(before, **wanted))

        await run_in_threadpool(save)
        return answer({})

    @router.put(f"{ONE}/payload", dependencies=needs(Action.ADMIN, Kind.PROJECT))
    def save_payload(project: str, scenario: str) -> Response:
        scenarios.one(project, scenario)
        raise refused("scenarios are made of steps; put the script into a step of type custom_python")

    @router.delete(ONE, dependencies=needs(Action.ADMIN, Kind.PROJECT))
    def delete_scenario(project: str, scenario: str) -> Response:
        scenarios.delete(project, scenario)
        return answer({})


def _listed(found: control.ListedScenario, project: str) -> ListedScenario:
    return ListedScenario(
        id=found.id,
        name=found.name or found.id,
        project_key=project,
        active=found.enabled,
        running=found.running is not None,
        start=milliseconds(found.running.started_at) if found.running else 0,
        next_run=milliseconds(found.next_due) if found.next_due else 0,
        description=found.description,
    )


def _settings(
    project: str, found: control.WholeScenario, registry: ProjectRegistry, audit: CatalogAudit
) -> ScenarioSettings:
    return scenario_written(
        project,
        found.scenario.id,
        _definition(found),
        type_of=_type_of(registry.folder(project)),
        tag=_tag(audit, project, found.scenario.id),
    )


def _definition(found: control.WholeScenario) -> Scenario:
    if found.definition is None:
        raise Invalid(f"scenario {found.scenario.id!r} is not sound: {found.scenario.problem}")
    return found.definition


def _type_of(folder: Path) -> TypeOf:
    project, _ = check_project(folder, read_texts(folder))
    known = {item: kind for definitions, kind in _TYPES.items() for item in project.of(definitions)}
    return known.get


def _tag(audit: CatalogAudit, project: str, scenario: str) -> VersionTag | None:
    """Who has changed a scenario last through the control plane; None: nobody has."""
    for change in audit.newest(_LOOKED_BACK, on=f"scenario:{project}/{scenario}"):
        if change.what in _CHANGES:
            by = LastModifiedBy(login=change.who)
            return VersionTag(
                version_number=change.id, last_modified_by=by, last_modified_on=milliseconds(change.at)
            )
    return None


def _new_id(given: Mapping[str, Any], taken: list[str]) -> str:
    """An id that a name leads to: `Retrain & deploy` is retrain_and_deploy. Raises Invalid."""
    name = given.get("name")
    if not isinstance(name, str) or not name.strip():
        raise refused("name must say what the scenario is called")
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in _spelled(name))
    stem = "_".join(words.split()) or "scenario"
    known = {one.casefold() for one in taken}
    names = (stem if number == 1 else f"{stem}_{number}" for number in range(1, len(known) + 2))
    return check_id(next(one for one in names if one not in known), "a scenario")


def _spelled(name: str) -> str:
    return name.lower().replace("&", " and ")
