"""Routes of the recipes of a project."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from scoreline.core.access import Action, Kind
from scoreline.core.dataset_sample import DatasetSample
from scoreline.core.recipe import inputs_of, outputs_of
from scoreline.core.recipe_build import RecipeBuild
from scoreline.errors import Problem
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.etags import ExpectedDigest, tagged
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, page_in_order, page_of
from scoreline.rest.permissions import needs
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.studio import recipes as files
from scoreline.studio.project_jobs import ProjectJobs
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.recipe_builds import last_build, recipe_builds, recipe_log
from scoreline.wire import control
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
from scoreline.wire.paging import Page

_VIEW = needs(Action.VIEW, Kind.PROJECT)
_ADMIN = needs(Action.ADMIN, Kind.PROJECT)


def routes(registry: ProjectRegistry, jobs: ProjectJobs, audit: CatalogAudit) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/projects/{project}/recipes", tags=["recipes"])
    _looking(router, registry)
    _previewing(router, registry)
    _looking_at_builds(router, registry, jobs)
    _changing(router, registry, audit)
    return router


def _looking(router: APIRouter, registry: ProjectRegistry) -> None:
    @router.get("", summary="Recipes", dependencies=_VIEW, **operation(Page[ListedRecipe]))
    def list_recipes(project: str, paging: Paging) -> Response:
        """Recipes of a project by id; `problem` says why one cannot run."""
        folder = registry.folder(project)
        found = [_listed(folder, one) for one in files.recipes_of(folder)]
        return answer(page_of(paging, found, lambda one: one.id))

    @router.get("/{recipe}", summary="One recipe", dependencies=_VIEW, **operation(WholeRecipe))
    def get_recipe(project: str, recipe: str, request: Request) -> Response:
        """One recipe with its definition and its code."""
        found = _whole(registry.folder(project), recipe)
        return tagged(request, found, found.revision)

    @router.post(
        "/{recipe}/check",
        summary="Check a recipe",
        dependencies=_VIEW,
        **operation(RecipeCheck, body=RecipeTexts),
    )
    async def check_recipe(project: str, recipe: str, request: Request) -> Response:
        """What would be wrong if the files of a recipe said this, line by line; nothing is written."""
        wanted = await read_json(request, RecipeTexts)

        def checked() -> RecipeCheck:
            found = files.check_recipe(registry.folder(project), recipe, wanted.text, wanted.code)
            return RecipeCheck(problems=_told(found))

        return answer(await run_in_threadpool(checked))


def _previewing(router: APIRouter, registry: ProjectRegistry) -> None:
    @router.post(
        "/{recipe}/preview",
        summary="Preview a recipe",
        dependencies=needs(Action.DEPLOY, Kind.PROJECT),
        **operation(DatasetSample, body=PreviewedSql),
    )
    async def preview_recipe(project: str, recipe: str, request: Request) -> Response:
        """The first rows that a recipe of SQL would write if its code said this; nothing is written."""
        wanted = await read_json(request, PreviewedSql)
        folder = registry.folder(project)
        found = await run_in_threadpool(files.preview_recipe, folder, recipe, wanted.code, wanted.rows)
        return answer(found)


def _looking_at_builds(router: APIRouter, registry: ProjectRegistry, jobs: ProjectJobs) -> None:
    @router.get(
        "/{recipe}/builds",
        summary="Builds of a recipe",
        dependencies=_VIEW,
        **operation(Page[RecipeBuild]),
    )
    def list_recipe_builds(project: str, recipe: str, paging: Paging) -> Response:
        """The last builds in which a recipe ran, newest first; 20 are kept."""
        folder = registry.folder(project)
        known = files.recipe_of(folder, recipe).id
        found = {one.id: one for one in recipe_builds(folder, known, jobs.newest(project))}
        page = page_in_order(paging, list(found))
        return answer(Page(items=tuple(found[one] for one in page.items), next=page.next))

    @router.get(
        "/{recipe}/builds/{build}/log",
        summary="Log of a recipe in a build",
        dependencies=_VIEW,
        **operation(None, media="text/plain"),
    )
    def get_recipe_log(project: str, recipe: str, build: str) -> Response:
        """What a recipe said in a build."""
        return PlainTextResponse(recipe_log(registry.folder(project), recipe, build))


def _changing(router: APIRouter, registry: ProjectRegistry, audit: CatalogAudit) -> None:
    @router.post(
        "",
        summary="Make a recipe",
        dependencies=_ADMIN,
        **operation(WholeRecipe, status=201, body=NewRecipe),
    )
    async def create_recipe(project: str, request: Request) -> Response:
        """Write a new recipe, and the outputs that are not there yet; 409 when there is one of that id."""
        wanted = await read_json(request, NewRecipe)

        def create() -> WholeRecipe:
            folder = registry.folder(project)
            outputs = files.create_recipe(folder, wanted.id, wanted.definition, wanted.code)
            made = _whole(folder, wanted.id)
            told = {**_texts(made), "outputs": outputs}
            audit.record("create recipe", f"project:{project}", after=told)
            return made

        made = await run_in_threadpool(create)
        return tagged(request, made, made.revision, 201)

    @router.put(
        "/{recipe}",
        summary="Change a recipe",
        dependencies=_ADMIN,
        **operation(WholeRecipe, body=ChangedRecipe),
    )
    async def save_recipe(project: str, recipe: str, request: Request, expected: ExpectedDigest) -> Response:
        """Replace the definition and the code of a recipe; what it has made stays until the next build."""
        wanted = await read_json(request, ChangedRecipe)

        def save() -> WholeRecipe:
            folder = registry.folder(project)
            before = _whole(folder, recipe)
            files.save_recipe(
                folder,
                recipe,
                text=wanted.text,
                definition=wanted.definition,
                code=wanted.code,
                since=expected,
            )
            after = _whole(folder, recipe)
            if after.revision != before.revision:
                audit.record(
                    "change recipe", f"project:{project}", before=_texts(before), after=_texts(after)
                )
            return after

        saved = await run_in_threadpool(save)
        return tagged(request, saved, saved.revision)

    @router.delete("/{recipe}", summary="Delete a recipe", dependencies=_ADMIN, **operation(control.Deleted))
    def delete_recipe(project: str, recipe: str, expected: ExpectedDigest) -> Response:
        """Delete a recipe; what it has made stays, and nothing makes it any more."""
        folder = registry.folder(project)
        before = _whole(folder, recipe)
        files.delete_recipe(folder, recipe, since=expected)
        audit.record("delete recipe", f"project:{project}", before=_texts(before))
        return answer(control.Deleted(id=recipe))


def _whole(folder: Path, recipe: str) -> WholeRecipe:
    found = files.recipe_of(folder, recipe)
    return WholeRecipe(
        recipe=_listed(folder, found),
        definition=found.recipe,
        text=found.text,
        code=found.code,
        problems=_told(found.problems),
        revision=files.recipe_revision(folder, recipe),
    )


def _listed(folder: Path, found: files.RecipeFile) -> ListedRecipe:
    recipe = found.recipe
    return ListedRecipe(
        id=found.id,
        kind=str(recipe.__struct_config__.tag) if recipe is not None else "",
        description=recipe.description if recipe is not None else "",
        inputs=inputs_of(recipe) if recipe is not None else (),
        outputs=outputs_of(recipe) if recipe is not None else (),
        last_build=last_build(folder, found.id),
        problem=str(found.problems[0]) if found.problems else "",
    )


def _told(problems: tuple[Problem, ...]) -> tuple[FileProblem, ...]:
    return tuple(FileProblem(file=one.file, line=one.line, message=one.message) for one in problems)


def _texts(recipe: WholeRecipe) -> dict[str, str | None]:
    return {"recipe": recipe.recipe.id, "text": recipe.text, "code": recipe.code}
