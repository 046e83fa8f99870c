"""Exported models answer like the pipelines they come from: random models of every kind and handling."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.core.model import Task
from scoreline.scoring.parity import check_parity

ROWS = 400
KINDS = [
    ("logistic", Task.BINARY),
    ("logistic", Task.MULTICLASS),
    ("ridge", Task.REGRESSION),
    *[
        (algorithm, task)
        for algorithm in ("random_forest", "gradient_boosting", "hist", "lightgbm", "xgboost")
        for task in Task
    ],
]


@pytest.mark.slow
@pytest.mark.parametrize(("algorithm", "task"), KINDS)
def test_a_scorer_answers_like_the_random_model_it_was_exported_from(
    algorithm: str, task: Task, make_case: Callable[..., Any], repetitions: Callable[..., int]
) -> None:
    @settings(max_examples=repetitions(quick=3, whole=100))
    @given(seed=st.integers(0, 2**32 - 1))
    def check(seed: int) -> None:
        case = make_case(algorithm, task, seed)
        with tempfile.TemporaryDirectory() as folder:
            scorer = case.export(Path(folder))

        report = check_parity(case.pipeline, scorer, case.frame, seed=seed, rows=ROWS)

        assert report.passed, report.first_failures
        assert report.exact_required == (scorer.kind == "trees")
        assert report.unequal == 0 or not report.exact_required

    check()


@pytest.mark.parametrize("algorithm", ["gradient_boosting", "hist", "lightgbm", "xgboost", "random_forest"])
def test_many_classes_are_summed_in_the_library_s_order(
    algorithm: str, make_case: Callable[..., Any], tmp_path: Path
) -> None:
    case = make_case(algorithm, Task.MULTICLASS, 12, classes=11)
    scorer = case.export(tmp_path)

    report = check_parity(case.pipeline, scorer, case.frame, seed=1, rows=ROWS)

    assert len(scorer.signature.classes) == 11
    assert report.passed, report.first_failures
    assert report.unequal == 0
