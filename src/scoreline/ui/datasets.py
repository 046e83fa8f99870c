"""Pages of the datasets of a project: rows, columns, the builds that made them, and new ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.column_statistics import ColumnStatistics, DatasetStatistics
from scoreline.core.dataset import Dataset, FilesDataset, SqlDataset
from scoreline.core.dataset_sample import DatasetSample
from scoreline.core.project_job import ProjectJob
from scoreline.core.recipe_build import RecipeBuild
from scoreline.errors import Conflict, Invalid, ScorelineError
from scoreline.ui.api import path_to
from scoreline.ui.charts import BarChart, lying_bars, standing_bars
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui, is_partial, part
from scoreline.ui.patience import within_a_moment
from scoreline.wire.control import Deleted
from scoreline.wire.control_datasets import ListedDataset, NewDataset, WholeDataset
from scoreline.wire.control_jobs import NewBuild
from scoreline.wire.problems import status_of

_ALL = "/projects/{project}/datasets"
_ONE = "/projects/{project}/datasets/{dataset}"
_CHUNK = 1 << 20
_ROWS = (50, 100, 500, 1000)


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    pages = _Datasets(ui)
    return [
        Route(_ALL, pages.show_all),
        Route(f"{_ALL}/new", pages.new),
        Route(f"{_ALL}/new", pages.create, methods=["POST"]),
        Route(f"{_ALL}/new/upload", pages.upload, methods=["POST"]),
        Route(_ONE, pages.show),
        Route(f"{_ONE}/rows", part(pages.rows)),
        Route(f"{_ONE}/columns", pages.columns),
        Route(f"{_ONE}/columns/statistics", part(pages.statistics)),
        Route(f"{_ONE}/history", pages.history),
        Route(f"{_ONE}/build", pages.build, methods=["POST"]),
        Route(f"{_ONE}/delete", pages.delete, methods=["POST"]),
    ]


class _Datasets:
    """The handlers."""

    def __init__(self, ui: Ui) -> None:
        self._ui = ui

    async def show_all(self, request: Request) -> Response:
        project = request.path_params["project"]
        found = await self._ui.api(request).all(path_to("projects", project, "datasets"), ListedDataset)
        return await self._ui.page(
            request, "datasets/all.html", title="Datasets", project=project, datasets=found
        )

    async def new(self, request: Request) -> Response:
        """Where the rows of a new dataset come from."""
        return await self._new(request, "upload", Form())

    async def upload(self, request: Request) -> Response:
        """Make a dataset of a file that was chosen."""
        form, project = await self._ui.form_with_file(request), request.path_params["project"]
        file = form.file("file")
        try:
            if file is None or file.size is None:
                raise Invalid("choose a file", code="file")
            stem, dot, rest = (file.filename or "").partition(".")
            name = f"{form.text('id') or stem}{dot}{rest}"
            made = await self._ui.api(request).upload(
                path_to("projects", project, "datasets", "upload", file=name),
                _chunks(file),
                file.size,
                WholeDataset,
            )
        except (Invalid, Conflict) as error:
            return await self._new(request, "upload", form, error)
        return self._made(request, made)

    async def create(self, request: Request) -> Response:
        """Make a dataset of rows that are elsewhere."""
        form, project = await self._ui.form(request), request.path_params["project"]
        path = path_to("projects", project, "datasets")
        definition: Dataset
        if form.text("kind") == "sql":
            definition = SqlDataset(connection=form.text("connection"), table=form.text("table"))
        else:
            definition = FilesDataset(path=form.text("path"), format=_format(form.text("path")))
        try:
            wanted = NewDataset(id=form.text("id"), definition=definition)
            made = await self._ui.api(request).post(path, wanted, WholeDataset)
        except (Invalid, Conflict) as error:
            return await self._new(request, "elsewhere", form, error)
        return self._made(request, made)

    async def delete(self, request: Request) -> Response:
        project, dataset = request.path_params["project"], request.path_params["dataset"]
        await self._ui.api(request).delete(_path(request), Deleted)
        return self._ui.go(
            request, path_to("projects", project, "datasets"), say=f"Dataset {dataset} is deleted."
        )

    def _made(self, request: Request, made: WholeDataset) -> Response:
        dataset = made.dataset.id
        page = path_to("projects", request.path_params["project"], "datasets", dataset)
        return self._ui.go(request, page, say=f"Dataset {dataset} is made.")

    async def _new(
        self, request: Request, way: str, form: Form, problem: ScorelineError | None = None
    ) -> Response:
        """The page, or of a form that is sent again the form alone."""
        values = {"project": request.path_params["project"], "form": form, "problem": problem, "sent": way}
        status = status_of(problem) if problem else 200
        if is_partial(request):
            return self._ui.fragment(request, f"datasets/_{way}.html", status=status, **values)
        return await self._ui.page(request, "datasets/new.html", title="New dataset", status=status, **values)

    async def show(self, request: Request) -> Response:
        """The first rows."""
        shown, sample = await asyncio.gather(
            self._dataset(request), within_a_moment(_told(self._sample(request)))
        )
        return await self._page(request, "datasets/rows.html", shown, sample=sample, rows=_rows(request))

    async def rows(self, request: Request) -> Response:
        """The first rows alone, for a page that did not wait for them."""
        sample = await _told(self._sample(request))
        values = {**request.path_params, "sample": sample, "rows": _rows(request)}
        return self._ui.fragment(request, "datasets/_rows.html", **values)

    async def columns(self, request: Request) -> Response:
        """Names and types, and what the rows say of them."""
        shown, told = await asyncio.gather(
            self._dataset(request), within_a_moment(_told(self._statistics(request)))
        )
        return await self._page(request, "datasets/columns.html", shown, told=_with_pictures(told))

    async def statistics(self, request: Request) -> Response:
        """The statistics alone, for a page that did not wait for them."""
        told = _with_pictures(await _told(self._statistics(request)))
        return self._ui.fragment(request, "datasets/_statistics.html", told=told, **request.path_params)

    async def history(self, request: Request) -> Response:
        """The builds that made it."""
        shown = await self._dataset(request)
        builds: list[RecipeBuild] = []
        if shown.dataset.made_by is not None:
            path = path_to(
                "projects", request.path_params["project"], "recipes", shown.dataset.made_by, "builds"
            )
            builds = await self._ui.api(request).all(path, RecipeBuild)
        return await self._page(request, "datasets/history.html", shown, builds=builds)

    async def build(self, request: Request) -> Response:
        project, dataset = request.path_params["project"], request.path_params["dataset"]
        order = NewBuild(items=(dataset,))
        job = await self._ui.api(request).post(path_to("projects", project, "builds"), order, ProjectJob)
        return self._ui.go(
            request, path_to("projects", project, "jobs", job.id), say=f"The build of {dataset} has begun."
        )

    async def _dataset(self, request: Request) -> WholeDataset:
        return await self._ui.api(request).get(_path(request), WholeDataset)

    async def _sample(self, request: Request) -> DatasetSample:
        return await self._ui.api(request).get(f"{_path(request)}/sample", DatasetSample, rows=_rows(request))

    async def _statistics(self, request: Request) -> DatasetStatistics:
        return await self._ui.api(request).get(f"{_path(request)}/statistics", DatasetStatistics)

    async def _page(self, request: Request, template: str, shown: WholeDataset, **values: Any) -> Response:
        dataset = shown.dataset.id
        return await self._ui.page(
            request,
            template,
            title=dataset,
            project=request.path_params["project"],
            dataset=dataset,
            shown=shown,
            sizes=_ROWS,
            **values,
        )


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk


def _format(path: str) -> Literal["csv", "parquet", "jsonl"]:
    """The format of files by how their name ends; of a folder, CSV."""
    plain = path.removesuffix(".gz")
    return "parquet" if plain.endswith(".parquet") else "jsonl" if plain.endswith(".jsonl") else "csv"


async def _told(look: Any) -> Any:
    """A look at the rows, or the error that tells why there is none: the page has more to show."""
    try:
        return await look
    except ScorelineError as error:
        return error


def _with_pictures(told: Any) -> Any:
    if isinstance(told, DatasetStatistics):
        return told, [(column, _picture(column)) for column in told.columns]
    return told


def _picture(column: ColumnStatistics) -> BarChart | None:
    if not column.bars:
        return None
    if column.minimum is not None and len(column.bars) > 1:
        return standing_bars(
            [(bar.label, (bar.rows,)) for bar in column.bars], width=380, height=130, names=3
        )
    return lying_bars(
        [(bar.label or "(empty)", bar.rows) for bar in column.bars[:8]], width=380, name_width=140
    )


def _path(request: Request) -> str:
    return path_to("projects", request.path_params["project"], "datasets", request.path_params["dataset"])


def _rows(request: Request) -> int:
    asked = request.query_params.get("rows", "")
    return int(asked) if asked.isdigit() and int(asked) in _ROWS else _ROWS[0]
