"""The builds in which a recipe ran, put together from its logs and from the jobs of the project."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from scoreline.core.names import is_id, shortened
from scoreline.core.project_job import BuildWork, ProjectJob
from scoreline.core.recipe_build import LastBuild, RecipeBuild
from scoreline.errors import NotFound
from scoreline.storage.workspace import Workspace

_BUILD_ID = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-[0-9a-f]{6}")
_LONGEST_LOG = 1_000_000  # bytes


def last_build(folder: Path, recipe: str) -> LastBuild | None:
    """The last time that a recipe made its outputs; None before the first."""
    file = Workspace(folder).root / "recipes" / f"{recipe}.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=LastBuild)
    except (OSError, msgspec.MsgspecError):
        return None


def recipe_builds(folder: Path, recipe: str, jobs: Iterable[ProjectJob]) -> list[RecipeBuild]:
    """The builds that have a log of a recipe, newest first; `jobs` are those of its project."""
    known = {
        job.result["id"]: job
        for job in jobs
        if isinstance(job.work, BuildWork) and isinstance(job.result, dict)
    }
    logs = Workspace(folder).logs
    ids = [path.name for path in logs.iterdir()] if logs.is_dir() else []
    ran = [build for build in ids if _BUILD_ID.fullmatch(build) and _log(folder, recipe, build).is_file()]
    return [_build(recipe, build, known.get(build)) for build in sorted(ran, reverse=True)]


def recipe_log(folder: Path, recipe: str, build: str) -> str:
    """What a recipe said in a build; of a very long log, its end. Raises NotFound."""
    path = _log(folder, recipe, build)
    if not _BUILD_ID.fullmatch(build) or not is_id(recipe) or not path.is_file():
        raise NotFound(
            f"recipe {shortened(recipe)} has no log of a build {shortened(build)}; the last 20 are kept",
            code="no-such-build",
        )
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LONGEST_LOG))
        return file.read().decode("utf-8", errors="replace")


def _log(folder: Path, recipe: str, build: str) -> Path:
    return Workspace(folder).logs / build / f"{recipe}.log"


def _build(recipe: str, build: str, job: ProjectJob | None) -> RecipeBuild:
    match = _BUILD_ID.fullmatch(build)
    assert match is not None
    outcome = _outcome(job, recipe)
    return RecipeBuild(
        id=build,
        started_at="{}-{}-{}T{}:{}:{}+00:00".format(*match.groups()),
        job=job.id if job is not None else None,
        by=job.by if job is not None else "",
        status=outcome.get("status", ""),
        reason=outcome.get("reason", ""),
        error=outcome.get("error", ""),
        seconds=outcome.get("seconds"),
        rows=outcome.get("rows", {}),
    )


def _outcome(job: ProjectJob | None, recipe: str) -> dict[str, Any]:
    outcomes: list[dict[str, Any]] = job.result.get("outcomes", []) if job is not None else []
    return next((one for one in outcomes if one.get("recipe") == recipe), {})
