"""The steps of a build: one recipe each, run when it is stale, its outcome told in plain words."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from scoreline.core.project import Project
from scoreline.core.recipe import outputs_of
from scoreline.errors import ScorelineError
from scoreline.storage.disk import disk_full, is_disk_full
from scoreline.storage.tables import Tables
from scoreline.storage.workspace import Workspace
from scoreline.studio.build_events import RecipeOutcome
from scoreline.studio.recipe_kinds import run_recipe
from scoreline.studio.recipe_run import RecipeRun
from scoreline.studio.staleness import Built, Staleness


class BuildSteps:
    """Runs the recipes of one build. Threads may share it."""

    def __init__(
        self,
        project: Project,
        tables: Tables,
        workspace: Workspace,
        *,
        forced: frozenset[str],
        by: str,
        started: Callable[[str, str], None],
    ) -> None:
        self.staleness = Staleness(project, tables, workspace)
        self._project = project
        self._tables = tables
        self._workspace = workspace
        self._forced = forced
        self._by = by
        self._started = started

    def run(self, recipe_id: str, logs: Path) -> RecipeOutcome:
        """Run one recipe if it is forced or stale, its inputs being there. Failures are told, not raised."""
        begun = time.monotonic()
        log_file = logs / f"{recipe_id}.log"
        reason = ""
        rows: dict[str, int] = {}
        message = code = ""
        try:
            reason = "forced" if recipe_id in self._forced else self.staleness.reason(recipe_id) or ""
            if not reason:
                return RecipeOutcome(recipe=recipe_id, status="up_to_date")
            self._started(recipe_id, reason)
            rows = self._make(recipe_id, log_file, reason, begun)
        except Exception as error:
            message, code = _told(error, log_file)
        return RecipeOutcome(
            recipe=recipe_id,
            status="failed" if message else "built",
            reason=reason,
            error=message,
            code=code,
            seconds=round(time.monotonic() - begun, 3),
            rows=rows,
        )

    def _make(self, recipe_id: str, log_file: Path, reason: str, begun: float) -> dict[str, int]:
        # Before the inputs are read: what changes meanwhile is stale next time.
        inputs = self.staleness.inputs(recipe_id)
        scratch = self._workspace.root / "tmp" / recipe_id
        scratch.mkdir(parents=True)
        log_file.parent.mkdir(parents=True, exist_ok=True)
        run = RecipeRun(
            recipe_id=recipe_id,
            project=self._project,
            tables=self._tables,
            workspace=self._workspace,
            scratch=scratch,
            log_file=log_file,
            by=self._by,
        )
        run.log(f"recipe {recipe_id}: {reason}")
        try:
            rows = run_recipe(run)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        seconds = round(time.monotonic() - begun, 3)
        self.staleness.record(recipe_id, self._built(recipe_id, inputs, rows, seconds))
        run.log(f"done in {seconds} s")
        return rows

    def _built(self, recipe_id: str, inputs: dict[str, str], rows: dict[str, int], seconds: float) -> Built:
        outputs = outputs_of(self._project.recipes[recipe_id])
        return Built(
            definition=self.staleness.definition(recipe_id),
            code=self.staleness.code(recipe_id),
            variables=self.staleness.variables(recipe_id),
            inputs=inputs,
            outputs={item: self.staleness.output_mark(item) for item in outputs},
            rows=rows,
            seconds=seconds,
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def _told(error: Exception, log_file: Path) -> tuple[str, str]:
    """Message and code of a failure; what nobody foresaw goes into the log whole."""
    if is_disk_full(error):
        error = disk_full()
    elif isinstance(error, MemoryError):
        return "there is not enough memory", "memory"
    elif not isinstance(error, ScorelineError):
        _append(log_file, "".join(traceback.format_exception(error)))
        return (
            f"unexpected {type(error).__name__}: {str(error)[:300]}; the log has the whole of it",
            "unexpected",
        )
    assert isinstance(error, ScorelineError)
    _append(log_file, f"failed: {error.message}\n")
    return error.message, error.code


def _append(log_file: Path, text: str) -> None:
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        return  # a full disk takes no log either; the outcome carries the message
