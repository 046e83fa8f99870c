"""Routes of the datasets of a project."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.core.column_statistics import DatasetStatistics
from scoreline.core.dataset_sample import DatasetSample
from scoreline.errors import Invalid
from scoreline.rest.bodies import answer, read_chunks, read_json
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, page_of
from scoreline.rest.permissions import needs
from scoreline.storage.atomic import UNFINISHED
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.studio import datasets as files
from scoreline.studio.dataset_looks import MOST_SAMPLE_ROWS, dataset_sample, dataset_statistics
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.recipe_builds import last_build
from scoreline.wire import control
from scoreline.wire.control_datasets import ListedDataset, NewDataset, UserOfDataset, WholeDataset
from scoreline.wire.paging import Page

_File = Annotated[
    str, Query(max_length=200, description="The file's name: `ID.csv`, `ID.parquet`, `ID.jsonl`.")
]
_UPLOAD = operation(WholeDataset, status=201)
_UPLOAD["openapi_extra"]["requestBody"] = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
_ADMIN = needs(Action.ADMIN, Kind.PROJECT)
_VIEW = needs(Action.VIEW, Kind.PROJECT)
_Rows = Annotated[int, Query(ge=1, le=MOST_SAMPLE_ROWS, description="How many rows at most.")]


def routes(registry: ProjectRegistry, audit: CatalogAudit, *, longest: int, idle: float) -> APIRouter:
    """The routes. `longest`: of a file that is uploaded, in bytes; `idle`: seconds that it may pause."""
    router = APIRouter(prefix="/projects/{project}/datasets", tags=["datasets"])
    _looking(router, registry)
    _changing(router, registry, audit)
    _uploading(router, registry, audit, longest=longest, idle=idle)
    return router


def _looking(router: APIRouter, registry: ProjectRegistry) -> None:
    @router.get("", summary="Datasets", dependencies=_VIEW, **operation(Page[ListedDataset]))
    def list_datasets(project: str, paging: Paging) -> Response:
        """Datasets of a project by id: what kind they are, what makes them, and when it last did."""
        found = [_listed(registry, project, one) for one in files.datasets(registry.folder(project))]
        return answer(page_of(paging, found, lambda one: one.id))

    @router.get("/{dataset}", summary="One dataset", dependencies=_VIEW, **operation(WholeDataset))
    def get_dataset(project: str, dataset: str) -> Response:
        """One dataset with its definition, its columns, and what uses it."""
        return answer(_whole(registry, project, dataset))

    @router.get(
        "/{dataset}/sample",
        summary="Sample of a dataset",
        dependencies=_VIEW,
        **operation(DatasetSample),
    )
    def get_dataset_sample(project: str, dataset: str, rows: _Rows = 100) -> Response:
        """The columns, the number of rows and the first rows; 404 (`not-built`) before it was built."""
        return answer(dataset_sample(registry.folder(project), dataset, rows))

    @router.get(
        "/{dataset}/statistics",
        summary="Statistics of a dataset",
        dependencies=_VIEW,
        **operation(DatasetStatistics),
    )
    def get_dataset_statistics(project: str, dataset: str) -> Response:
        """Each column's missing and different values, range, quantiles and distribution.

        Of at most 250,000 rows, evenly taken; kept until the rows change.
        """
        return answer(dataset_statistics(registry.folder(project), dataset))


def _changing(router: APIRouter, registry: ProjectRegistry, audit: CatalogAudit) -> None:
    @router.post(
        "",
        summary="Make a dataset",
        dependencies=_ADMIN,
        **operation(WholeDataset, status=201, body=NewDataset),
    )
    async def create_dataset(project: str, request: Request) -> Response:
        """Describe rows that are elsewhere, or that a recipe will write; 409 when the id is taken."""
        wanted = await read_json(request, NewDataset)

        def create() -> WholeDataset:
            files.create_dataset(registry.folder(project), wanted.id, wanted.definition)
            audit.record("create dataset", f"project:{project}", after=wanted)
            return _whole(registry, project, wanted.id)

        return answer(await run_in_threadpool(create), 201)

    @router.delete(
        "/{dataset}", summary="Delete a dataset", dependencies=_ADMIN, **operation(control.Deleted)
    )
    def delete_dataset(project: str, dataset: str) -> Response:
        """Delete a dataset, with its rows if it is a managed one; 409 while something uses it."""
        before = files.dataset(registry.folder(project), dataset)
        files.delete_dataset(registry.folder(project), dataset)
        told = {"dataset": dataset, "definition": before.definition}
        audit.record("delete dataset", f"project:{project}", before=told)
        return answer(control.Deleted(id=dataset))


def _uploading(
    router: APIRouter, registry: ProjectRegistry, audit: CatalogAudit, *, longest: int, idle: float
) -> None:
    @router.post(
        "/upload",
        summary="Upload a dataset",
        dependencies=_ADMIN,
        **_UPLOAD,
    )
    async def upload_dataset(project: str, request: Request, file: _File) -> Response:
        """Make a dataset of the file that is the body: CSV, Parquet or JSON lines, by the end of its name.

        One that cannot be read is refused, and nothing of it stays.
        """
        stem, dot, rest = PurePosixPath(file).name.partition(".")

        def add(upload: Path) -> WholeDataset:
            files.add_file(registry.folder(project), stem, upload, dot + rest)
            made = _whole(registry, project, stem)
            audit.record("upload dataset", f"project:{project}", after={"dataset": stem, "file": file})
            return made

        with tempfile.TemporaryDirectory(dir=registry.folder(project), prefix=UNFINISHED) as folder:
            upload = Path(folder) / "upload"
            size = 0
            with upload.open("wb") as target:
                async for chunk in read_chunks(request, idle=idle):
                    size += len(chunk)
                    if size > longest:
                        raise Invalid(f"the file is larger than {longest} bytes", code="body-too-large")
                    await run_in_threadpool(target.write, chunk)
            made = await run_in_threadpool(add, upload)
        return answer(made, 201)


def _whole(registry: ProjectRegistry, project: str, dataset: str) -> WholeDataset:
    found = files.dataset(registry.folder(project), dataset)
    return WholeDataset(
        dataset=_listed(registry, project, found),
        definition=found.definition,
        columns=found.columns,
        used_by=tuple(UserOfDataset(kind=one.kind, id=one.id) for one in found.usages),
        digest=found.written.digest if found.written is not None else "",
    )


def _listed(registry: ProjectRegistry, project: str, found: files.DatasetOfProject) -> ListedDataset:
    made_by = found.made_by
    return ListedDataset(
        id=found.id,
        kind=str(found.definition.__struct_config__.tag),
        description=found.definition.description,
        place=found.place,
        made_by=made_by,
        rows=found.written.rows if found.written is not None else None,
        last_build=last_build(registry.folder(project), made_by) if made_by is not None else None,
    )
