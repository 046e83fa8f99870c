"""A model version as text in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from scoreline.cli.console import out, print_facts, print_table
from scoreline.core.model import Feature, Signature
from scoreline.core.model_report import ConfusionMatrix, Importance, ModelReport
from scoreline.core.model_version import ModelVersion, algorithm_name

_BAR = 30
_MOST_LISTED = 20
_MOST_CATEGORIES = 4


def print_versions(versions: Sequence[ModelVersion], *, active: str | None) -> None:
    """Print one line for each version; the active one is marked with a star."""
    print_table(
        ("", "version", "algorithm", "metric", "trained", "by", "scorer"),
        [
            (
                "*" if version.id == active else "",
                version.id,
                algorithm_name(version.algorithm),
                f"{version.metric} {_number(version.metrics[version.metric])}",
                version.created_at,
                version.created_by,
                version.scorer or "none",
            )
            for version in versions
        ],
        empty="no version yet: scoreline build",
    )


def print_version(version: ModelVersion, signature: Signature, report: ModelReport) -> None:
    """Print all there is to see of one version."""
    _heading(f"Version {version.id}")
    print_facts(_facts(version))
    _heading(f"Metrics on {version.data.rows.test} test rows")
    print_facts({name: _number(value) for name, value in version.metrics.items()})
    if len(version.candidates) > 1:
        _print_candidates(version)
    if report.performance.confusion is not None:
        _print_confusion(report.performance.confusion)
    if report.performance.residuals is not None:
        _heading("True minus predicted, by quantile")
        residuals = report.performance.residuals.quantiles
        print_facts({name: _number(value) for name, value in residuals.items()})
    _print_features(signature)
    _print_importance(report.importance, report.importance_metric)
    _heading("Scorer")
    print_facts(_scorer(version))


def _facts(version: ModelVersion) -> dict[str, object]:
    rows = version.data.rows
    facts: dict[str, object] = {
        "digest": version.digest,
        "task": f"{version.task.value}, target {version.target}",
        "algorithm": algorithm_name(version.algorithm),
        "dataset": f"{version.data.dataset}, {rows.given} rows",
        "rows": f"{rows.train} to train on, {rows.test} to test on; dropped: {rows.without_target} without "
        f"target, {rows.ignored} without a required feature",
        "seed": version.seed,
        "libraries": ", ".join(f"{name} {found}" for name, found in version.libraries.items()),
    }
    if version.threshold is not None:
        facts["threshold"] = f"{version.classes[-1]} from a probability of {_number(version.threshold)} on"
    return facts


def _print_candidates(version: ModelVersion) -> None:
    _heading("Algorithms tried")
    names = list(version.metrics)[:6]
    print_table(
        ("", "algorithm", *names, "seconds"),
        [
            (
                "*" if candidate.algorithm == version.algorithm else "",
                algorithm_name(candidate.algorithm),
                *(_number(candidate.metrics[name]) if name in candidate.metrics else "" for name in names),
                f"{candidate.seconds:.1f}",
            )
            for candidate in version.candidates
        ],
        empty="",
    )


def _print_confusion(confusion: ConfusionMatrix) -> None:
    _heading("Confusion (down: true, across: predicted)")
    if len(confusion.classes) > _MOST_LISTED:
        out.print(f"{len(confusion.classes)} classes: see --json")
        return
    print_table(
        ("", *confusion.classes),
        [(label, *counts) for label, counts in zip(confusion.classes, confusion.counts, strict=True)],
        empty="",
    )


def _print_features(signature: Signature) -> None:
    _heading("Features")
    print_table(
        ("feature", "type", "handling", "missing", "seen"),
        [
            (feature.name, feature.type.value, feature.handling, feature.missing, _seen(feature))
            for feature in signature.features
        ],
        empty="",
    )


def _print_importance(importances: Sequence[Importance], metric: str) -> None:
    _heading(f"Importance: loss of {metric} when the feature is shuffled")
    greatest = max((importance.mean for importance in importances), default=0.0)
    print_table(
        ("feature", "loss", ""),
        [
            (
                importance.feature,
                _number(importance.mean),
                "█" * round(_BAR * max(importance.mean, 0.0) / greatest) if greatest > 0 else "",
            )
            for importance in importances[:_MOST_LISTED]
        ],
        empty="",
    )


def _scorer(version: ModelVersion) -> dict[str, object]:
    if version.scorer is None:
        return {"kind": "none: this version cannot be packaged", "problem": version.scorer_problem}
    facts: dict[str, object] = {"kind": version.scorer}
    parity = version.parity
    if parity is not None:
        asked = "every bit" if parity.exact_required else f"within {parity.tolerance:g}"
        facts["parity"] = (
            f"{'passed' if parity.passed else 'failed'} on {parity.rows} rows of the data and "
            f"{parity.built_rows} built ones"
        )
        facts["greatest difference"] = f"{parity.max_difference:g} (asked: {asked})"
        facts["different labels"] = parity.label_mismatches
    return facts


def _seen(feature: Feature) -> str:
    if feature.handling == "numeric":
        return f"{feature.minimum:g} to {feature.maximum:g}"
    categories = feature.categories or ()
    listed = ", ".join(text[:20] for text in categories[:_MOST_CATEGORIES])
    more = len(categories) - _MOST_CATEGORIES
    return f"{listed} and {more} more" if more > 0 else listed


def _heading(text: str) -> None:
    out.print()
    out.print(text, style="bold", markup=False)


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1e4 else f"{value:.4g}"
