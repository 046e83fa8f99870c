"""Calls on the evaluation stores of projects, and on the evaluations in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scoreline.client.connection import Connection, path_to
from scoreline.core.drift import DriftSettings
from scoreline.core.drift_reference import DriftReference
from scoreline.core.evaluation import CustomMetric
from scoreline.core.evaluation_check import CheckRun
from scoreline.core.notes import Notes
from scoreline.core.project_job import ProjectJob
from scoreline.errors import NotFound
from scoreline.wire.control import Deleted
from scoreline.wire.control_evaluations import (
    ChangedStore,
    EvaluationDetails,
    EvaluationStore,
    EvaluationSummary,
    NewComparison,
    NewEvaluation,
)

_AT_ONCE = 50


class EvaluationCalls:
    """What the commands of `scoreline evaluation` do, on a project's key."""

    _control: Connection

    def evaluation_stores(self, project: str) -> tuple[EvaluationStore, ...]:
        """The evaluation stores of a project, each with the outcome of its newest evaluation."""
        return self._control.all(path_to("projects", project, "evaluation-stores"), EvaluationStore)

    def evaluation_store(self, project: str, store: str) -> EvaluationStore:
        """One evaluation store with its checks. Raises NotFound, naming the nearest."""
        return self._control.call("GET", _path(project, store), EvaluationStore)

    def save_evaluation_store(
        self, project: str, store: str, definition: ChangedStore, *, revision: str | None = None
    ) -> EvaluationStore:
        """Replace the name, the description and the checks of a store; its evaluations stay.

        Raises NotFound, Invalid, and Conflict (code `stale-revision`) when somebody changed it since.
        """
        path = _path(project, store)
        return self._control.call("PUT", path, EvaluationStore, body=definition, revision=revision)

    def evaluations(self, project: str, store: str) -> Iterator[EvaluationSummary]:
        """The evaluations of a store, newest first, asked for as they are read."""
        return self._control.each(_path(project, store, "evaluations"), EvaluationSummary, at_once=_AT_ONCE)

    def evaluation(self, project: str, store: str, evaluation: str | None = None) -> EvaluationDetails:
        """One evaluation whole, with what the checks say of it; None: the newest. Raises NotFound."""
        if evaluation is None:
            newest = self.evaluation_store(project, store).evaluations
            if not newest:
                raise NotFound(f"evaluation store {store!r} is empty; build it first", code="not-built")
            evaluation = newest[0]
        path = _path(project, store, "evaluations", evaluation)
        return self._control.call("GET", path, EvaluationDetails)

    def run_checks(self, project: str, store: str, evaluation: str | None = None) -> CheckRun:
        """Hold an evaluation against the checks of its store; None: the newest. Raises NotFound."""
        path = path_to("projects", project, "evaluation-stores", store, "run-checks", evaluation=evaluation)
        return self._control.call("POST", path, CheckRun)

    def add_evaluation(
        self,
        project: str,
        store: str,
        metrics: Mapping[str, float | CustomMetric],
        *,
        evaluation: str | None = None,
        model: str | None = None,
        version: str | None = None,
        name: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> EvaluationSummary:
        """Add an evaluation whose numbers, by code, were measured elsewhere; `model` and `version`: of what.

        Raises NotFound, Invalid for what cannot be, Conflict when there is an evaluation of that id.
        """
        wanted = NewEvaluation(
            metrics={
                code: one if isinstance(one, CustomMetric) else CustomMetric(value=one)
                for code, one in metrics.items()
            },
            id=evaluation,
            model=model,
            model_version=version,
            notes=Notes(name=name, labels=dict(labels or {})),
        )
        path = _path(project, store, "evaluations")
        return self._control.call("POST", path, EvaluationSummary, body=wanted)

    def note_evaluation(
        self,
        project: str,
        store: str,
        evaluation: str,
        *,
        name: str = "",
        description: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> Notes:
        """Replace what people say of an evaluation. Raises NotFound."""
        notes = Notes(name=name, description=description, labels=dict(labels or {}))
        path = _path(project, store, "evaluations", evaluation, "notes")
        return self._control.call("PUT", path, Notes, body=notes)

    def delete_evaluation(self, project: str, store: str, evaluation: str) -> None:
        """Delete an evaluation. Raises NotFound."""
        self._control.call("DELETE", _path(project, store, "evaluations", evaluation), Deleted)

    def start_drift(
        self,
        project: str,
        store: str,
        evaluation: str,
        *,
        reference: DriftReference | None = None,
        settings: DriftSettings | None = None,
    ) -> ProjectJob:
        """Compare the kept rows of an evaluation anew, by a job whose result is the drift.

        `reference` None: the version of the model that it was compared with first; `settings` None: those of
        then. Raises NotFound, and Conflict (code `too-many-jobs`).
        """
        wanted = NewComparison(reference=reference, settings=settings)
        path = _path(project, store, "evaluations", evaluation, "drift")
        return self._control.call("POST", path, ProjectJob, body=wanted)


def _path(project: str, store: str, *rest: str) -> str:
    return path_to("projects", project, "evaluation-stores", store, *rest)
