"""Health says how a deployment does, and what a person can do about it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from scoreline.core.deployment import Deployment, Health, Update, UpdateOutcome, single
from scoreline.deployer.health import assess
from scoreline.deployer.observations import Observed
from scoreline.deployer.plan import SeenService
from scoreline.wire.control import Node

NEVER = Deployment(
    id="cards-on-local",
    service="cards",
    infrastructure="local",
    deployed_service="cards",
    mapping=single("v2"),
)
DEPLOYED = replace(NEVER, live=single("v2"))


def node(serving: str | None, name: str = "local", failures: dict[str, str] | None = None) -> Observed:
    seen = Node(id=name, url="http://127.0.0.1:1", up=True)
    held = SeenService(mapping=single(serving) if serving else None)
    return Observed(node=seen, services={"cards": held}, failures=failures or {})


def down(name: str = "local") -> Observed:
    return Observed(node=Node(id=name, url="", up=False, message=f"node {name!r} is not up: no room"))


def update(outcome: UpdateOutcome, message: str = "") -> Update:
    return Update(
        id=1,
        deployment="cards-on-local",
        from_mapping=single("v1"),
        to_mapping=single("v2"),
        by="ann",
        started_at="",
        outcome=outcome,
        message=message,
    )


@pytest.mark.parametrize(
    ("deployment", "observed", "health", "message"),
    [
        (DEPLOYED, [node("v2")], Health.HEALTHY, None),
        (DEPLOYED, [node("v2"), node("v2", "two")], Health.HEALTHY, None),
        (DEPLOYED, [node("v1")], Health.WARNING, "node 'local' answers with v1; v2 is wanted"),
        (DEPLOYED, [node("v2"), down("two")], Health.WARNING, "node 'two' is not up: no room"),
        (DEPLOYED, [node(None)], Health.ERROR, "node 'local' does not answer for it; v2 is wanted"),
        (DEPLOYED, [down()], Health.ERROR, "node 'local' is not up: no room"),
        (DEPLOYED, [], Health.ERROR, "infrastructure 'local' has no node; add one"),
        (NEVER, [node(None)], Health.NO_STATUS, "it was never deployed"),
        (NEVER, [down()], Health.NO_STATUS, "it was never deployed"),
    ],
)
def test_health_follows_from_what_is_wanted_and_what_answers(
    deployment: Deployment, observed: list[Observed], health: Health, message: str | None
) -> None:
    found, messages = assess(deployment, None, observed, troubles={}, doubts={})

    assert found is health
    assert messages == (() if message is None else (message,))


def test_the_reason_of_the_reconciler_or_the_node_is_told() -> None:
    _, of_reconciler = assess(DEPLOYED, None, [node("v1")], troubles={"local": "no space left"}, doubts={})
    _, of_node = assess(
        DEPLOYED, None, [node(None, failures={"cards/v2": "damaged"})], troubles={}, doubts={}
    )

    assert of_reconciler == ("node 'local' answers with v1; v2 is wanted: no space left",)
    assert of_node == ("node 'local' does not answer for it; v2 is wanted: damaged",)


def test_an_update_that_failed_or_runs_is_told_and_leaves_the_health() -> None:
    failed, said = assess(
        DEPLOYED, update(UpdateOutcome.FAILED, "no room"), [node("v2")], troubles={}, doubts={}
    )
    running, now = assess(DEPLOYED, update(UpdateOutcome.RUNNING), [node("v2")], troubles={}, doubts={})

    assert (failed, said) == (Health.HEALTHY, ("the last update, to v2, failed: no room",))
    assert (running, now) == (Health.HEALTHY, ("an update to v2 is running",))
