"""How far a build has come: kept in the folder of its job by its process, read by the control plane.

<number>/progress.json     _Kept, once the build knows what it looks at
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from scoreline.storage.atomic import write_file
from scoreline.studio.build_events import BuildEvent, RecipeOutcome
from scoreline.wire.control_jobs import BuildRecipe

PROGRESS = "progress.json"
_SELDOM = 0.2
"""Seconds between two writes that can wait for each other: hundreds of fresh recipes are passed at once."""
_LONGEST_LOG = 1_000_000  # bytes


class _Kept(Struct, frozen=True, kw_only=True):
    logs: str
    """The folder of the recipes' logs, relative to the project."""
    recipes: tuple[BuildRecipe, ...]


class ProgressFile:
    """Keeps the progress of a build in a folder; call it with each event, and `write` at the end."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / PROGRESS
        self._logs = ""
        self._recipes: dict[str, BuildRecipe] = {}
        self._written_at = 0.0

    def __call__(self, event: BuildEvent) -> None:
        """Take note of one event."""
        if event.kind == "planned":
            self._logs = event.logs
            self._recipes = {one: BuildRecipe(recipe=one, state="waiting") for one in event.recipes}
        elif event.kind == "started":
            self._recipes[event.recipe] = replace(
                self._recipes[event.recipe],
                state="running",
                reason=event.reason,
                started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            )
        elif event.outcome is not None:
            self._recipes[event.recipe] = _ended(self._recipes[event.recipe], event.outcome)
            if time.monotonic() - self._written_at < _SELDOM:
                return
        self.write()

    def write(self) -> None:
        """Let others see what is known."""
        kept = _Kept(logs=self._logs, recipes=tuple(self._recipes.values()))
        write_file(self._file, msgspec.json.encode(kept))
        self._written_at = time.monotonic()


def build_recipes(folder: Path, *, has_ended: bool) -> tuple[BuildRecipe, ...]:
    """The recipes of the build in a job's folder, in order; none before it has looked what there is.

    `has_ended`: its process is there no more, so that nothing in it runs or waits.
    """
    kept = _read(folder)
    if kept is None:
        return ()
    return tuple(_stopped(one) if has_ended else one for one in kept.recipes)


def recipe_log(folder: Path, project: Path, recipe: str) -> str | None:
    """What a recipe said in that build until now, of a long log the end; None for a recipe not in it."""
    kept = _read(folder)
    if kept is None or all(one.recipe != recipe for one in kept.recipes):
        return None
    path = project / kept.logs / f"{recipe}.log"
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LONGEST_LOG))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""  # it has not begun, or the log is so old that it has been removed


def _read(folder: Path) -> _Kept | None:
    try:
        return msgspec.json.decode((folder / PROGRESS).read_bytes(), type=_Kept)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def _ended(recipe: BuildRecipe, outcome: RecipeOutcome) -> BuildRecipe:
    return replace(
        recipe,
        state=outcome.status,
        reason=outcome.reason or recipe.reason,
        error=outcome.error,
        code=outcome.code,
        seconds=outcome.seconds,
        rows=outcome.rows,
    )


def _stopped(recipe: BuildRecipe) -> BuildRecipe:
    stopped: Literal["stopped"] = "stopped"
    return replace(recipe, state=stopped) if recipe.state in ("waiting", "running") else recipe
