"""Who uses an item of a project, and how one that nobody uses is removed."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from scoreline.core.flow import makers
from scoreline.core.project import Kind, Project
from scoreline.core.recipe import inputs_of, outputs_of
from scoreline.core.service import PredictionEndpoint
from scoreline.errors import Conflict
from scoreline.storage.atomic import UNFINISHED
from scoreline.storage.project_edits import ProjectFiles

_MOST_NAMED = 5


class Usage(Struct, frozen=True, kw_only=True):
    """A recipe or a service that names an item."""

    kind: str
    """`recipe` or `service`."""
    id: str


def usages(project: Project, item: str) -> tuple[Usage, ...]:
    """The recipes that read or write an item, and the services whose endpoints score by it."""
    return tuple(_usages(project, item))


def check_unused(project: Project, kind: Kind, item: str) -> None:
    """Raise Conflict while something uses an item."""
    using = usages(project, item)
    if using:
        named = ", ".join(f"{one.kind} {one.id!r}" for one in using[:_MOST_NAMED])
        more = f" and {len(using) - _MOST_NAMED} more" if len(using) > _MOST_NAMED else ""
        raise Conflict(f"{kind.noun} {item!r} is used by {named}{more}; delete that first", code="in-use")


def remove_item(folder: Path, kind: Kind, item: str, files: Path) -> None:
    """Delete the definition of an item, then what was made of it. Raises as `ProjectFiles.delete`."""
    edits = ProjectFiles(folder)
    edits.delete(kind, item, since=edits.revision(kind, item))
    if files.is_dir():
        doomed = files.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
        files.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def made_by(project: Project, item: str) -> str | None:
    """The recipe that makes an item; None: nothing does."""
    return makers(project.recipes).get(item)


def _usages(project: Project, item: str) -> Iterator[Usage]:
    for recipe_id, recipe in project.recipes.items():
        if item in (*inputs_of(recipe), *outputs_of(recipe)):
            yield Usage(kind="recipe", id=recipe_id)
    for service_id, service in project.services.items():
        models = {one.model for one in service.endpoints if isinstance(one, PredictionEndpoint)}
        if item in models:
            yield Usage(kind="service", id=service_id)
