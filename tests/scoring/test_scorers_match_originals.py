"""Exported models answer like the pipelines they come from: random models of every kind, task and handling."""

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


@pytest.mark.parametrize(("algorithm", "task"), KINDS)
def test_a_scorer_answers_like_the_random_model_it_was_exported_from(
    algorithm: str, task: Task, make_case: Callable[..., Any], repetitions: Callable[..., int]
) -> None:
    @settings(max_examples=repetitions(quick=4, whole=100))
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


ROWS = 400
