"""Drift as clients of Dataiku ask for it and read it (`dataikuapi.dss.drift`).

Where public sources leave a name open, it is ours: `jensenShannonDistance`, `nullRate`, `referenceNullRate`,
`newCategories` and `histogram` of a column; `predictionDriftResult.columns` with what was compared, whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from scoreline.core.drift import ColumnDrift, ColumnHandling, DriftReport, DriftSettings
from scoreline.wire.dataiku_settings import converted, known_keys, refused, shown

_CELLS = 10
_THEIRS = {"numeric": "NUMERICAL", "category": "CATEGORICAL"}
_OURS: dict[str, ColumnHandling] = {"NUMERICAL": "numeric", "CATEGORICAL": "category"}


class ColumnParams(Struct, frozen=True, kw_only=True):
    """How one column is to be compared."""

    handling: str = "AUTO"
    enabled: bool = True


class DriftParams(Struct, frozen=True, kw_only=True, rename="camel"):
    """How drift is to be computed."""

    columns: dict[str, ColumnParams] = {}
    nb_bins: int = _CELLS
    compute_histograms: bool = True
    """Taken as it is: they are always there."""
    confidence_level: float | None = None


class Accuracy(Struct, frozen=True, kw_only=True):
    """Of the drift model; 0.5: there is no drift."""

    value: float
    lower: float
    upper: float
    pvalue: float


class DriftVersusImportance(Struct, frozen=True, kw_only=True, rename="camel"):
    """How much each column tells the drift model, and the model itself."""

    columns: tuple[str, ...]
    column_drift_scores: tuple[float, ...]
    column_importance_scores: tuple[float, ...] | None


class DriftModelResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """The drift model."""

    drift_model_accuracy: Accuracy
    drift_versus_importance: DriftVersusImportance
    reference_sample_size: int
    current_sample_size: int


class Histogram(Struct, frozen=True, kw_only=True):
    """Rows of both sides in each cell."""

    labels: tuple[str, ...]
    reference: tuple[int, ...]
    current: tuple[int, ...]


class UnivariateDrift(Struct, frozen=True, kw_only=True, rename="camel"):
    """One column, compared."""

    name: str
    type: str
    ks_test_statistic: float | None
    ks_test_pvalue: float | None
    chi_square_test_statistic: float | None
    chi_square_test_pvalue: float | None
    population_stability_index: float | None
    wasserstein_distance: float | None
    jensen_shannon_distance: float | None
    null_rate: float | None
    reference_null_rate: float | None
    new_categories: dict[str, int]
    histogram: Histogram


class UnivariateDriftResult(Struct, frozen=True, kw_only=True):
    """All columns."""

    columns: dict[str, UnivariateDrift]


class ColumnSettings(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a column was compared, or why it was not."""

    name: str
    actual_handling: str
    default_handling: str
    error_message: str | UnsetType = UNSET


class PredictionDriftResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """Predictions, compared: their values where there are some, else their classes."""

    chi_square_test_pvalue: float | None
    ks_test_pvalue: float | None
    population_stability_index: float | None
    columns: dict[str, UnivariateDrift]


class DriftResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """All of it. A block that does not apply is not there."""

    drift_model_result: DriftModelResult | UnsetType = UNSET
    univariate_drift_result: UnivariateDriftResult
    per_column_settings: tuple[ColumnSettings, ...]
    prediction_drift_result: PredictionDriftResult | UnsetType = UNSET


def params_read(given: Any) -> DriftParams:
    """Parameters. Raises Invalid for those that cannot be had here."""
    if given is None:
        return DriftParams()
    read = converted(known_keys(given, DriftParams, "the drift parameters"), DriftParams)
    if read.nb_bins != _CELLS:
        raise refused(f"nbBins is {read.nb_bins}; distributions have {_CELLS} cells here")
    if read.confidence_level is not None and not 0 < read.confidence_level < 1:
        raise refused(f"confidenceLevel is {read.confidence_level}; give a number between 0 and 1")
    for name, column in read.columns.items():
        if column.handling not in (*_OURS, "AUTO"):
            raise refused(f"column {shown(name)} has handling {shown(column.handling)}")
    return read


