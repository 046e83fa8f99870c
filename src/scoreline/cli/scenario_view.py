"""How scenarios are shown at a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from scoreline.cli.console import out, print_facts, print_table
from scoreline.cli.deployment_view import at

if TYPE_CHECKING:
    from scoreline.core.scenario import Scenario
    from scoreline.core.scenario_step import Step
    from scoreline.wire.control_scenarios import ListedRun, ListedScenario, WholeScenario

_LONGEST = 80
_EMPTY: tuple[object, ...] = (None, False, "", (), {})


def print_scenarios(found: Iterable[ListedScenario]) -> None:
    """One line each, and what is wrong with their files below."""
    listed = tuple(found)
    rows = [
        (
            one.id,
            "yes" if one.enabled else "no",
            ", ".join(trigger.kind for trigger in one.triggers if trigger.enabled) or "by hand",
            at(one.next_due) if one.next_due else "-",
            _last(one),
        )
        for one in listed
    ]
    print_table(
        ("scenario", "enabled", "starts", "next", "last run"),
        rows,
        empty="the project has no scenarios yet: add one in scenarios/",
    )
    for one in listed:
        if one.problem:
            out.print(one.problem, markup=False)


def print_scenario(found: WholeScenario) -> None:
    """What starts it, what it does, and how it fares."""
    listed = found.scenario
    facts: dict[str, object] = {"scenario": listed.id, "name": listed.name}
    if listed.description:
        facts["description"] = listed.description
    facts["enabled"] = "yes" if listed.enabled else "no"
    for number, trigger in enumerate(listed.triggers, start=1):
        due = f"; next {at(trigger.next_due)}" if trigger.next_due else ""
        off = "" if trigger.enabled else "; not enabled"
        facts[f"trigger {number}"] = f"{trigger.kind}: {trigger.what}{due}{off}"
    facts["running"] = _run(listed.running) if listed.running else "no"
    facts["last run"] = _run(listed.last_run) if listed.last_run else "-"
    print_facts(facts)
    if listed.problem:
        out.print(listed.problem, markup=False)
    if found.definition is not None:
        out.print()
        _print_steps(found.definition)


def _print_steps(scenario: Scenario) -> None:
    rows = [
        (step.id, step.kind, step.when if step.enabled else "not enabled", _does(step))
        for step in scenario.steps
    ]
    print_table(("step", "kind", "when", ""), rows, empty="it has no steps yet")


def _does(step: Step) -> str:
    from scoreline.core.scenario_step import parameters_of

    given = (f"{name}={value}" for name, value in parameters_of(step).items() if value not in _EMPTY)
    text = " ".join(", ".join(given).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _last(one: ListedScenario) -> str:
    if one.running is not None:
        return f"{one.running.id} RUNNING since {at(one.running.started_at)}"
    return _run(one.last_run) if one.last_run is not None else "-"


def _run(run: ListedRun) -> str:
    return f"{run.id} {run.outcome.value} at {at(run.finished_at or run.started_at)}"
