"""What steps of scenarios do, by the `params` of the types of steps that Dataiku's clients know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct, field, to_builtins

from scoreline.core.names import shortened
from scoreline.core.scenario_step import (
    BuildStep,
    ComputeMetricsStep,
    CreateVersionStep,
    EvaluateStep,
    MessageStep,
    PythonStep,
    RunChecksStep,
    RunScenarioStep,
    Scalar,
    SetVariablesStep,
    SqlStep,
    Step,
    StopScenarioStep,
    TrainStep,
    UpdateDeploymentStep,
)
from scoreline.wire.dataiku_messages import MessagingSettings, message_read, message_written
from scoreline.wire.dataiku_settings import refused

ItemType = Literal["DATASET", "SAVED_MODEL", "MODEL_EVALUATION_STORE"]
TypeOf = Callable[[str], ItemType | None]
Params = tuple[str, Mapping[str, Any]]
"""A type of theirs and its params."""

_MODEL: ItemType = "SAVED_MODEL"
_STORE: ItemType = "MODEL_EVALUATION_STORE"
_FORCED, _WHERE_STALE = "NON_RECURSIVE_FORCED_BUILD", "RECURSIVE_BUILD"


class Item(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An item of the flow."""

    type: ItemType
    item_id: str
    project_key: str | None = None
    partitions_spec: Literal["", None] = None


class BuildParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`build_flowitem`."""

    builds: tuple[Item, ...]
    job_type: str = _WHERE_STALE


class CheckParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`check_dataset`."""

    checks: tuple[Item, ...]


class ComputeParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`compute_metrics`."""

    computes: tuple[Item, ...]


class PackageParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`prepare_lambda_package`."""

    service_id: str
    package_id: str | None = None
    transmogrify: bool = True
    target_variable: str | None = None
    release_notes: str = ""
    publish_to_api_deployer: bool = field(default=False, name="publishToAPIDeployer")
    published_service_id: str | None = None


class UpdateParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`update_apideployer_deployment`."""

    deployment_id: str
    new_version_id: str
    is_full_update: bool = False


class SqlParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`exec_sql`."""

    connection: str
    sql: str


class PythonParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`custom_python`: code with a function `run(variables)`."""

    script: str


class VariablesParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`set_project_vars` and `define_scenario_vars`."""

    variables: dict[str, Scalar]


class RunScenarioParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`run_scenario`."""

    scenario_id: str
    project_key: str | None = None
    parameters: dict[str, Scalar] = {}


class KillScenarioParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`kill_scenario`."""

    scenario_id: str
    project_key: str | None = None


class ReportParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`send_report`."""

    messaging: MessagingSettings


def params_written(step: Step, type_of: TypeOf) -> Params | None:
    """What a step does in a type of theirs, as near as one comes; None where there is none."""
    match step:
        case BuildStep(items=items) if items:
            return _build_written(items, type_of, forced=step.force)
        case TrainStep():
            return "build_flowitem", _builds(((_MODEL, step.model),), _FORCED)
        case EvaluateStep():
            return "build_flowitem", _builds(((_STORE, step.store),), _FORCED)
        case RunChecksStep():
            return "check_dataset", {"checks": [{"type": _STORE, "itemId": step.store}]}
        case ComputeMetricsStep():
            return "compute_metrics", {"computes": [{"type": "DATASET", "itemId": step.dataset}]}
        case CreateVersionStep():
            return "prepare_lambda_package", {
                "serviceId": step.service,
                "packageId": step.version,
                "transmogrify": step.unique,
                "targetVariable": step.variable,
                "releaseNotes": step.release_notes,
                "publishToAPIDeployer": step.publish,
                "publishedServiceId": step.published_service,
            }
        case UpdateDeploymentStep():
            return "update_apideployer_deployment", {
                "deploymentId": step.deployment,
                "newVersionId": step.version,
                "isFullUpdate": step.update == "full",
            }
        case SqlStep(connection=str(connection)):
            return "exec_sql", {"connection": connection, "sql": step.query}
        case PythonStep(code=str(code)):
            return "custom_python", {"script": code}
        case SetVariablesStep():
            kind = "set_project_vars" if step.scope == "project" else "define_scenario_vars"
            return kind, {"variables": dict(step.variables)}
        case RunScenarioStep():
            return "run_scenario", {"scenarioId": step.scenario, "parameters": dict(step.parameters)}
        case StopScenarioStep():
            return "kill_scenario", {"scenarioId": step.scenario}
        case MessageStep():
            return "send_report", {"messaging": to_builtins(message_written(step.message))}
        case _:
            return None


def _build_written(items: tuple[str, ...], type_of: TypeOf, *, forced: bool) -> Params | None:
    typed = [(kind, item) for item in items if (kind := type_of(item)) is not None]
    if len(typed) < len(items):
        return None
    return "build_flowitem", _builds(typed, _FORCED if forced else _WHERE_STALE)


def _builds(items: Iterable[tuple[ItemType, str]], job_type: str) -> Mapping[str, Any]:
    return {"builds": [{"type": kind, "itemId": item} for kind, item in items], "jobType": job_type}


def _build_read(params: BuildParams, project: str) -> Mapping[str, Any]:
    for item in params.builds:
        _check_project(item.project_key, project)
    if params.job_type not in (_FORCED, _WHERE_STALE):
        raise refused(f"jobType must be {_WHERE_STALE} or {_FORCED}, not {shortened(params.job_type)}")
    items = [item.item_id for item in params.builds]
    if not items:
        raise refused("builds must list at least one item")
    if params.job_type == _FORCED and len(items) == 1 and params.builds[0].type == _MODEL:
        return {"kind": "train", "model": items[0]}
    if params.job_type == _FORCED and len(items) == 1 and params.builds[0].type == _STORE:
        return {"kind": "evaluate", "store": items[0]}
    return {"kind": "build", "items": items, "force": params.job_type == _FORCED}


def _checks_read(params: CheckParams, project: str) -> Mapping[str, Any]:
    return {"kind": "run_checks", "store": _only(params.checks, "checks", _STORE, project)}


def _computes_read(params: ComputeParams, project: str) -> Mapping[str, Any]:
    return {"kind": "compute_metrics", "dataset": _only(params.computes, "computes", "DATASET", project)}


def _only(items: tuple[Item, ...], key: str, kind: ItemType, project: str) -> str:
    if len(items) != 1 or items[0].type != kind:
        raise refused(f"{key} must list exactly one item, of type {kind}; use a step for each")
    _check_project(items[0].project_key, project)
    return items[0].item_id


def _package_read(params: PackageParams, _project: str) -> Mapping[str, Any]:
    return {
        "kind": "create_version",
        "service": params.service_id,
        "version": params.package_id or None,
        "unique": params.transmogrify,
        "variable": params.target_variable or None,
        "release_notes": params.release_notes,
        "publish": params.publish_to_api_deployer,
        "published_service": params.published_service_id or None,
    }


def _update_read(params: UpdateParams, _project: str) -> Mapping[str, Any]:
    return {
        "kind": "update_deployment",
        "deployment": params.deployment_id,
        "version": params.new_version_id,
        "update": "full" if params.is_full_update else "light",
    }


def _run_scenario_read(params: RunScenarioParams, project: str) -> Mapping[str, Any]:
    _check_project(params.project_key, project)
    return {"kind": "run_scenario", "scenario": params.scenario_id, "parameters": params.parameters}


def _kill_scenario_read(params: KillScenarioParams, project: str) -> Mapping[str, Any]:
    _check_project(params.project_key, project)
    return {"kind": "stop_scenario", "scenario": params.scenario_id}


def _check_project(given: str | None, project: str) -> None:
    if given not in (None, "", project):
        raise refused(f"projectKey is {shortened(given)}; a scenario acts on its own project only")


READERS: Mapping[str, tuple[type[Struct], Callable[[Any, str], Mapping[str, Any]]]] = {
    "build_flowitem": (BuildParams, _build_read),
    "check_dataset": (CheckParams, _checks_read),
    "compute_metrics": (ComputeParams, _computes_read),
    "prepare_lambda_package": (PackageParams, _package_read),
    "update_apideployer_deployment": (UpdateParams, _update_read),
    "exec_sql": (
        SqlParams,
        lambda params, _: {"kind": "sql", "connection": params.connection, "query": params.sql},
    ),
    "custom_python": (PythonParams, lambda params, _: {"kind": "python", "code": params.script}),
    "set_project_vars": (
        VariablesParams,
        lambda params, _: {"kind": "set_variables", "scope": "project", "variables": params.variables},
    ),
    "define_scenario_vars": (
        VariablesParams,
        lambda params, _: {"kind": "set_variables", "scope": "run", "variables": params.variables},
    ),
    "run_scenario": (RunScenarioParams, _run_scenario_read),
    "kill_scenario": (KillScenarioParams, _kill_scenario_read),
    "send_report": (
        ReportParams,
        lambda params, _: {"kind": "message", "message": to_builtins(message_read(params.messaging))},
    ),
}
"""By type of theirs: its params, and how they are read as a step of ours in a project."""