def settings_read(params: DriftParams, usual: DriftSettings) -> DriftSettings:
    """What parameters make of the usual settings of an evaluation."""
    columns = dict(usual.columns)
    for name, column in params.columns.items():
        if not column.enabled:
            columns[name] = "leave_out"
        elif column.handling in _OURS:
            columns[name] = _OURS[column.handling]
    confidence = usual.confidence if params.confidence_level is None else params.confidence_level
    return DriftSettings(columns=columns, classifier_rows=usual.classifier_rows, confidence=confidence)


def result_written(
    report: DriftReport,
    *,
    importance: Mapping[str, float] | None,
    handlings: Mapping[str, str],
) -> DriftResult:
    """A drift report; with the `importance` of the model's features and their usual `handlings`, if known."""
    settings = [
        ColumnSettings(
            name=name,
            actual_handling=_THEIRS[column.handling],
            default_handling=_THEIRS[handlings.get(name, column.handling)],
        )
        for name, column in report.columns.items()
    ]
    settings += [
        ColumnSettings(
            name=name,
            actual_handling="IGNORED",
            default_handling=_THEIRS.get(handlings.get(name, ""), "IGNORED"),
            error_message=why,
        )
        for name, why in report.left_out.items()
    ]
    return DriftResult(
        drift_model_result=_model_result(report, importance),
        univariate_drift_result=UnivariateDriftResult(
            columns={name: _column(name, one) for name, one in report.columns.items()}
        ),
        per_column_settings=tuple(settings),
        prediction_drift_result=_prediction_result(report),
    )


def _model_result(
    report: DriftReport, importance: Mapping[str, float] | None
) -> DriftModelResult | UnsetType:
    told = report.classifier
    if told is None:
        return UNSET
    names = tuple(report.columns)
    return DriftModelResult(
        drift_model_accuracy=Accuracy(
            value=told.accuracy, lower=told.lower, upper=told.upper, pvalue=told.p_value
        ),
        drift_versus_importance=DriftVersusImportance(
            columns=names,
            column_drift_scores=tuple(told.importance.get(name, 0.0) for name in names),
            column_importance_scores=None
            if importance is None
            else tuple(importance.get(name, 0.0) for name in names),
        ),
        reference_sample_size=told.rows // 2,
        current_sample_size=told.rows // 2,
    )


def _prediction_result(report: DriftReport) -> PredictionDriftResult | UnsetType:
    if report.predictions is None:
        return UNSET
    classes, values = report.predictions.classes, report.predictions.values
    leading = report.predictions.leading
    compared = {"prediction": classes or values}
    if classes is not None and values is not None:
        compared["probability"] = values
    return PredictionDriftResult(
        chi_square_test_pvalue=classes.chi_square_p_value if classes is not None else None,
        ks_test_pvalue=values.ks_p_value if values is not None else None,
        population_stability_index=leading.psi if leading is not None else None,
        columns={name: _column(name, one) for name, one in compared.items() if one is not None},
    )


def _column(name: str, column: ColumnDrift) -> UnivariateDrift:
    cells = column.cells
    return UnivariateDrift(
        name=name,
        type=_THEIRS[column.handling],
        ks_test_statistic=column.ks,
        ks_test_pvalue=column.ks_p_value,
        chi_square_test_statistic=column.chi_square,
        chi_square_test_pvalue=column.chi_square_p_value,
        population_stability_index=column.psi,
        wasserstein_distance=column.wasserstein,
        jensen_shannon_distance=column.js,
        null_rate=column.null_rate,
        reference_null_rate=column.reference_null_rate,
        new_categories=column.new_categories,
        histogram=Histogram(
            labels=tuple(cell.label for cell in cells),
            reference=tuple(cell.reference for cell in cells),
            current=tuple(cell.current for cell in cells),
        ),
    )
