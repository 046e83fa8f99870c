"""Checks: bounds on any number of an evaluation, over columns too, with outcomes that name what is beyond."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.made_evaluations import made_drift, made_evaluation

from scoreline.core.evaluation import COLUMN_NUMBERS, NUMBERS, column_numbers, numbers
from scoreline.core.evaluation_check import (
    CheckResult,
    EvaluationCheck,
    Outcome,
    adjusted,
    check_spots,
    run_check,
    run_checks,
    worst,
)


def result(metric: str, **more: Any) -> CheckResult:
    return run_check(EvaluationCheck(metric=metric, **more), made_evaluation())


@pytest.mark.parametrize(
    ("auc", "outcome"),
    [(0.49, "ERROR"), (0.5, "WARNING"), (0.59, "WARNING"), (0.6, "OK"), (0.8, "OK"), (0.81, "WARNING"),
     (0.9, "WARNING"), (0.91, "ERROR")],
)  # fmt: skip
def test_beyond_a_hard_bound_is_an_error_and_beyond_a_soft_one_a_warning(auc: float, outcome: str) -> None:
    check = EvaluationCheck(metric="auc", min=0.5, soft_min=0.6, soft_max=0.8, max=0.9)

    found = run_check(check, made_evaluation(metrics={"auc": auc}))

    assert (found.outcome.value, found.value) == (outcome, auc)


def test_a_number_that_is_not_there_is_empty() -> None:
    for metric in ("rmse", "recall_change"):
        found = result(metric, max=1)
        assert (found.outcome, found.value) == (Outcome.EMPTY, None)
        assert found.message == f"evaluation e1 has no {metric}"
    without = run_check(EvaluationCheck(metric="data_drift", max=1), made_evaluation(drift=None))
    assert without.outcome is Outcome.EMPTY


def test_every_number_has_a_check() -> None:
    evaluation = made_evaluation()

    for name, value in numbers(evaluation).items():
        found = run_check(EvaluationCheck(metric=name, min=value, max=value), evaluation)
        assert (found.outcome, found.value) == (Outcome.OK, value)
    assert set(numbers(evaluation)) < set(NUMBERS)
    assert numbers(evaluation)["auc_change"] == -0.1
    assert column_numbers(evaluation, "column_null_rate_change") == {"amount": pytest.approx(0.15), "age": 0}


def test_the_check_of_drift_tells_by_which_columns() -> None:
    found = result("data_drift", max=0.6)

    assert found.outcome is Outcome.ERROR
    assert found.message == "data_drift 0.7: more than 0.6 (max); by amount, kind"


def test_a_check_of_columns_names_those_beyond_its_bounds_the_worst_first() -> None:
    found = result("column_psi", soft_max=0.1, max=0.25)

    assert (found.outcome, found.column, found.value) == (Outcome.ERROR, "amount", 0.4)
    assert found.columns == {"amount": 0.4, "kind": 0.15}
    assert found.message == "column_psi of amount 0.4, kind 0.15: more than 0.25 (max)"


def test_a_check_of_some_columns_looks_at_no_other() -> None:
    assert result("column_psi", max=0.25, columns=("age", "kind")).outcome is Outcome.OK
    assert result("column_psi", max=0.1, columns=("age", "kind")).columns == {"kind": 0.15}
    missing = result("column_psi", max=0.1, columns=("age", "height"))
    assert missing.outcome is Outcome.EMPTY
    assert "height" in missing.message
    assert result("column_chi_square", max=1).outcome is Outcome.EMPTY


def test_p_values_of_several_columns_are_adjusted_for_how_many_there_are() -> None:
    every = result("column_p_value", min=0.05)
    alone = result("column_p_value", min=0.05, columns=("kind",))

    # 0.001 * 3, then 0.02 * 2, then 0.5 * 1
    assert every.columns == {"amount": pytest.approx(0.003), "kind": pytest.approx(0.04)}
    assert alone.value == 0.02


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), min_size=1, max_size=8))
def test_adjusted_p_values_are_no_smaller_keep_their_order_and_stay_below_one(
    given_values: dict[str, float],
) -> None:
    found = adjusted(given_values)

    assert found.keys() == given_values.keys()
    assert all(given_values[name] <= value <= 1 for name, value in found.items())
    ordered = sorted(given_values, key=lambda name: given_values[name])
    assert all(found[one] <= found[other] for one, other in pairwise(ordered))
    assert min(found.values()) == min(1.0, len(given_values) * min(given_values.values()))


def test_the_worst_outcome_counts() -> None:
    checks = [
        EvaluationCheck(metric="auc", min=0.5),
        EvaluationCheck(metric="rmse", max=1),
        EvaluationCheck(metric="log_loss", soft_max=0.2),
        EvaluationCheck(metric="data_drift", max=0.6),
    ]
    results = run_checks(checks, made_evaluation())

    assert [found.outcome.value for found in results] == ["OK", "EMPTY", "WARNING", "ERROR"]
    assert [worst(results[:count]).value for count in range(5)] == [
        "EMPTY", "OK", "EMPTY", "WARNING", "ERROR",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({"metric": "acu", "max": 1}, "'acu' is no number of an evaluation; did you mean 'auc'?"),
        ({"metric": "column_ps", "max": 1}, "did you mean 'column_psi'?"),
        ({"metric": "auc"}, "needs at least one bound: min, soft_min, soft_max or max"),
        ({"metric": "auc", "min": 0.8, "soft_min": 0.7}, "min (0.8) is more than soft_min (0.7)"),
        ({"metric": "auc", "min": 0.8, "max": 0.7}, "min (0.8) is more than max (0.7)"),
        ({"metric": "auc", "min": 0.8, "columns": ("a",)}, "is for column numbers only"),
        ({"metric": "column_psi", "max": 0.8, "columns": ()}, "must list at least one column"),
    ],
)
def test_a_check_that_cannot_be_is_refused_with_the_reason(check: dict[str, Any], said: str) -> None:
    found = list(check_spots([EvaluationCheck(**check)]))

    assert len(found) == 1
    assert said in found[0][1]


def test_two_checks_of_one_name_are_refused() -> None:
    named = EvaluationCheck(metric="auc", name="Quality", min=0.5)
    twice = [named, EvaluationCheck(metric="recall", name="Quality", min=0.5)]

    assert [message for _, message in check_spots(twice)] == [
        "two checks are called 'Quality'; give them names"
    ]
    assert list(check_spots([named, EvaluationCheck(metric="auc", min=0.7)])) == []


def test_no_columns_no_alarm() -> None:
    evaluation = made_evaluation(drift=made_drift(columns={}))

    for name in COLUMN_NUMBERS:
        assert run_check(EvaluationCheck(metric=name, max=0), evaluation).outcome is Outcome.EMPTY
