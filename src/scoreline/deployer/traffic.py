"""Traffic: what the nodes have counted, looked at again and again, as numbers of the last minutes."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from scoreline.core.deployment import Deployment
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.nodes import Node, on_each
from scoreline.errors import ScorelineError
from scoreline.wire.admin import EndpointMetrics, NodeMetrics
from scoreline.wire.control_traffic import DeploymentTraffic, GenerationTraffic, Traffic

LOOKS = 61
"""How many looks at a node are kept: five minutes of them, every five seconds."""
_RECENT = 30
_RATE_OVER = 3
"""Looks over which the requests per second are counted."""

_log = logging.getLogger(__name__)


class Series(NamedTuple):
    """What is counted apart on a node."""

    service: str
    generation: str
    endpoint: str


class Look(Struct, frozen=True):
    """What a node had counted at one time."""

    at: float
    counted: Mapping[Series, EndpointMetrics]
    services: Mapping[str, Sequence[Series]]
    bounds: tuple[int, ...]


class TrafficWatch:
    """One thread that looks at the counters of all nodes; what it saw is kept in memory only."""

    def __init__(self, infrastructures: Infrastructures, *, every: float) -> None:
        self._infrastructures = infrastructures
        self._every = every
        self._looks: dict[tuple[str, str], deque[Look]] = {}  # by infrastructure and node
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def let_go(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    def stop(self) -> None:
        """End after the look that is being taken."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Look once at every node. One that does not answer is looked at the next time."""
        places = {
            (infrastructure.id, node.id): node
            for infrastructure in self._infrastructures.all()
            for node in self._infrastructures.nodes(infrastructure.id)
        }
        told = on_each(tuple(places.values()), _metrics)
        for place, metrics in zip(places, told, strict=True):
            if not isinstance(metrics, ScorelineError):
                self._note(place, metrics)
        for gone in self._looks.keys() - places.keys():
            del self._looks[gone]

    def total(self, deployment: Deployment) -> Traffic | None:
        """The traffic of a deployment; None while its nodes have told nothing of it."""
        found = self._found(deployment)
        return _summed(found.values()) if found else None

    def one(self, deployment: Deployment) -> DeploymentTraffic:
        """The traffic of a deployment by generation, endpoint and node."""
        found = self._found(deployment)
        generations = dict.fromkeys(series.generation for _, series in found)
        spans = [looks[-1].at - looks[0].at for looks in self._of(deployment.infrastructure).values()]
        return DeploymentTraffic(
            deployment=deployment.id,
            seconds=round(max(spans, default=0.0), 1),
            every=self._every,
            total=_summed(found.values()),
            generations={
                name: _summed(steps for (_, series), steps in found.items() if series.generation == name)
                for name in generations
            },
            details=tuple(
                _detail(node, newest, found[node, series])
                for node, looks in self._of(deployment.infrastructure).items()
                for series, newest in looks[-1].counted.items()
                if (node, series) in found
            ),
        )

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except Exception:
                _log.exception("looking at the traffic failed; it goes on")
            if self._stopping.wait(self._every):
                return

    def _note(self, place: tuple[str, str], metrics: NodeMetrics) -> None:
        looks = self._looks.setdefault(place, deque(maxlen=LOOKS))
        before = looks[-1].counted if looks else {}
        counted: dict[Series, EndpointMetrics] = {}
        services: dict[str, list[Series]] = {}
        for one in metrics.endpoints:
            series = Series(one.service_id, one.generation, one.endpoint_id)
            known = before.get(series)
            counted[series] = known if known == one else one  # most do not change: they are kept once
            services.setdefault(series.service, []).append(series)
        looks.append(Look(time.monotonic(), counted, services, metrics.bounds_microseconds))

    def _of(self, infrastructure: str) -> dict[str, tuple[Look, ...]]:
        known = list(self._looks.items())
        return {node: tuple(looks) for (place, node), looks in known if place == infrastructure and looks}

    def _found(self, deployment: Deployment) -> dict[tuple[str, Series], list[_Step]]:
        """By node and series of the deployment's service: what was counted from look to look."""
        return {
            (node, series): _steps(series, looks)
            for node, looks in self._of(deployment.infrastructure).items()
            for series in looks[-1].services.get(deployment.deployed_service, ())
        }


