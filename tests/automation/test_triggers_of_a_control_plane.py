"""The triggers of a real control plane start its scenarios, also after it was killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.deployer.processes import ControlPlane, wait_until

from scoreline.wire.control_scenarios import Run

FILES = {
    "project.yaml": "id: cards\n",
    "datasets/payments.yaml": "kind: files\npath: data/payments.csv\n",
    "data/payments.csv": "amount\n1\n",
    "scenarios/count.yaml": """
triggers:
  - {kind: dataset_changed, name: new payments, datasets: [payments], every: 1}
  - {kind: webhook}
steps:
  - {id: count, kind: compute_metrics, dataset: payments}
  - {id: enough, kind: set_variables, variables: {enough: true}, when: steps.count.output.rows > 1}
""",
    "scenarios/after.yaml": """
triggers: [{kind: after_scenario, scenario: count}]
steps: [{id: a, kind: set_variables, variables: {n: 1}}]
""",
    "scenarios/minutely.yaml": """
triggers: [{kind: time, cron: '* * * * *'}]
steps: [{id: a, kind: set_variables, variables: {n: 1}}]
""",
}


@pytest.fixture
def control_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    for name, text in FILES.items():
        path = tmp_path / "cards" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip("\n"))
    plane = ControlPlane(tmp_path / "home", trigger_seconds=0.2)
    plane.start()
    with plane.client() as client:
        client.add_project(tmp_path / "cards")
    yield plane
    plane.clear()


@pytest.mark.slow
def test_changes_ended_runs_calls_and_times_start_scenarios_each_once(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    payments = tmp_path / "cards" / "data" / "payments.csv"
    wait_until(lambda: _has_looked(control_plane), "what there is has been seen")

    payments.write_text("amount\n1\n2\n")
    first = _ended(control_plane, "count", 1)
    control_plane.kill()
    payments.write_text("amount\n1\n2\n3\n")
    control_plane.start()
    second = _ended(control_plane, "count", 2)
    url = f"{control_plane.server.url}/api/v1/projects/cards/scenarios/count/webhook"
    key = {"Authorization": f"Bearer {control_plane.server.key}"}
    called = httpx.post(url, json={"card": "C_1"}, headers=key, timeout=30)
    third = _ended(control_plane, "count", 3)

    assert (first.fire.kind, first.fire.name) == ("dataset_changed", "new payments")
    assert first.fire.reason == second.fire.reason == "the content of payments has changed"
    assert [first.steps[0].outputs["rows"], second.steps[0].outputs["rows"]] == [2, 3]
    assert first.variables["enough"] is True
    assert called.status_code == 202, called.text
    assert third.fire.parameters == {"card": "C_1"}
    after = [_ended(control_plane, "after", number).fire.run for number in (1, 2, 3)]
    assert after == [first.id, second.id, third.id]
    minutes = [str(_ended(control_plane, "minutely", number, 150).fire.due_at) for number in (1, 2)]
    assert len(set(minutes)) == 2
    assert all(due.endswith(":00+00:00") for due in minutes)
    assert len(_runs(control_plane, "count")) == 3


def _runs(control_plane: ControlPlane, scenario: str) -> list[Run]:
    with control_plane.client() as client:
        return list(client.runs("cards", scenario))[::-1]


def _ended(control_plane: ControlPlane, scenario: str, number: int, seconds: float = 60) -> Run:
    """The run of a scenario of this number, from 1, once it has ended."""

    def look() -> Run | None:
        found = _runs(control_plane, scenario)
        return found[number - 1] if len(found) >= number and found[number - 1].finished_at else None

    return wait_until(look, f"run {number} of {scenario} has ended", seconds)


def _has_looked(control_plane: ControlPlane) -> bool:
    from scoreline.deployer.home import Home
    from scoreline.storage.catalog import Catalog

    catalog = Catalog.open(Home(control_plane.home).catalog)
    try:
        return len([one for one in catalog.triggers.all() if one[1] == "count"]) == 1
    finally:
        catalog.close()
