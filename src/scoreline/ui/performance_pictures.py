"""Pictures of how predictions compare with the truth: of model versions, of evaluations, of two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scoreline.core.model_report import Importance, PerformanceReport, Residuals
from scoreline.ui.charts import BarChart, LineChart, Series, line_chart, lying_bars
from scoreline.ui.figures import number, percent

_MOST_ROWS = 25
"""Of the table below a curve of hundreds of points."""
_MOST_BARS = 20


@dataclass(frozen=True)
class Picture:
    """A chart with its words and its table."""

    id: str
    kind: str
    """`line` or `bars`."""
    title: str
    about: str
    chart: LineChart | BarChart
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Cell:
    """One cell of a confusion matrix."""

    rows: int
    share: str
    """Of the rows that are of this class in truth."""
    right: bool


@dataclass(frozen=True)
class Confusion:
    """How often each true class was predicted as each class."""

    classes: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def pictures_of(reports: Mapping[str, PerformanceReport]) -> list[Picture]:
    """The pictures that these reports have; of several, by name, their lines in one picture."""
    found = [_roc(reports), _precision_recall(reports), _calibration(reports)]
    found += [_residuals(one.residuals) for one in reports.values() if one.residuals is not None][:1]
    return [one for one in found if one is not None]


def importance_picture(importance: Sequence[Importance], metric: str) -> Picture | None:
    """The features by how much the model needs them."""
    if not importance:
        return None
    shown = importance[:_MOST_BARS]
    return Picture(
        id="importance",
        kind="bars",
        title="Importance of the features",
        about=f"How much {metric} is lost when the values of one feature are shuffled. "
        f"The most important is {shown[0].feature}.",
        chart=lying_bars([(one.feature, one.mean) for one in shown]),
        headings=("Feature", f"{metric} lost", "Deviation"),
        rows=tuple((one.feature, number(one.mean), number(one.deviation)) for one in importance),
    )


def confusion_of(report: PerformanceReport) -> Confusion | None:
    """The confusion matrix with shares; None where there is none."""
    if report.confusion is None:
        return None
    rows = []
    for truth, counts in enumerate(report.confusion.counts):
        whole = sum(counts)
        rows.append(
            tuple(
                Cell(count, percent(count / whole if whole else None), truth == predicted)
                for predicted, count in enumerate(counts)
            )
        )
    return Confusion(report.confusion.classes, tuple(rows))


def _roc(reports: Mapping[str, PerformanceReport]) -> Picture | None:
    curves = {name: one.roc for name, one in reports.items() if one.roc is not None}
    if not curves:
        return None
    return Picture(
        id="roc",
        kind="line",
        title="ROC curve",
        about="True positive rate by false positive rate, for every threshold. The dashed line is guessing.",
        chart=line_chart(
            [Series(name, list(zip(one.x, one.y, strict=True))) for name, one in curves.items()],
            x_range=(0, 1),
            y_range=(0, 1),
            x_label="False positive rate",
            y_label="True positive rate",
            diagonal=True,
        ),
        headings=("Threshold", "False positive rate", "True positive rate"),
        rows=_curve_rows(next(iter(curves.values()))),
    )


def _precision_recall(reports: Mapping[str, PerformanceReport]) -> Picture | None:
    curves = {name: one.precision_recall for name, one in reports.items() if one.precision_recall is not None}
    if not curves:
        return None
    return Picture(
        id="precision-recall",
        kind="line",
        title="Precision and recall",
        about="Precision by recall, for every threshold.",
        chart=line_chart(
            [Series(name, list(zip(one.x, one.y, strict=True))) for name, one in curves.items()],
            x_range=(0, 1),
            y_range=(0, 1),
            x_label="Recall",
            y_label="Precision",
        ),
        headings=("Threshold", "Recall", "Precision"),
        rows=_curve_rows(next(iter(curves.values()))),
    )


def _calibration(reports: Mapping[str, PerformanceReport]) -> Picture | None:
    found = {name: one.calibration for name, one in reports.items() if one.calibration}
    if not found:
        return None
    first = next(iter(found.values()))
    return Picture(
        id="calibration",
        kind="line",
        title="Calibration",
        about="Share of rows that are positive, by predicted probability. On the dashed line they are equal.",
        chart=line_chart(
            [
                Series(name, [(one.predicted, one.observed) for one in bins], marks=True)
                for name, bins in found.items()
            ],
            x_range=(0, 1),
            y_range=(0, 1),
            x_label="Predicted probability",
            y_label="Observed share",
            diagonal=True,
        ),
        headings=("Predicted", "Observed", "Rows"),
        rows=tuple((number(one.predicted), number(one.observed), number(one.rows)) for one in first),
    )


def _residuals(residuals: Residuals) -> Picture | None:
    quantiles = [(float(name), value) for name, value in residuals.quantiles.items()]
    if not quantiles:
        return None
    return Picture(
        id="residuals",
        kind="line",
        title="Errors",
        about="True minus predicted, by the share of rows whose error is less.",
        chart=line_chart(
            [Series("Error", quantiles, marks=True)],
            x_range=(0, 1),
            x_label="Share of rows",
            y_label="True minus predicted",
        ),
        headings=("Share of rows", "True minus predicted"),
        rows=tuple((f"{share:g}", number(value)) for share, value in quantiles),
    )


def _curve_rows(curve: object) -> tuple[tuple[str, ...], ...]:
    x, y, thresholds = (getattr(curve, name) for name in ("x", "y", "thresholds"))
    step = max(1, len(x) // _MOST_ROWS)
    return tuple((number(thresholds[at]), number(x[at]), number(y[at])) for at in range(0, len(x), step))