class _Step(NamedTuple):
    """What was counted from one look to the next."""

    seconds: float
    requests: int = 0
    errors: int = 0
    microseconds: float = 0.0
    durations: tuple[int, ...] = ()
    bounds: tuple[int, ...] = ()


def _metrics(node: Node) -> NodeMetrics:
    return node.api.metrics()


def _steps(series: Series, looks: Sequence[Look]) -> list[_Step]:
    return [
        _step(before.counted.get(series), after.counted.get(series), after.at - before.at, after.bounds)
        for before, after in pairwise(looks)
    ]


def _step(
    before: EndpointMetrics | None, after: EndpointMetrics | None, seconds: float, bounds: tuple[int, ...]
) -> _Step:
    if after is None or after is before:
        return _Step(seconds)
    if before is None or after.requests < before.requests:  # it is new, or the node has started again
        whole = after.mean_microseconds * after.requests
        return _Step(seconds, after.requests, after.errors, whole, after.durations, bounds)
    took = after.mean_microseconds * after.requests - before.mean_microseconds * before.requests
    return _Step(
        seconds,
        after.requests - before.requests,
        after.errors - before.errors,
        max(took, 0.0),
        tuple(new - old for new, old in zip(after.durations, before.durations, strict=True)),
        bounds,
    )


def _detail(node: str, newest: EndpointMetrics, steps: list[_Step]) -> GenerationTraffic:
    return GenerationTraffic(
        generation=newest.generation,
        endpoint=newest.endpoint_id,
        node=node,
        requests_since_start=newest.requests,
        errors_since_start=newest.errors,
        ignored_records=newest.ignored_records,
        traffic=_summed([steps]),
    )


def _summed(histories: Iterable[Sequence[_Step]]) -> Traffic:
    """The traffic of several series together, whose looks end at the same time."""
    listed = tuple(histories)
    busy = [step for steps in listed for step in steps if step.requests]
    requests = sum(step.requests for step in busy)
    bounds = max((step.bounds for step in busy), key=len, default=())
    durations = [sum(column) for column in zip(*(step.durations for step in busy), strict=False)]
    return Traffic(
        requests=requests,
        errors=sum(step.errors for step in busy),
        requests_per_second=round(sum(_rate(steps[-_RATE_OVER:]) for steps in listed), 2),
        mean_milliseconds=(
            round(sum(step.microseconds for step in busy) / requests / 1000, 4) if requests else None
        ),
        p50_milliseconds=_quantile(durations, bounds, 0.5),
        p99_milliseconds=_quantile(durations, bounds, 0.99),
        recent=tuple(
            round(sum(_rate(steps[-back : len(steps) - back + 1]) for steps in listed), 2)
            for back in range(_RECENT, 0, -1)
        ),
    )


def _rate(steps: Sequence[_Step]) -> float:
    seconds = sum(step.seconds for step in steps)
    return sum(step.requests for step in steps) / seconds if seconds > 0 else 0.0


def _quantile(durations: Sequence[int], bounds: Sequence[int], share: float) -> float | None:
    """Milliseconds that this share of queries took at most, as if they lay evenly between two bounds."""
    total = sum(durations)
    if not total:
        return None
    wanted, below, seen = share * total, 0, 0
    for bound, inside in zip(bounds, durations, strict=False):
        if inside and seen + inside >= wanted:
            return round((below + (bound - below) * (wanted - seen) / inside) / 1000, 4)
        seen, below = seen + inside, bound
    return below / 1000  # above all bounds: at least this
