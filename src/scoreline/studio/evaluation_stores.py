"""The evaluation stores of a project: their evaluations, and the checks these are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scoreline.core.evaluation import Evaluation
from scoreline.core.evaluation_check import CheckRun, EvaluationCheck, run_checks, worst
from scoreline.core.names import did_you_mean
from scoreline.core.project import EvaluationStore, Kind
from scoreline.errors import NotFound
from scoreline.storage.evaluations import Evaluations
from scoreline.storage.project_edits import ProjectFiles
from scoreline.storage.project_files import read_project
from scoreline.storage.workspace import Workspace
from scoreline.studio.lock import project_lock
from scoreline.studio.usages import check_unused, remove_item


@dataclass(frozen=True)
class StoreOfEvaluations:
    """One evaluation store."""

    id: str
    definition: EvaluationStore
    evaluations: Evaluations

    @property
    def name(self) -> str:
        """What people call it."""
        return self.definition.name

    @property
    def checks(self) -> tuple[EvaluationCheck, ...]:
        """As they are defined now."""
        return self.definition.checks

    def run_checks(self, evaluation: Evaluation, checks: Sequence[EvaluationCheck] | None = None) -> CheckRun:
        """Hold checks against an evaluation; None: those of the store."""
        results = run_checks(self.checks if checks is None else checks, evaluation)
        return CheckRun(store=self.id, evaluation=evaluation.id, outcome=worst(results), results=results)


def evaluation_stores(folder: Path) -> dict[str, StoreOfEvaluations]:
    """The evaluation stores of the project in a folder, by id. Raises InvalidProject."""
    workspace = Workspace(folder)
    return {
        id_: StoreOfEvaluations(id_, store, Evaluations(workspace.evaluations(id_)))
        for id_, store in read_project(folder).evaluation_stores.items()
    }


def evaluation_store(folder: Path, store_id: str) -> StoreOfEvaluations:
    """One evaluation store; NotFound if the project has none of that id."""
    stores = evaluation_stores(folder)
    if store_id not in stores:
        hint = did_you_mean(store_id[:40], stores)
        raise NotFound(
            f"the project has no evaluation store {store_id[:40]!r}; {hint}", code="no-such-evaluation-store"
        )
    return stores[store_id]


def check_store(folder: Path, store_id: str, evaluation_id: str | None = None) -> CheckRun:
    """Hold the checks of a store against one of its evaluations; None: the newest.

    Raises NotFound for an unknown store or evaluation, and (code `not-built`) for a store without any.
    """
    store = evaluation_store(folder, store_id)
    return store.run_checks(store.evaluations.read(evaluation_id))


def create_store(folder: Path, store_id: str, definition: EvaluationStore) -> None:
    """Make a store without evaluations.

    Raises Invalid for a bad id, Conflict when there is one, InvalidProject for checks that cannot be.
    """
    ProjectFiles(folder).save(Kind.EVALUATION_STORE, store_id, definition, since=None)


def store_revision(folder: Path, store_id: str) -> str:
    """What stands in the file of a store, as a digest. Raises NotFound."""
    return ProjectFiles(folder).revision(Kind.EVALUATION_STORE, evaluation_store(folder, store_id).id) or ""


def save_store(folder: Path, store_id: str, definition: EvaluationStore, *, since: str | None = None) -> None:
    """Replace what is written of a store, its checks among it.

    `since`: the revision that was read; None: any. Raises NotFound, InvalidProject, and Conflict (code
    `stale-revision`) when somebody changed it since.
    """
    now = store_revision(folder, store_id)
    ProjectFiles(folder).save(Kind.EVALUATION_STORE, store_id, definition, since=since or now)


def delete_store(folder: Path, store_id: str) -> None:
    """Delete a store with all its evaluations.

    Raises NotFound, Conflict while a recipe writes to it or the project is being built.
    """
    evaluation_store(folder, store_id)
    check_unused(read_project(folder), Kind.EVALUATION_STORE, store_id)
    workspace = Workspace(folder)
    with project_lock(workspace, f"delete evaluation store {store_id}", wait=False):
        remove_item(folder, Kind.EVALUATION_STORE, store_id, workspace.evaluations(store_id))
