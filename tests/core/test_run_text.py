"""What is said of a run reads well, whatever the run."""

from __future__ import annotations

import pytest
from tests.core.scenario_runs import made_run

from scoreline.core.run_text import run_text
from scoreline.core.scenario_run import Fire, RunOutcome, StepRun, StepRunOutcome


def test_a_run_that_failed_is_told_with_why_and_for_how_long() -> None:
    told = run_text(made_run())

    assert told.title == "Retrain Model has failed"
    assert told.text == (
        "Scenario Retrain Model of project fraud has failed: "
        "Check the drift: amount has drifted: p-value 0.001\n"
        "\n"
        "Why it ran: it was due at 02:00 UTC\n"
        "Run 7, by scenario retrain: began at 2026-03-01 02:00:00 UTC, and took 3 min 12 s\n"
        "\n"
        "What failed:\n"
        "- Check the drift: amount has drifted: p-value 0.001\n"
        "\n"
        "Steps:\n"
        "- build: SUCCESS: 2 built, 1 up to date\n"
        "- Check the drift: FAILED: amount has drifted: p-value 0.001\n"
        "- deploy: SKIPPED: drift has failed"
    )


def test_a_run_that_begins_is_told_with_why() -> None:
    told = run_text(made_run(outcome=RunOutcome.RUNNING, message="", steps=(), finished_at=None))

    assert told.title == "Retrain Model has begun"
    assert told.text == (
        "Scenario Retrain Model of project fraud has begun\n"
        "\n"
        "Why it ran: it was due at 02:00 UTC\n"
        "Run 7, by scenario retrain: began at 2026-03-01 02:00:00 UTC"
    )


@pytest.mark.parametrize(
    ("outcome", "title"),
    [
        (RunOutcome.RUNNING, "Retrain Model goes on"),
        (RunOutcome.SUCCESS, "Retrain Model has succeeded"),
        (RunOutcome.WARNING, "Retrain Model has ended with a warning"),
        (RunOutcome.ABORTED, "Retrain Model was ended before it was done"),
    ],
)
def test_every_outcome_has_a_title(outcome: RunOutcome, title: str) -> None:
    assert run_text(made_run(outcome=outcome)).title == title


@pytest.mark.parametrize(
    ("finished", "lasted"),
    [
        ("2026-03-01T02:00:01.500+00:00", "1.5 s"),
        ("2026-03-01T02:00:59.999+00:00", "60.0 s"),
        ("2026-03-01T02:59:59.000+00:00", "59 min 59 s"),
        ("2026-03-01T04:05:10.000+00:00", "2 h 5 min"),
        ("2026-03-01T01:00:00.000+00:00", "0.0 s"),
    ],
)
def test_how_long_a_run_took_is_told_in_words(finished: str, lasted: str) -> None:
    assert f"and took {lasted}\n" in run_text(made_run(finished_at=finished)).text


def test_a_run_of_many_long_steps_is_told_shortly() -> None:
    steps = tuple(
        StepRun(
            position=position,
            step=f"s{position}",
            kind="sql",
            outcome=StepRunOutcome.FAILED,
            message="x\ny" * 5_000,
        )
        for position in range(200)
    )

    told = run_text(made_run(steps=steps, fire=Fire(kind="manual")))

    assert len(told.text) < 40_000
    assert told.text.count("- … and 170 more") == 2
    assert "Why it ran: manual\n" in told.text
