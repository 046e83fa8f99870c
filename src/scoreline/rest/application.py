"""The control API: routes under `/api/v1`, each of which translates, delegates and answers."""

from __future__ import annotations

import os

from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from scoreline.deployer.control_plane import ControlPlane
from scoreline.rest import deployments, problems, services
from scoreline.rest.access import Access
from scoreline.rest.bodies import answer
from scoreline.rest.openapi import describe, operation
from scoreline.wire import control


def make_application(
    control_plane: ControlPlane,
    *,
    version: str,
    url: str,
    max_package_bytes: int,
    upload_idle_seconds: float,
) -> FastAPI:
    """The application over a control plane. `url` is where it is being served."""
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
    app.add_middleware(Access, keys=control_plane.keys)
    app.include_router(_own_routes(control_plane, version, url), prefix="/api/v1")
    app.include_router(deployments.routes(control_plane.deployments), prefix="/api/v1")
    service_routes = services.routes(
        control_plane.services,
        control_plane.artifacts,
        longest=max_package_bytes,
        idle=upload_idle_seconds,
    )
    app.include_router(service_routes, prefix="/api/v1")

    @app.get("/isAlive/", include_in_schema=False)
    def is_alive() -> Response:
        return answer({"alive": True})

    describe(app)
    return app


def _own_routes(control_plane: ControlPlane, version: str, url: str) -> APIRouter:
    router = APIRouter(tags=["status"])

    @router.get("/status", summary="Status", **operation(control.Status))
    def get_status() -> Response:
        """Everything at a glance: infrastructures with their nodes, deployments with their health."""
        infrastructures, deployed = control_plane.deployments.overview()
        return answer(
            control.Status(
                version=version,
                url=url,
                pid=os.getpid(),
                infrastructures=infrastructures,
                deployments=deployed,
            )
        )

    @router.get(
        "/infrastructures", summary="Infrastructures", **operation(tuple[control.Infrastructure, ...])
    )
    def list_infrastructures() -> Response:
        """All infrastructures with their nodes."""
        return answer(control_plane.deployments.overview()[0])

    return router
