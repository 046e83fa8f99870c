"""The control API: routes under `/api/v1`, each of which translates, delegates and answers."""

from __future__ import annotations

import os

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from scoreline.automation.automation import Automation
from scoreline.automation.publishing import publishing_of
from scoreline.core.access import Kind
from scoreline.deployer.control_plane import ControlPlane
from scoreline.rest import (
    audit,
    datasets,
    deployments,
    designer,
    dry_runs,
    evaluations,
    events,
    flow,
    groups,
    infrastructures,
    jobs,
    keys,
    me,
    models,
    problems,
    project_jobs,
    project_names,
    projects,
    queries,
    recipes,
    roles,
    runs,
    scenario_findings,
    scenarios,
    search,
    services,
    sessions,
    stages,
    updates,
    users,
    versions,
    why,
)
from scoreline.rest.access import Access
from scoreline.rest.bodies import answer
from scoreline.rest.dataiku import application as dataiku
from scoreline.rest.idempotency import Idempotency
from scoreline.rest.openapi import describe, operation
from scoreline.rest.paths import Paths
from scoreline.rest.permissions import needs_listed, sight
from scoreline.rest.sign_in import SignIn
from scoreline.rest.targets import Targets
from scoreline.studio.designer import Designer
from scoreline.studio.flows import Flows
from scoreline.studio.project_jobs import ProjectJobs
from scoreline.studio.project_making import ProjectMaking
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.search import ProjectSearch
from scoreline.wire import control


def make_application(
    control_plane: ControlPlane,
    registry: ProjectRegistry,
    automation: Automation,
    jobs_of_projects: ProjectJobs,
    *,
    version: str,
    url: str,
    max_package_bytes: int,
    upload_idle_seconds: float,
    open_hosts: frozenset[str] | None = None,
) -> FastAPI:
    """The application over a control plane and the projects it knows. `url` is where it is being served.

    In the open mode it answers anyone, under the names `open_hosts`; None: it is closed.
    """
    app = FastAPI(
        title="Scoreline control API",
        version=version,
        description="Publish services, deploy them, and see how they do.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    problems.register(app)
    app.add_middleware(Idempotency, requests=control_plane.requests)  # behind the one that knows who asks
    targets = Targets(control_plane.targets, registry.keys)
    sign_in = SignIn(control_plane.keys, control_plane.users, control_plane.sessions, hosts=open_hosts)
    app.add_middleware(Access, sign_in=sign_in, targets=targets)
    app.add_middleware(Paths)
    app.include_router(_own_routes(control_plane, version, url), prefix="/api/v1")
    for router in (
        projects.routes(
            registry,
            ProjectMaking(registry, jobs_of_projects),
            control_plane.audit,
            longest=max_package_bytes,
            idle=upload_idle_seconds,
        ),
        flow.routes(Flows(registry, jobs_of_projects)),
        datasets.routes(registry, control_plane.audit, longest=max_package_bytes, idle=upload_idle_seconds),
        recipes.routes(registry, jobs_of_projects, control_plane.audit),
        models.routes(registry, control_plane.audit),
        evaluations.routes(registry, jobs_of_projects, control_plane.audit),
        project_jobs.routes(registry, jobs_of_projects, control_plane.audit),
        project_names.routes(registry),
    ):
        app.include_router(router, prefix="/api/v1")
    version_routes = versions.routes(
        control_plane.services,
        control_plane.version_details,
        control_plane.artifacts,
        longest=max_package_bytes,
        idle=upload_idle_seconds,
    )
    for router in (
        services.routes(control_plane.services, control_plane.roles),
        version_routes,
        deployments.routes(control_plane.deployments),
        updates.routes(control_plane.deployments),
        queries.routes(control_plane.deployments, control_plane.queries, control_plane.descriptions),
        jobs.routes(control_plane.jobs),
        designer.routes(
            Designer(registry, control_plane.audit),
            registry,
            publishing_of(control_plane, registry, jobs_of_projects),
        ),
        scenarios.routes(automation),
        scenario_findings.routes(registry, control_plane.services, control_plane.deployments),
        dry_runs.routes(registry, jobs_of_projects),
        runs.routes(automation.runs, control_plane.events, sign_in),
        why.routes(automation.reasons, automation.runs),
    ):
        app.include_router(router, prefix="/api/v1")
    app.include_router(infrastructures.routes(control_plane.infrastructures), prefix="/api/v1")
    app.include_router(stages.routes(control_plane.stages), prefix="/api/v1")
    for router in (
        search.routes(control_plane.names, ProjectSearch(registry)),
        sessions.routes(control_plane.sessions, sign_in),
        me.routes(control_plane.users, control_plane.sessions),
        users.routes(control_plane.users),
        groups.routes(control_plane.users),
        roles.routes(control_plane.roles),
        keys.routes(control_plane.keys, control_plane.users),
        audit.routes(control_plane.audit),
        events.routes(control_plane.events, sign_in),
    ):
        app.include_router(router, prefix="/api/v1")
    dataiku.add_routes(
        app,
        control_plane,
        registry,
        jobs_of_projects,
        automation,
        upload_idle_seconds=upload_idle_seconds,
    )

    @app.get("/isAlive/", include_in_schema=False)
    def is_alive() -> Response:
        return answer({"alive": True})

    describe(app)
    return app


def _own_routes(control_plane: ControlPlane, version: str, url: str) -> APIRouter:
    router = APIRouter(tags=["status"])

    @router.get(
        "/status",
        summary="Status",
        dependencies=needs_listed(Kind.DEPLOYMENT),
        **operation(control.Status),
    )
    def get_status(request: Request) -> Response:
        """Everything at a glance: infrastructures with their nodes, deployments with their health."""
        sees = sight(request)
        pools, deployed = control_plane.deployments.overview()
        return answer(
            control.Status(
                version=version,
                url=url,
                pid=os.getpid(),
                infrastructures=tuple(one for one in pools if sees.infrastructure(one.id)),
                deployments=tuple(
                    one for one in deployed if sees.deployment(one.service, one.infrastructure)
                ),
            )
        )

    return router
