"""An evaluation as text in a terminal."""

from __future__ import annotations

from scoreline.cli.console import out, print_facts, print_table
from scoreline.core.drift import ColumnDrift, DriftReport
from scoreline.core.evaluation import Evaluation
from scoreline.core.notes import Notes

_MOST_COLUMNS = 50


def print_evaluation(evaluation: Evaluation, notes: Notes) -> None:
    """Print all there is to see of one evaluation, but its pictures."""
    print_facts(_facts(evaluation) | _notes(notes))
    _print_metrics(evaluation)
    if evaluation.drift is None:
        _heading("Drift")
        out.print(f"none: {evaluation.drift_problem}", markup=False)
    else:
        print_drift(evaluation.drift)
    out.print()


def _facts(evaluation: Evaluation) -> dict[str, object]:
    reference = evaluation.reference
    made = f"{evaluation.created_at} by {evaluation.created_by}"
    facts: dict[str, object] = {"evaluation": evaluation.id}
    if evaluation.recipe:
        facts["made"] = f"{made}, recipe {evaluation.recipe}"
        facts["dataset"] = (
            f"{evaluation.dataset}, {evaluation.rows} rows, digest {evaluation.dataset_digest[:12]}"
        )
    else:
        facts["added"] = f"{made}; measured elsewhere"
    if evaluation.model is not None:
        facts["model"] = f"{evaluation.model} {evaluation.model_version}"
    if evaluation.recipe and evaluation.task is not None:
        facts["rows"] = f"{evaluation.scored} with a prediction, {evaluation.measured} of them with a truth"
    if reference is not None:
        what = f"test rows of {reference.id}" if reference.kind == "test_rows" else reference.id
        facts["reference"] = f"{what}, {reference.rows} rows"
    return facts


def _notes(notes: Notes) -> dict[str, object]:
    facts: dict[str, object] = {"name": notes.name} if notes.name else {}
    if notes.description:
        facts["description"] = notes.description
    return facts | {f"label {key}": value for key, value in notes.labels.items()}


def _print_metrics(evaluation: Evaluation) -> None:
    performance = evaluation.drift.performance if evaluation.drift is not None else {}
    others = {code: one.value for code, one in evaluation.custom.items() if code not in evaluation.metrics}
    if not evaluation.metrics and not others:
        return
    _heading("Metrics")
    rows = []
    for name, value in {**evaluation.metrics, **others}.items():
        before = performance.get(name)
        told = ("", "", "") if before is None else _compared(before.reference, before.change, before.p_value)
        rows.append((name, _number(value), *told))
    print_table(("metric", "value", "reference", "change", "p-value"), rows, empty="")


def _compared(reference: float, change: float, p_value: float | None) -> tuple[str, str, str]:
    return _number(reference), f"{change:+.4f}", _small(p_value)


def print_drift(drift: DriftReport) -> None:
    """Print what was compared."""
    _heading("Drift")
    facts: dict[str, object] = {}
    classifier = drift.classifier
    if classifier is not None:
        facts["data drift"] = (
            f"{classifier.accuracy:.3f} ({classifier.lower:.3f} to {classifier.upper:.3f}; 0.5: none), "
            f"p-value {_small(classifier.p_value)}"
        )
        leading = [f"{name} {lost:.3f}" for name, lost in classifier.importance.items() if lost > 0][:5]
        if leading:
            facts["told apart by"] = ", ".join(leading)
    predictions = drift.predictions.leading if drift.predictions is not None else None
    if predictions is not None:
        facts["predictions"] = f"PSI {_number(predictions.psi)}, p-value {_small(predictions.p_value)}"
    for name, why in drift.left_out.items():
        facts[f"left out: {name}"] = why
    if facts:
        print_facts(facts)
        out.print()
    _print_columns(drift)


def _print_columns(drift: DriftReport) -> None:
    ordered = sorted(drift.columns.items(), key=lambda pair: -(pair[1].psi or 0))
    print_table(
        ("column", "handling", "PSI", "JS", "KS", "Wasserstein", "chi²", "p-value", "missing", "new"),
        [_column(name, column) for name, column in ordered[:_MOST_COLUMNS]],
        empty="no column was compared",
    )
    if len(ordered) > _MOST_COLUMNS:
        out.print(f"… and {len(ordered) - _MOST_COLUMNS} more: see --json")


def _column(name: str, column: ColumnDrift) -> tuple[str, ...]:
    missing = ""
    if column.null_rate or column.reference_null_rate:
        missing = f"{column.reference_null_rate:.1%} → {column.null_rate:.1%}"
    new = ", ".join(list(column.new_categories)[:3])
    more = (column.new_category_count or 0) - 3
    return (
        name,
        column.handling,
        _number(column.psi),
        _number(column.js),
        _number(column.ks),
        _number(column.wasserstein_scaled),
        "" if column.chi_square is None else f"{column.chi_square:.1f}",
        _small(column.p_value),
        missing,
        f"{new} and {more} more" if more > 0 else new,
    )


def _heading(text: str) -> None:
    out.print()
    out.print(text, style="bold", markup=False)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if abs(value) < 1e4 else f"{value:.4g}"


def _small(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"
