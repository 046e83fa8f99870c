"""Without drift a check on a p-value raises as many alarms as its bound says, and the others none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom
from tests.core.made_evaluations import made_evaluation

from scoreline.core.drift import DriftSettings
from scoreline.core.evaluation import Evaluation
from scoreline.core.evaluation_check import EvaluationCheck, Outcome, run_checks
from scoreline.core.model import Task
from scoreline.studio.compared_columns import ComparedColumns
from scoreline.studio.drift import drift_report
from scoreline.studio.evaluated_rows import EvaluatedRows
from scoreline.studio.metrics import Scored

LEVEL = 0.1
BY_LEVEL = (
    "data_drift_p_value",
    "prediction_drift_p_value",
    "column_p_value",
    "column_ks_p_value",
    "column_chi_square_p_value",
    "column_null_rate_p_value",
    "auc_change_p_value",
    "log_loss_change_p_value",
    "brier_change_p_value",
    "accuracy_change_p_value",
    "precision_change_p_value",
    "recall_change_p_value",
)
"""What has a level: the false alarms of a check with `min: LEVEL` on it are that share of all draws."""
COLUMNS = {
    "column_ks_p_value": ("amount", "age"),  # of numbers with many different values
    "column_chi_square_p_value": ("signature", "state", "kind"),
    "column_null_rate_p_value": ("amount", "kind"),  # the others are never missing
}
BY_SIZE = {
    "data_drift": 0.6,
    "column_psi": 0.2,
    "column_js": 0.2,
    "column_wasserstein_scaled": 0.3,
    "prediction_drift_psi": 0.2,
}
"""What measures how great a drift is: usual bounds, beyond which nothing is without drift."""
CHECKS = (
    *(EvaluationCheck(metric=name, min=LEVEL, columns=COLUMNS.get(name)) for name in BY_LEVEL),
    *(EvaluationCheck(metric=name, max=bound) for name, bound in BY_SIZE.items()),
)
STATES = np.array([f"state {n}" for n in range(12)], dtype=object)
STATE_SHARES = 1 / np.arange(1, 13) / (1 / np.arange(1, 13)).sum()


def draw(generator: np.random.Generator, count: int) -> tuple[dict[str, np.ndarray], EvaluatedRows]:
    """Rows of one distribution, always the same, with predictions that are right."""
    amount = generator.lognormal(3, 1, count)
    amount[generator.random(count) < 0.05] = np.nan
    kinds = np.array(["debit", "credit", "prepaid", ""], dtype=object)
    columns = {
        "amount": amount,
        "age": generator.normal(45, 15, count),
        "signature": (generator.random(count) < 0.6).astype(float),
        "state": STATES[generator.choice(12, count, p=STATE_SHARES)],
        "kind": kinds[generator.choice(4, count, p=[0.5, 0.3, 0.1, 0.1])],
    }
    proba = 1 / (1 + np.exp(-generator.normal(1, 1.5, count)))
    truth = (generator.random(count) < proba).astype(np.int64)
    scored = Scored(Task.BINARY, (proba >= 0.5).astype(np.int64), np.column_stack([1 - proba, proba]))
    every = np.ones(count, dtype=bool)
    return columns, EvaluatedRows(scored, np.arange(count), truth, every, ("0", "1"))


def evaluation(seed: int, scratch: Path) -> Evaluation:
    generator = np.random.default_rng([2024, seed])
    (before, reference), (after, current) = draw(generator, 700), draw(generator, 900)
    drift = drift_report(
        ComparedColumns(before, after),
        reference,
        current,
        rows=(700, 900),
        settings=DriftSettings(),
        seed=seed,
        scratch=scratch,
    )
    return made_evaluation(metrics={}, drift=drift)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_a_check_raises_as_many_false_alarms_as_its_level_says(
    repetitions: Callable[..., int], tmp_path: Path
) -> None:
    draws = repetitions(quick=60, whole=200)
    alarms: Counter[str] = Counter()
    for seed in range(draws):
        for result in run_checks(CHECKS, evaluation(seed, tmp_path)):
            assert result.outcome is not Outcome.EMPTY
            alarms[result.metric] += result.outcome is Outcome.ERROR

    # So far from the level a true rate is found once in a thousand times.
    fewest, most = binom.ppf([0.0005, 0.9995], draws, LEVEL)
    rates = {name: alarms[name] / draws for name in BY_LEVEL}
    print(f"{draws} draws, level {LEVEL}: {rates}")  # noqa: T201
    assert {name: rate for name, rate in rates.items() if not fewest <= rate * draws <= most} == {}
    assert [name for name in BY_SIZE if alarms[name]] == []
