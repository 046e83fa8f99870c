"""Traffic as it is counted from look to look at nodes, whatever becomes of them meanwhile."""

from __future__ import annotations

from typing import Any, cast

import pytest

from scoreline.core.deployment import Deployment
from scoreline.core.infrastructure import Infrastructure
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.traffic import LOOKS, TrafficWatch
from scoreline.errors import Unavailable
from scoreline.wire.admin import EndpointMetrics, NodeMetrics

BOUNDS = (100, 1_000, 10_000)
CARDS = Deployment(id="cards-on-pool", service="cards", infrastructure="pool", deployed_service="cards")


class Node:
    """A node whose counters a test sets; the watch reads nothing else of one."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.up = True
        self.counted: list[EndpointMetrics] = []

    @property
    def api(self) -> Node:
        return self

    def metrics(self) -> NodeMetrics:
        if not self.up:
            raise Unavailable(f"node {self.id!r} does not answer")
        return NodeMetrics(
            uptime_seconds=1,
            workers=1,
            worker_restarts=0,
            endpoints=tuple(self.counted),
            bounds_microseconds=BOUNDS,
        )

    def has_answered(self, *durations: int, generation: str = "v1", errors: int = 0) -> None:
        requests = sum(durations)
        self.counted = [one for one in self.counted if one.generation != generation] + [
            EndpointMetrics(
                service_id="cards",
                endpoint_id="predict",
                generation=generation,
                requests=requests,
                errors=errors,
                ignored_records=0,
                mean_microseconds=500.0,
                durations=durations,
            )
        ]


class Pool:
    """One infrastructure of such nodes."""

    def __init__(self, *nodes: Any) -> None:
        self._nodes = nodes

    def all(self) -> list[Infrastructure]:
        return [Infrastructure(id="pool")]

    def nodes(self, infrastructure: str) -> tuple[Any, ...]:
        return self._nodes if infrastructure == "pool" else ()


def watch_over(*nodes: Node) -> TrafficWatch:
    return TrafficWatch(cast("Infrastructures", Pool(*nodes)), every=5)


def test_what_was_counted_before_the_first_look_is_not_of_the_last_minutes() -> None:
    node = Node("n")
    node.has_answered(0, 50, 0, 0)
    watch = watch_over(node)
    watch.look()
    node.has_answered(0, 60, 0, 0, errors=1)
    watch.look()

    total = watch.total(CARDS)

    assert total is not None
    assert (total.requests, total.errors) == (10, 1)
    assert watch.one(CARDS).details[0].requests_since_start == 60


def test_a_node_that_started_again_counts_from_zero() -> None:
    node = Node("n")
    node.has_answered(0, 1_000, 0, 0)
    watch = watch_over(node)
    watch.look()
    node.has_answered(0, 7, 0, 0)
    watch.look()

    total = watch.total(CARDS)

    assert total is not None
    assert total.requests == 7
    assert min(total.recent) >= 0


def test_nodes_and_generations_are_added_up_and_told_apart() -> None:
    one, other = Node("one"), Node("other")
    watch = watch_over(one, other)
    watch.look()
    one.has_answered(0, 4, 0, 0)
    one.has_answered(0, 3, 0, 0, generation="v2")
    other.has_answered(0, 2, 0, 0)
    watch.look()

    told = watch.one(CARDS)

    assert told.total.requests == 9
    assert {name: traffic.requests for name, traffic in told.generations.items()} == {"v1": 6, "v2": 3}
    assert {(each.node, each.generation): each.traffic.requests for each in told.details} == {
        ("one", "v1"): 4,
        ("one", "v2"): 3,
        ("other", "v1"): 2,
    }


def test_a_node_that_does_not_answer_keeps_the_others_from_nothing() -> None:
    down, well = Node("down"), Node("well")
    watch = watch_over(down, well)
    down.has_answered(0, 1, 0, 0)
    watch.look()
    down.up = False
    well.has_answered(0, 5, 0, 0)
    watch.look()

    total = watch.total(CARDS)

    assert total is not None
    assert total.requests == 5


@pytest.mark.parametrize(
    ("durations", "half", "nearly_all"),
    [
        ((10, 0, 0, 0), 0.05, 0.099),  # all within the first bound
        ((0, 100, 0, 0), 0.55, 0.991),  # evenly between 0.1 and 1 ms
        ((50, 0, 50, 0), 0.1, 9.82),
        ((0, 0, 0, 3), 10.0, 10.0),  # above all bounds: at least that
    ],
)
def test_quantiles_are_estimated_between_the_bounds_of_the_counters(
    durations: tuple[int, ...], half: float, nearly_all: float
) -> None:
    node = Node("n")
    watch = watch_over(node)
    watch.look()
    node.has_answered(*durations)
    watch.look()

    total = watch.total(CARDS)

    assert total is not None
    assert (total.p50_milliseconds, total.p99_milliseconds) == pytest.approx((half, nearly_all))


def test_a_deployment_without_queries_has_traffic_of_nothing_and_an_unknown_one_none() -> None:
    node = Node("n")
    node.has_answered(0, 1, 0, 0)
    watch = watch_over(node)
    watch.look()

    quiet = watch.total(CARDS)

    assert quiet is not None
    assert (quiet.requests, quiet.p50_milliseconds, set(quiet.recent)) == (0, None, {0.0})
    others = Deployment(id="x", service="x", infrastructure="pool", deployed_service="x")
    assert watch.total(others) is None


def test_only_the_last_looks_are_kept() -> None:
    node = Node("n")
    watch = watch_over(node)
    for count in range(2 * LOOKS):
        node.has_answered(0, count, 0, 0)
        watch.look()

    total = watch.total(CARDS)

    assert total is not None
    assert total.requests == LOOKS - 1
