"""Pages of evaluation stores: evaluations over time, what checks say of them, how far rows have drifted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.drift import ColumnDrift, DriftReport
from scoreline.core.drift_reference import DriftReference, EvaluationReference, VersionReference
from scoreline.core.evaluation import COLUMN_NUMBERS, NUMBERS, numbers
from scoreline.core.evaluation_check import EvaluationCheck
from scoreline.core.notes import Notes
from scoreline.core.project_job import ProjectJob
from scoreline.errors import Conflict, Invalid, ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.charts import BarChart, LineChart, Series, line_chart, lying_bars, standing_bars
from scoreline.ui.forms import Form
from scoreline.ui.label_lines import labels_of, lines_of
from scoreline.ui.metric_words import compared, leading, metric_name
from scoreline.ui.pages import Ui, is_partial
from scoreline.ui.performance_pictures import confusion_of, pictures_of
from scoreline.wire.control import Deleted
from scoreline.wire.control_evaluations import (
    ChangedStore,
    EvaluationDetails,
    EvaluationStore,
    EvaluationSummary,
    NewComparison,
)
from scoreline.wire.control_jobs import NewBuild
from scoreline.wire.control_models import Model
from scoreline.wire.problems import status_of

_ALL = "/projects/{project}/evaluation-stores"
_ONE = "/projects/{project}/evaluation-stores/{store}"
_EVALUATION = _ONE + "/evaluations/{evaluation}"
_SHOWN = 100
_IN_TABLE = ("auc", "log_loss", "r2", "rmse", "accuracy", "data_drift", "prediction_drift_psi")
_FIRST_OF_PICTURE = ("data_drift", "auc", "r2", "accuracy", "rmse")
_BOUNDS = ("min", "soft_min", "soft_max", "max")
_FIELDS = ("metric", "name", "columns", *_BOUNDS)
_PLACE = re.compile(r"checks\[(\d+)\][.:]? ?(.*)")
_DRIFTED = 0.25
"""Population stability index beyond which a column is marked."""


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    pages = _Evaluations(ui)
    return [
        Route(_ALL, pages.show_all),
        Route(_ONE, pages.show),
        Route(f"{_ONE}/build", pages.build, methods=["POST"]),
        Route(f"{_ONE}/compare", pages.compare),
        Route(f"{_ONE}/checks", pages.checks),
        Route(f"{_ONE}/checks", pages.save_checks, methods=["POST"]),
        Route(_EVALUATION, pages.evaluation),
        Route(f"{_EVALUATION}/performance", pages.performance),
        Route(f"{_EVALUATION}/drift", pages.drift),
        Route(f"{_EVALUATION}/drift", pages.compute_drift, methods=["POST"]),
        Route(f"{_EVALUATION}/drift/columns/{{column:path}}", pages.column),
        Route(f"{_EVALUATION}/predictions", pages.predictions),
        Route(f"{_EVALUATION}/notes", pages.notes),
        Route(f"{_EVALUATION}/notes", pages.note, methods=["POST"]),
        Route(f"{_EVALUATION}/delete", pages.delete, methods=["POST"]),
    ]


class _Evaluations:
    """The handlers."""

    def __init__(self, ui: Ui) -> None:
        self._ui = ui

    async def show_all(self, request: Request) -> Response:
        project = request.path_params["project"]
        path = path_to("projects", project, "evaluation-stores")
        found = await self._ui.api(request).all(path, EvaluationStore)
        return await self._ui.page(
            request, "evaluations/all.html", title="Evaluation stores", project=project, stores=found
        )

    async def show(self, request: Request) -> Response:
        """The evaluations of a store over time, and what its checks say of the newest."""
        api, path = self._ui.api(request), _path(request)
        store, page = await asyncio.gather(
            api.get(path, EvaluationStore), api.page(f"{path}/evaluations", EvaluationSummary, limit=_SHOWN)
        )
        found = page.items
        known = list(dict.fromkeys(name for one in found for name in one.numbers))
        asked = request.query_params.get("number", "")
        usual = next((name for name in _FIRST_OF_PICTURE if name in known), known[0] if known else "")
        number = asked if asked in known else usual
        newest = await api.get(_below(request, found[0].id), EvaluationDetails) if found else None
        return await self._page(
            request,
            "evaluations/store.html",
            title=store.name or store.id,
            shown=store,
            evaluations=found,
            more=page.next is not None,
            known=known,
            number=number,
            picture=_history(found, number, store.checks) if len(found) > 1 else None,
            newest=newest,
            columns=[name for name in _IN_TABLE if name in known],
        )

    async def build(self, request: Request) -> Response:
        project, store = request.path_params["project"], request.path_params["store"]
        order = NewBuild(items=(store,), force=True)
        job = await self._ui.api(request).post(path_to("projects", project, "builds"), order, ProjectJob)
        return self._ui.go(
            request, path_to("projects", project, "jobs", job.id), say="The evaluation has begun."
        )

    async def checks(self, request: Request) -> Response:
        """The checks of a store, to be changed."""
        store, revision = await self._ui.api(request).tagged(_path(request), EvaluationStore)
        return await self._checks(request, store, revision, [_typed(check) for check in store.checks])

    async def save_checks(self, request: Request) -> Response:
        form, api = await self._ui.form(request), self._ui.api(request)
        rows = _rows(form)
        try:
            wanted = ChangedStore(
                name=form.text("name"),
                description=form.text("description"),
                checks=tuple(_check(row, place) for place, row in enumerate(rows)),
            )
            await api.put(_path(request), wanted, EvaluationStore, revision=form.text("revision"))
        except (Invalid, Conflict) as error:
            store, revision = await api.tagged(_path(request), EvaluationStore)
            kept = revision if error.code == "stale-revision" else form.text("revision")
            shown = msgspec.structs.replace(
                store, name=form.text("name"), description=form.text("description")
            )
            return await self._checks(request, shown, kept, rows, error, theirs=store)
        return self._ui.go(request, _path(request), say="The checks are saved.")

    async def _checks(
        self,
        request: Request,
        store: EvaluationStore,
        revision: str,
        rows: list[dict[str, str]],
        problem: ScorelineError | None = None,
        theirs: EvaluationStore | None = None,
    ) -> Response:
        values: dict[str, Any] = {
            "shown": store,
            # Of an ETag only the digest of the file is compared.
            "revision": revision.partition(".")[0],
            "rows": [*rows, {}],
            "bounds": _BOUNDS,
            "numbers": (*NUMBERS, *COLUMN_NUMBERS),
            "problem": problem,
            "faults": _faults(problem),
            "theirs": theirs if problem is not None and problem.code == "stale-revision" else None,
        }
        status = status_of(problem) if problem else 200
        if problem is not None and is_partial(request):
            return self._ui.fragment(
                request,
                "evaluations/_edit_checks.html",
                status=status,
                metric_name=metric_name,
                **request.path_params,
                **values,
            )
        title = f"Checks of {store.name or store.id}"
        return await self._page(request, "evaluations/edit_checks.html", title=title, status=status, **values)

    async def compare(self, request: Request) -> Response:
        """Two evaluations side by side."""
        api = self._ui.api(request)
        store = await api.get(_path(request), EvaluationStore)
        chosen = _chosen(request, store)
        if len(chosen) < 2:
            raise Invalid(f"store {store.id!r} has only one evaluation; evaluate again to compare")
        first, second = await asyncio.gather(
            *(api.get(_below(request, one), EvaluationDetails) for one in chosen)
        )
        reports = {one.evaluation.id: one.evaluation.performance for one in (first, second)}
        return await self._page(
            request,
            "evaluations/compare.html",
            title="Compare evaluations",
            shown=store,
            first=first,
            second=second,
            numbers=compared(numbers(first.evaluation), numbers(second.evaluation)),
            pictures=pictures_of(reports),
        )

    async def evaluation(self, request: Request) -> Response:
        """What the checks say, and the numbers they look at."""
        shown = await self._evaluation(request)
        found = numbers(shown.evaluation)
        first = next((name for name in _FIRST_OF_PICTURE if name in found), "")
        return await self._evaluation_page(
            request,
            "evaluations/checks.html",
            shown,
            numbers=found,
            figures=leading(first, found, ("auc", "log_loss", "precision", "recall", "prediction_drift_psi")),
        )

    async def performance(self, request: Request) -> Response:
        shown = await self._evaluation(request)
        report = shown.evaluation.performance
        return await self._evaluation_page(
            request,
            "evaluations/performance.html",
            shown,
            pictures=pictures_of({shown.evaluation.id: report}),
            confusion=confusion_of(report),
        )

    async def drift(self, request: Request) -> Response:
        """The drift of all columns, of the evaluation itself or as a job computed it anew."""
        shown = await self._evaluation(request)
        return await self._drift_page(request, shown)

    async def compute_drift(self, request: Request) -> Response:
        """Compare the rows anew with what was chosen, by a job whose outcome this page shows."""
        form = await self._ui.form(request)
        try:
            wanted = NewComparison(reference=_reference(form.text("reference"), request.path_params["store"]))
            job = await self._ui.api(request).post(
                f"{_below(request, request.path_params['evaluation'])}/drift", wanted, ProjectJob
            )
        except ScorelineError as error:
            shown = await self._evaluation(request)
            return await self._drift_page(request, shown, problem=error)
        here = _below(request, request.path_params["evaluation"])
        return self._ui.go(request, f"{here}/drift?job={job.id}", say="The comparison has begun.")

    async def column(self, request: Request) -> Response:
        """One column, both sides."""
        shown = await self._evaluation(request)
        job = await self._job(request)
        report = _report(shown, job)
        name = request.path_params["column"]
        if report is None or name not in report.columns:
            raise Invalid("this column was not compared", code="no-such-column")
        found = report.columns[name]
        return await self._evaluation_page(
            request,
            "evaluations/column.html",
            shown,
            name=name,
            column=found,
            job=job,
            report=report,
            picture=cells_picture(found),
            importance=report.classifier.importance.get(name) if report.classifier else None,
        )

    async def predictions(self, request: Request) -> Response:
        """How the predictions have drifted, and how good they still are."""
        shown = await self._evaluation(request)
        drift = shown.evaluation.drift
        found = drift.predictions if drift is not None else None
        sides = [
            (title, id_, one, cells_picture(one))
            for title, id_, one in (
                ("Predicted values", "values", found.values if found else None),
                ("Predicted classes", "classes", found.classes if found else None),
            )
            if one is not None
        ]
        return await self._evaluation_page(
            request,
            "evaluations/predictions.html",
            shown,
            sides=sides,
            metrics=drift.performance if drift is not None else {},
        )

    async def notes(self, request: Request) -> Response:
        shown = await self._evaluation(request)
        values = {"notes": shown.notes, "lines": lines_of(shown.notes.labels), "problem": None}
        return await self._evaluation_page(request, "evaluations/notes.html", shown, **values)

    async def note(self, request: Request) -> Response:
        form = await self._ui.form(request)
        notes = Notes(name=form.text("name"), description=form.text("description"))
        here = _below(request, request.path_params["evaluation"])
        try:
            notes = msgspec.structs.replace(notes, labels=labels_of(form.raw("labels")))
            await self._ui.api(request).put(f"{here}/notes", notes, Notes)
        except Invalid as error:
            values = {"notes": notes, "lines": form.raw("labels"), "problem": error}
            if is_partial(request):
                return self._ui.fragment(
                    request, "models/_notes.html", status=status_of(error), here=here, **values
                )
            shown = await self._evaluation(request)
            return await self._evaluation_page(
                request, "evaluations/notes.html", shown, status=status_of(error), **values
            )
        return self._ui.go(request, request.url.path, say="The notes are saved.")

    async def delete(self, request: Request) -> Response:
        evaluation = request.path_params["evaluation"]
        await self._ui.api(request).delete(_below(request, evaluation), Deleted)
        return self._ui.go(request, _path(request), say=f"Evaluation {evaluation} is deleted.")

    async def _drift_page(
        self, request: Request, shown: EvaluationDetails, problem: ScorelineError | None = None
    ) -> Response:
        job = await self._job(request)
        report = _report(shown, job)
        values: dict[str, Any] = {
            "job": job,
            "report": report,
            "columns": _by_drift(report),
            "by": _by_picture(report),
            "limit": _DRIFTED,
        }
        if is_partial(request) and problem is None:
            return self._ui.fragment(
                request, "evaluations/_drift.html", shown=shown, **request.path_params, **values
            )
        return await self._evaluation_page(
            request,
            "evaluations/drift.html",
            shown,
            status=status_of(problem) if problem else 200,
            references=await self._references(request, shown),
            problem=problem,
            **values,
        )

    async def _job(self, request: Request) -> ProjectJob | None:
        job = request.query_params.get("job")
        if not job:
            return None
        path = path_to("projects", request.path_params["project"], "jobs", job)
        return await self._ui.api(request).get(path, ProjectJob)

    async def _references(self, request: Request, shown: EvaluationDetails) -> list[tuple[str, str]]:
        """What the rows can be compared with anew: versions of the model, and the other evaluations."""
        api: Api = self._ui.api(request)
        found: list[tuple[str, str]] = []
        if shown.evaluation.model is not None:
            path = path_to("projects", request.path_params["project"], "models", shown.evaluation.model)
            model = await api.get(path, Model)
            found += [
                (f"version:{model.id}:{one}", f"Test rows of version {one} of {model.id}")
                for one in model.versions[:20]
            ]
        store = await api.get(_path(request), EvaluationStore)
        found += [
            (f"evaluation:{one}", f"Rows of evaluation {one}")
            for one in store.evaluations[:20]
            if one != shown.evaluation.id
        ]
        return found

    async def _evaluation(self, request: Request) -> EvaluationDetails:
        return await self._ui.api(request).get(
            _below(request, request.path_params["evaluation"]), EvaluationDetails
        )

    async def _evaluation_page(
        self, request: Request, template: str, shown: EvaluationDetails, **values: Any
    ) -> Response:
        evaluation = shown.evaluation.id
        return await self._page(
            request, template, title=f"Evaluation {evaluation}", evaluation=evaluation, shown=shown, **values
        )

    async def _page(self, request: Request, template: str, *, title: str, **values: Any) -> Response:
        return await self._ui.page(
            request,
            template,
            title=title,
            project=request.path_params["project"],
            store=request.path_params["store"],
            metric_name=metric_name,
            **values,
        )


def _rows(form: Form) -> list[dict[str, str]]:
    """The rows of the form that say something, each field as it was typed."""
    columns = {name: form.texts(f"check:{name}") for name in _FIELDS}
    rows = [
        {name: values[place].strip() for name, values in columns.items() if place < len(values)}
        for place in range(len(columns["metric"]))
    ]
    return [row for row in rows if any(row.values())]


def _check(row: Mapping[str, str], place: int) -> EvaluationCheck:
    """A row as a check. Raises Invalid (code `check`) for what is no number."""
    bounds: dict[str, float] = {}
    for name in _BOUNDS:
        if row.get(name):
            try:
                bounds[name] = float(row[name])
            except ValueError:
                raise Invalid(f"checks[{place}].{name}: must be a number", code="check") from None
    listed = tuple(one.strip() for one in row.get("columns", "").split(",") if one.strip())
    return EvaluationCheck(
        metric=row.get("metric", ""), name=row.get("name", ""), columns=listed or None, **bounds
    )


def _typed(check: EvaluationCheck) -> dict[str, str]:
    """A check as it is typed."""
    bounds = {name: getattr(check, name) for name in _BOUNDS}
    return {
        "metric": check.metric,
        "name": check.name,
        "columns": ", ".join(check.columns or ()),
        **{name: "" if bound is None else f"{bound:.15g}" for name, bound in bounds.items()},
    }


def _faults(problem: ScorelineError | None) -> dict[int, list[str]]:
    """What is wrong, by the place of the check; under -1 what belongs to none."""
    found: dict[int, list[str]] = {}
    if problem is None:
        return found
    for place, rest in _PLACE.findall(problem.message):
        found.setdefault(int(place), []).append(rest)
    return found or {-1: [problem.message]}


def cells_picture(drift: ColumnDrift) -> BarChart | None:
    """Both sides of a column in one histogram, as shares; None where there are no cells."""
    if not drift.cells:
        return None
    reference = sum(cell.reference for cell in drift.cells) or 1
    current = sum(cell.current for cell in drift.cells) or 1
    return standing_bars(
        [(cell.label, (cell.reference / reference, cell.current / current)) for cell in drift.cells],
        width=760,
        height=240,
        names=10,
    )


def _history(
    found: Sequence[EvaluationSummary], number: str, checks: Sequence[EvaluationCheck]
) -> LineChart | None:
    """A number over the evaluations, the oldest first, with the bounds of the checks on it."""
    ordered = list(reversed(found))
    points = [(at, one.numbers.get(number)) for at, one in enumerate(ordered)]
    if not any(value is not None for _, value in points):
        return None
    every = max(1, len(ordered) // 10)
    bounds = [
        (bound, f"{name.replace('_', ' ')} {bound:g}", name.startswith("soft"))
        for check in checks
        if check.metric == number
        for name, bound in (
            ("min", check.min),
            ("soft_min", check.soft_min),
            ("soft_max", check.soft_max),
            ("max", check.max),
        )
        if bound is not None
    ]
    return line_chart(
        [Series(metric_name(number), points, marks=True)],
        width=1000,
        height=260,
        x_range=(-0.5, len(ordered) - 0.5),
        x_ticks=[(at, one.id) for at, one in enumerate(ordered) if at % every == 0],
        rules=bounds,
    )


def _by_drift(report: DriftReport | None) -> list[tuple[str, ColumnDrift]]:
    """The columns, those that have drifted most first."""
    if report is None:
        return []
    return sorted(report.columns.items(), key=lambda one: -(one[1].psi or 0.0))


def _by_picture(report: DriftReport | None) -> BarChart | None:
    """By which columns the domain classifier tells the rows apart."""
    if report is None or report.classifier is None or not report.classifier.importance:
        return None
    return lying_bars(list(report.classifier.importance.items())[:15])


def _report(shown: EvaluationDetails, job: ProjectJob | None) -> DriftReport | None:
    if job is None:
        return shown.evaluation.drift
    return msgspec.convert(job.result, DriftReport) if job.result is not None else None


def _reference(chosen: str, store: str) -> DriftReference:
    kind, _, rest = chosen.partition(":")
    if kind == "version" and ":" in rest:
        model, _, version = rest.rpartition(":")
        return VersionReference(model=model, version=version)
    if kind == "evaluation" and rest:
        return EvaluationReference(store=store, evaluation=rest)
    raise Invalid("choose what the rows are to be compared with", code="reference")


def _chosen(request: Request, store: EvaluationStore) -> list[str]:
    """The two evaluations to compare: those that are named, or ticked, or the newest two."""
    asked = request.query_params
    if "from" in asked and "to" in asked:
        return [asked["from"], asked["to"]]
    ids = store.evaluations
    two = list(dict.fromkeys([*asked.getlist("evaluation"), *ids]))[:2]
    # They are listed newest first; what changes is told from the older one on.
    return sorted(two, key=lambda one: ids.index(one) if one in ids else 0, reverse=True)


def _path(request: Request) -> str:
    return path_to(
        "projects", request.path_params["project"], "evaluation-stores", request.path_params["store"]
    )


def _below(request: Request, evaluation: str) -> str:
    return _path(request) + path_to("evaluations", evaluation)
