"""What a node tells about itself: Prometheus text, and the numbers of the admin API, over all workers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from scoreline.node.counters import BOUNDS_US, Totals
from scoreline.node.rows import Series
from scoreline.node.supervisor import Supervisor
from scoreline.wire.admin import EndpointMetrics, NodeMetrics, ServiceKeyMetrics

_NOWHERE = ("", "", "")
"""Queries that reached no endpoint."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def node_metrics(node: Supervisor) -> NodeMetrics:
    """How the node and its endpoints do."""
    return NodeMetrics(
        uptime_seconds=round(time.monotonic() - node.began, 3),
        workers=len(node.workers),
        worker_restarts=node.restarts,
        endpoints=tuple(_endpoint(series, totals) for series, totals in node.rows.endpoints()),
        service_keys=tuple(
            ServiceKeyMetrics(service_id=service, label=label, requests=totals.requests)
            for (service, label), totals in node.rows.service_keys()
        ),
        bounds_microseconds=BOUNDS_US,
    )


def prometheus(node: Supervisor) -> bytes:
    """Everything in the text format of Prometheus."""
    return "".join(line + "\n" for line in _lines(node)).encode()


def _endpoint(series: Series, totals: Totals) -> EndpointMetrics:
    service, generation, endpoint = series
    requests = totals.requests
    return EndpointMetrics(
        service_id=service,
        endpoint_id=endpoint,
        generation=generation,
        requests=requests,
        errors=requests - totals.statuses[200],
        ignored_records=sum(totals.ignored.values()),
        mean_microseconds=round(totals.nanoseconds / 1000 / requests, 1) if requests else 0.0,
        durations=totals.buckets,
    )


def _lines(node: Supervisor) -> Iterator[str]:
    totals = dict(node.rows.endpoints())
    whole = Totals(node.words, 0)
    yield from _head("scoreline_requests_total", "counter", "Answers of the user API by HTTP status.")
    for series, total in ((_NOWHERE, whole), *totals.items()):
        for status, count in total.statuses.items():
            if count:
                yield f'scoreline_requests_total{{{_labels(series)},status="{status or "other"}"}} {count}'
    yield from _head("scoreline_request_duration_seconds", "histogram", "From request to answer.")
    for series, total in totals.items():
        yield from _histogram(_labels(series), total)
    yield from _counters(totals)
    yield from _of_the_node(node, whole)


def _histogram(labels: str, total: Totals) -> Iterator[str]:
    name = "scoreline_request_duration_seconds"
    count = 0
    for bound, inside in zip(BOUNDS_US, total.buckets, strict=False):
        count += inside
        yield f'{name}_bucket{{{labels},le="{bound / 1e6:g}"}} {count}'
    count += total.buckets[-1]
    yield f'{name}_bucket{{{labels},le="+Inf"}} {count}'
    yield f"{name}_sum{{{labels}}} {total.nanoseconds / 1e9}"
    yield f"{name}_count{{{labels}}} {count}"


def _counters(totals: Mapping[Series, Totals]) -> Iterator[str]:
    yield from _head("scoreline_records_total", "counter", "Records in answered queries.")
    for series, total in totals.items():
        yield f"scoreline_records_total{{{_labels(series)}}} {total.records}"
    yield from _head("scoreline_ignored_records_total", "counter", "Records that were not scored, by reason.")
    for series, total in totals.items():
        for reason, count in total.ignored.items():
            if count:
                yield f'scoreline_ignored_records_total{{{_labels(series)},reason="{reason}"}} {count}'


def _of_the_node(node: Supervisor, whole: Totals) -> Iterator[str]:
    gauges = {
        "scoreline_workers": len(node.workers),
        "scoreline_ready": int(node.ready),
        "scoreline_connections": whole.connections_open,
    }
    counters = {
        "scoreline_connections_total": whole.connections_accepted,
        "scoreline_connections_refused_total": whole.connections_refused,
        "scoreline_worker_restarts_total": node.restarts,
    }
    for kind, values in (("gauge", gauges), ("counter", counters)):
        for name, value in values.items():
            yield f"# TYPE {name} {kind}"
            yield f"{name} {value}"
    yield from _head("scoreline_service_key_requests_total", "counter", "Queries let in, by key.")
    for (service_id, label), counted in node.rows.service_keys():
        labels = f'service="{service_id}",key="{label}"'
        yield f"scoreline_service_key_requests_total{{{labels}}} {counted.requests}"
    yield from _head("scoreline_active_generation", "gauge", "A generation's share of its service's queries.")
    for name, service in node.state.services.items():
        for entry in service.mapping.entries if service.mapping else ():
            labels = f'service="{name}",generation="{entry.generation}"'
            yield f"scoreline_active_generation{{{labels}}} {entry.proba:g}"


def _head(name: str, kind: str, meaning: str) -> tuple[str, str]:
    return f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"


def _labels(series: Series) -> str:
    # Ids hold nothing that would have to be escaped.
    return 'service="{}",generation="{}",endpoint="{}"'.format(*series)
