"""The control API as clients made for Dataiku speak it, under both of its prefixes."""

from __future__ import annotations

from fastapi import FastAPI

from scoreline.automation.automation import Automation
from scoreline.deployer.control_plane import ControlPlane
from scoreline.rest.dataiku import (
    deployments,
    designer,
    drift,
    evaluation_stores,
    evaluations,
    futures,
    infrastructures,
    jobs,
    queries,
    saved_models,
    scenario_runs,
    scenarios,
    services,
)
from scoreline.rest.dataiku.project_futures import ProjectFutures
from scoreline.studio.project_jobs import ProjectJobs
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.wire.dataiku_control import PREFIXES


def add_routes(
    app: FastAPI,
    control_plane: ControlPlane,
    registry: ProjectRegistry,
    jobs_of_projects: ProjectJobs,
    automation: Automation,
    *,
    upload_idle_seconds: float,
) -> None:
    """Let `app` answer those clients. What they send is theirs, so it is no part of the description."""
    audit = control_plane.audit
    project_futures = ProjectFutures(jobs_of_projects, registry)
    routers = (
        designer.routes(control_plane, registry),
        saved_models.routes(registry, audit, idle=upload_idle_seconds),
        evaluation_stores.routes(registry, audit),
        evaluations.routes(registry, audit),
        drift.routes(registry, jobs_of_projects, project_futures),
        jobs.routes(registry, jobs_of_projects, audit),
        infrastructures.routes(control_plane),
        services.routes(control_plane, idle=upload_idle_seconds),
        deployments.routes(control_plane),
        queries.routes(control_plane),
        futures.routes(control_plane, project_futures, automation.runs),
        scenarios.routes(automation, audit),
        scenario_runs.routes(automation.runs, automation.scenarios),  # after: `light` is no run
    )
    for prefix in PREFIXES:
        for router in routers:
            app.include_router(router, prefix=prefix, include_in_schema=False)
