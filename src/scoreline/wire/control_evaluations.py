"""Messages of the control API about the evaluation stores of projects."""

from __future__ import annotations

from msgspec import Struct

from scoreline.core.drift import DriftSettings
from scoreline.core.drift_reference import DriftReference
from scoreline.core.evaluation import CustomMetric, Evaluation, numbers
from scoreline.core.evaluation_check import CheckRun, EvaluationCheck, Outcome
from scoreline.core.notes import Notes


class EvaluationStore(Struct, frozen=True, kw_only=True):
    """An evaluation store of a project."""

    id: str
    name: str
    description: str
    checks: tuple[EvaluationCheck, ...]
    evaluations: tuple[str, ...]
    """Their ids, newest first."""
    outcome: Outcome | None
    """The worst of the checks on the newest evaluation; None while there is none."""


class ChangedStore(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an evaluation store is to be. Comments in its file stay."""

    name: str = ""
    description: str = ""
    checks: tuple[EvaluationCheck, ...] = ()


class EvaluationSummary(Struct, frozen=True, kw_only=True):
    """One evaluation, in short."""

    id: str
    created_at: str
    """ISO 8601, UTC."""
    created_by: str
    recipe: str
    """The recipe that made it; empty: its numbers were given."""
    model: str | None
    model_version: str | None
    dataset: str
    numbers: dict[str, float]
    """Metrics, counts and drift: what checks look at, but for the numbers of single columns."""
    outcome: Outcome
    """The worst of the store's checks as they are defined now; EMPTY where there are none."""


class EvaluationDetails(Struct, frozen=True, kw_only=True):
    """One evaluation, whole, and what the checks of its store say of it."""

    evaluation: Evaluation
    checks: CheckRun
    notes: Notes


class NewEvaluation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An evaluation whose numbers were measured elsewhere."""

    metrics: dict[str, CustomMetric]
    """By code. One whose code is a metric's, such as `auc`, is checked as that metric; another one as
    `custom_` and its code."""
    id: str | None = None
    """None: the next of g1, g2, …"""
    model: str | None = None
    """The model that was measured; with its version."""
    model_version: str | None = None
    notes: Notes = Notes()


class NewComparison(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The kept rows of an evaluation, to be compared anew."""

    reference: DriftReference | None = None
    """None: the version of the model that it was compared with first."""
    settings: DriftSettings | None = None
    """None: those of then."""


def evaluation_summary(evaluation: Evaluation, outcome: Outcome) -> EvaluationSummary:
    """An evaluation in short."""
    return EvaluationSummary(
        id=evaluation.id,
        created_at=evaluation.created_at,
        created_by=evaluation.created_by,
        recipe=evaluation.recipe,
        model=evaluation.model,
        model_version=evaluation.model_version,
        dataset=evaluation.dataset,
        numbers=numbers(evaluation),
        outcome=outcome,
    )
