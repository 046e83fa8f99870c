"""Routes of published services."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.package import PublishedVersion
from scoreline.deployer.services import Services
from scoreline.errors import Invalid
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_chunks
from scoreline.rest.openapi import operation
from scoreline.storage.artifacts import Artifacts
from scoreline.wire import control


def routes(services: Services, artifacts: Artifacts, *, longest: int, idle: float) -> APIRouter:
    """The routes. A package is at most `longest` bytes; an upload may pause for `idle` seconds."""
    router = APIRouter(tags=["services"])

    @router.get("/services", summary="Services", **operation(tuple[control.Service, ...]))
    def list_services() -> Response:
        """All published services with their versions."""
        return answer([_service(service, versions) for service, versions in services.all().items()])

    @router.get("/services/{service}", summary="One service", **operation(control.Service))
    def get_service(service: str) -> Response:
        """One published service with its versions, oldest first."""
        return answer(_service(service, services.versions(service)))

    @router.post("/versions", summary="Publish", **operation(control.Version, status=201, archive=True))
    async def publish(request: Request) -> Response:
        """Publish a package. The same content again answers 200; another one under the same id, 409."""
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > longest:
            raise Invalid(f"the package is larger than {longest} bytes", code="body-too-large")
        draft = await run_in_threadpool(artifacts.draft)
        with draft:
            async for chunk in read_chunks(request, idle=idle):
                await run_in_threadpool(draft.write, chunk)
            version, new = await run_in_threadpool(services.publish, draft, who(request))
        return answer(_version(version), 201 if new else 200)

    return router


def _service(service: str, versions: list[PublishedVersion]) -> control.Service:
    return control.Service(id=service, versions=tuple(_version(version) for version in versions))


def _version(version: PublishedVersion) -> control.Version:
    manifest = version.manifest
    return control.Version(
        service=manifest.service,
        version=manifest.version,
        digest=manifest.digest,
        size=version.size,
        release_notes=manifest.release_notes,
        created_by=manifest.created_by,
        created_at=manifest.created_at,
        published_by=version.by,
        published_at=version.at,
        models={model: packaged.version for model, packaged in manifest.models.items()},
    )
