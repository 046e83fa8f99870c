"""Messages of the control API about the recipes of projects."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from scoreline.core.recipe import Recipe
from scoreline.core.recipe_build import LastBuild


class ListedRecipe(Struct, frozen=True, kw_only=True):
    """A recipe of a project, in short."""

    id: str
    kind: str
    """`sql`, `python`, `split`, `train`, `score`, `evaluate`, `standalone_evaluate`; empty: its file is not
    sound."""
    description: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    last_build: LastBuild | None
    problem: str
    """Why it cannot run; empty when it can."""


class FileProblem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong in one file of a project."""

    file: str
    line: int
    """Counted from 1; 0 when it is the file itself."""
    message: str


class WholeRecipe(Struct, frozen=True, kw_only=True):
    """A recipe with its definition and its code."""

    recipe: ListedRecipe
    definition: Recipe | None
    """None: its file is not sound."""
    text: str
    """Its file, word for word."""
    code: str | None
    """The SQL or Python beside it."""
    problems: tuple[FileProblem, ...]
    """Of its files."""
    revision: str
    """The digest of its files."""


class NewRecipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recipe to be made. Outputs that the project does not have are made, too."""

    id: str
    definition: Recipe
    code: str | None = None
    """For SQL and Python."""


class ChangedRecipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a recipe is to be. What is None stays as it is."""

    definition: Recipe | None = None
    """Comments in its file stay."""
    text: str | None = None
    """Instead: its file, word for word."""
    code: str | None = None


class RecipeTexts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The files of a recipe as they could be."""

    text: str
    code: str | None = None


class RecipeCheck(Struct, frozen=True, kw_only=True):
    """What would be wrong; nothing: they are sound."""

    problems: tuple[FileProblem, ...]


class PreviewedSql(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SQL as the code of a recipe could be."""

    code: str
    rows: Annotated[int, Meta(ge=1, le=1_000)] = 50
    """How many to answer at most."""
