"""Calls on the recipes of projects."""

from __future__ import annotations

from scoreline.client.connection import Connection, path_to
from scoreline.core.dataset_sample import DatasetSample
from scoreline.core.recipe import Recipe
from scoreline.core.recipe_build import RecipeBuild
from scoreline.wire.control import Deleted
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


class RecipeCalls:
    """Reads and changes the recipes of a project, on its key."""

    _control: Connection

    def recipes(self, project: str) -> tuple[ListedRecipe, ...]:
        """The recipes of a project."""
        return self._control.all(path_to("projects", project, "recipes"), ListedRecipe)

    def recipe(self, project: str, recipe: str) -> WholeRecipe:
        """One recipe with its definition and its code. Raises NotFound, naming the nearest."""
        return self._control.call("GET", path_to("projects", project, "recipes", recipe), WholeRecipe)

    def create_recipe(
        self, project: str, recipe: str, definition: Recipe, *, code: str | None = None
    ) -> WholeRecipe:
        """Make a recipe, and those of its outputs that are not there. Raises Conflict, and Invalid."""
        wanted = NewRecipe(id=recipe, definition=definition, code=code)
        return self._control.call("POST", path_to("projects", project, "recipes"), WholeRecipe, body=wanted)

    def save_recipe(
        self,
        project: str,
        recipe: str,
        *,
        definition: Recipe | None = None,
        text: str | None = None,
        code: str | None = None,
        revision: str | None = None,
    ) -> WholeRecipe:
        """Change a recipe; what is not given stays. `revision`: the one that was read; None: any.

        Raises NotFound, Invalid, and Conflict (code `stale-revision`) when somebody changed it since.
        """
        wanted = ChangedRecipe(definition=definition, text=text, code=code)
        path = path_to("projects", project, "recipes", recipe)
        return self._control.call("PUT", path, WholeRecipe, body=wanted, revision=revision)

    def check_recipe(
        self, project: str, recipe: str, text: str, *, code: str | None = None
    ) -> tuple[FileProblem, ...]:
        """What would be wrong if the files of a recipe said this; nothing is written."""
        path = path_to("projects", project, "recipes", recipe, "check")
        return self._control.call("POST", path, RecipeCheck, body=RecipeTexts(text=text, code=code)).problems

    def preview_recipe(self, project: str, recipe: str, code: str, *, rows: int = 50) -> DatasetSample:
        """The first rows that a recipe of SQL would write if its code said this; nothing is written.

        Raises NotFound, also (code `not-built`) while an input has no rows, and Invalid.
        """
        path = path_to("projects", project, "recipes", recipe, "preview")
        wanted = PreviewedSql(code=code, rows=rows)
        return self._control.call("POST", path, DatasetSample, body=wanted)

    def delete_recipe(self, project: str, recipe: str, *, revision: str | None = None) -> None:
        """Delete a recipe; what it has made stays. Raises as `save_recipe`."""
        path = path_to("projects", project, "recipes", recipe)
        self._control.call("DELETE", path, Deleted, revision=revision)

    def recipe_builds(self, project: str, recipe: str) -> tuple[RecipeBuild, ...]:
        """The last builds in which a recipe ran, newest first."""
        return self._control.all(path_to("projects", project, "recipes", recipe, "builds"), RecipeBuild)

    def recipe_log(self, project: str, recipe: str, build: str) -> str:
        """What a recipe said in a build. Raises NotFound."""
        return self._control.text(path_to("projects", project, "recipes", recipe, "builds", build, "log"))
