"""Pages of the recipes of a project: their code and definition in an editor, their runs with logs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.dataset_sample import DatasetSample
from scoreline.core.project_job import ProjectJob
from scoreline.core.recipe import PythonRecipe, Recipe, SqlRecipe
from scoreline.core.recipe_build import RecipeBuild
from scoreline.errors import Conflict, Invalid, NotFound, ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui, is_partial
from scoreline.ui.recipe_settings import changed, settings_of
from scoreline.wire.control import Deleted
from scoreline.wire.control_datasets import ListedDataset, WholeDataset
from scoreline.wire.control_evaluations import EvaluationStore
from scoreline.wire.control_jobs import NewBuild
from scoreline.wire.control_models import Model
from scoreline.wire.control_recipes import (
    ChangedRecipe,
    FileProblem,
    ListedRecipe,
    NewRecipe,
    PreviewedSql,
    RecipeCheck,
    RecipeTexts,
    WholeRecipe,
)
from scoreline.wire.problems import status_of

_ALL = "/projects/{project}/recipes"
_ONE = "/projects/{project}/recipes/{recipe}"
_KINDS = {
    "sql": "SQL",
    "python": "Python",
    "split": "Split",
    "train": "Train",
    "score": "Score",
    "evaluate": "Evaluate",
    "standalone_evaluate": "Evaluate alone",
    "": "Unsound",
}
_FIRST_SQL = "SELECT *\nFROM {input}\n"
_FIRST_PYTHON = "def run({input}):\n    return {input}\n"


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    pages = _Recipes(ui)
    return [
        Route(_ALL, pages.show_all),
        Route(f"{_ALL}/new", pages.new),
        Route(f"{_ALL}/new", pages.create, methods=["POST"]),
        Route(_ONE, pages.show),
        Route(_ONE, pages.save, methods=["POST"]),
        Route(f"{_ONE}/settings", pages.settings),
        Route(f"{_ONE}/settings", pages.save_settings, methods=["POST"]),
        Route(f"{_ONE}/preview", pages.preview, methods=["POST"]),
        Route(f"{_ONE}/runs", pages.runs),
        Route(f"{_ONE}/build", pages.build, methods=["POST"]),
        Route(f"{_ONE}/delete", pages.delete, methods=["POST"]),
    ]


class _Recipes:
    """The handlers."""

    def __init__(self, ui: Ui) -> None:
        self._ui = ui

    async def show_all(self, request: Request) -> Response:
        project = request.path_params["project"]
        found = await self._ui.api(request).all(path_to("projects", project, "recipes"), ListedRecipe)
        return await self._ui.page(
            request, "recipes/all.html", title="Recipes", project=project, recipes=found, kinds=_KINDS
        )

    async def show(self, request: Request) -> Response:
        """The editor."""
        shown = await self._ui.api(request).get(_path(request), WholeRecipe)
        return await self._editor(request, shown, text=shown.text, code=shown.code)

    async def save(self, request: Request) -> Response:
        """Save what was typed, and run it when that is asked for."""
        form, api = await self._ui.form(request), self._ui.api(request)
        typed, code = form.raw("text"), form.raw("code") if "code" in form else None
        recipe = request.path_params["recipe"]
        wanted = ChangedRecipe(text=_with_line_end(typed), code=code)
        try:
            saved = await api.put(_path(request), wanted, WholeRecipe, revision=form.text("revision"))
        except Conflict as error:
            now = await api.get(_path(request), WholeRecipe)
            return await self._editor(
                request, now, text=typed, code=code, problem=error, other=now, status=status_of(error)
            )
        except Invalid as error:
            now = await api.get(_path(request), WholeRecipe)
            found = await api.post(f"{_path(request)}/check", RecipeTexts(text=typed, code=code), RecipeCheck)
            return await self._editor(
                request,
                msgspec.structs.replace(now, revision=form.text("revision")),
                text=typed,
                code=code,
                problem=None if found.problems else error,
                problems=found.problems,
                status=status_of(error),
            )
        if form.text("then") == "run":
            return await self._build(request, say=f"{recipe} is saved, and its build has begun.")
        return self._ui.go(request, request.url.path, say=f"{saved.recipe.id} is saved.")

    async def preview(self, request: Request) -> Response:
        """The first rows of what was typed, or why there are none."""
        form = await self._ui.form(request)
        sample, problem = None, None
        try:
            wanted = PreviewedSql(code=form.raw("code"))
            sample = await self._ui.api(request).post(f"{_path(request)}/preview", wanted, DatasetSample)
        except (Invalid, NotFound) as error:
            problem = error
        return self._ui.fragment(request, "recipes/_preview.html", status=200, sample=sample, problem=problem)

    async def settings(self, request: Request) -> Response:
        """What it reads and writes, as a form."""
        shown = await self._ui.api(request).get(_path(request), WholeRecipe)
        return await self._settings(request, shown)

    async def save_settings(self, request: Request) -> Response:
        form, api = await self._ui.form(request), self._ui.api(request)
        shown = await api.get(_path(request), WholeRecipe)
        if shown.definition is None:
            raise Invalid("the definition is not sound; mend its text first", code="invalid-project")
        try:
            wanted = changed(shown.definition, form)
            await api.put(
                _path(request), ChangedRecipe(definition=wanted), WholeRecipe, revision=form.text("revision")
            )
        except (Invalid, Conflict) as error:
            return await self._settings(request, shown, form=form, problem=error)
        return self._ui.go(request, request.url.path, say=f"{shown.recipe.id} is saved.")

    async def _settings(
        self,
        request: Request,
        shown: WholeRecipe,
        form: Form | None = None,
        problem: ScorelineError | None = None,
    ) -> Response:
        api, project = self._ui.api(request), request.path_params["project"]
        datasets, models, stores = await asyncio.gather(
            api.all(path_to("projects", project, "datasets"), ListedDataset),
            api.all(path_to("projects", project, "models"), Model),
            api.all(path_to("projects", project, "evaluation-stores"), EvaluationStore),
        )
        choices = {
            "dataset": [one.id for one in datasets],
            "model": [one.id for one in models],
            "store": [one.id for one in stores],
            "frames": ["pandas", "arrow"],
        }
        return await self._page(
            request,
            "recipes/settings.html",
            shown,
            part="recipes/_settings.html",
            status=status_of(problem) if problem else 200,
            choices=choices,
            form=form,
            problem=problem,
        )

    async def runs(self, request: Request) -> Response:
        """The builds in which it ran, and the log of one of them."""
        api = self._ui.api(request)
        shown, builds = await asyncio.gather(
            api.get(_path(request), WholeRecipe), api.all(f"{_path(request)}/builds", RecipeBuild)
        )
        chosen = request.query_params.get("build") or (builds[0].id if builds else "")
        log = await api.text(f"{_path(request)}/builds/{chosen}/log") if chosen else ""
        return await self._page(
            request, "recipes/runs.html", shown, builds=builds, chosen=chosen, log=log or "(it said nothing)"
        )

    async def build(self, request: Request) -> Response:
        return await self._build(request, say=f"The build of {request.path_params['recipe']} has begun.")

    async def delete(self, request: Request) -> Response:
        await self._ui.api(request).delete(_path(request), Deleted)
        say = f"Recipe {request.path_params['recipe']} is deleted; what it has made stays."
        return self._ui.go(request, path_to("projects", request.path_params["project"], "recipes"), say=say)

    async def new(self, request: Request) -> Response:
        return await self._new(request, Form(dict(request.query_params)))

    async def create(self, request: Request) -> Response:
        """Make a SQL or Python recipe with its output, and open its editor."""
        form, project = await self._ui.form(request), request.path_params["project"]
        recipe, inputs, output = form.text("id"), tuple(form.texts("inputs")), form.text("output")
        if not recipe or not inputs or not output:
            missing = "id" if not recipe else "inputs" if not inputs else "output"
            words = {"id": "a name", "inputs": "at least one input", "output": "an output"}[missing]
            error: ScorelineError = Invalid(f"give the recipe {words}", code=missing)
            return await self._new(request, form, error)
        definition: Recipe = SqlRecipe(inputs=inputs, output=output)
        code = _FIRST_SQL.format(input=inputs[0])
        if form.text("kind") == "python":
            definition = PythonRecipe(inputs=inputs, outputs=(output,))
            code = _FIRST_PYTHON.format(input=", ".join(inputs)).replace(
                f"return {', '.join(inputs)}", f"return {inputs[0]}"
            )
        try:
            made = await self._ui.api(request).post(
                path_to("projects", project, "recipes"),
                NewRecipe(id=recipe, definition=definition, code=code),
                WholeRecipe,
            )
        except (Invalid, Conflict) as error:
            return await self._new(request, form, error)
        return self._ui.go(
            request,
            path_to("projects", project, "recipes", made.recipe.id),
            say=f"Recipe {made.recipe.id} is made; write what it does.",
        )

    async def _new(self, request: Request, form: Form, problem: ScorelineError | None = None) -> Response:
        project = request.path_params["project"]
        datasets = await self._ui.api(request).all(path_to("projects", project, "datasets"), ListedDataset)
        return await self._show(
            request,
            "recipes/new.html",
            "recipes/_new.html",
            status=status_of(problem) if problem else 200,
            title="New recipe",
            project=project,
            datasets=datasets,
            form=form,
            problem=problem,
        )

    async def _build(self, request: Request, *, say: str) -> Response:
        project, recipe = request.path_params["project"], request.path_params["recipe"]
        shown = await self._ui.api(request).get(_path(request), WholeRecipe)
        # By an output: an item and a recipe may have one name, and then the item is meant.
        items = shown.recipe.outputs[:1] or (recipe,)
        order = NewBuild(items=items, force=True)
        job = await self._ui.api(request).post(path_to("projects", project, "builds"), order, ProjectJob)
        return self._ui.go(request, path_to("projects", project, "jobs", job.id), say=say)

    async def _editor(
        self,
        request: Request,
        shown: WholeRecipe,
        *,
        text: str,
        code: str | None,
        problem: ScorelineError | None = None,
        problems: Sequence[FileProblem] | None = None,
        other: WholeRecipe | None = None,
        status: int = 200,
    ) -> Response:
        found = shown.problems if problems is None else problems
        words = await _columns(self._ui.api(request), request.path_params["project"], shown.recipe.inputs)
        return await self._page(
            request,
            "recipes/edit.html",
            shown,
            part="recipes/_edit.html",
            status=status,
            text=text,
            code=code,
            problem=problem,
            problems=found,
            beside_text=[one for one in found if one.file.endswith(".yaml")],
            beside_code=[one for one in found if not one.file.endswith(".yaml")],
            words=words,
            other=other,
        )

    async def _page(
        self,
        request: Request,
        template: str,
        shown: WholeRecipe,
        *,
        part: str = "",
        status: int = 200,
        **values: Any,
    ) -> Response:
        language = "python" if isinstance(shown.definition, PythonRecipe) else "sql"
        return await self._show(
            request,
            template,
            part,
            status=status,
            title=shown.recipe.id,
            project=request.path_params["project"],
            recipe=shown.recipe.id,
            shown=shown,
            kinds=_KINDS,
            language=language,
            settings=settings_of(shown.definition),
            **values,
        )

    async def _show(
        self, request: Request, template: str, part: str, *, status: int = 200, **values: Any
    ) -> Response:
        """The page, or of a form that is sent again the form alone."""
        if part and is_partial(request):
            return self._ui.fragment(request, part, status=status, **values)
        return await self._ui.page(request, template, status=status, **values)


async def _columns(api: Api, project: str, inputs: Sequence[str]) -> Mapping[str, list[str]]:
    """The columns of each input, as far as they are known without reading rows: for the editor to offer."""

    async def of(dataset: str) -> list[str]:
        try:
            found = await api.get(path_to("projects", project, "datasets", dataset), WholeDataset)
        except (NotFound, Invalid):
            return []
        return [column.name for column in found.columns or ()]

    found = await asyncio.gather(*(of(one) for one in inputs))
    return dict(zip(inputs, found, strict=True))


def _with_line_end(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def _path(request: Request) -> str:
    return path_to("projects", request.path_params["project"], "recipes", request.path_params["recipe"])
