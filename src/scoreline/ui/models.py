"""Pages of the saved models of a project: their versions, compared, looked into, activated."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.model_version import algorithm_name
from scoreline.core.notes import Notes
from scoreline.core.project_job import ProjectJob
from scoreline.errors import Invalid
from scoreline.ui.api import path_to
from scoreline.ui.charts import LineChart, Series, line_chart
from scoreline.ui.label_lines import labels_of, lines_of
from scoreline.ui.metric_words import compared, leading, metric_name
from scoreline.ui.pages import Ui, is_partial
from scoreline.ui.performance_pictures import confusion_of, importance_picture, pictures_of
from scoreline.wire.control import Deleted
from scoreline.wire.control_jobs import NewBuild
from scoreline.wire.control_models import Model, TrainedVersion, TrainedVersionDetails
from scoreline.wire.problems import status_of

_ALL = "/projects/{project}/models"
_ONE = "/projects/{project}/models/{model}"
_VERSION = _ONE + "/versions/{version}"
_LEADING = ("log_loss", "precision", "recall", "f1", "r2", "rmse", "mae")
_MOST_IN_PICTURE = 40


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    pages = _Models(ui)
    return [
        Route(_ALL, pages.show_all),
        Route(_ONE, pages.show),
        Route(f"{_ONE}/build", pages.build, methods=["POST"]),
        Route(f"{_ONE}/compare", pages.compare),
        Route(_VERSION, pages.version),
        Route(f"{_VERSION}/features", pages.features),
        Route(f"{_VERSION}/scorer", pages.scorer),
        Route(f"{_VERSION}/training", pages.training),
        Route(f"{_VERSION}/notes", pages.notes),
        Route(f"{_VERSION}/notes", pages.note, methods=["POST"]),
        Route(f"{_VERSION}/activate", pages.activate, methods=["POST"]),
        Route(f"{_VERSION}/delete", pages.delete, methods=["POST"]),
    ]


class _Models:
    """The handlers."""

    def __init__(self, ui: Ui) -> None:
        self._ui = ui

    async def show_all(self, request: Request) -> Response:
        project = request.path_params["project"]
        found = await self._ui.api(request).all(path_to("projects", project, "models"), Model)
        return await self._ui.page(request, "models/all.html", title="Models", project=project, models=found)

    async def show(self, request: Request) -> Response:
        """The versions of a model."""
        api, path = self._ui.api(request), _path(request)
        model, versions = await asyncio.gather(
            api.get(path, Model), api.all(f"{path}/versions", TrainedVersion)
        )
        active = next((one for one in versions if one.active), None)
        return await self._page(
            request,
            "models/model.html",
            title=model.name or model.id,
            shown=model,
            versions=versions,
            active=active,
            figures=leading(active.metric, active.metrics, _LEADING) if active else [],
            history=_history(versions, active.metric) if active and len(versions) > 1 else None,
        )

    async def build(self, request: Request) -> Response:
        project, model = request.path_params["project"], request.path_params["model"]
        order = NewBuild(items=(model,), force=True)
        job = await self._ui.api(request).post(path_to("projects", project, "builds"), order, ProjectJob)
        return self._ui.go(
            request, path_to("projects", project, "jobs", job.id), say=f"The training of {model} has begun."
        )

    async def compare(self, request: Request) -> Response:
        """Two versions side by side."""
        api, path = self._ui.api(request), _path(request)
        model = await api.get(path, Model)
        chosen = _chosen(request, model)
        if len(chosen) < 2:
            raise Invalid(f"model {model.id!r} has only one version; train another one to compare them")
        first, second = await asyncio.gather(
            *(api.get(f"{path}{path_to('versions', one)}", TrainedVersionDetails) for one in chosen)
        )
        reports = {one.version.id: one.report.performance for one in (first, second)}
        return await self._page(
            request,
            "models/compare.html",
            title="Compare versions",
            shown=model,
            first=first,
            second=second,
            metrics=compared(first.version.metrics, second.version.metrics),
            pictures=pictures_of(reports),
            confusions=[confusion_of(one) for one in reports.values()],
            features=_features_compared(first, second),
        )

    async def version(self, request: Request) -> Response:
        """How good a version is."""
        shown = await self._version(request)
        version = shown.version
        return await self._version_page(
            request,
            "models/performance.html",
            shown,
            figures=leading(version.metric, version.metrics, _LEADING),
            pictures=pictures_of({version.id: shown.report.performance}),
            confusion=confusion_of(shown.report.performance),
            importance=importance_picture(
                shown.report.importance, metric_name(shown.report.importance_metric)
            ),
        )

    async def features(self, request: Request) -> Response:
        return await self._version_page(request, "models/features.html", await self._version(request))

    async def scorer(self, request: Request) -> Response:
        return await self._version_page(request, "models/scorer.html", await self._version(request))

    async def training(self, request: Request) -> Response:
        shown = await self._version(request)
        names = list(shown.version.metrics)[:5]
        return await self._version_page(request, "models/training.html", shown, names=names)

    async def notes(self, request: Request) -> Response:
        shown = await self._version(request)
        values = {"notes": shown.notes, "lines": lines_of(shown.notes.labels), "problem": None}
        return await self._version_page(request, "models/notes.html", shown, **values)

    async def note(self, request: Request) -> Response:
        form = await self._ui.form(request)
        notes = Notes(name=form.text("name"), description=form.text("description"))
        try:
            notes = Notes(
                name=notes.name, description=notes.description, labels=labels_of(form.raw("labels"))
            )
            await self._ui.api(request).put(f"{_version_path(request)}/notes", notes, Notes)
        except Invalid as error:
            values = {"notes": notes, "lines": form.raw("labels"), "problem": error}
            if is_partial(request):
                return self._ui.fragment(
                    request,
                    "models/_notes.html",
                    status=status_of(error),
                    here=request.url.path.removesuffix("/notes"),
                    **request.path_params,
                    **values,
                )
            shown = await self._version(request)
            return await self._version_page(
                request, "models/notes.html", shown, status=status_of(error), **values
            )
        return self._ui.go(request, request.url.path, say="The notes are saved.")

    async def activate(self, request: Request) -> Response:
        version, model = request.path_params["version"], request.path_params["model"]
        await self._ui.api(request).post(f"{_version_path(request)}/activate", None, Model)
        return self._ui.go(
            request, _path(request), say=f"{version} is the active version of {model} from now on."
        )

    async def delete(self, request: Request) -> Response:
        await self._ui.api(request).delete(_version_path(request), Deleted)
        return self._ui.go(
            request, _path(request), say=f"Version {request.path_params['version']} is deleted."
        )

    async def _version(self, request: Request) -> TrainedVersionDetails:
        return await self._ui.api(request).get(_version_path(request), TrainedVersionDetails)

    async def _version_page(
        self, request: Request, template: str, shown: TrainedVersionDetails, **values: Any
    ) -> Response:
        return await self._page(
            request,
            template,
            title=f"{shown.model} {shown.version.id}",
            version=shown.version.id,
            shown=shown,
            **values,
        )

    async def _page(self, request: Request, template: str, *, title: str, **values: Any) -> Response:
        return await self._ui.page(
            request,
            template,
            title=title,
            project=request.path_params["project"],
            model=request.path_params["model"],
            metric_name=metric_name,
            algorithm_name=algorithm_name,
            **values,
        )


def _history(versions: list[TrainedVersion], metric: str) -> LineChart:
    """A metric over the versions, the oldest first."""
    found = [one for one in reversed(versions[:_MOST_IN_PICTURE]) if metric in one.metrics]
    every = max(1, len(found) // 8)
    return line_chart(
        [
            Series(
                metric_name(metric), [(at, one.metrics[metric]) for at, one in enumerate(found)], marks=True
            )
        ],
        width=1000,
        height=220,
        x_range=(-0.5, len(found) - 0.5),
        x_ticks=[(at, one.id) for at, one in enumerate(found) if at % every == 0],
    )


def _chosen(request: Request, model: Model) -> list[str]:
    """The two versions to compare: those that are named, or ticked, or the active one and the one before."""
    asked = request.query_params
    if "from" in asked and "to" in asked:
        return [asked["from"], asked["to"]]
    ticked = asked.getlist("version")
    rest = [one for one in (model.active, *model.versions) if one is not None]
    two = list(dict.fromkeys([*ticked, *rest]))[:2]
    # Versions are listed newest first; what changes is told from the older one on.
    return sorted(
        two, key=lambda one: model.versions.index(one) if one in model.versions else 0, reverse=True
    )


def _features_compared(
    first: TrainedVersionDetails, second: TrainedVersionDetails
) -> list[tuple[str, str, str]]:
    """Each feature with how either version handles it; empty: it is not used."""

    def handlings(one: TrainedVersionDetails) -> dict[str, str]:
        return {
            feature.name: f"{feature.handling}, missing: {feature.missing}"
            for feature in one.signature.features
        }

    one, other = handlings(first), handlings(second)
    return [(name, one.get(name, ""), other.get(name, "")) for name in dict.fromkeys([*one, *other])]


def _path(request: Request) -> str:
    return path_to("projects", request.path_params["project"], "models", request.path_params["model"])


def _version_path(request: Request) -> str:
    return _path(request) + path_to("versions", request.path_params["version"])
